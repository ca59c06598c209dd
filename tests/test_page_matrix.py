"""Who may do what on the routes of the page: as on those of the API, whose functions they call."""

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient
from team import ANN, BO, ROOT, Team, made_team
from test_api_matrix import ABSENT, Places, Route, state

from lamplighter import clock
from lamplighter.accounts import RIGHTS
from lamplighter.roster import id_of
from lamplighter.store.events import Event, add_events
from lamplighter.store.outbox import add_intent, new_intent, settle
from lamplighter.web.gate import FOR_EVERYBODY, PUBLIC
from lamplighter.web.pages import PAGES

PAGE = {"Accept": "text/html"}
FORMS = {
    "/agents/new": {"name": "new", "view": "text", "text": "Go."},
    "/agents/draft": {"name": "new", "view": "text", "text": "Go."},
    "/agents/draft/turn": {"name": "new", "view": "text", "text": "Go."},
    "/agents/{agent}/edit": {"view": "text", "text": "---\ntype: TYPE\n---\nGo on."},
    "/agents/{agent}/enabled": {},
}
RUN = ("/run", "/cancel", "/again")


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


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with made_team() as made:
        yield made


@pytest.fixture(scope="module")
def places(team: Team) -> Places:
    """Something of ANN's, of BO's and of the organisation's under each parameter."""
    names = {
        "own": team.agent(ANN, "digest"),
        "other": team.agent(BO, "digest"),
        "org": team.agent(ROOT, "census", org=True, head="actions: [read_document]"),
    }
    runs = {whose: _run(team, name) for whose, name in names.items()}
    effects = {whose: _delivered(team, run) for whose, run in runs.items()}
    values = {
        "agent": {whose: id_of(name) for whose, name in names.items()},
        "run_id": runs,
        "effect": effects,
        "number": dict.fromkeys(names, "1"),
    }
    return Places({key: {**each, ABSENT: "999"} for key, each in values.items()})


def _run(team: Team, agent: str) -> str:
    run = team.run(agent)
    asked = Event(run, 1, "asked", clock.now(), "message", {"role": "user", "content": "Go."})
    with team.workspace.engine.begin() as connection:
        add_events(connection, [asked])
    return run


def _delivered(team: Team, run: str) -> str:
    payload = {"path": "digest.md", "sha256": "", "size_bytes": 0}
    entry = new_intent(run, "1:a", "file", "delivered", payload)
    assert add_intent(team.workspace.engine, "worker", entry)
    return settle(team.workspace.engine, entry.id, "sent", receipt={}).id


def ask(client: TestClient, route: Route, path: str) -> int:
    kind = "org" if "census" in path else "user"
    form = {key: text.replace("TYPE", kind) for key, text in FORMS.get(route.path, {}).items()}
    if route.method == "get":
        return client.get(path, headers=PAGE).status_code
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
    assert ask(team.program(ANN, *others), route, places.fill(route.path, "own")) == 403


@pytest.mark.parametrize("route", NAMED, ids=str)
def test_what_is_absent_is_not_found(team: Team, places: Places, route: Route) -> None:
    assert ask(team.browser(ANN), route, places.fill(route.path, ABSENT)) == 404


@pytest.mark.parametrize("whose", ["other", "org"])
@pytest.mark.parametrize("route", NAMED, ids=str)
def test_a_member_neither_sees_nor_changes_what_is_not_theirs(
    team: Team, places: Places, route: Route, whose: str
) -> None:
    browser = team.browser(ANN)
    before = state(team)
    status = ask(browser, route, places.fill(route.path, whose))
    if route.path == "/agents/{agent}":
        assert status == 200  # that it exists
    elif route.changes and "{agent}" in route.path:
        assert status in (403, 404)
    else:
        assert status == 404
    assert state(team) == before


@pytest.mark.parametrize("route", NAMED, ids=str)
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
    run = _run(team, agent)
    values = {"agent": id_of(agent), "run_id": run, "effect": _delivered(team, run), "number": "1"}
    path = Places({key: {"own": value} for key, value in values.items()}).fill(route.path, "own")
    status = ask(team.browser(ANN), route, path)
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
    if route.method == "post" and route.path.endswith(RUN):
        return "run"
    writes = route.path.endswith(("/new", "/edit")) or route.changes
    return "read" if route.path == "/sign-out" or not writes else "write"
