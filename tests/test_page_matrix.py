"""Who may do what on the routes of the page: as on those of the API, whose functions they call."""

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient
from team import ANN, BO, ROOT, Team, made_team
from test_api_matrix import ABSENT, Places, Route, state

from lamplighter import accounts, clock
from lamplighter.access import Access
from lamplighter.accounts import RIGHTS, make_token
from lamplighter.roster import id_of
from lamplighter.store.events import Event, add_events
from lamplighter.store.notes import write_note
from lamplighter.store.notices import add_notice, list_notices
from lamplighter.store.outbox import add_intent, new_intent, settle
from lamplighter.store.users import add_group
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
    "/agents/{agent}/memory/forget": {"topic": "open"},
    "/agents/{agent}/memory/restore": {"topic": "open", "version": "1"},
    "/settings/tokens": {"name": "script", "scope": "read"},
    "/settings/users": {"address": "new@x.org"},
    "/settings/groups": {"name": "sales", "members": "ann@x.org"},
}
QUERIES = {
    "/documents": {"id": "notes:hello.md"},
    "/agents/{agent}/memory/versions": {"topic": "open"},
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
    """Something of ANN's, of BO's and of the organisation's under each parameter."""
    names = {
        "own": team.agent(ANN, "digest"),
        "other": team.agent(BO, "digest"),
        "org": team.agent(ROOT, "census", org=True, head="actions: [read_document]"),
    }
    for name in names.values():
        _remember(team, name)
    runs = {whose: _run(team, name) for whose, name in names.items()}
    effects = {whose: _delivered(team, run) for whose, run in runs.items()}
    people = {"own": ANN, "other": BO, "org": ROOT}
    talks = {whose: team.asking_chat(user, names["org"]) for whose, user in people.items()}
    same = {"number": "1", "turn": "1", "user": BO, "group": _group(team), "name": "notes"}
    values = {
        "agent": {whose: id_of(name) for whose, name in names.items()},
        "run_id": runs,
        "effect": effects,
        "notice": {whose: _noticed(team, name) for whose, name in names.items()},
        "token": {whose: _token(team, user) for whose, user in people.items()},
        "chat": {whose: chat for whose, (chat, _) in talks.items()},
        "approval": {whose: approval for whose, (_, approval) in talks.items()},
        **{key: dict.fromkeys(names, value) for key, value in same.items()},
    }
    return Places({key: {**each, ABSENT: "999"} for key, each in values.items()})


def _token(team: Team, user: str) -> str:
    return make_token(team.workspace.engine, user, "kept", ("read",), None)[0].id


def _noticed(team: Team, agent: str) -> str:
    with team.workspace.engine.begin() as connection:
        add_notice(connection, "failure", agent, "It failed.", now=clock.now(), agent=agent)
    return next(each.id for each in list_notices(team.workspace.engine) if each.agent == agent)


def _remember(team: Team, agent: str) -> None:
    with team.workspace.engine.begin() as connection:
        for number, text in enumerate(("two", "three"), 1):
            write_note(
                connection,
                agent,
                "open",
                text,
                labels=(),
                origin=f"{agent}/{number}",
                now=clock.now(),
            )


def _group(team: Team) -> str:
    with team.workspace.engine.begin() as connection:
        add_group(connection, "eng", [BO])
    return "eng"


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
    run = _run(team, agent)
    _remember(team, agent)
    chat, approval = team.asking_chat(ANN, agent)
    accounts.activate(team.workspace.engine, BO, by=ROOT)
    values = {
        **{"agent": id_of(agent), "run_id": run, "effect": _delivered(team, run), "number": "1"},
        **{"chat": chat, "approval": approval, "turn": "1", "notice": _noticed(team, agent)},
        **{"token": _token(team, ANN), "user": BO, "group": _group(team), "name": "notes"},
    }
    path = Places({key: {"own": value} for key, value in values.items()}).fill(route.path, "own")
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
