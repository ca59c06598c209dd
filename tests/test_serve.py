"""Real server processes: fired, killed, cancelled, refused."""

import json
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest
from processes import begun_run, ended_run, lamplighter, newest_run, script, serving

from lamplighter.store.runs import get_run
from lamplighter.testing import Workspace, call, temporary_workspace, turn

TOML = 'timezone = "UTC"\n[sources.notes]\npath = "notes"\n'
READ = turn(call("read_document", id="notes:hello.md"))
REPORT = turn(call("report", summary="All is well."))
SOON = "---\nschedule: every 1 second\nsources: [notes]\nmodel: scripted:soon.yaml\n---\nRead."


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    files = {
        "lamplighter.toml": TOML,
        "notes/hello.md": "# Hello\n\nThe lamp is lit at dusk.",
        "agents/digest.md": "---\nsources: [notes]\nmodel: scripted:slow.yaml\n---\nRead.",
        "soon.yaml": script(READ, turn(*REPORT["calls"], expect=["at dusk"])),
        "slow.yaml": script(READ, turn(text="slow", sleep=300)),
    }
    with temporary_workspace(files, sources={"notes": {"path": "notes"}}) as made:
        yield made


def test_a_schedule_fires_and_the_run_reads_what_the_source_holds(workspace: Workspace) -> None:
    workspace.write("agents/soon.md", SOON)
    with serving(workspace):
        run = ended_run(workspace, "soon")
    assert (run.status, run.trigger, run.tool_calls) == ("completed", "scheduled", 1)


def test_a_saved_file_takes_effect_without_a_restart(workspace: Workspace) -> None:
    with serving(workspace):
        workspace.write("agents/broken.md", "---\nschedule: [\n---\nRead.")
        workspace.write("agents/soon.md", SOON)
        assert ended_run(workspace, "soon").status == "completed"


def test_a_killed_run_goes_on_from_its_last_finished_step(workspace: Workspace) -> None:
    with serving(workspace) as server:
        assert lamplighter(workspace, "run", "start", "digest").returncode == 0
        run_id = begun_run(workspace)
        server.kill()
    # Asked again, the first turn would now fail the run; and so would reading the note again.
    workspace.write("slow.yaml", script(turn(error="asked twice"), turn(text="ok"), REPORT))
    (workspace.path / "notes" / "hello.md").unlink()
    with serving(workspace):
        run = ended_run(workspace, "digest")
    assert (run.id, run.status, run.summary) == (run_id, "completed", "All is well.")
    assert (run.requests, run.tool_calls) == (3, 1)
    events = workspace.events(run)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events].count("tool_result") == 1
    assert "resumed" in [event.kind for event in events]


def test_ctrl_c_hands_a_long_run_back_and_the_next_server_finishes_it(
    workspace: Workspace,
) -> None:
    with serving(workspace, "--drain", "0") as server:
        lamplighter(workspace, "run", "start", "digest")
        run_id = begun_run(workspace)
        assert server.stop() == 0
    assert get_run(workspace.engine, run_id).status == "running"
    workspace.write("slow.yaml", script(READ, REPORT))
    with serving(workspace):
        assert ended_run(workspace, "digest").id == run_id


def test_ctrl_c_waits_for_a_run_that_ends_in_time(workspace: Workspace) -> None:
    workspace.write("slow.yaml", script(READ, turn(*REPORT["calls"], sleep=1)))
    with serving(workspace, "--drain", "60") as server:
        lamplighter(workspace, "run", "start", "digest")
        run_id = begun_run(workspace)
        assert server.stop() == 0
    assert get_run(workspace.engine, run_id).status == "completed"


def test_cancel_stops_a_run_in_the_middle_of_a_model_request(workspace: Workspace) -> None:
    with serving(workspace):
        lamplighter(workspace, "run", "start", "digest")
        run_id = begun_run(workspace)
        assert lamplighter(workspace, "run", "cancel", run_id).returncode == 0
        run = ended_run(workspace, "digest")
    assert (run.status, run.outcome, run.tool_calls) == ("cancelled", "cancelled", 1)


def test_without_agents_enabled_only_what_was_asked_for_runs(workspace: Workspace) -> None:
    workspace.write("agents/soon.md", SOON)
    workspace.write("slow.yaml", script(READ, REPORT))
    with serving(workspace, AGENTS_ENABLED="false"):
        lamplighter(workspace, "run", "start", "digest")
        assert ended_run(workspace, "digest").status == "completed"
    assert newest_run(workspace, agent="soon") is None


def test_a_run_that_was_asked_for_before_the_server_came_waits_for_it(
    workspace: Workspace,
) -> None:
    workspace.write("slow.yaml", script(READ, REPORT))
    workspace.sync()  # the server would do that while the run is under way
    asked = lamplighter(workspace, "run", "start", "digest")
    assert "lamplighter serve" in asked.stderr
    with serving(workspace):
        assert ended_run(workspace, "digest").status == "completed"


def test_a_server_is_there_before_what_runs_need_is_loaded() -> None:
    program = "import sys, lamplighter.web.server; sys.exit('pydantic_ai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_second_server_is_refused(workspace: Workspace) -> None:
    with serving(workspace):
        second = lamplighter(workspace, "serve", "--port", "0")
    assert second.returncode == 1
    assert "held by another process" in second.stderr


def test_a_taken_port_is_named(workspace: Workspace) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused = lamplighter(workspace, "serve", "--port", port)
    assert refused.returncode == 1
    assert f"127.0.0.1:{port}" in refused.stderr


def test_health_is_told_and_the_socket_is_private(workspace: Workspace) -> None:
    workspace.write("agents/later.md", "---\nschedule: every 6 hours\n---\nWait.")
    with serving(workspace) as server:
        with urllib.request.urlopen(f"{server.name}/healthz") as answer:
            health = json.load(answer)
        mode = (workspace.settings.state_dir / "control.sock").stat().st_mode
    assert health["status"] == "ok"
    assert health["next_due_at"]
    assert stat.S_IMODE(mode) == 0o600


def test_start_and_wait_holds_the_workspace_itself_where_nobody_does(
    workspace: Workspace,
) -> None:
    workspace.write("slow.yaml", script(READ, REPORT))
    done = lamplighter(workspace, "run", "start", "digest", "--wait", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["summary"] == "All is well."


def test_start_and_wait_beside_a_server_exits_with_three_when_the_run_ended_badly(
    workspace: Workspace,
) -> None:
    workspace.write("slow.yaml", script(turn(error="no model today")))
    with serving(workspace):
        done = lamplighter(workspace, "run", "start", "digest", "--wait")
    assert done.returncode == 3
    assert "no model today" in done.stdout


def test_a_workspace_deep_in_the_folder_tree_can_be_woken(workspace: Workspace) -> None:
    deep = workspace.path.joinpath(*["a-rather-long-folder-name"] * 6)
    deep.mkdir(parents=True)
    for name, text in {
        "agents/digest.md": "---\nmodel: scripted:soon.yaml\n---\nSay.",
        "soon.yaml": script(REPORT),
    }.items():
        (deep / name).parent.mkdir(exist_ok=True)
        (deep / name).write_text(text)
    nested = Workspace(deep, workspace.settings, workspace.engine)
    with serving(nested):
        assert lamplighter(nested, "run", "start", "digest", "--wait").returncode == 0
