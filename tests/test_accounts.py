"""Signing in and out, passwords, links, tokens, deactivation."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from rounds import START
from team import ANN, BO, ROOT, Team, made_team

from lamplighter import accounts, clock
from lamplighter.accounts import OWNER_ID, identify, make_link, set_password
from lamplighter.errors import Conflict, InvalidInput, NotSignedIn, TooManyAttempts
from lamplighter.store.audit import list_records
from lamplighter.store.pauses import list_pauses
from lamplighter.store.runs import get_run
from lamplighter.store.tables import passwords, sessions, sign_in_links, tokens
from lamplighter.testing import HeldClock, Workspace
from lamplighter.web.app import create_app

PASSWORD = "correct horse battery"


@pytest.fixture
def team() -> Iterator[Team]:
    with made_team() as made:
        yield made


def sign_in(team: Team, password: str = PASSWORD, *, address: str = ANN) -> Any:
    body = {"address": address, "password": password}
    return team.browser().post("/api/v1/session", json=body)


def test_a_password_begins_a_session_and_signing_out_ends_it(team: Team) -> None:
    set_password(team.workspace.engine, ANN, PASSWORD, by=ROOT)
    browser = team.browser()
    body = {"address": ANN.upper(), "password": PASSWORD}
    assert browser.post("/api/v1/session", json=body).status_code == 204
    kept = browser.cookies[team.app.state.cookie]
    assert browser.get("/api/v1/me").json()["id"] == ANN
    assert browser.delete("/api/v1/session").status_code == 204
    browser.cookies.set(team.app.state.cookie, kept)
    assert browser.get("/api/v1/me").status_code == 401


def test_the_cookie_is_for_our_pages_only(team: Team) -> None:
    set_password(team.workspace.engine, ANN, PASSWORD, by=ROOT)
    cookie = sign_in(team).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    with made_team(team={"url": "https://agents.x.org"}) as other:
        set_password(other.workspace.engine, ANN, PASSWORD, by=ROOT)
        assert "Secure" in sign_in(other).headers["set-cookie"]


def test_a_session_that_somebody_else_has_chosen_is_never_used(team: Team) -> None:
    set_password(team.workspace.engine, ANN, PASSWORD, by=ROOT)
    browser = team.browser()
    browser.cookies.set(team.app.state.cookie, "chosen-by-an-attacker")
    answer = browser.post("/api/v1/session", json={"address": ANN, "password": PASSWORD})
    assert answer.status_code == 204
    assert team.app.state.cookie + "=chosen" not in answer.headers["set-cookie"]
    other = team.browser()
    other.cookies.set(team.app.state.cookie, "chosen-by-an-attacker")
    assert other.get("/api/v1/me").status_code == 401


def test_a_wrong_password_and_an_unknown_address_are_told_alike(team: Team) -> None:
    set_password(team.workspace.engine, ANN, PASSWORD, by=ROOT)
    answers = [
        sign_in(team, "wrong"),
        sign_in(team, address="nobody@x.org"),
        sign_in(team, address=BO),  # has no password yet
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1


def test_each_failure_costs_one_hash_whoever_is_named(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_password(team.workspace.engine, ANN, PASSWORD, by=ROOT)
    verified: list[str] = []

    class Counting:
        def verify(self, hash: str, password: str) -> bool:
            verified.append(hash.rsplit("$", 2)[0])
            return hasher.verify(hash, password)

        def hash(self, password: str) -> str:
            return hasher.hash(password)

    hasher = accounts._hasher()
    monkeypatch.setattr(accounts, "_hasher", Counting)
    for address in (ANN, BO, "nobody@x.org", "no address"):
        sign_in(team, "wrong", address=address)
    assert len(verified) == 4
    assert len(set(verified)) == 1  # with the same parameters


@pytest.fixture
def two_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes its time."""
    monkeypatch.setitem(accounts.ATTEMPTS, "address", 2)


@pytest.mark.usefixtures("two_attempts")
def test_too_many_failures_stop_further_attempts_for_a_while(team: Team, held: HeldClock) -> None:
    set_password(team.workspace.engine, ANN, PASSWORD, by=ROOT)
    for _ in range(2):
        assert sign_in(team, "wrong").status_code == 401
    refused = sign_in(team)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "900"
    held.advance(minutes=16)
    assert sign_in(team).status_code == 204


