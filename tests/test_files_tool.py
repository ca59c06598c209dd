"""A run's own files: kept by what they hold, and found again."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.engine.manual import request_run
from lamplighter.errors import ToolFailed
from lamplighter.store.contents import PART_BYTES
from lamplighter.store.database import open_database
from lamplighter.store.tables import contents
from lamplighter.testing import temporary_workspace
from lamplighter.tools.files import (
    MAX_FILE_BYTES,
    RunFiles,
    read_changes,
    read_file,
    split_path,
    write_file,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunFiles]:
    is_file = request.param == "sqlite"
    engine = open_database(tmp_path if is_file else request.getfixturevalue("postgresql"))
    files = {"agents/a.md": "Go."}
    with temporary_workspace(files) as workspace:
        run = request_run(workspace.settings, engine, "a")
    yield RunFiles(engine, run.id, 100_000_000)
    engine.dispose()


def test_what_was_written_can_be_read_by_numbered_lines(files: RunFiles) -> None:
    write_file(files, "notes/a.md", "one\ntwo\nthree\n")
    assert read_file(files, "/workspace/notes/a.md") == "     1\tone\n     2\ttwo\n     3\tthree"
    assert read_file(files, "notes/a.md", 2, 2) == "     2\ttwo"
    assert read_file(files, "notes/a.md", 3, 99) == "     3\tthree"


@pytest.mark.parametrize(
    "path",
    ["", "..", "../secret.txt", "a/../../secret.txt", "/etc/passwd", "a//b", "a\0b", "/workspace"],
)
def test_paths_that_name_nothing_inside_are_refused(files: RunFiles, path: str) -> None:
    with pytest.raises(ToolFailed, match="no path inside"):
        write_file(files, path, "x")


def test_a_name_that_only_begins_like_the_folder_is_an_ordinary_path() -> None:
    assert split_path("workspace/a.md") == ["workspace", "a.md"]


def test_folders_are_no_files(files: RunFiles) -> None:
    write_file(files, "folder/a.md", "x")
    with pytest.raises(ToolFailed, match="Is a directory"):
        read_file(files, "folder")
    for path in ("folder", "folder/a.md/b"):
        with pytest.raises(ToolFailed, match="cannot write"):
            write_file(files, path, "y")


def test_all_files_together_are_bounded(files: RunFiles) -> None:
    files.quota_bytes = 10
    write_file(files, "a.md", "123456")
    with pytest.raises(ToolFailed, match="at most 10 are kept"):
        write_file(files, "b.md", "12345")
    write_file(files, "a.md", "1234567890")


def test_files_are_found_again_by_what_was_told_of_their_changes(files: RunFiles) -> None:
    told = [write_file(files, "a.md", "one").answer, write_file(files, "b/c.md", "two").answer]
    told.append(write_file(files, "a.md", "three").answer)
    again = RunFiles(files.engine, files.run_id, files.quota_bytes)
    for answer in told[:2]:
        again.apply(read_changes(json.loads(json.dumps(answer["files"]))))
    assert (again.read_bytes("a.md"), again.read_bytes("b/c.md")) == (b"one", b"two")
    again.apply(read_changes(told[2]["files"] | {"b/c.md": None}))
    assert again.read_bytes("a.md") == b"three"
    assert again.entries.keys() == {"a.md"}


def test_content_in_several_parts_is_one_again(files: RunFiles) -> None:
    content = os.urandom(3 * PART_BYTES + 7)
    files.write_bytes("big", content)
    assert files.read_bytes("big") == content
    files.write_bytes("empty", b"")
    assert files.read_bytes("empty") == b""


def test_damaged_content_is_not_read(files: RunFiles) -> None:
    write_file(files, "a.md", "meant")
    with files.engine.begin() as connection:
        connection.execute(contents.update().values(content=b"other"))
    with pytest.raises(ToolFailed, match="damaged"):
        read_file(files, "a.md")


def test_absent_files_and_lines_say_so(files: RunFiles) -> None:
    with pytest.raises(ToolFailed, match="No such file"):
        read_file(files, "absent.md")
    write_file(files, "a.md", "one\n")
    with pytest.raises(ToolFailed, match="has lines 1 to 1"):
        read_file(files, "a.md", 5)


def test_large_and_binary_files_are_refused(files: RunFiles) -> None:
    with pytest.raises(ToolFailed, match="more than"):
        write_file(files, "big.txt", "x" * (MAX_FILE_BYTES + 1))
    write_file(files, "long.txt", "line\n" * 20_000)
    with pytest.raises(ToolFailed, match="start_line"):
        read_file(files, "long.txt")
    files.write_bytes("data.bin", b"\xff\xfe\x00")
    with pytest.raises(ToolFailed, match="UTF-8"):
        read_file(files, "data.bin")
