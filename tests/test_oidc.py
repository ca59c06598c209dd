"""Signing in by an OpenID provider: a real one on loopback."""

import warnings
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient
from team import ANN, GONE, ROOT, Team, made_team

from lamplighter import accounts

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses deprecated parts of Authlib
    from oidc_provider_mock import User, run_server_in_thread

# The provider does so also while it answers.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def claims(address: str, *, verified: bool = True) -> dict[str, object]:
    return {"email": address, "email_verified": verified, "name": "Somebody"}


PEOPLE = {
    "ann": claims(ANN),
    "gone": claims(GONE),
    "new": claims("new@x.org"),
    "liar": claims(ROOT, verified=False),
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    people = [User(sub=sub, claims=found) for sub, found in PEOPLE.items()]
    with run_server_in_thread(user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def team(issuer: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("OIDC_SECRET", "s3cret")
    oidc = {"issuer": issuer, "client_id": "lamplighter", "client_secret": "env:OIDC_SECRET"}
    with made_team(team={"oidc": oidc}) as made:
        yield made


def at_the_provider(browser: TestClient, who: str) -> str:
    """Be sent to the provider, say who one is, and be sent back; gives where to."""
    away = browser.get("/sign-in/oidc")
    assert away.status_code == 303
    back = httpx2.post(away.headers["location"], data={"sub": who})
    assert back.status_code == 302, back.text
    return back.headers["location"].removeprefix("http://127.0.0.1")


def test_who_the_provider_knows_as_a_user_is_signed_in(team: Team) -> None:
    browser = team.browser()
    assert browser.get(at_the_provider(browser, "ann")).status_code == 303
    assert browser.get("/api/v1/me").json()["id"] == ANN


def test_the_request_is_bound_to_the_browser_by_state_nonce_and_pkce(team: Team) -> None:
    browser = team.browser()
    asked = parse_qs(urlsplit(browser.get("/sign-in/oidc").headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    elsewhere = team.browser()
    elsewhere.get("/sign-in/oidc")
    assert elsewhere.get(at_the_provider(browser, "ann")).status_code == 401
    assert team.browser().get(at_the_provider(browser, "ann")).status_code == 401


@pytest.mark.parametrize("who", ["new", "liar"])
def test_who_is_no_user_or_not_verified_does_not_get_in(team: Team, who: str) -> None:
    browser = team.browser()
    assert browser.get(at_the_provider(browser, who)).status_code == 401
    assert browser.get("/api/v1/me").status_code == 401


def test_who_is_deactivated_does_not_get_in(team: Team) -> None:
    accounts.deactivate(team.workspace.engine, GONE, by=ROOT)
    browser = team.browser()
    assert browser.get(at_the_provider(browser, "gone")).status_code == 401


def test_new_people_become_members_only_where_that_is_wanted(team: Team, issuer: str) -> None:
    oidc = {
        "issuer": issuer,
        "client_id": "lamplighter",
        "client_secret": "x",
        "creates_users": True,
    }
    with made_team(team={"oidc": oidc}) as open_team:
        browser = open_team.browser()
        assert browser.get(at_the_provider(browser, "new")).status_code == 303
        me = browser.get("/api/v1/me").json()
    assert (me["id"], me["admin"]) == ("new@x.org", False)


def test_without_a_provider_there_is_no_such_way_in() -> None:
    with made_team() as team:
        assert team.browser().get("/sign-in/oidc").status_code == 401
        assert team.browser().get("/sign-in/oidc/callback").status_code == 401
