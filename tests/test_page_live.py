"""A run that somebody watches: from pending to its end, and through a server's death."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browsers import Viewer, expect, viewing
from processes import begun_run, ended_run, newest_run, script, serving, wait_until
from servers import free_port
from starlette.requests import Request
from team import ANN, made_team

from lamplighter import clock
from lamplighter.store.events import Event
from lamplighter.store.runs import get_run
from lamplighter.testing import Workspace, call, temporary_workspace, turn
from lamplighter.web.lookout import Watched
from lamplighter.web.pages.run import _tell
from lamplighter.web.pages.timeline import Timeline

if TYPE_CHECKING:
    from playwright.sync_api import Browser

READ = turn(call("list_documents"))
LATER = turn(call("read_document", id="notes:hello.md"), sleep=0.3)
REPORT = turn(call("report", summary="All is well."), sleep=0.3)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    files = {
        "lamplighter.toml": '[sources.notes]\npath = "notes"\n',
        "notes/hello.md": "# Hello",
        "agents/slow.md": "---\nmodel: scripted:slow.yaml\nsources: [notes]\n"
        "limits: {iterations: 40}\n---\nRead.",
        "agents/quick.md": "---\nsources: [notes]\nmodel: scripted:quick.yaml\n---\nRead.",
        "slow.yaml": script(READ, turn(text="slow", sleep=300)),
        "quick.yaml": script(READ, LATER, READ, LATER, REPORT),
    }
    with temporary_workspace(files, sources={"notes": {"path": "notes"}}) as made:
        yield made


def shown(viewer: Viewer) -> list[str]:
    """The steps on the page, in order."""
    ids = "[...document.querySelectorAll('#steps > li')].map((step) => step.id)"
    found: list[str] = viewer.page.evaluate(ids)
    return found


def recorded(workspace: Workspace, agent: str) -> list[str]:
    """The steps in the record."""
    run = ended_run(workspace, agent)
    return [f"step-{seq}" for seq in Timeline.of(workspace.events(run)).steps]


def catch_up(viewer: Viewer, workspace: Workspace, agent: str) -> None:
    """Wait until the page shows as many steps as the record has: they are the same."""
    expected = recorded(workspace, agent)
    expect(viewer.page.locator("#steps > li")).to_have_count(len(expected))
    assert shown(viewer) == expected


def test_a_run_is_watched_from_pending_to_completed_and_another_is_cancelled(
    browser: "Browser", workspace: Workspace
) -> None:
    with (
        serving(workspace, AGENT_MAX_CONCURRENT_RUNS="1") as server,
        viewing(browser, server, workspace) as busy,
        viewing(browser, server, workspace) as waiting,
    ):
        busy.open("/agents/slow").get_by_role("button", name="Run now").click()
        busy.page.wait_for_url("**/runs/*")
        begun_run(workspace)
        page = waiting.open("/agents/quick")
        page.get_by_role("button", name="Run now").click()
        page.locator("#run[data-status=pending]").wait_for()
        assert shown(waiting) == []
        busy.page.get_by_role("button", name="Cancel").click()
        busy.page.get_by_role("button", name="Stop it").click()
        page.locator("#run[data-status=completed]").wait_for()
        busy.page.locator("#run[data-status=cancelled]").wait_for()
        catch_up(waiting, workspace, "quick")
        page.locator("#run").get_by_text("All is well.").wait_for()
        page.get_by_role("button", name="Run again").wait_for()
        page.get_by_role("button", name="Cancel").wait_for(state="hidden")
        page.locator("#steps a").nth(3).click()
        page.wait_for_url("**/steps/*")
        expect(page.locator("#steps a[aria-current]")).to_have_count(1)
        waiting.check()


@pytest.mark.parametrize("view", ["steps", "transcript"])
def test_a_viewer_misses_nothing_and_sees_nothing_twice_when_the_server_dies(
    browser: "Browser", workspace: Workspace, view: str
) -> None:
    workspace.write("quick.yaml", script(READ, turn(*LATER["calls"], sleep=2), READ, LATER, REPORT))
    port = str(free_port())
    with (
        serving(workspace, "--port", port) as server,
        viewing(browser, server, workspace) as viewer,
    ):
        viewer.expected = ("net::ERR", "htmx")
        viewer.open("/agents/quick").get_by_role("button", name="Run now").click()
        viewer.page.wait_for_url("**/runs/*")
        begun_run(workspace)
        if view == "transcript":
            viewer.open(f"/runs/{newest_id(workspace)}?view=transcript")
        viewer.page.locator("#steps > li").nth(3).wait_for(state="attached")
        server.kill()
        with serving(workspace, "--port", port):
            viewer.page.locator("#run[data-status=completed]").wait_for()
            catch_up(viewer, workspace, "quick")


def test_a_stream_that_could_not_begin_is_begun_again(
    browser: "Browser", workspace: Workspace
) -> None:
    with serving(workspace) as server, viewing(browser, server, workspace) as viewer:
        viewer.expected = ("net::ERR", "htmx")
        viewer.page.route("**/live*", lambda route: route.abort(), times=1)
        page = viewer.open("/agents/quick")
        with page.expect_event("requestfailed", lambda request: "/live" in request.url):
            page.get_by_role("button", name="Run now").click()
        page.locator("#run[data-status=completed]").wait_for()
        catch_up(viewer, workspace, "quick")


def newest_id(workspace: Workspace) -> str:
    run = newest_run(workspace)
    assert run is not None
    return run.id


def test_following_stops_when_the_reader_scrolls_up(
    browser: "Browser", workspace: Workspace
) -> None:
    workspace.write("slow.yaml", script(*[READ] * 14, turn(text="slow", sleep=300)))
    small: dict[str, Any] = {"viewport": {"width": 900, "height": 420}}
    with serving(workspace) as server, viewing(browser, server, workspace, **small) as viewer:
        page = viewer.open("/agents/slow")
        page.get_by_role("button", name="Run now").click()
        page.locator("#steps > li").nth(29).wait_for(state="attached")
        wait_until(lambda: page.evaluate("window.scrollY") > 500, "the page to follow")
        page.mouse.move(300, 200)
        page.mouse.wheel(0, -5000)
        page.locator("#follow").wait_for()
        wait_until(lambda: page.evaluate("window.scrollY") == 0, "the top")
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Stop it").click()
        page.locator("#run[data-status=cancelled]").wait_for(state="attached")
        catch_up(viewer, workspace, "slow")
        assert page.evaluate("window.scrollY") == 0


def test_a_message_tells_no_more_than_its_number_says() -> None:
    with made_team() as team:
        run = get_run(team.workspace.engine, team.run(team.agent(ANN, "digest")))
        said = {"role": "user", "content": "Go."}
        record = [
            Event(run.id, seq, f"m{seq}", clock.now(), "message", said) for seq in range(1, 5)
        ]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        request = Request({**scope, "app": team.app})
        text = _tell(request, Watched(run, record), 1, 3, "steps")
    shown_in = [seq for seq in range(1, 5) if f'id="step-{seq}"' in text]
    assert (text.partition("\n")[0], shown_in) == ("id: 3", [2, 3])