def test_one_client_cannot_try_many_addresses(team: Team) -> None:
    def attempt(number: int) -> None:
        with pytest.raises(NotSignedIn) as caught:
            accounts.sign_in(
                team.workspace.settings, team.workspace.engine, f"{number}@x.org", "", "1.2.3.4"
            )
        found.append(caught.type)

    found: list[type[BaseException]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(accounts.ATTEMPTS, "client", 1)
        for number in range(3):
            attempt(number)
    assert found == [NotSignedIn] + [TooManyAttempts] * 2


@pytest.mark.usefixtures("two_attempts")
def test_a_success_forgets_the_failures_before_it(team: Team) -> None:
    set_password(team.workspace.engine, ANN, PASSWORD, by=ROOT)
    for _ in range(2):
        sign_in(team, "wrong")
        assert sign_in(team).status_code == 204


def test_a_new_password_ends_all_other_sessions(team: Team) -> None:
    other, browser = team.browser(ANN), team.browser(ANN)
    new = {"new": PASSWORD}
    assert browser.put("/api/v1/me/password", json=new).status_code == 204
    assert (browser.get("/api/v1/me").status_code, other.get("/api/v1/me").status_code) == (
        200,
        401,
    )
    wrong = browser.put("/api/v1/me/password", json=new | {"current": "wrong"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "current"


def test_a_short_password_is_refused(team: Team) -> None:
    with pytest.raises(InvalidInput, match="10 to 1000"):
        set_password(team.workspace.engine, ANN, "short", by=ROOT)


def test_a_link_works_once_and_for_a_day(team: Team, held: HeldClock) -> None:
    settings, engine = team.workspace.settings, team.workspace.engine
    secret = make_link(settings, engine, BO, by=ROOT)
    browser = team.browser()
    assert browser.get(f"/open/{secret}").status_code == 303
    assert browser.get("/api/v1/me").json()["id"] == BO
    assert team.browser().get(f"/open/{secret}").status_code == 401
    late = make_link(settings, engine, BO, by=ROOT)
    held.advance(hours=25)
    assert team.browser().get(f"/open/{late}").status_code == 401


def test_a_session_ends_by_itself(team: Team, held: HeldClock) -> None:
    browser = team.browser(ANN)
    held.advance(minutes=59)
    assert browser.get("/api/v1/me").status_code == 200
    held.advance(minutes=2)
    assert browser.get("/api/v1/me").status_code == 401


def test_a_token_opens_until_it_is_revoked_or_too_old(team: Team, held: HeldClock) -> None:
    browser, program = team.browser(ANN), team.browser()
    wanted = {"name": "ci", "scopes": ["read"], "expires_in_days": 1}
    made = browser.post("/api/v1/tokens", json=wanted).json()
    assert made["token"].startswith(f"llt_{made['id']}_")
    program.headers["Authorization"] = f"Bearer {made['token']}"
    assert program.get("/api/v1/me").json()["rights"] == ["read"]
    held.advance(days=2)
    assert program.get("/api/v1/me").status_code == 401
    held.moment = START
    assert program.get("/api/v1/me").status_code == 200
    assert team.browser(ANN).delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert program.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("text", ["", "llt", "llt_", "llt_x_", "llt_x_y", "xxx_1_2", "a b c", "é"])
def test_what_is_no_token_opens_nothing(team: Team, text: str) -> None:
    assert identify(team.workspace.settings, team.workspace.engine, token=text) is None


def test_a_wrong_secret_under_a_known_id_opens_nothing(team: Team) -> None:
    _, text = accounts.make_token(team.workspace.engine, ANN, "t", ("read",), None)
    settings, engine = team.workspace.settings, team.workspace.engine
    assert identify(settings, engine, token=text) is not None
    assert identify(settings, engine, token=text[:-1] + ("a" if text[-1] != "a" else "b")) is None


def test_an_invalid_token_is_not_made_up_for_by_a_cookie(team: Team) -> None:
    browser = team.browser(ANN)
    browser.headers["Authorization"] = "Bearer llt_no_no"
    assert browser.get("/api/v1/me").status_code == 401


def test_a_token_makes_no_other_token(team: Team) -> None:
    answer = team.program(ANN).post("/api/v1/tokens", json={"name": "t", "scopes": ["admin"]})
    assert answer.status_code == 403


def test_a_members_token_that_says_admin_makes_nobody_an_admin(team: Team) -> None:
    assert team.program(ANN, "admin").get("/api/v1/users").status_code == 403


def test_who_is_no_admin_any_more_has_lost_that_at_once(team: Team) -> None:
    engine, browser = team.workspace.engine, team.browser(ROOT)
    assert browser.patch(f"/api/v1/users/{BO}", json={"admin": True}).status_code == 200
    other = team.browser(BO)
    assert other.get("/api/v1/users").status_code == 200
    browser.patch(f"/api/v1/users/{BO}", json={"admin": False})
    assert other.get("/api/v1/users").status_code == 403
    with pytest.raises(Conflict, match="only admin"):
        accounts.deactivate(engine, ROOT, by=ROOT)


def test_deactivation_ends_all_and_activation_brings_the_agents_back(team: Team) -> None:
    engine = team.workspace.engine
    agent = team.agent(BO, "digest", head="schedule: every hour")
    kept = team.agent(ANN, "digest", head="schedule: every hour")
    browser, program = team.browser(BO), team.program(BO)
    link = make_link(team.workspace.settings, engine, BO, by=ROOT)
    run = browser.post("/api/v1/agents/digest/runs", json={}).json()["id"]
    assert team.browser(ROOT).post(f"/api/v1/users/{BO}/deactivate").status_code == 200
    assert [client.get("/api/v1/me").status_code for client in (browser, program)] == [401, 401]
    assert team.browser().get(f"/open/{link}").status_code == 401
    assert list_pauses(engine)[agent].reason == "its owner is deactivated"
    assert kept not in list_pauses(engine)
    assert get_run(engine, run).status == "cancelled"
    assert team.browser(ROOT).post(f"/api/v1/users/{BO}/activate").status_code == 200
    assert list_pauses(engine) == {}
    assert program.get("/api/v1/me").status_code == 200


def test_a_pause_by_hand_outlasts_deactivation(team: Team) -> None:
    agent = team.agent(BO, "digest")
    assert team.browser(BO).post("/api/v1/agents/digest/pause").status_code == 200
    accounts.deactivate(team.workspace.engine, BO, by=ROOT)
    accounts.activate(team.workspace.engine, BO, by=ROOT)
    assert list_pauses(team.workspace.engine)[agent].reason == "by hand"


def test_no_secret_is_kept(team: Team) -> None:
    settings, engine = team.workspace.settings, team.workspace.engine
    set_password(engine, ANN, PASSWORD, by=ROOT)
    secrets = [
        PASSWORD,
        make_link(settings, engine, ANN, by=ROOT),
        accounts.make_token(engine, ANN, "t", ("read",), None)[1].rpartition("_")[2],
        team.session(ANN),
    ]
    with engine.connect() as connection:
        kept = [
            str(connection.execute(sa.select(table)).all())
            for table in (passwords, sessions, sign_in_links, tokens)
        ]
    kept.append(str(list_records(engine)))
    assert not [secret for secret in secrets if any(secret in text for text in kept)]


def test_a_personal_workspace_is_its_owners_alone(workspace: Workspace) -> None:
    settings, engine = workspace.settings, workspace.engine
    team = Team(workspace, create_app(settings, engine))
    assert team.browser().get("/api/v1/agents").status_code == 401
    browser = team.browser()
    assert browser.get(f"/open/{make_link(settings, engine, OWNER_ID, by=OWNER_ID)}").is_redirect
    me = browser.get("/api/v1/me").json()
    assert (me["id"], me["mode"], me["admin"]) == ("owner", "personal", True)
    assert sign_in(team).status_code == 401  # there are no passwords here


def test_the_owners_session_is_worth_nothing_in_a_team(team: Team) -> None:
    now = clock.now()
    with team.workspace.engine.begin() as connection:
        from lamplighter.store.sessions import add_session

        secret = add_session(connection, OWNER_ID, now, now + timedelta(days=1))
    assert identify(team.workspace.settings, team.workspace.engine, cookie=secret) is None


def test_the_audit_log_says_who_did_what(team: Team) -> None:
    set_password(team.workspace.engine, ANN, PASSWORD, by=ROOT)
    sign_in(team, "wrong")
    sign_in(team)
    team.browser(ANN).post("/api/v1/agents", json={"name": "new", "instructions": "Go."})
    page = team.browser(ROOT).get("/api/v1/audit", params={"limit": 3}).json()
    assert [(each["user"], each["action"]) for each in page["items"]] == [
        (ANN, "agent.create"),
        (ANN, "sign_in"),
        ("", "sign_in.failed"),
    ]
    rest = team.browser(ROOT).get("/api/v1/audit", params={"cursor": page["next"]}).json()
    assert rest["items"][0]["action"] == "user.password"
