import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lamplighter.errors import Unreadable
from lamplighter.source_config import FilesSource
from lamplighter.sources.files import File, Folder, matches, open_folder
from lamplighter.sources.local import Boundary

NOBODY = 65534


def folder(root: Path, **config: object) -> Folder:
    settings = FilesSource.model_validate({"path": root, **config})
    return open_folder(settings, Boundary("notes", root.parent, root.parent / "key"))


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"text of {path}")


def readable(root: Path, **config: object) -> list[str]:
    return [item.path for item in folder(root, **config).files() if not item.problem]


def problems(root: Path, **config: object) -> dict[str, str]:
    return {item.path: item.problem for item in folder(root, **config).files() if item.problem}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    return tmp_path / "notes"


def test_files_come_with_posix_paths_in_one_order(root: Path) -> None:
    write(root, "b.md", "a/z.txt", "a/b/c.md", "a.md")
    assert readable(root) == ["a.md", "b.md", "a/z.txt", "a/b/c.md"]


def test_an_item_knows_size_time_and_a_stamp_that_follows_changes(root: Path) -> None:
    write(root, "a.md")
    os.utime(root / "a.md", ns=(0, 1_760_000_000_123_456_789))
    (before,) = folder(root).files()
    assert before.size_bytes == len("text of a.md")
    assert before.modified_at.isoformat() == "2025-10-09T08:53:20.123456+00:00"
    os.utime(root / "a.md", ns=(0, 1_760_000_000_123_456_790))
    (after,) = folder(root).files()
    assert before.stamp != after.stamp


def test_a_time_that_no_calendar_holds_is_no_obstacle(root: Path) -> None:
    write(root, "a.md")
    os.utime(root / "a.md", ns=(0, 2**62))
    assert readable(root) == ["a.md"]


def test_hidden_files_and_folders_are_never_seen(root: Path) -> None:
    write(root, ".env", ".lamplighter/lamplighter.db", ".git/config", "sub/.hidden", "seen.md")
    assert [item.path for item in folder(root, include=["**/*", ".env"]).files()] == ["seen.md"]


@pytest.mark.parametrize("name", ["id_rsa", "server.pem", "prod.env", "Passwords.KDBX"])
def test_key_files_are_never_readable(root: Path, name: str) -> None:
    write(root, name)
    assert "never read" in problems(root, include=["*"])[name]


def test_a_private_key_under_a_harmless_name_is_not_read(root: Path) -> None:
    (root / "notes.txt").write_text("\n-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n")
    (item,) = folder(root).files()
    with pytest.raises(Unreadable, match="private key"):
        folder(root).read(item)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.md", "a.md", True),
        ("*.md", "deep/er/a.md", True),
        ("*.md", "a.mdx", False),
        ("drafts", "drafts/a.md", True),
        ("drafts/", "x/drafts/y/a.md", True),
        ("drafts", "drafts2/a.md", False),
        ("/drafts", "drafts/a.md", True),
        ("./a/*.md", "a/b.md", True),
        ("a/*.md", "a/b/c.md", False),
        ("a/**/*.md", "a/b/c.md", True),
        ("a/**/*.md", "a/c.md", True),
        ("a/**", "a/b/c.md", True),
        ("a?.md", "ab.md", True),
        ("a?.md", "a/.md", False),
        ("a+(b).md", "a+(b).md", True),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches([pattern], path) is expected


def test_include_and_exclude_choose_the_files(root: Path) -> None:
    write(root, "a.md", "b.txt", "drafts/c.md", "deep/drafts/d.md", "deep/e.md")
    assert readable(root, include=["*.md"], exclude=["drafts"]) == ["a.md", "deep/e.md"]


def test_links_out_of_the_folder_are_reported_and_not_followed(root: Path) -> None:
    (root.parent / "secret.txt").write_text("secret")
    (root / "out.txt").symlink_to(root.parent / "secret.txt")
    (root / "up").symlink_to(root.parent)
    (root / "dangling").symlink_to("nowhere")
    assert readable(root) == []
    assert set(problems(root)) == {"out.txt", "up", "dangling"}


def test_links_within_the_folder_add_nothing_and_circles_do_no_harm(root: Path) -> None:
    write(root, "a/b.md")
    (root / "a" / "circle").symlink_to(root)
    (root / "again.md").symlink_to("a/b.md")
    assert [item.path for item in folder(root).files()] == ["a/b.md"]


def test_a_file_that_became_a_link_is_not_followed(root: Path) -> None:
    write(root, "a.md")
    opened = folder(root)
    (item,) = opened.files()
    (root / "a.md").unlink()
    (root / "a.md").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic link"):
        opened.read(item)


def test_pipes_and_sockets_are_left_alone(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert list(folder(root).files()) == []
    with pytest.raises(Unreadable, match="no longer a file"):
        folder(root).read(File("pipe"))


def test_fifty_megabytes_are_refused_with_the_size_and_without_reading(root: Path) -> None:
    with (root / "huge.txt").open("wb") as file:
        file.truncate(50_000_000)
    assert problems(root) == {
        "huge.txt": "50,000,000 bytes, over the limit of 20,000,000 (max_file_size_bytes)"
    }


def test_a_file_that_grew_over_the_limit_is_refused_when_read(root: Path) -> None:
    write(root, "a.md")
    opened = folder(root, max_file_size_bytes=20)
    (item,) = opened.files()
    (root / "a.md").write_text("x" * 21)
    with pytest.raises(Unreadable, match="over the limit of 20"):
        opened.read(item)


def test_a_name_that_is_not_utf8_is_reported_in_a_form_that_can_be_stored(root: Path) -> None:
    try:
        (root / os.fsdecode(b"caf\xe9.md")).write_text("x")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    (root / "line\nbreak.md").write_text("x")
    found = problems(root)
    assert set(found) == {"caf?.md", "line\nbreak.md"}
    assert all("rename" in reason for reason in found.values())


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Root opens everything, so where the tests run as root they step down here."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_closed_folder_is_reported_and_the_rest_is_read() -> None:
    with TemporaryDirectory() as folder, as_nobody(Path(folder)):
        root = Path(folder)
        write(root, "closed/a.md", "open.md")
        (root / "closed").chmod(0)
        assert readable(root) == ["open.md"]
        assert problems(root) == {"closed/": "cannot be opened: Permission denied"}
        (root / "closed").chmod(0o700)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", "no folder .*nowhere; create it, or correct path under"),
        ("file.txt", "is not a folder"),
        (".lamplighter/runs", "own state"),
    ],
)
def test_a_source_without_its_folder_says_what_to_do(
    tmp_path: Path, path: str, message: str
) -> None:
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / ".lamplighter" / "runs").mkdir(parents=True)
    with pytest.raises(Unreadable, match=message):
        open_folder(FilesSource(path=path), Boundary("notes", tmp_path, tmp_path / "key"))


def test_the_path_is_relative_to_the_workspace_and_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, "real/a.md")
    (tmp_path / "linked").symlink_to("real")
    opened = open_folder(FilesSource(path="linked"), Boundary("notes", tmp_path, tmp_path / "key"))
    (item,) = opened.files()
    assert opened.read(item) == b"text of real/a.md"
