"""A run's own folder: what it holds can be read, and nothing leads out of it."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lamplighter.errors import ToolFailed
from lamplighter.tools.files import MAX_FILE_BYTES, RunFiles, read_file, split_path, write_file


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    (tmp_path / "secret.txt").write_text("the host's secret")
    return RunFiles(tmp_path / "run")


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


def test_links_are_not_followed(files: RunFiles, tmp_path: Path) -> None:
    write_file(files, "here.md", "x")
    (files.root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (files.root / "out").symlink_to(tmp_path)
    for path in ("link.txt", "out/secret.txt"):
        with pytest.raises(ToolFailed, match="cannot read"):
            read_file(files, path)
    with pytest.raises(ToolFailed, match="cannot write"):
        write_file(files, "out/secret.txt", "stolen")
    write_file(files, "link.txt", "replaced")
    assert (tmp_path / "secret.txt").read_text() == "the host's secret"
    assert read_file(files, "link.txt") == "     1\treplaced"


def test_a_planted_link_where_the_new_file_is_prepared_is_refused(
    files: RunFiles, tmp_path: Path
) -> None:
    write_file(files, "a.md", "x")
    (files.root / ".a.md.new").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(ToolFailed):
        write_file(files, "a.md", "y")
    assert (tmp_path / "secret.txt").read_text() == "the host's secret"


def test_pipes_and_folders_are_no_files(files: RunFiles) -> None:
    write_file(files, "folder/a.md", "x")
    os.mkfifo(files.root / "pipe")
    for path in ("pipe", "folder"):
        with pytest.raises(ToolFailed):
            read_file(files, path)


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


def test_calls_of_one_turn_may_write_the_same_file(files: RunFiles) -> None:
    contents = [str(digit).encode() * 200_000 for digit in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            list(threads.map(lambda content: files.write_bytes("a.md", content), contents))
            assert files.read_bytes("a.md") in contents
