"""``executeCommand``: what it sees, what it may change, and that it happens once."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers import IMAGE, find_engine
from mortal import Order, bear
from rowboat import play, rowboat
from sandboxes import SANDBOXED

from lamplighter.store.runs import list_runs
from lamplighter.testing import Workspace, call, turn
from lamplighter.workspace import read_catalogue

COMMANDS = "bash cat chmod cp echo find grep ln ls mkdir mv pwd python3 rm sh sleep tee touch wc"
AGENT = "---\ntools:\n  run: {type: builtin, name: executeCommand}\n---\nGo."
FILES = {
    "agents/tester.md": AGENT,
    "notes/a.md": "dusk\n",
    "out/log.txt": "first\n",
    "out/old.txt": "old\n",
    "tools/loud.sh": "echo loud; echo louder >&2; exit 3\n",
    ".env": "KEY=lamp-secret",
    "config/models.json": '{"provider": {"flavor": "openai", "apiKey": "lamp-secret"}}',
    "config/mcp.json": '{"lamp-secret": 1}',
    "config/other.json": "lamp-secret",
}


def allow(*access: tuple[str, Path | str], commands: str = COMMANDS) -> str:
    files = [{"operation": each, "pathPrefix": str(path)} for each, path in access]
    return json.dumps({"allowedCommands": commands.split(), "allowedFileAccess": files})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "Desktop").mkdir()
    return tmp_path


@pytest.fixture
def folder(home: Path) -> Iterator[Workspace]:
    with rowboat(FILES) as workspace:
        (workspace.path / "notes" / "empty").mkdir()
        out = workspace.path / "out"
        workspace.write("config/security.json", allow(("write", out), ("delete", out)))
        yield workspace


def said(workspace: Workspace, *commands: str | dict[str, str]) -> list[Any]:
    """What the tool gives for each command, one after the other."""
    given = [{"command": each} if isinstance(each, str) else each for each in commands]
    turns = [*(turn(call("run", **each)) for each in given), turn(call("report", summary="Done."))]
    run = play(workspace, "tester", {"tester": turns})
    assert (run.summary or "").endswith("Done."), run.summary  # even if all of them failed
    events = [event.data for event in workspace.events(run) if event.kind == "tool_result"]
    return [event.get("result", event.get("error")) for event in events]


@SANDBOXED
def test_results_have_rowboats_shape(folder: Workspace) -> None:
    os.utime(folder.path / "notes" / "a.md", (86_400, 86_400))
    counting = {"command": "cat a.md | wc -l", "cwd": "notes"}
    good, bad, old = said(folder, counting, "sh tools/loud.sh", "find notes ! -newermt 1980-01-01")
    assert old["stdout"] == "notes/a.md\n"
    root = folder.path.resolve()
    assert good == {
        "success": True,
        "stdout": "1\n",
        "stderr": "",
        "exitCode": 0,
        "command": "cat a.md | wc -l",
        "workingDir": str(root / "notes"),
    }
    assert (bad["success"], bad["exitCode"], bad["workingDir"]) == (False, 3, str(root))
    assert (bad["stdout"], bad["stderr"]) == ("loud\n", "louder\n")


@SANDBOXED
def test_only_allowed_commands_run(folder: Workspace) -> None:
    refused, absent = said(folder, "cat notes/a.md; uname", {"command": "ls", "cwd": "nowhere"})
    assert "not allowed by config/security.json: 'uname'" in refused
    assert "no folder that a command can see" in absent


@SANDBOXED
def test_what_holds_keys_and_what_is_elsewhere_is_not_there(folder: Workspace, home: Path) -> None:
    (home / "private.txt").write_text("lamp-secret")
    (folder.path / "notes" / "link").symlink_to(home / "private.txt")
    (folder.path / "link").symlink_to(folder.path / ".env")
    everything, direct, elsewhere, empty = said(
        folder,
        "grep -rl lamp-secret . --exclude script.yaml; ls -A . config",
        f"cat .env {folder.path}/config/models.json",
        f"cat {home}/private.txt; ls ~",
        "ls notes",
    )
    shown = everything["stdout"].split()
    assert shown[0] == ".:"
    assert ".env" not in shown
    assert ".lamplighter" not in shown
    assert shown[shown.index("config:") + 1 :] == ["security.json"]
    assert direct["stderr"].count("No such file") == 2
    assert "lamp-secret" not in elsewhere["stdout"]
    assert empty["stdout"].split() == ["a.md", "empty"]


@SANDBOXED
def test_what_rowboats_own_list_lets_through_does_no_harm(folder: Workspace, home: Path) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_rsa").write_text("lamp-secret")
    deleted, read = said(folder, "find . -delete", "cat ~/.ssh/id_rsa")
    assert (deleted["success"], read["success"]) == (False, False)
    assert "lamp-secret" not in str(read)
    for name in ("notes/a.md", "agents/tester.md", ".env", "config/models.json"):
        assert (folder.path / name).exists()
    assert not (folder.path / "out" / "log.txt").exists()  # where it is allowed


@SANDBOXED
def test_changes_come_out_where_they_are_allowed_and_nowhere_else(folder: Workspace) -> None:
    made, refused = said(
        folder,
        "echo new | tee -a out/log.txt out/deep/new.txt; mkdir out/deep; "
        "echo new | tee out/deep/new.txt; rm out/old.txt",
        "touch notes/b.md; rm notes/a.md; cp notes/a.md agents/evil.md",
    )
    assert made["exitCode"] == 0, made
    assert (folder.path / "out" / "log.txt").read_text() == "first\nnew\n"
    assert (folder.path / "out" / "deep" / "new.txt").read_text() == "new\n"
    assert not (folder.path / "out" / "old.txt").exists()
    assert refused["stderr"].count("Permission denied") == 3
    assert (folder.path / "notes" / "a.md").exists()


@SANDBOXED
def test_what_cannot_be_looked_at_any_more_is_not_taken_to_be_gone(folder: Workspace) -> None:
    folder.write("out/deep/a.txt", "kept\n")
    [result] = said(folder, "chmod 000 out/deep; rm out/old.txt; ln -s log.txt out/old.txt")
    assert result["stderr"].count("no ordinary file") == 2
    assert (folder.path / "out" / "deep" / "a.txt").read_text() == "kept\n"
    assert (folder.path / "out" / "old.txt").read_text() == "old\n"


@SANDBOXED
def test_a_program_that_insists_is_told_that_nothing_came_of_it(
    folder: Workspace, home: Path
) -> None:
    folder.write("config/security.json", allow(("write", folder.path)))
    folder.write(
        "tools/trick.py",
        "import os\n"
        "for place in ('agents', 'config', 'runs', '.lamplighter'):\n"
        "    os.makedirs(place, exist_ok=True)\n"
        "    os.chmod(place, 0o700)\n"
        "    open(place + '/evil.md', 'w').write('evil')\n"
        f"os.symlink({str(home)!r}, 'notes/out')\n"
        "os.remove('out/old.txt')\n"
        "open('.env.local', 'w').write('evil')\n"
        "open('fine.txt', 'w').write('fine')\n",
    )
    [result] = said(folder, "python3 tools/trick.py")
    assert result["success"] is False
    assert result["exitCode"] == 0, result
    for name in ("agents/evil.md", "config/evil.md", "runs/evil.md", ".env.local", "notes/out"):
        assert f"not changed: {folder.path.resolve()}/{name}: " in result["stderr"]
        assert not (folder.path / name).exists()
    assert not (folder.path / ".lamplighter" / "evil.md").exists()
    assert (folder.path / "out" / "old.txt").exists()  # to delete is another leave
    assert (folder.path / "fine.txt").read_text() == "fine"
    assert list((home / "Desktop").iterdir()) == []


@SANDBOXED
def test_outside_the_workspace_is_what_may_be_read_and_written(
    folder: Workspace, home: Path
) -> None:
    for name in ("Desktop", "Letters", "Hidden"):
        (home / name).mkdir(exist_ok=True)
        (home / name / "a.txt").write_text("one\n")
    access: list[tuple[str, Path | str]] = [
        ("read", "~/Desktop"),
        ("write", home / "Desktop"),
        ("write", home / "Letters"),
        ("read", home / "Hidden"),
    ]
    folder.write("config/security.json", allow(*access))
    written, absent = said(
        folder,
        "cat notes/a.md | tee -a ~/Desktop/a.txt; cp notes/a.md ~/Desktop/deep.md",
        f"touch ~/Letters/b.txt; cat {home}/Hidden/a.txt",
    )
    assert written["success"], written
    assert (home / "Desktop" / "a.txt").read_text() == "one\ndusk\n"
    assert (home / "Desktop" / "deep.md").read_text() == "dusk\n"
    assert absent["stderr"].count("No such file") == 2


@SANDBOXED
def test_what_is_too_much_is_said(folder: Workspace) -> None:
    folder.write("agents/tester.md", AGENT.replace("---\nGo", "limits: {disk_mb: 1}\n---\nGo"))
    (folder.path / "notes" / "big.bin").write_bytes(bytes(2 << 20))
    [refused] = said(folder, "ls")
    assert "more than 1 MB; limits.disk_mb" in refused
    (folder.path / "notes" / "big.bin").write_bytes(bytes(11_000_000))
    folder.write("agents/tester.md", AGENT)
    [left_out] = said(folder, "ls notes")
    assert "big.bin is too large to be seen here" in left_out["stderr"]


@SANDBOXED
def test_a_command_that_takes_too_long_is_stopped(folder: Workspace) -> None:
    limits = "limits: {command_timeout: 1}\n---\nGo"
    folder.write("agents/tester.md", AGENT.replace("---\nGo", limits))
    [stopped] = said(folder, "sleep 100")
    assert (stopped["success"], stopped["exitCode"]) == (False, 124)
    assert "Stopped after 1 seconds" in stopped["stderr"]


@SANDBOXED
@pytest.mark.parametrize("moment", ["before the act", "before the receipt"])
def test_a_command_happens_once_whenever_its_process_dies(folder: Workspace, moment: str) -> None:
    append = turn(call("run", command="echo x | tee -a out/log.txt"))
    model = folder.script([append, turn(call("report", summary="Done."))])
    path = str(folder.path)
    assert bear(Order(path, ("tester",), model, (moment, 1))) == -9
    assert bear(Order(path)) == 0
    [run] = list_runs(folder.engine)
    [result] = [event.data for event in folder.events(run) if event.kind == "tool_result"]
    assert (run.outcome, result["result"]["stdout"]) == ("reported", "x\n")
    assert (folder.path / "out" / "log.txt").read_text() == "first\nx\n"


@pytest.mark.container
def test_in_a_container_it_is_the_same(home: Path) -> None:
    settings = {"sandbox": "container", "sandbox_image": IMAGE, "sandbox_engine": find_engine()}
    with rowboat(FILES, **settings) as folder:
        out = folder.path / "out"
        folder.write("config/security.json", allow(("write", out)))
        copy = "import shutil\nshutil.copyfile('notes/a.md', 'out/new.md')\nopen('notes/b', 'w')"
        folder.write("tools/copy.py", copy)
        written, listed = said(folder, "cat out/log.txt; python3 tools/copy.py", "ls -a")
        assert written["stdout"] == "first\n"
        assert "PermissionError" in written["stderr"]
        assert (out / "new.md").read_text() == "dusk\n"
        assert ".env" not in listed["stdout"].split()


def test_where_no_command_is_allowed_there_is_no_such_tool(folder: Workspace) -> None:
    (folder.path / "config" / "security.json").unlink()
    [warning] = read_catalogue(folder.settings).problems
    assert "'executeCommand' is not available (config/security.json allows no" in str(warning)
    assert "Unknown tool name: 'run'" in said(folder, "ls")[0]
