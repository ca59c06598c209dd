"""Who may do what on the routes of the page: as on those of the API, whose functions they call."""

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from routes import ABSENT, TOPIC, Places, Route, all_places, things_of
from starlette.testclient import TestClient
from team import ANN, BO, ROOT, Team, made_team
from test_api_matrix import state

from lamplighter import accounts
from lamplighter.access import Access
from lamplighter.accounts import RIGHTS
from lamplighter.web.gate import FOR_EVERYBODY, PUBLIC
from lamplighter.web.pages import PAGES

PAGE = {"Accept": "text/html"}
FORMS = {
    "/agents/new": {"name": "new", "view": "text", "text": "Go."},
    "/agents/draft": {"name": "new", "view": "text", "text": "Go."},
    "/agents/draft/turn": {"name": "new", "view": "text", "text": "Go."},
    "/agents/{agent}/edit": {"view": "text", "text": "---\ntype: TYPE\n---\nGo on."},
    "/agents/{agent}/enabled": {},
    "/agents/{agent}/chats": {"message": "Go."},
    "/chats": {"agent": "census", "message": "Go."},
    "/chats/{chat}/messages": {"message": "Go on."},
    "/chats/{chat}/branches/{turn}": {"message": "Go on."},
    "/chats/{chat}/title": {"title": "Talk"},
    "/agents/{agent}/memory/forget": {"topic": TOPIC},
    "/agents/{agent}/memory/restore": {"topic": TOPIC, "version": "1"},
    "/settings/tokens": {"name": "script", "scope": "read"},
    "/settings/users": {"address": "new@x.org"},
    "/settings/groups": {"name": "sales", "members": "ann@x.org"},
}
QUERIES = {
    "/documents": {"id": "notes:hello.md"},
    "/agents/{agent}/memory/versions": {"topic": TOPIC},
}
RUN = ("/run", "/cancel", "/again", "/chats")
ADMINS = ("users", "groups", "models", "health", "audit")


def _is_for_admins(route: Route) -> bool:
    of_settings = tuple(f"/settings/{name}" for name in ADMINS)
    return route.path.startswith(of_settings) or route.path == "/sources/{name}/sync"


def _asker(route: Route) -> str:
    return ROOT if _is_for_admins(route) else ANN


def _routes() -> list[Route]:
    found = [route for router in PAGES for route in router.routes if isinstance(route, APIRoute)]
    pairs = [(method, route.path) for route in found for method in route.methods or ()]
    return [
        Route(method.lower(), path)
        for method, path in sorted(pairs)
        if (method, path) not in PUBLIC and not path.startswith(FOR_EVERYBODY)
    ]


ROUTES = _routes()
NAMED = [route for route in ROUTES if "{" in route.path]


def _is_private(route: Route) -> bool:
    """Whether it is about something that is one member's."""
    parts = ("{agent}", "{run_id}", "{effect}", "{chat}", "{approval}", "{token}", "{notice}")
    is_talk = route.path.endswith("{agent}/chats")
    return any(part in route.path for part in parts) and not is_talk


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with made_team() as made:
        made.document("hello.md", "Hello", Access(public=True))
        yield made


@pytest.fixture(scope="module")
def places(team: Team) -> Places:
    return all_places(team)


