"""What people do with an agent on the page besides writing it: try, remember, budget, decide."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browsers import Viewer, expect, viewing
from processes import Server, ended_run, script, serving, wait_until

from lamplighter import clock
from lamplighter.store.notes import list_notes, write_note
from lamplighter.store.notices import list_notices, read_notice
from lamplighter.store.outbox import list_entries
from lamplighter.store.overview import find_rows
from lamplighter.store.tables import outbox
from lamplighter.testing import Workspace, call, temporary_workspace, turn

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DELIVER = script(
    turn(call("write_file", path="a.md", content="A"), call("deliver_file", path="a.md")),
    turn(call("report", summary="It is written.")),
)
FILES = {
    "lamplighter.toml": "agents_enabled = true\n",
    "play.yaml": DELIVER,
    "agents/keeper.md": "---\nmodel: scripted:play.yaml\nlimits: {per_day: {tool_calls: 10}}\n---\n"
    "Deliver it.\n",
    "agents/asker.md": "---\nmodel: scripted:play.yaml\neffects: hold\n---\nDeliver it.\n",
}


@pytest.fixture(scope="module")
def home() -> Iterator[Workspace]:
    with temporary_workspace(FILES) as made:
        yield made


@pytest.fixture(scope="module")
def server(home: Workspace) -> Iterator[Server]:
    with serving(home) as running:
        yield running


@pytest.fixture
def viewer(browser: "Browser", server: Server, home: Workspace) -> Iterator[Viewer]:
    with viewing(browser, server, home) as somebody:
        yield somebody


def test_a_new_agent_is_tried_without_being_made(viewer: Viewer, home: Workspace) -> None:
    page = viewer.open("/agents/new")
    page.get_by_label("Name", exact=True).fill("sketch")
    page.get_by_label("Instructions").fill("Deliver a letter.")
    page.get_by_label("Model").fill("scripted:play.yaml")
    page.get_by_role("button", name="Try it now").click()
    page.locator("#run[data-status=completed]").wait_for()
    page.get_by_role("heading", name="Trial").wait_for()
    viewer.check()
    run = ended_run(home, "sketch")
    assert [entry.state for entry in list_entries(home.engine, run_id=run.id)] == ["staged"]
    assert not (home.path / "agents" / "sketch.md").exists()
    assert find_rows(home.engine, ["sketch"]) == []
    page.get_by_role("link", name="Back to the form").click()
    page.get_by_text("It is not created yet.").wait_for()
    assert page.get_by_label("Name", exact=True).input_value() == "sketch"
    assert page.get_by_label("Instructions").input_value() == "Deliver a letter."
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("heading", name="sketch").wait_for()
    page = viewer.open(f"/runs/{run.id}")
    page.get_by_role("button", name="Run again").wait_for()  # now it is kept, it is a run of it


def test_a_change_is_tried_without_being_saved(viewer: Viewer, home: Workspace) -> None:
    file = home.path / "agents" / "keeper.md"
    before = file.read_text()
    page = viewer.open("/agents/keeper/edit")
    page.get_by_label("Instructions").fill("Deliver two.")
    page.get_by_role("button", name="Try it now").click()
    page.locator("#run[data-status=completed]").wait_for()
    page.get_by_role("link", name="Back to the form").click()
    page.get_by_text("It is not saved yet.").wait_for()
    assert page.get_by_label("Instructions").input_value() == "Deliver two."
    assert file.read_text() == before


def test_a_held_effect_is_decided_where_its_run_is(viewer: Viewer, home: Workspace) -> None:
    with home.engine.begin() as connection:
        for notice in list_notices(home.engine):  # of other tests
            read_notice(connection, notice.id, clock.now())
    page = viewer.open("/agents/asker")
    page.get_by_role("button", name="Run now").click()
    card = page.locator("#held .effect")
    card.wait_for()
    run = ended_run(home, "asker")
    file = home.path / "delivered" / "asker" / run.id / "a.md"
    assert not file.exists()
    viewer.check()
    page.keyboard.press("a")
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    assert [each.state for each in list_entries(home.engine, state="held")] == ["held"]
    page.locator("#waiting-notices").get_by_text("1").wait_for()
    card.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Let it happen").click()
    page.locator("#run .effects .chip.sent").wait_for()
    page.locator("#held").wait_for(state="hidden")
    assert file.read_text() == "A"
    wait_until(lambda: not list_notices(home.engine), "the notice to be read")
    page = viewer.open("/agents")
    expect(page.get_by_role("link", name="Notices", exact=True)).to_have_count(1)


def test_what_is_uncertain_is_done_again_after_a_question(viewer: Viewer, home: Workspace) -> None:
    page = viewer.open("/agents/asker")
    page.get_by_role("button", name="Run now").click()
    page.locator("#held .effect").wait_for()
    run = ended_run(home, "asker")
    mine = outbox.c.run_id == run.id
    with home.engine.begin() as connection:
        connection.execute(outbox.update().where(mine).values(state="uncertain", error="Cut off."))
    page = viewer.open(f"/runs/{run.id}")
    page.get_by_role("heading", name="To be looked at").wait_for()
    page.get_by_role("link", name="file to").click()
    page.wait_for_url("**/outbox/*")
    expect(page.locator("pre.long")).to_have_text("A")
    viewer.check()
    viewer.open(f"/runs/{run.id}").get_by_role("button", name="Do it again").click()
    page.locator("#confirm").get_by_text("It may have happened already.").wait_for()
    page.locator("#confirm").get_by_role("button", name="Do it again").click()
    page.locator("#run .effects .chip.sent").wait_for()
    assert (home.path / "delivered" / "asker" / run.id / "a.md").read_text() == "A"


def test_what_an_agent_remembers_is_seen_forgotten_and_restored(
    viewer: Viewer, home: Workspace
) -> None:
    for number, (topic, text, labels) in enumerate(
        (("plan", "Old.", ()), ("plan", "New.", ()), ("letter", "Pay now!", ("untrusted",)))
    ):
        with home.engine.begin() as connection:
            origin, now = f"run/{number}", clock.now()
            write_note(connection, "keeper", topic, text, labels=labels, origin=origin, now=now)
    page = viewer.open("/agents/keeper")
    page.get_by_role("link", name="Memory").click()
    letter = page.locator(".notes li", has_text="letter")
    letter.get_by_text("untrusted").wait_for()
    viewer.check()
    letter.get_by_role("button", name="Forget letter").click()
    page.get_by_role("button", name="Leave it").click()
    assert {note.topic for note in list_notes(home.engine, "keeper")} == {"plan", "letter"}
    letter.get_by_role("button", name="Forget letter").click()
    page.get_by_role("button", name="Forget it").click()
    letter.wait_for(state="detached")
    assert {note.topic for note in list_notes(home.engine, "keeper")} == {"plan"}
    page.get_by_role("link", name="plan").click()
    page.get_by_role("button", name="Restore version 1").click()
    page.locator("#confirm").get_by_role("button", name="Restore").click()
    page.wait_for_url("**/agents/keeper/memory*")
    page.locator(".notes li", has_text="Old.").wait_for()
    assert [note.text for note in list_notes(home.engine, "keeper")] == ["Old."]


def test_what_a_day_allows_stands_beside_what_was_used(viewer: Viewer, home: Workspace) -> None:
    page = viewer.open("/agents/keeper/edit")
    page.get_by_text("Limits and budget").wait_for()
    assert page.get_by_label("Tool calls in a day").input_value() == "10"
    page.get_by_label("Cost of a day, in US dollars").fill("2.50")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved.").wait_for()
    expect(page.get_by_label("Today", exact=True)).to_contain_text("of 10")
    expect(page.get_by_label("Today", exact=True)).to_contain_text("$2.50")
    assert "tool_calls: 10\n    cost: 2.5\n" in _text(home, "keeper")


def _text(home: Workspace, agent: str) -> str:
    return (home.path / "agents" / f"{agent}.md").read_text()
