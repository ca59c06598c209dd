"""A folder that results go to: nothing leads out of it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lamplighter.errors import ToolFailed
from lamplighter.tools.folder import Folder

SECRET = "the host's secret"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "secret.txt").write_text(SECRET)
    made = Folder(tmp_path / "results")
    made.write_bytes("here.md", b"x")
    return made


def test_links_are_not_followed(folder: Folder, tmp_path: Path) -> None:
    (folder.root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder.root / "out").symlink_to(tmp_path)
    with pytest.raises(ToolFailed, match="cannot write"):
        folder.write_bytes("out/secret.txt", b"stolen")
    folder.write_bytes("link.txt", b"replaced")
    assert (tmp_path / "secret.txt").read_text() == SECRET
    assert (folder.root / "link.txt").read_text() == "replaced"


def test_a_planted_link_where_the_new_file_is_prepared_is_refused(
    folder: Folder, tmp_path: Path
) -> None:
    (folder.root / ".here.md.new").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(ToolFailed):
        folder.write_bytes("here.md", b"y")
    assert (tmp_path / "secret.txt").read_text() == SECRET


def test_paths_that_lead_out_are_refused(folder: Folder) -> None:
    with pytest.raises(ToolFailed, match="no path inside"):
        folder.write_bytes("../secret.txt", b"stolen")


def test_a_file_may_be_written_by_several_at_once(folder: Folder) -> None:
    contents = [str(digit).encode() * 200_000 for digit in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            list(threads.map(lambda content: folder.write_bytes("a.md", content), contents))
            assert (folder.root / "a.md").read_bytes() in contents