def ask(client: TestClient, route: Route, path: str) -> int:
    kind = "org" if "census" in path else "user"
    form = {key: text.replace("TYPE", kind) for key, text in FORMS.get(route.path, {}).items()}
    if route.method == "get":
        return client.get(path, headers=PAGE, params=QUERIES.get(route.path)).status_code
    return client.post(path, data=form, headers=PAGE).status_code


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_nobody_unknown_gets_anywhere_but_to_the_sign_in(
    team: Team, places: Places, route: Route
) -> None:
    path = places.fill(route.path, "own")
    before = state(team)
    answer = team.browser().request(route.method, path, headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert team.browser().request(route.method, path).status_code == 401
    assert state(team) == before


@pytest.mark.parametrize("route", [each for each in ROUTES if each.changes], ids=str)
def test_a_page_of_another_site_changes_nothing(team: Team, places: Places, route: Route) -> None:
    browser = team.browser(ANN)
    before = state(team)
    for site in ("cross-site", "same-site", "none"):
        browser.headers["Sec-Fetch-Site"] = site
        assert ask(browser, route, places.fill(route.path, "own")) == 403
    assert state(team) == before


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_token_without_the_right_is_refused(team: Team, places: Places, route: Route) -> None:
    needed = _right(route)
    others = [right for right in RIGHTS if right != needed]
    client = team.program(_asker(route), *others)
    assert ask(client, route, places.fill(route.path, "own")) == 403


@pytest.mark.parametrize("route", NAMED, ids=str)
def test_what_is_absent_is_not_found(team: Team, places: Places, route: Route) -> None:
    browser = team.browser(_asker(route))
    assert ask(browser, route, places.fill(route.path, ABSENT)) == 404


@pytest.mark.parametrize("whose", ["other", "org"])
@pytest.mark.parametrize("route", NAMED, ids=str)
def test_a_member_neither_sees_nor_changes_what_is_not_theirs(
    team: Team, places: Places, route: Route, whose: str
) -> None:
    browser = team.browser(ANN)
    before = state(team)
    status = ask(browser, route, places.fill(route.path, whose))
    if route.path.endswith("{agent}/chats"):
        assert status == 303  # everybody may talk to it, with their own permissions
        return
    if route.path in ("/agents/{agent}", "/sources/{name}"):
        assert status == 200  # that it exists
    elif route.changes and "{agent}" in route.path:
        assert status in (403, 404)
    else:
        assert status == 404
    assert state(team) == before


@pytest.mark.parametrize("route", [each for each in NAMED if _is_private(each)], ids=str)
def test_an_admin_does_not_read_what_members_agents_did(
    team: Team, places: Places, route: Route
) -> None:
    browser = team.browser(ROOT)
    before = state(team)
    status = ask(browser, route, places.fill(route.path, "other"))
    assert status in (403, 404) or route.path == "/agents/{agent}"
    assert state(team) == before


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if not each.path.endswith("/live")], ids=str
)
def test_everybody_may_do_with_theirs_what_there_is_to_do(team: Team, route: Route) -> None:
    agent = team.agent(ANN, str(abs(hash(str(route)))))
    accounts.activate(team.workspace.engine, BO, by=ROOT)
    path = Places({"own": things_of(team, ANN, agent)}).fill(route.path, "own")
    status = ask(team.browser(_asker(route)), route, path)
    assert status == (409 if route.path.endswith("/cancel") else status)
    assert status in (200, 204, 303, 409)


def test_what_a_member_may_not_is_not_shown(team: Team, places: Places) -> None:
    page = team.browser(ANN).get(places.fill("/agents/{agent}", "org"), headers=PAGE).text
    for word in ("Run now", "Edit", "Pause", "Delete", "Versions", "Do what"):
        assert word not in page


def test_an_answer_to_a_page_that_breaks_says_nothing_of_the_inside(team: Team) -> None:
    answer = team.browser(ANN).get("/nowhere", headers=PAGE)
    assert (answer.status_code, "there is no such page" in answer.text) == (404, True)


@pytest.mark.parametrize("next_", ["//evil.example", "/\\evil.example", "https://evil.example"])
def test_signing_in_leads_to_no_other_site(team: Team, next_: str) -> None:
    answer = team.browser(ANN).get("/sign-in", params={"next": next_})
    assert answer.headers["location"] == "/"


def _right(route: Route) -> str:
    if _is_for_admins(route):
        return "admin"
    talks = route.path.startswith(("/chats", "/approvals"))
    if route.changes and (talks or route.path.endswith(RUN)):
        return "run"
    writes = route.path.endswith(("/new", "/edit")) or route.changes
    return "read" if route.path == "/sign-out" or not writes else "write"
