"""Runs again from their record: the same, or loudly not; another model on the same answers."""

import asyncio
import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from lamplighter.engine.replay import compare_run, comparison, replay_run
from lamplighter.errors import Drifted
from lamplighter.store.events import list_events
from lamplighter.store.tables import metadata
from lamplighter.testing import Workspace, call, temporary_workspace, turn

READ = turn(call("read_document", id="notes:hello.md"))
WRITE = turn(
    call("write_file", path="digest.md", content="Dusk."), call("deliver_file", path="digest.md")
)
REPORT = turn(call("report", summary="All is well."))
HEAD = "---\nsources: [notes]\n---\n"


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    files = {
        "notes/hello.md": "# Hello\n\nThe lamp is lit at dusk.",
        "agents/digest.md": HEAD + "Write a digest.",
    }
    with temporary_workspace(files, sources={"notes": {"path": "notes"}}) as made:
        yield made


def everything(workspace: Workspace) -> dict[str, list[object]]:
    with workspace.engine.connect() as connection:
        return {t.name: list(connection.execute(sa.select(t))) for t in metadata.sorted_tables}


def test_a_run_replays_without_its_model_and_its_tools(workspace: Workspace) -> None:
    run = workspace.run("digest", [READ, WRITE, REPORT])
    (workspace.path / "script.yaml").unlink()
    (workspace.path / "notes/hello.md").unlink()
    workspace.sync()
    before = everything(workspace)
    done = replay_run(workspace.engine, run, workspace.settings)
    assert (done.ending.outcome, done.ending.summary) == ("reported", "All is well.")
    assert (done.requests, done.steps) == (3, 6)
    assert everything(workspace) == before


def test_calls_that_failed_or_overlapped_replay_too(workspace: Workspace) -> None:
    mixed = turn(call("nope"), READ["calls"][0], call("read_document", id="notes:absent.md"))
    run = workspace.run("digest", [mixed, turn(text="That is all."), REPORT])
    assert replay_run(workspace.engine, run, workspace.settings).ending.outcome == "reported"


def test_agents_that_were_called_replay_too(workspace: Workspace) -> None:
    workspace.write("agents/boss.md", "---\ntools: ['agent:digest']\n---\nGo.")
    turns = {
        "boss": [turn(call("digest", message="Go.")), REPORT],
        "digest": [READ, turn(text="Lit.")],
    }
    workspace.write("both.yaml", json.dumps({"agents": turns}))
    workspace.sync()
    run = asyncio.run(workspace.run_async("boss", f"scripted:{workspace.path}/both.yaml"))
    (workspace.path / "both.yaml").unlink()
    assert replay_run(workspace.engine, run, workspace.settings).requests == 4


def test_another_text_of_the_agent_drifts_and_shows_where(workspace: Workspace) -> None:
    run = workspace.run("digest", [READ, REPORT])
    workspace.write("agents/digest.md", HEAD + "Write a poem.")
    assert replay_run(workspace.engine, run, workspace.settings).ending.outcome == "reported"
    with pytest.raises(Drifted) as caught:
        replay_run(workspace.engine, run, workspace.settings, current=True)
    assert "request 1" in str(caught.value)
    assert "-Write a digest." in str(caught.value)
    assert "+Write a poem." in str(caught.value)


def test_a_tool_that_is_gone_drifts(workspace: Workspace) -> None:
    run = workspace.run("digest", [READ, REPORT])
    workspace.write(
        "agents/digest.md",
        HEAD.replace("---\n", "---\ntools: [read_document]\n", 1) + "Write a digest.",
    )
    with pytest.raises(Drifted, match="deliver_file"):
        replay_run(workspace.engine, run, workspace.settings, current=True)


def test_another_model_gets_recorded_answers_and_its_effects_are_staged(
    workspace: Workspace,
) -> None:
    run = workspace.run("digest", [READ, REPORT])
    workspace.write("notes/hello.md", "# Changed")
    workspace.sync()
    turns = [READ, turn(call("list_documents")), WRITE, turn(call("report", summary="Otherwise."))]
    turns[1]["expect"] = ["lit at dusk"]  # what the note said when the run was recorded
    name = workspace.script(turns, "other.yaml")
    before, delivered = everything(workspace), list(workspace.path.glob("delivered/**/*"))
    other = compare_run(workspace.engine, run, workspace.settings, name)
    assert other.ending.outcome == "reported", other.ending.summary
    assert other.matched == 1
    assert [entry.kind for entry in other.staged] == ["file"]
    assert everything(workspace) == before
    assert list(workspace.path.glob("delivered/**/*")) == delivered
    found = comparison(run, list_events(workspace.engine, run.id), other)
    assert found["recorded"]["summary"] == "All is well."
    assert [each["tool"] for each in found["now"]["calls"]] == [
        "read_document", "list_documents", "write_file", "deliver_file", "report",
    ]  # fmt: skip
