"""Who may do what, on every route: the routes come from the OpenAPI document.

A new route makes these tests fail until it stands in ``BODIES`` (if it takes a body) and its
parameters in ``routes``.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from routes import ABSENT, TOPIC, Places, Route, all_places, things_of
from starlette.testclient import TestClient
from team import ANN, BO, GONE, ROOT, Team, made_team

from lamplighter import accounts
from lamplighter.access import Access
from lamplighter.accounts import RIGHTS
from lamplighter.store.tables import metadata
from lamplighter.web.app import create_app
from lamplighter.web.gate import PUBLIC

DRAFT = {"name": "new", "instructions": "Go."}
BODIES: dict[tuple[str, str], Any] = {
    ("post", "/api/v1/session"): {"address": "a@x.org", "password": "wrong"},
    ("put", "/api/v1/me/password"): {"current": "", "new": "long enough, this is"},
    ("post", "/api/v1/agents"): DRAFT,
    ("post", "/api/v1/agents/preview"): DRAFT,
    ("patch", "/api/v1/agents/{agent}"): {"description": "changed"},
    ("put", "/api/v1/agents/{agent}/sharing"): {"history_shared": True},
    ("post", "/api/v1/agents/{agent}/notes/restore"): {"topic": TOPIC, "version": 1},
    ("post", "/api/v1/schedules/preview"): {"schedule": "every hour"},
    ("post", "/api/v1/agents/{agent}/runs"): {},
    ("post", "/api/v1/agents/{agent}/chats"): {},
    ("patch", "/api/v1/chats/{chat}"): {"title": "Deliveries"},
    ("post", "/api/v1/chats/{chat}/messages"): {"message": "Go on."},
    ("post", "/api/v1/chats/{chat}/branches"): {"turn": 1, "message": "Or that."},
    ("post", "/api/v1/approvals/{approval}/approve"): {"scope": "chat"},
    ("post", "/api/v1/approvals/{approval}/deny"): {"reason": "no"},
    ("post", "/api/v1/outbox/{effect}/resend"): {"confirm": True},
    ("patch", "/api/v1/settings"): {"max_iterations": 20},
    ("post", "/api/v1/users"): {"address": "new@x.org"},
    ("patch", "/api/v1/users/{user}"): {"name": "Bo"},
    ("put", "/api/v1/groups/{group}"): {"members": [ANN]},
    ("post", "/api/v1/tokens"): {"name": "new", "scopes": ["read"]},
    ("post", "/api/agents"): DRAFT,
    ("put", "/api/agents/{agent}"): {"instructions": "Go on."},
}
QUERIES = {
    "/api/v1/search": {"q": "hello"},
    "/api/v1/document": {"id": "notes:hello.md"},
    "/api/v1/people": {"q": "ann"},
    "/api/v1/agents/{agent}/notes": {"topic": TOPIC},
    "/api/v1/agents/{agent}/notes/versions": {"topic": TOPIC},
}
CHATS = ("/api/v1/agents/{agent}/chats", "/api/agents/{agent}/chat")
"""Everybody may talk with every agent that there is."""
FOR_ADMINS = ("/api/v1/sources/{name}/sync", "/api/v1/users", "/api/v1/groups", "/api/v1/audit")


def _is_for_admins(route: Route) -> bool:
    """Whether only admins may do it."""
    return route.path.startswith(FOR_ADMINS) or str(route) == "PATCH /api/v1/settings"


def _is_history(route: Route) -> bool:
    """Whether it is about runs, texts or whatever else of an agent is private."""
    runs = ("/runs", "/occurrences", "/{run_id}", "/stream")
    ends = (*runs, "/spending", "/forecast", "/notes")
    return "/versions" in route.path or (not route.changes and route.path.endswith(ends))


def _routes() -> list[Route]:
    with made_team() as team:
        document = create_app(team.workspace.settings, team.workspace.engine).openapi()
    return [Route(method, path) for path, ways in document["paths"].items() for method in ways]


ROUTES = [route for route in _routes() if (route.method.upper(), route.path) not in PUBLIC]
MAKES_ITS_GROUP = Route("put", "/api/v1/groups/{group}")
NAMED = [route for route in ROUTES if "{" in route.path]


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with made_team() as made:
        made.document("hello.md", "Hello", Access(public=True))
        yield made


@pytest.fixture(scope="module")
def places(team: Team) -> Places:
    return all_places(team)


def ask(client: TestClient, route: Route, path: str) -> int:
    body = BODIES.get((route.method, route.path))
    query = QUERIES.get(route.path)
    answer = client.request(route.method.upper(), path, json=body, params=query)
    return answer.status_code


def state(team: Team) -> dict[str, list[Any]]:
    """All that a refused request must not have changed."""
    with team.workspace.engine.connect() as connection:
        return {
            table.name: list(connection.execute(sa.select(table)))
            for table in metadata.sorted_tables
            if "vector" not in table.name
        }


@pytest.fixture(scope="module")
def gone(team: Team) -> list[TestClient]:
    """A session and a token of somebody who was then deactivated."""
    clients = [team.browser(GONE), team.program(GONE)]
    assert all(client.get("/api/v1/me").status_code == 200 for client in clients)
    accounts.deactivate(team.workspace.engine, GONE, by=ROOT)
    return clients


def test_the_public_routes_are_those_that_were_meant() -> None:
    known = {(route.method.upper(), route.path) for route in _routes()}
    assert known & PUBLIC == {("GET", "/healthz"), ("POST", "/api/v1/session")}


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_nobody_unknown_gets_anywhere(
    team: Team, places: Places, gone: list[TestClient], route: Route
) -> None:
    path = places.fill(route.path, "own")
    before = state(team)
    for client in (team.browser(), *gone):
        assert ask(client, route, path) == 401
    assert state(team) == before


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_token_without_the_right_is_refused(team: Team, places: Places, route: Route) -> None:
    path = places.fill(route.path, "own")
    user = ROOT if _is_for_admins(route) else ANN
    for right in RIGHTS:
        others = [each for each in RIGHTS if each != right]
        client = team.program(user, *others)
        if right == _right(route):
            assert ask(client, route, path) == 403


@pytest.mark.parametrize("route", [each for each in ROUTES if each.changes], ids=str)
def test_a_page_of_another_site_changes_nothing(team: Team, places: Places, route: Route) -> None:
    browser = team.browser(ANN)
    before = state(team)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ):
        browser.headers.pop("Sec-Fetch-Site", None)
        browser.headers.pop("Origin", None)
        browser.headers.update(headers)
        assert ask(browser, route, places.fill(route.path, "own")) == 403
    assert state(team) == before


@pytest.mark.parametrize("route", [each for each in NAMED if each != MAKES_ITS_GROUP], ids=str)
def test_what_is_absent_is_not_found(team: Team, places: Places, route: Route) -> None:
    user = ROOT if _is_for_admins(route) else ANN
    assert ask(team.browser(user), route, places.fill(route.path, ABSENT)) == 404


@pytest.mark.parametrize("whose", ["other", "org"])
@pytest.mark.parametrize("route", NAMED, ids=str)
def test_a_member_neither_sees_nor_changes_what_is_not_theirs(
    team: Team, places: Places, route: Route, whose: str
) -> None:
    browser = team.browser(ANN)
    path = places.fill(route.path, whose)
    before = state(team)
    status = ask(browser, route, path)
    if route.path in CHATS:
        assert status in (200, 201)
        return
    if _is_for_admins(route):
        assert status == 403
    elif route.path == "/api/v1/sources/{name}":
        assert status == 200  # that it exists is known to everybody
    elif "{agent}" not in route.path or (_is_history(route) and not _restores(route)):
        assert status == 404  # as if it were absent
    elif route.changes:
        assert status == 403
    else:
        assert status == 200  # that the agent exists, and when it is due
    assert state(team) == before


@pytest.mark.parametrize(
    "route",
    [
        each
        for each in NAMED
        if re.search(r"\{(agent|run_id|chat|approval)\}", each.path) and each.path not in CHATS
    ],
    ids=str,
)
def test_an_admin_does_not_read_what_members_agents_did(
    team: Team, places: Places, route: Route
) -> None:
    browser = team.browser(ROOT)
    before = state(team)
    status = ask(browser, route, places.fill(route.path, "other"))
    assert status in (403, 404) or not (route.changes or _is_history(route))
    assert state(team) == before


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if not each.path.endswith("/stream")], ids=str
)
def test_everybody_may_do_with_theirs_what_there_is_to_do(team: Team, route: Route) -> None:
    user = ROOT if _is_for_admins(route) else ANN
    path = _mine(team, str(route)).fill(route.path, "own")
    status = ask(team.browser(user), route, path)
    if route.path.endswith("/sharing"):
        assert status == 422  # only the history of an org agent can be shared
    else:
        assert status in (200, 201, 202, 204, 409)


def _mine(team: Team, why: str) -> Places:
    """Something new of ANN's under each parameter."""
    accounts.activate(team.workspace.engine, BO, by=ROOT)
    agent = team.agent(ANN, "-".join(re.findall(r"\w+", why)))
    return Places({"own": things_of(team, ANN, agent)})


def _restores(route: Route) -> bool:
    return route.path.endswith("/restore")


def _right(route: Route) -> str:
    """The right that a route needs."""
    if _is_for_admins(route):
        return "admin"
    of_chats = route.path in CHATS or route.path.startswith(("/api/v1/chats", "/api/v1/approvals"))
    if (
        (of_chats and route.changes)
        or route.path.endswith(("/cancel", "/retry", "/trigger"))
        or str(route).startswith("POST /api/v1/agents/{agent}/runs")
    ):
        return "run"
    reading = ("/api/v1/schedules/preview", "/api/v1/me/password", "/api/v1/session")
    return "write" if route.changes and route.path not in reading else "read"
