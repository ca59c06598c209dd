"""Commands of a run: in a sandbox of its own, with its files, whatever happens to the process."""

import asyncio
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from processes import ended_run, lamplighter, script, serving, wait_until, working
from rowboat import play
from sandboxes import SANDBOXED
from servers import Answer, web_server

from lamplighter.cli.timeline import describe_event
from lamplighter.engine.control import wake_engine
from lamplighter.engine.manual import request_run
from lamplighter.sandbox import choice
from lamplighter.sandbox.container import Container
from lamplighter.sandbox.proxy import proxying
from lamplighter.store.runs import Run
from lamplighter.testing import Workspace, call, temporary_workspace, turn
from lamplighter.tools import shell

pytestmark = SANDBOXED

TOOLS = "tools: [run_bash, run_python, read_file, write_file, deliver_file]"
AGENT = f"---\n{TOOLS}\n%s---\nWork."
REPORT = turn(call("report", summary="All is well."))


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with temporary_workspace({"agents/worker.md": AGENT % ""}) as made:
        yield made


def bash(command: str, **more: Any) -> dict[str, Any]:
    return turn(call("run_bash", command=command), **more)


def python(code: str, **more: Any) -> dict[str, Any]:
    return turn(call("run_python", code=code), **more)


def results(workspace: Workspace, run: Run) -> list[dict[str, Any]]:
    return [event.data for event in workspace.events(run) if event.kind == "tool_result"]


def told(workspace: Workspace, *turns: dict[str, Any]) -> list[str]:
    """What the model was told of each call."""
    run = workspace.run("worker", [*turns, REPORT])
    said = REPORT["calls"][0]["arguments"]["summary"]
    assert (run.summary or "").endswith(said), run.summary  # even if all of them failed
    return [str(each.get("result", each.get("error"))) for each in results(workspace, run)]


