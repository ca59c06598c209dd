"""The commands around runs, workspaces and errors, as a user types them."""

import json
from pathlib import Path

import pytest
from processes import lamplighter, script

from lamplighter.cli.timeline import describe_event
from lamplighter.testing import Workspace, call, turn

READ = turn(call("read_document", id="notes:hello.md"))
REPORT = turn(call("report", summary="All is well."))
TOML = 'timezone = "UTC"\n[sources.notes]\npath = "notes"\n'


@pytest.fixture(autouse=True)
def _settings_file(workspace: Workspace) -> None:
    workspace.write("lamplighter.toml", TOML)


def test_start_and_wait_tells_the_story_and_the_end(workspace: Workspace) -> None:
    workspace.write("try.yaml", script(READ, REPORT))
    done = lamplighter(
        workspace, "run", "start", "digest", "--wait", "--model", "scripted:try.yaml"
    )
    assert done.returncode == 0, done.stderr
    assert "→ read_document" in done.stdout
    assert "✓ completed (reported)" in done.stdout
    assert "[scripted]" in done.stdout


def test_the_model_of_every_run_can_be_set_for_a_process(workspace: Workspace) -> None:
    workspace.write("try.yaml", script(REPORT))
    done = lamplighter(
        workspace,
        *("run", "start", "digest", "--wait", "--json"),
        LAMPLIGHTER_MODEL_OVERRIDE="scripted:try.yaml",
    )
    assert json.loads(done.stdout)["label"] == "scripted"


def test_a_run_is_found_by_its_end_and_by_last(workspace: Workspace) -> None:
    run = workspace.run("digest", [READ, REPORT])
    by_end = lamplighter(workspace, "run", "show", run.id[-6:].lower(), "--json")
    last = lamplighter(workspace, "run", "show", "last", "--json", "--events")
    assert json.loads(by_end.stdout)["id"] == run.id
    shown = json.loads(last.stdout)
    assert shown["tool_calls"] == 1
    assert [event["seq"] for event in shown["events"]] == list(range(1, 11))


def test_watch_as_json_is_one_document_a_line(workspace: Workspace) -> None:
    run = workspace.run("digest", [REPORT])
    done = lamplighter(workspace, "run", "watch", run.id, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["kind"] == "started"
    assert lines[-1]["status"] == "completed"


def test_runs_are_listed_newest_first_and_by_status(workspace: Workspace) -> None:
    first = workspace.run("digest", [REPORT])
    second = workspace.run("digest", [turn(error="broken")])
    listed = json.loads(lamplighter(workspace, "run", "list", "--json").stdout)
    failed = json.loads(
        lamplighter(workspace, "run", "list", "--status", "failed", "--json").stdout
    )
    assert [run["id"] for run in listed] == [second.id, first.id]
    assert [run["id"] for run in failed] == [second.id]
    assert lamplighter(workspace, "run", "list", "--status", "odd").returncode == 2


def test_without_runs_the_list_says_how_to_start_one(workspace: Workspace) -> None:
    assert "run start AGENT" in lamplighter(workspace, "run", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "start", "digset"], 5, "did you mean digest?"),
        (["run", "show", "01XYZ"], 5, "no run"),
        (["run", "show", "last"], 5, "no runs yet"),
        (["run", "start"], 2, "Missing argument"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_mistakes_have_their_exit_code_and_a_hint(
    workspace: Workspace, arguments: list[str], code: int, message: str
) -> None:
    done = lamplighter(workspace, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr


def test_a_broken_agent_cannot_be_started(workspace: Workspace) -> None:
    workspace.write("agents/digest.md", "---\nschedule: [\n---\nRead.")
    done = lamplighter(workspace, "run", "start", "digest")
    assert done.returncode == 2
    assert "agents/digest.md" in done.stderr


def test_an_active_agent_cannot_be_started_again(workspace: Workspace) -> None:
    assert lamplighter(workspace, "run", "start", "digest").returncode == 0
    again = lamplighter(workspace, "run", "start", "digest")
    assert again.returncode == 1
    assert "already has a pending run" in again.stderr


def test_a_run_that_has_not_begun_is_cancelled_at_once(workspace: Workspace) -> None:
    lamplighter(workspace, "run", "start", "digest")
    assert "cancelled" in lamplighter(workspace, "run", "cancel", "last").stdout
    again = lamplighter(workspace, "run", "cancel", "last")
    assert again.returncode == 1
    assert "already ended" in again.stderr


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("openai:gpt-5.6-terra", "OPENAI_API_KEY"),
        ("nonsense:x", "Unknown model"),
        ("scripted:absent.yaml", "cannot read the script"),
    ],
)
def test_a_model_that_cannot_serve_fails_the_run_and_says_why(
    workspace: Workspace, model: str, reason: str
) -> None:
    done = lamplighter(workspace, "run", "start", "digest", "--wait", "--json", "--model", model)
    assert done.returncode == 3
    run = json.loads(done.stdout)
    assert run["outcome"] == "error"
    assert reason in run["error"]


def test_init_makes_a_workspace_whose_agents_are_sound_and_keeps_what_is_there(
    workspace: Workspace, tmp_path: Path
) -> None:
    made = lamplighter(workspace, "--workspace", str(tmp_path / "w"), "init")
    assert made.returncode == 0, made.stderr
    fresh = Workspace(tmp_path / "w", workspace.settings, workspace.engine)
    fresh.write("agents/daily-digest.md", "Mine.")
    again = lamplighter(fresh, "init")
    assert "kept" in again.stdout
    assert (fresh.path / "agents" / "daily-digest.md").read_text() == "Mine."
    agents = json.loads(lamplighter(fresh, "agent", "list", "--json").stdout)
    assert {agent["name"] for agent in agents} == {"daily-digest", "open-ends"}
    assert all(agent["valid"] for agent in agents)
    assert "AGENTS_ENABLED=true" in (fresh.path / ".env").read_text()
    assert (fresh.path / ".env").stat().st_mode & 0o077 == 0


def test_outside_of_a_workspace_the_way_in_is_told(workspace: Workspace, tmp_path: Path) -> None:
    nowhere = Workspace(tmp_path / "absent", workspace.settings, workspace.engine)
    done = lamplighter(nowhere, "run", "list")
    assert done.returncode == 5
    assert "lamplighter init" in done.stderr


def test_a_kind_of_event_that_is_not_known_is_shown_all_the_same(workspace: Workspace) -> None:
    run = workspace.run("digest", [REPORT])
    [event, *_] = workspace.events(run)
    odd = type(event)(run.id, 9, "odd", event.at, "odd", {"a": 1})
    assert 'odd: {"a": 1}' in describe_event(odd)
