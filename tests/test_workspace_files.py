"""Rowboat's tools for files, through whole runs."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rowboat import play, rowboat

from lamplighter.definitions.rowboat.security import FileAccess, Security
from lamplighter.definitions.rowboat.tools import AUGUST, FEBRUARY, OTHERS
from lamplighter.errors import ToolFailed
from lamplighter.store.notices import list_notices
from lamplighter.testing import Workspace, call, turn
from lamplighter.tools import tree
from lamplighter.tools.places import Places
from lamplighter.tools.toolset import TOOLS

FILES = {
    "notes/a.md": "# Lamp\n\nLit at dusk.\n",
    "notes/deep/b.txt": "A lamp too.\n",
    "notes/.hidden.md": "lamp\n",
    ".env": "KEY=lamp-secret",
    "config/models.json": '{"provider": {"flavor": "openai", "apiKey": "lamp-secret"}}',
    "config/mcp.json": "{}",
    "config/security.json": '{"allowedFileAccess": []}',
    "skills/triage/SKILL.md": "---\nname: Triage\ndescription: How to sort\n---\nBy sender.",
}


@pytest.fixture
def folder() -> Iterator[Workspace]:
    names = [name for name in (*FEBRUARY, *AUGUST, *OTHERS) if name in TOOLS]
    agent = f"---\ntools: {json.dumps(names)}\n---\nGo."
    with rowboat({**FILES, "agents/tester.md": agent}) as workspace:
        yield workspace


def results(workspace: Workspace, *calls: dict[str, Any]) -> list[Any]:
    """What the calls give, one after the other."""
    turns = [*(turn(each) for each in calls), turn(call("report", summary="Done."))]
    run = play(workspace, "tester", {"tester": turns})
    assert (run.summary or "").endswith("Done."), run.summary  # even if all of them failed
    events = [event.data for event in workspace.events(run) if event.kind == "tool_result"]
    return [event.get("result", event.get("error")) for event in events]


def test_reading_gives_rowboats_shapes(folder: Workspace) -> None:
    root, exists, stat, listed, read, binary, found, lines = results(
        folder,
        call("workspace-getRoot"),
        call("workspace-exists", path="notes/none.md"),
        call("workspace-stat", path="notes"),
        call("workspace-readdir", path="notes", recursive=True),
        call("workspace-readFile", path="notes/a.md"),
        call("workspace-readFile", path="notes/a.md", encoding="base64"),
        call("workspace-glob", pattern="**/*.{md,txt}", cwd="notes"),
        call("workspace-grep", pattern="LAMP", searchPath="notes", maxResults=2),
    )
    assert root == {"root": str(folder.path.resolve())}
    assert exists == {"exists": False}
    assert stat.keys() == {"kind", "size", "mtimeMs", "ctimeMs"}
    assert listed == [
        {"name": "deep", "path": "notes/deep", "kind": "dir"},
        {"name": "a.md", "path": "notes/a.md", "kind": "file"},
        {"name": "b.txt", "path": "notes/deep/b.txt", "kind": "file"},
    ]
    status = (folder.path / "notes/a.md").stat()
    assert read["etag"].startswith(f"{status.st_size}:{status.st_mtime_ns // 1_000_000}")
    assert {key: read[key] for key in ("path", "encoding", "data")} == {
        "path": "notes/a.md", "encoding": "utf8", "data": FILES["notes/a.md"],
    }  # fmt: skip
    assert read["stat"]["kind"] == "file"
    assert base64.b64decode(binary["data"]).decode() == FILES["notes/a.md"]
    assert found == {
        "files": ["a.md", "deep/b.txt"], "count": 2, "pattern": "**/*.{md,txt}", "cwd": "notes",
    }  # fmt: skip
    assert lines["matches"] == [
        {"file": "notes/a.md", "line": 1, "content": "# Lamp"},
        {"file": "notes/deep/b.txt", "line": 1, "content": "A lamp too."},
    ]


def test_writing_gives_rowboats_shapes(folder: Workspace) -> None:
    written, edited, made, moved, copied, removed = results(
        folder,
        call("workspace-writeFile", path="out/a.md", data="one two two"),
        call("workspace-edit", path="out/a.md", oldString="two", newString="2", replaceAll=True),
        call("workspace-mkdir", path="out/deep/er"),
        call("workspace-rename", **{"from": "out/a.md", "to": "out/deep/b.md"}),
        call("file-copy", **{"from": "out/deep/b.md", "to": "out/c.md"}),
        call("workspace-remove", path="out/c.md"),
    )
    assert written.keys() == {"path", "stat", "etag"}
    assert edited == {"success": True, "replacements": 2}
    assert made == moved == copied == removed == {"ok": True}
    assert (folder.path / "out/deep/b.md").read_text() == "one 2 2"
    assert not (folder.path / "out/c.md").exists()
    [trashed] = (folder.path / ".trash").iterdir()
    assert trashed.read_text() == "one 2 2"


def test_august_reads_numbered_lines(folder: Workspace) -> None:
    [text] = results(folder, call("file-readText", path="notes/a.md", offset=2, limit=1))
    assert "<content>\n2: \n" in text
    assert "Lines 2-2 of 3" in text


def test_a_stale_etag_writes_nothing(folder: Workspace) -> None:
    [refused] = results(
        folder, call("workspace-writeFile", path="notes/a.md", data="x", expectedEtag="1:2")
    )
    assert "not 1:2" in refused
    assert (folder.path / "notes/a.md").read_text() == FILES["notes/a.md"]


@pytest.mark.parametrize(
    "path", ["agents/tester.md", "skills/x.md", "config/x.json", "lamplighter.toml", "Agents/x.md"]
)
def test_what_decides_what_agents_do_is_read_only(folder: Workspace, path: str) -> None:
    said = results(
        folder,
        call("workspace-writeFile", path=path, data="tools: everything"),
        call("file-mkdir", path=path),
        call("workspace-rename", **{"from": "notes/a.md", "to": path, "overwrite": True}),
    )
    assert all("read-only" in each or "no such file" in each for each in said)


@pytest.mark.parametrize("path", [".env", ".ENV", "config/models.json", "config/mcp.json",
                                  ".lamplighter/lamplighter.db", "notes/../.env"])  # fmt: skip
def test_what_holds_keys_is_not_there(folder: Workspace, path: str) -> None:
    exists, read, wrote = results(
        folder,
        call("workspace-exists", path=path),
        call("workspace-readFile", path=path),
        call("workspace-writeFile", path=path, data="x"),
    )
    assert exists == {"exists": False}
    assert "no such file" in read or "without .." in read
    assert "no such file" in wrote or "without .." in wrote


def test_searches_do_not_find_what_holds_keys(folder: Workspace) -> None:
    listed, found, lines = results(
        folder,
        call("file-list", path="", recursive=True, includeHidden=True),
        call("file-glob", pattern="**/*.json"),
        call("file-grep", pattern="lamp-secret", searchPath="config"),
    )
    paths = {entry["path"] for entry in listed}
    assert paths.isdisjoint({".env", ".lamplighter", "config/models.json", "config/mcp.json"})
    assert found["files"] == ["config/security.json"]
    assert lines["count"] == 0


def test_links_are_not_followed(folder: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("outside")
    os.symlink(tmp_path, folder.path / "notes/out")
    os.symlink(tmp_path / "secret.txt", folder.path / "notes/link.txt")
    os.symlink("../.env", folder.path / "notes/key.txt")
    said = results(
        folder,
        call("workspace-readFile", path="notes/out/secret.txt"),
        call("workspace-readFile", path="notes/link.txt"),
        call("workspace-readFile", path="notes/key.txt"),
        call("workspace-writeFile", path="notes/out/new.txt", data="x"),
        call("workspace-grep", pattern="outside|secret", searchPath="notes"),
    )
    assert all("cannot" in each for each in said[:4])
    assert said[4]["count"] == 0
    assert [each.name for each in tmp_path.iterdir()] == ["secret.txt"]


def test_writing_to_a_link_replaces_the_link(folder: Workspace, tmp_path: Path) -> None:
    (tmp_path / "target.txt").write_text("outside")
    os.symlink(tmp_path / "target.txt", folder.path / "notes/link.txt")
    results(folder, call("workspace-writeFile", path="notes/link.txt", data="mine"))
    assert (tmp_path / "target.txt").read_text() == "outside"
    assert (folder.path / "notes/link.txt").read_text() == "mine"


def test_every_tool_of_both_generations_is_there_or_said_to_be_missing() -> None:
    assert set(FEBRUARY) | set(AUGUST) <= TOOLS.keys()


def test_a_background_run_does_not_wait_for_a_person(folder: Workspace) -> None:
    [answer] = results(folder, call("ask-human", question="Which?", options=["a", "b"]))
    assert answer["available"] is False


def test_people_are_notified_and_notes_are_kept(folder: Workspace) -> None:
    _notified, _noted, skill, missing = results(
        folder,
        call("notify-user", title="Mail", message="Ann wrote."),
        call("save-to-memory", note="Ann likes\nlunch."),
        call("loadSkill", skillName="triage"),
        call("loadSkill", skillName="nothing"),
    )
    [notice] = list_notices(folder.engine)
    assert (notice.kind, notice.message) == ("message", "tester says: Mail: Ann wrote.")
    memory = (folder.path / "memory/tester.md").read_text()
    assert memory.startswith("# Notes of tester\n")
    assert ": Ann likes lunch. <!--" in memory
    assert skill == {"success": True, "skillName": "Triage", "content": "By sender."}
    assert "Triage (How to sort)" in missing


# Places


def places(*allowed: str) -> Places:
    files = tuple(FileAccess("write", Path(each)) for each in allowed)  # type: ignore[arg-type]
    return Places(Path("/srv/work"), Security(files=files))


@given(st.text(max_size=30), st.sampled_from(["", "~/", "/", "/srv/work/", "../", "/srv/shared/"]))
def test_no_path_leads_anywhere_that_is_not_allowed(text: str, start: str) -> None:
    try:
        spot = places("/srv/shared").find(start + text, "write")
    except ToolFailed:
        return
    assert ".." not in spot.parts
    assert spot.is_visible
    assert not spot.is_read_only
    real = spot.root.joinpath(*spot.parts)
    assert real.is_relative_to("/srv/work" if spot.inside else "/srv/shared")


def test_a_prefix_is_a_folder_and_not_a_beginning_of_names() -> None:
    with pytest.raises(ToolFailed, match="does not allow"):
        places("/srv/shared").find("/srv/shared-not/a.md", "write")


def test_the_file_of_the_key_is_not_there_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "Mine").write_text("lamp-secret")
    found = Places(tmp_path, Security(), tmp_path / "keys" / "Mine")
    for path in ("keys/Mine", "keys/mine", str(tmp_path / "keys" / "Mine")):
        with pytest.raises(ToolFailed, match="no such file"):
            found.find(path, "read")
    assert list(tree.walk(found.find("keys", "list"), recursive=True, hidden=True)) == []


def test_leave_to_write_is_no_leave_to_read() -> None:
    with pytest.raises(ToolFailed, match="does not allow to read"):
        places("/srv/shared").find("/srv/shared/a.md", "read")


# Commands


@pytest.mark.parametrize(
    "command", ["cat a.md", "cat a.md | grep -i lamp", "cat 'a b' && ls -l; ls"]
)
def test_allowed_commands(command: str) -> None:
    assert Security(frozenset({"cat", "grep", "ls"})).refusal(command) == ""


@pytest.mark.parametrize(
    "command",
    ["", "rm a", "cat a; rm b", "cat a & rm b", "cat $(rm b)", "cat `rm b`", "cat a > b",
     "cat a || rm b", "cat a\nrm b", "X=1 rm b", "cat <(rm b)", "'rm' b", "c\\at a; r\\m b"],
)  # fmt: skip
def test_commands_that_are_not_allowed(command: str) -> None:
    assert Security(frozenset({"cat", "grep", "ls"})).refusal(command)