def host_processes(marker: str) -> list[int]:
    """Processes of this machine whose command line has a word in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if marker.encode() in words:
            found.append(int(path.parent.name))
    return found


def test_commands_and_file_tools_share_the_runs_files(workspace: Workspace) -> None:
    said = told(
        workspace,
        turn(call("write_file", path="in/a.txt", content="one\n")),
        bash("cat in/a.txt; echo two > out.txt"),
        turn(call("read_file", path="out.txt")),
        turn(call("write_file", path="in/a.txt", content="three\n")),
        python("print(open('in/a.txt').read()); import os; os.remove('out.txt')"),
        turn(call("read_file", path="out.txt")),
    )
    assert said[1] == "one"
    assert said[2] == "     1\ttwo"
    assert said[4].strip() == "three"
    assert "No such file" in said[5]


def test_results_of_commands_are_delivered(workspace: Workspace) -> None:
    run = workspace.run(
        "worker",
        [python("open('data.bin', 'wb').write(bytes(range(256)))"),
         turn(call("deliver_file", path="data.bin")), REPORT],
    )  # fmt: skip
    file = workspace.path / "delivered" / "worker" / run.id / "data.bin"
    assert file.read_bytes() == bytes(range(256))


def test_a_command_that_fails_is_an_error_with_both_its_streams(workspace: Workspace) -> None:
    run = workspace.run("worker", [bash("echo out; echo err >&2; echo x > kept; exit 7"), REPORT])
    [result] = results(workspace, run)
    assert result["error"] == "Exit code 7.\n[stdout]\nout\n[stderr]\nerr"
    assert list(result["files"]) == ["kept"]


def test_a_command_that_is_silent_says_so(workspace: Workspace) -> None:
    assert told(workspace, bash("true")) == ["(no output)"]


def test_limits_are_those_of_the_agent(workspace: Workspace) -> None:
    limits = "limits: {command_timeout: 1, output_kb: 1, disk_mb: 1, memory_mb: 100}\n"
    workspace.write("agents/worker.md", AGENT % limits)
    said = told(
        workspace,
        bash("echo begun; sleep 100"),
        bash("head -c 5000 /dev/zero | tr '\\0' x"),
        bash("head -c 3000000 /dev/zero > big; rm big"),
        python("x = bytearray(150 << 20)"),
    )
    assert said[0] == ("Stopped after 1 seconds, the most a command may take.\n[stdout]\nbegun")
    assert said[1] == "x" * 1000 + "\n[stdout cut here: 5,000 bytes in all]"
    assert "No space left" in said[2]
    assert "Stopped: more than 100 MB" in said[3]


def test_what_cannot_be_kept_is_told_or_undone(workspace: Workspace) -> None:
    said = told(
        workspace,
        bash("ln -s /etc/passwd link; echo x > a"),
        bash("rm a; seq 6000 | xargs touch"),
        bash("ls"),
    )
    assert "[not kept, as these are no ordinary files: link]" in said[0]
    assert "The files are as they were before this command" in said[1]
    assert said[2] == "a"


def test_a_sandbox_that_was_lost_is_opened_anew(workspace: Workspace) -> None:
    async def lose() -> Run:
        run = asyncio.create_task(workspace.run_async("worker", model))
        found = await asyncio.to_thread(
            wait_until, lambda: host_processes("1234.5") or None, "the command"
        )
        os.kill(_first_of(found[0]), 9)
        return await run

    model = workspace.script([bash("echo x > a"), bash("rm a; sleep 1234.5"), bash("ls"), REPORT])
    run = asyncio.run(lose())
    _, lost, after = results(workspace, run)
    assert "ended unexpectedly" in lost["error"]
    assert after["result"] == "a"


def _first_of(process: int) -> int:
    """The first process of a sandbox that a process is in: the helper, its parent."""
    status = Path(f"/proc/{process}/status").read_text()
    [parent] = [line.split()[1] for line in status.splitlines() if line.startswith("PPid:")]
    return int(parent)


def test_what_a_run_asks_of_the_network_is_on_its_record(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    reachable = partial(proxying, is_allowed_address=lambda _: True)
    monkeypatch.setattr(shell, "proxying", reachable)
    with web_server(lambda _request: Answer("here"), host="localhost") as server:
        port = urlsplit(server.url).port
        workspace.write("agents/worker.md", AGENT % f"network: {{allow: ['localhost:{port}']}}\n")
        get = "from urllib.request import urlopen\nprint(urlopen('http://%s').read().decode())"
        reached, refused = python(get % f"localhost:{port}/"), python(get % "other.example/")
        run = workspace.run("worker", [reached, refused, REPORT])
    assert results(workspace, run)[0]["result"] == "here"
    assert "403" in results(workspace, run)[1]["error"]
    asked = [describe_event(each) for each in workspace.events(run) if each.kind == "network"]
    assert [line.split("⇄ ")[1] for line in asked] == [
        f"GET localhost:{port}",
        "GET other.example:80 refused: not in this agent's network.allow",
    ]


def test_the_end_of_a_run_is_the_end_of_its_sandbox(workspace: Workspace) -> None:
    told(workspace, bash("sleep 4321.5 &"))
    assert not host_processes("4321.5")


def test_a_cancelled_run_stops_its_command(workspace: Workspace) -> None:
    workspace.write("script.json", script(bash("sleep 2345.6"), REPORT))
    workspace.write("agents/worker.md", AGENT % "model: scripted:script.json\n")
    with serving(workspace):
        run = request_run(workspace.settings, workspace.engine, "worker")
        wake_engine(workspace.engine, workspace.settings.state_dir)
        wait_until(lambda: host_processes("2345.6") or None, "the command")
        assert lamplighter(workspace, "run", "cancel", run.id).returncode == 0
        wait_until(lambda: not host_processes("2345.6") or None, "the command's end")
        assert ended_run(workspace, "worker").status == "cancelled"


def test_a_killed_process_takes_its_commands_along_and_the_run_finds_its_files_again(
    workspace: Workspace,
) -> None:
    check_hand_over(workspace, serving, serving)


def test_another_machines_worker_finds_the_files_again(postgresql: str) -> None:
    files = {".env": f"LAMPLIGHTER_DATABASE_URL={postgresql}\n", "lamplighter.toml": ""}
    # The second worker has a folder of its own: only the database is shared.
    with (
        temporary_workspace(files, database_url=postgresql) as first,
        temporary_workspace(files, database_url=postgresql) as second,
    ):
        check_hand_over(first, working, working, second)


def check_hand_over(
    workspace: Workspace, start_first: Any, start_second: Any, other: Workspace | None = None
) -> None:
    """Kill the process amid the third step; what the first two did is there after it."""
    model = workspace.path / "script.json"
    workspace.write("agents/worker.md", AGENT % f"model: 'scripted:{model}'\n")
    write = turn(call("write_file", path="a.txt", content="one\n"))
    append = bash("cat a.txt >> log; echo two >> log")
    wait = bash("cat log; echo lost >> log; sleep 3456.7")
    workspace.write("script.json", script(write, append, wait, REPORT))
    with start_first(workspace, SANDBOX_COMMAND_TIMEOUT="600") as first:
        assert lamplighter(workspace, "run", "start", "worker").returncode == 0
        wait_until(lambda: host_processes("3456.7") or None, "the third command")
        first.kill()
    wait_until(lambda: not host_processes("3456.7") or None, "the command's end")
    with start_second(other or workspace, SANDBOX_COMMAND_TIMEOUT="1"):
        run = ended_run(workspace, "worker")
    assert (run.outcome, run.tool_calls) == ("reported", 3), run.summary
    # The third step is done anew; of its first attempt nothing is left.
    assert results(workspace, run)[2]["error"].endswith("[stdout]\none\ntwo")


@pytest.mark.parametrize("settings", [{"sandbox": "off"}, {"sandbox": "container"}])
def test_without_a_sandbox_there_are_no_commands_and_the_record_says_why(
    settings: dict[str, str],
) -> None:
    with temporary_workspace({"agents/worker.md": AGENT % ""}, **settings) as workspace:
        turns = [
            bash("true"),
            turn(
                call("write_file", path="a", content="b"), expect=["Unknown tool name: 'run_bash'"]
            ),
            REPORT,
        ]
        run = workspace.run("worker", turns)
        [started] = [e.data for e in workspace.events(run) if e.kind == "started"]
    assert run.outcome == "reported"
    assert started["tools"] == ["read_file", "write_file", "deliver_file"]
    assert started["missing"].keys() == {"run_bash", "run_python"}


def test_a_backend_that_does_not_work_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = Container("nosuchimage", "nosuchengine")
    tried = [choice.check_backend(backend), choice.check_backend(backend)]
    assert tried[0] is tried[1]
    monkeypatch.setattr(choice, "DOUBT_SECONDS", 0.0)
    assert choice.check_backend(backend) is not tried[0]


def test_an_agent_that_is_called_runs_its_commands_on_the_callers_files(
    workspace: Workspace,
) -> None:
    workspace.write("agents/worker.md", "---\ntools: [run_bash, agent:helper]\n---\nWork.")
    workspace.write("agents/helper.md", "---\ntools: [run_bash]\n---\nHelp.")
    marker = f"9{os.getpid()}"
    worker = [
        bash("echo one > a.txt"),
        turn(call("helper", message="Go on.")),
        bash("cat b.txt", expect=["Done it."]),
        REPORT,
    ]
    helper = [
        bash(f"cat a.txt; echo two > b.txt; sleep {marker} &"),
        turn(text="Done it.", expect=["one"]),
    ]
    run = play(workspace, "worker", {"worker": worker, "helper": helper})
    assert run.outcome == "reported", run.summary
    assert [each["result"] for each in results(workspace, run)][-1] == "two"
    assert host_processes(marker) == []
