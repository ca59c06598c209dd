"""The page in a real browser: every one of them, wide and narrow, light and dark; and its forms."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browsers import NARROW, Viewer, expect, viewing
from gallery import SOURCES, furnish
from processes import Server, ended_run, serving, wait_until
from team import ANN, BO, ROOT, TOML, made_team

from lamplighter import accounts, clock
from lamplighter.engine.control import wake_engine
from lamplighter.engine.manual import request_run
from lamplighter.roster import id_of
from lamplighter.store.documents import list_sources
from lamplighter.testing import Workspace, temporary_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": NARROW},
}
RULES = {
    "light": "{}",
    "dark": "{runOnly: ['color-contrast']}",  # the one rule for which colours matter
    "narrow": "{runOnly: ['target-size', 'scrollable-region-focusable']}",
}
PAGES = (
    "/agents",
    "/agents?q=nothing+is+called+so",
    "/agents/new",
    "/agents/new?like=digest",
    "/agents/weekly-report",
    "/agents/weekly-report/edit",
    "/agents/weekly-report/schedule",
    "/agents/weekly-report/versions",
    "/agents/weekly-report/versions/1",
    "/agents/weekly-report/memory",
    "/agents/weekly-report/memory/versions?topic=senders",
    "/runs",
    "/runs?status=failed",
    "/runs/{run}",
    "/runs/{run}?view=transcript",
    "/runs/{run}/steps/7",
    "/runs/{run}/compare",
    "/agents/nobody",
)


@pytest.fixture(scope="module")
def home() -> Iterator[Workspace]:
    with temporary_workspace(sources=SOURCES, timezone="Europe/Berlin") as made:
        furnish(made, clock.now())
        yield made


@pytest.fixture(scope="module")
def server(home: Workspace) -> Iterator[Server]:
    with serving(home, LAMPLIGHTER_TIMEZONE="Europe/Berlin") as running:
        yield running


@pytest.fixture(scope="module")
def run(home: Workspace, server: Server) -> str:
    """A real run that has ended."""
    asked = request_run(home.settings, home.engine, "weekly-report")
    wake_engine(home.engine, home.settings.state_dir)
    assert ended_run(home, "weekly-report").status == "completed"
    return asked.id


@pytest.fixture
def viewer(browser: "Browser", server: Server, home: Workspace) -> Iterator[Viewer]:
    with viewing(browser, server, home) as somebody:
        yield somebody


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_for_everybody(
    browser: "Browser", server: Server, home: Workspace, run: str, look: str
) -> None:
    with viewing(browser, server, home, **LOOKS[look]) as viewer:
        viewer.expected = ("404",)
        for path in PAGES:
            viewer.open(path.replace("{run}", run))
            viewer.settle()
            viewer.check(RULES[look])


def test_an_agent_is_made_with_its_next_times_before_the_eyes(
    viewer: Viewer, home: Workspace
) -> None:
    page = viewer.open("/agents/new?like=digest")
    page.get_by_label("Name", exact=True).fill("morning")
    page.get_by_label("Schedule 1").fill("weekdays at 25:00")
    page.locator("#wrong-schedule p").wait_for()
    page.get_by_role("button", name="Last Friday").click()
    page.locator("#meaning li.num").nth(4).wait_for()
    page.locator("#wrong-schedule p").wait_for(state="detached")
    page.get_by_label("Instructions").fill("Read what is new.")
    page.get_by_role("button", name="Markdown").click()
    text = page.get_by_label("The whole file")
    assert "last friday of the month at 16:00" in text.input_value()
    page.get_by_role("button", name="Form").click()
    page.get_by_label("Schedule 1").wait_for()
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("heading", name="morning").wait_for()
    written = (home.path / "agents" / "morning.md").read_text()
    assert "schedule: last friday of the month at 16:00" in written
    assert "Read what is new." in written


def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(
    viewer: Viewer, home: Workspace
) -> None:
    viewer.expected = ("422", "409")
    page = viewer.open("/agents/new")
    page.get_by_label("Instructions").fill("Keep what I wrote.")
    page.get_by_role("button", name="Create", exact=True).click()
    page.locator("#wrong-name p").wait_for()
    assert page.get_by_label("Instructions").input_value() == "Keep what I wrote."
    page.get_by_label("Name", exact=True).fill("daily-digest")
    page.get_by_role("button", name="Create", exact=True).click()
    page.locator("#wrong-name").get_by_text("already").wait_for()


def test_an_edit_keeps_comments_and_is_refused_after_somebody_elses(
    viewer: Viewer, home: Workspace
) -> None:
    viewer.expected = ("412",)
    file = home.path / "agents" / "meeting-briefs.md"
    file.write_text("---\n# mine\ndescription: Briefs\ncolour: red\n---\nPrepare.\n")
    page = viewer.open("/agents/meeting-briefs/edit")
    page.get_by_label("What it does").fill("Briefs for meetings")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved.").wait_for()
    assert file.read_text() == (
        "---\n# mine\ndescription: Briefs for meetings\ncolour: red\n---\nPrepare.\n"
    )
    page = viewer.open("/agents/meeting-briefs/edit")
    file.write_text("---\ndescription: Theirs\n---\nPrepare.\n")
    page.get_by_label("What it does").fill("Mine")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("has been changed meanwhile").wait_for()
    assert page.get_by_label("What it does").input_value() == "Mine"
    assert "Theirs" in file.read_text()


def test_the_list_finds_switches_and_starts(viewer: Viewer, home: Workspace) -> None:
    page = viewer.open("/agents")
    page.keyboard.press("/")
    page.keyboard.type("standup")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=standup**")
    row = page.locator("li.agent")
    assert row.count() == 1
    switch = row.get_by_role("switch")
    assert not switch.is_checked()
    with page.expect_response("**/enabled"):
        switch.check()
    viewer.settle()
    assert "enabled: true" in _text(home, "standup-notes")
    row.get_by_role("button", name="Run now").click()
    page.get_by_text("Started.").wait_for()
    assert ended_run(home, "standup-notes").trigger == "manual"


def test_a_key_moves_opens_and_helps(viewer: Viewer) -> None:
    page = viewer.open("/agents")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/agents/*")
    page.keyboard.press("?")
    keyboard = page.get_by_role("heading", name="Keyboard")
    keyboard.wait_for()
    page.keyboard.press("Escape")
    keyboard.wait_for(state="hidden")  # until then the keys are the dialog's
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/runs")


def test_times_are_the_viewers_or_utc(viewer: Viewer, run: str) -> None:
    page = viewer.open(f"/runs/{run}")
    moment = page.locator("#run time").first
    page.get_by_label("How times are shown").select_option("utc")
    utc = moment.inner_text()
    page.get_by_label("How times are shown").select_option("local")
    assert moment.inner_text() != utc  # Berlin is never UTC
    assert "UTC" in (moment.get_attribute("title") or "")


def test_what_was_found_is_narrowed_and_widened(viewer: Viewer, home: Workspace) -> None:
    wait_until(lambda: all(_is_synced(home, name) for name in SOURCES), "the sources")
    page = viewer.open("/search?q=launch")
    expect(page.locator(".hits li")).to_have_count(8)
    narrow = page.get_by_role("navigation", name="Narrow")
    narrow.get_by_role("link", name="Maria Silva 2").click()
    page.wait_for_url("**maria%40example.org")
    expect(page.locator(".hits li")).to_have_count(2)
    viewer.check()
    page.get_by_role("link", name="from: maria@example.org").click()
    expect(page.locator(".hits li")).to_have_count(8)
    narrow.get_by_role("link", name="the last 7 days").click()
    expect(page.locator(".hits li")).to_have_count(7)


def test_nothing_is_lost_without_a_question(viewer: Viewer, home: Workspace) -> None:
    file = home.write("agents/passing.md", "Pass.")
    page = viewer.open("/agents/passing")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Leave it").click()
    assert file.exists()
    page.get_by_role("button", name="Delete").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/agents")
    assert not file.exists()


def test_a_delivered_file_and_the_record_are_saved(viewer: Viewer, run: str) -> None:
    page = viewer.open(f"/runs/{run}")
    with page.expect_download() as file:
        page.get_by_role("link", name="report.md", exact=True).click()
    assert "Tuesday" in file.value.path().read_text()
    with page.expect_download() as record:
        page.get_by_role("link", name="JSON").click()
    assert '"kind": "finished"' in record.value.path().read_text()


def test_a_member_signs_in_and_finds_nothing_that_is_not_theirs(browser: "Browser") -> None:
    with made_team() as team:
        team.workspace.write("lamplighter.toml", TOML)
        team.agent(ANN, "mine")
        census = team.agent(ROOT, "census", org=True, head="actions: [read_document]")
        theirs = team.run(team.agent(BO, "digest"))
        accounts.set_password(team.workspace.engine, ANN, "long enough, this", by=ROOT)
        with (
            serving(team.workspace) as server,
            viewing(browser, server, team.workspace, ANN) as viewer,
        ):
            viewer.expected = ("404", "401", "403")
            viewer.open("/agents").get_by_role("button", name="Sign out").click()
            viewer.page.wait_for_url("**/sign-in")
            page = viewer.open(f"/agents/{id_of(census)}")
            page.get_by_label("Address").fill(ANN)
            page.get_by_label("Password").fill("wrong, this time")
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("is wrong").wait_for()
            viewer.check()
            page.get_by_label("Password").fill("long enough, this")
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("heading", name="census").wait_for()
            for name in ("Run now", "Pause", "Delete"):
                assert page.get_by_role("button", name=name).count() == 0
            assert page.get_by_role("link", name="Edit").count() == 0
            page = viewer.open(f"/agents/{id_of(census)}/edit")
            page.get_by_role("heading", name="Not here").wait_for()
            page = viewer.open(f"/runs/{theirs}")
            page.get_by_role("heading", name="Not here").wait_for()
            page = viewer.open("/agents/new")
            assert page.get_by_text("The organisation's").count() == 0


def _text(home: Workspace, agent: str) -> str:
    return (home.path / "agents" / f"{agent}.md").read_text()


def _is_synced(home: Workspace, source: str) -> bool:
    state = list_sources(home.engine).get(source)
    return state is not None and state.synced_at is not None
