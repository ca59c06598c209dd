"""What the gate lets through, and what never gets further."""

import json
from collections.abc import Iterator

import pytest
from team import ANN, Team, made_team

from lamplighter.web.gate import MAX_BODY_BYTES


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with made_team() as made:
        yield made


DRAFT = {"name": "new", "instructions": "Go."}


def test_health_is_told_to_everybody_and_nothing_else_is(team: Team) -> None:
    stranger = team.browser()
    assert stranger.get("/healthz").status_code == 200
    for path in ("/", "/nowhere", "/api/v1/openapi.json", "/docs", "/api/v1", "/healthz/../api/v1"):
        assert stranger.get(path).status_code == 401, path


def test_our_own_page_may_change_something(team: Team) -> None:
    browser = team.browser(ANN)
    del browser.headers["Sec-Fetch-Site"]
    browser.headers["Origin"] = "http://127.0.0.1"  # from a browser that sends no Sec-Fetch-Site
    assert browser.post("/api/v1/agents/preview", json=DRAFT).status_code == 200


def test_a_page_behind_a_proxy_is_ours_by_the_teams_url() -> None:
    with made_team(team={"url": "https://agents.x.org"}) as team:
        browser = team.browser(ANN)
        del browser.headers["Sec-Fetch-Site"]
        browser.headers["Origin"] = "https://agents.x.org"
        assert browser.post("/api/v1/agents/preview", json=DRAFT).status_code == 200


def test_another_site_can_sign_nobody_in(team: Team) -> None:
    stranger = team.browser()
    stranger.headers["Sec-Fetch-Site"] = "cross-site"
    body = {"address": ANN, "password": "x"}
    assert stranger.post("/api/v1/session", json=body).status_code == 403


def test_a_form_of_another_kind_is_no_json(team: Team) -> None:
    browser = team.browser(ANN)
    body = json.dumps(DRAFT)
    headers = {"Content-Type": "text/plain"}
    answer = browser.post("/api/v1/agents/preview", content=body, headers=headers)
    assert answer.status_code == 422


@pytest.mark.parametrize("announced", [True, False])
def test_an_oversized_body_is_refused(team: Team, announced: bool) -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    content = body if announced else iter([body[:1_000_000], body[1_000_000:]])
    answer = team.browser(ANN).post("/api/v1/agents", content=content)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


def test_an_impossible_length_is_refused(team: Team) -> None:
    headers = {"Content-Length": "-1"}
    assert team.browser(ANN).post("/api/v1/agents", headers=headers).status_code == 413


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: x=1", "a\nb", "\x00", "a\x7f"])
def test_no_text_of_anybody_gets_into_headers(team: Team, name: str) -> None:
    browser = team.browser(ANN)
    refused = browser.post("/api/v1/agents", json=DRAFT | {"name": name})
    assert refused.status_code == 422
    missing = browser.get(f"/api/v1/agents/{name.encode().hex()}")
    assert "set-cookie" not in missing.headers
    odd = browser.get("/api/v1/me", headers={"X-Request-Id": "a\tb"})
    assert "x-request-id" not in odd.headers


def test_answers_are_neither_kept_nor_misread(team: Team) -> None:
    for answer in (team.browser(ANN).get("/api/v1/me"), team.browser().get("/api/v1/me")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["content-security-policy"].startswith("default-src 'self';")


def test_errors_are_problems(team: Team) -> None:
    browser = team.browser(ANN)
    for answer, code in (
        (browser.get("/api/v1/agents/none"), "not_found"),
        (browser.get("/api/v1/nowhere"), "not_found"),
        (browser.put("/api/v1/agents"), "method_not_allowed"),
        (browser.get("/api/v1/runs", params={"limit": "many"}), "invalid_input"),
        (browser.get("/api/v1/runs", params={"cursor": "?"}), "invalid_input"),
        (browser.get("/api/v1/runs", params={"cursor": "AA"}), "invalid_input"),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code
        assert answer.json()["status"] == answer.status_code


def test_agents_that_are_switched_off_are_closed_everywhere() -> None:
    with made_team(agents_enabled=False) as team:
        browser = team.browser(ANN)
        for path in ("agents", "runs", "schedules", "outbox"):
            answer = browser.get(f"/api/v1/{path}")
            assert (answer.status_code, answer.json()["code"]) == (403, "agents_disabled")
        assert browser.get("/api/agents").status_code == 403
        assert browser.get("/api/v1/me").json()["agents_enabled"] is False
