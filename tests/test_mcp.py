"""MCP servers, real ones."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import lamplighter, wait_until
from rowboat import play, rowboat

from lamplighter.store.outbox import list_entries
from lamplighter.testing import Workspace, call, turn

NODE = Path(sys.prefix) / "node_modules"
TIME = {"command": sys.executable, "args": ["-m", "mcp_server_time", "--local-timezone=UTC"]}
CONVERT = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
AGENT = """\
---
tools:
  clock: {type: mcp, mcpServerName: time, name: convert_time}
  byName: {type: builtin, name: executeMcpTool}
---
Tell the time.
"""


def folder(servers: dict[str, Any], agent: str = AGENT) -> dict[str, str]:
    mcp = json.dumps({"mcpServers": servers})
    return {"agents/teller.md": agent, "config/mcp.json": mcp}


def report(*expect: str) -> dict[str, Any]:
    return turn(call("report", summary="Done."), expect=expect)


def node(package: str) -> dict[str, Any]:
    path = NODE / "@modelcontextprotocol" / package / "dist" / "index.js"
    if not path.exists() or not shutil.which("node"):
        pytest.skip("needs node and what scripts/setup installs with npm")
    return {"command": "node", "args": [str(path)]}


def outcome(workspace: Workspace, turns: list[dict[str, Any]]) -> str | None:
    return play(workspace, "teller", {"teller": turns}).outcome


def test_a_tool_of_a_server_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    with rowboat(folder({"time": TIME})) as workspace:
        turns = [turn(call("clock", **CONVERT)), report("21:00")]
        assert outcome(workspace, turns) == "reported"


def test_a_tool_that_is_not_allowed_is_not_called() -> None:
    given = {"serverName": "time", "toolName": "get_current_time", "arguments": {"timezone": "UTC"}}
    with rowboat(folder({"time": TIME})) as workspace:
        refused = [turn(call("byName", **given)), report("is not allowed")]
        assert outcome(workspace, refused) == "error"
        allowed = TIME | {"tools": ["get_current_time"]}
        workspace.write("config/mcp.json", json.dumps({"mcpServers": {"time": allowed}}))
        assert outcome(workspace, [turn(call("byName", **given)), report("day_of_week")]) == (
            "reported"
        )


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ({"command": "/nowhere/at/all"}, "does not start"),
        ({"command": sys.executable, "args": ["-c", "pass"]}, "does not start"),
        ({"url": "http://127.0.0.1:9/mcp"}, "does not start"),
        ({**TIME, "env": {"KEY": "env:ABSENT"}}, "ABSENT is not set"),
    ],
)
def test_a_dead_server_is_a_tool_error(server: dict[str, Any], says: str) -> None:
    with rowboat(folder({"time": server})) as workspace:
        assert outcome(workspace, [turn(call("clock", **CONVERT)), report(says)]) == "error"


def test_a_server_that_dies_in_a_call_leaves_it_uncertain(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(
        "import os, signal\n"
        "from mcp.server.mcpserver import MCPServer\n"
        "mcp = MCPServer('time')\n"
        "@mcp.tool()\n"
        "def convert_time() -> str:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "mcp.run()\n"
    )
    server = {"command": sys.executable, "args": [str(program)]}
    with rowboat(folder({"time": server})) as workspace:
        assert outcome(workspace, [turn(call("clock")), report("uncertain")]) == "reported"
        [entry] = list_entries(workspace.engine)
        assert (entry.kind, entry.destination, entry.state) == (
            "mcp", "time/convert_time", "uncertain",
        )  # fmt: skip


def test_secrets_reach_the_server_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLER_TOKEN", "a-secret-of-the-teller")
    monkeypatch.setenv("OTHER_TOKEN", "a-secret-of-another")
    server = node("server-everything") | {"env": {"MINE": "env:TELLER_TOKEN"}}
    agent = "---\ntools: ['mcp:all/get-env']\n---\nGo."
    with rowboat(folder({"all": server}, agent)) as workspace:
        run = play(workspace, "teller", {"teller": [turn(call("all_get-env")), report("MINE")]})
        record = json.dumps([event.data for event in workspace.events(run)])
    assert run.outcome == "reported"
    assert "TELLER_TOKEN" in record
    assert "a-secret" not in record


def test_a_repository_is_read_with_the_git_server(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "The first one"], check=True)
    server = {"command": sys.executable, "args": ["-m", "mcp_server_git"]}
    agent = "---\ntools: ['mcp:git/git_log']\n---\nGo."
    with rowboat(folder({"git": server}, agent)) as workspace:
        turns = [turn(call("git_git_log", repo_path=str(tmp_path))), report("The first one")]
        assert outcome(workspace, turns) == "reported"


def test_files_are_written_with_the_filesystem_server(tmp_path: Path) -> None:
    server = node("server-filesystem")
    server["args"].append(str(tmp_path))
    agent = "---\ntools: ['mcp:files/write_file']\n---\nGo."
    with rowboat(folder({"files": server}, agent)) as workspace:
        given = {"path": str(tmp_path / "a.txt"), "content": "By MCP."}
        turns = [turn(call("files_write_file", **given)), report("Successfully")]
        assert outcome(workspace, turns) == "reported"
        [entry] = list_entries(workspace.engine)
    assert (tmp_path / "a.txt").read_text() == "By MCP."
    assert (entry.destination, entry.state) == ("files/write_file", "sent")


def test_a_server_over_streamable_http(tmp_path: Path) -> None:
    server = node("server-everything")
    port = "38431"
    process = subprocess.Popen(
        [server["command"], *server["args"], "streamableHttp"],
        env=os.environ | {"PORT": port},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        wait_until(lambda: "listening" in str(process.stderr and process.stderr.readline()), "it")
        agent = "---\ntools: ['mcp:all/echo']\n---\nGo."
        served = {"all": {"type": "http", "url": f"http://127.0.0.1:{port}/mcp"}}
        with rowboat(folder(served, agent)) as workspace:
            turns = [turn(call("all_echo", message="Hello over HTTP")), report("Hello over HTTP")]
            assert outcome(workspace, turns) == "reported"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()


def test_the_command_line_says_which_servers_work() -> None:
    servers = {"time": TIME, "dead": {"command": "/nowhere/at/all"}}
    with rowboat(folder(servers)) as workspace:
        checked = lamplighter(workspace, "mcp", "list", "--check", "--json")
        time, dead = json.loads(checked.stdout)
        listed = lamplighter(workspace, "mcp", "tools", "time")
    assert checked.returncode == 1
    assert (time["healthy"], time["state"]) == (True, "2 tools")
    assert dead["healthy"] is False
    assert "mcp:time/convert_time" in listed.stdout
