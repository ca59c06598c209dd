"""``read_file`` and ``write_file``: a run's own folder, and nothing outside it.

Every step of a path is opened relative to the folder before it without following links, so
nothing that a run or anybody else plants there can lead out.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lamplighter.errors import ToolFailed

WORKSPACE = "/workspace"
"""What the run's folder is called in paths that a model writes."""

MAX_FILE_BYTES = 10_000_000
MAX_READ_CHARACTERS = 20_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The private folder of one run; made when something is written.

    Attributes:
        root: Where it is on this machine.
    """

    root: Path

    def read_bytes(self, path: str) -> bytes:
        """The content of a file.

        Raises:
            ToolFailed: There is none, it is no ordinary file, or it is too large.
        """
        *folders, name = parts = split_path(path)
        try:
            with self._folder(folders, create=False) as folder:
                # NONBLOCK, or opening a planted pipe would wait for ever.
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                file = os.open(name, flags, dir_fd=folder)
        except OSError as error:
            raise ToolFailed(f"cannot read {'/'.join(parts)}: {error.strerror}") from error
        return _read_ordinary(file, "/".join(parts))

    def write_bytes(self, path: str, content: bytes) -> None:
        """Write a file whole, or not at all.

        Raises:
            ToolFailed: The path is not inside the folder, or the content is too large.
        """
        *folders, name = parts = split_path(path)
        if len(content) > MAX_FILE_BYTES:
            raise ToolFailed(f"{'/'.join(parts)}: more than {MAX_FILE_BYTES:,} bytes")
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._folder(folders, create=True) as folder:
                _replace(folder, name, content)
        except OSError as error:
            raise ToolFailed(f"cannot write {'/'.join(parts)}: {error.strerror}") from error

    @contextmanager
    def _folder(self, folders: list[str], *, create: bool) -> Iterator[int]:
        """A descriptor of the folder below the root, reached without following links."""
        here = os.open(self.root, _FOLDER)
        try:
            for name in folders:
                if create:
                    _make_folder(name, here)
                inner = os.open(name, _FOLDER, dir_fd=here)
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)


def split_path(path: str) -> list[str]:
    """The parts of a path inside a run's folder; ``/workspace/a`` means ``a``.

    Raises:
        ToolFailed: It does not name a file inside the folder.
    """
    inner = path.removeprefix(WORKSPACE).lstrip("/") if path.startswith(WORKSPACE) else path
    parts = [part for part in inner.split("/") if part != "."]
    bad = not inner or inner.startswith("/") or "\0" in inner
    if bad or any(part in ("", "..") for part in parts):
        raise ToolFailed(f"{path!r} is no path inside {WORKSPACE}; write it like notes/today.md")
    return parts


def read_file(
    files: RunFiles, path: str, start_line: int | None = None, end_line: int | None = None
) -> str:
    """A text file of the run with numbered lines, whole or a range of lines (from 1)."""
    try:
        text = files.read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolFailed(f"{path} is not UTF-8 text") from error
    lines = text.splitlines()
    first, last = start_line or 1, min(end_line or len(lines), len(lines))
    if first < 1 or (lines and first > len(lines)) or last < first - 1:
        raise ToolFailed(f"{path} has lines 1 to {len(lines)}; asked for {first} to {last}")
    numbered = "\n".join(
        f"{number:6}\t{line}" for number, line in enumerate(lines[first - 1 : last], first)
    )
    if len(numbered) > MAX_READ_CHARACTERS:
        raise ToolFailed(
            f"{path}: {len(lines)} lines are too long to read at once; "
            "give start_line and end_line for a part of it"
        )
    return numbered


def write_file(files: RunFiles, path: str, content: str) -> str:
    """Write a text file of the run, replacing what was there."""
    files.write_bytes(path, content.encode("utf-8"))
    return f"Wrote {len(content.encode('utf-8')):,} bytes to {'/'.join(split_path(path))}"


def _make_folder(name: str, parent: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent)


def _read_ordinary(file: int, path: str) -> bytes:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
        os.close(file)
        why = f"more than {MAX_FILE_BYTES:,} bytes" if stat.S_ISREG(status.st_mode) else "no file"
        raise ToolFailed(f"cannot read {path}: {why}")
    with os.fdopen(file, "rb") as stream:
        return stream.read()


def _replace(folder: int, name: str, content: bytes) -> None:
    # Two calls of one turn may write the same file. Some network file systems cannot lock.
    with suppress(OSError):
        fcntl.flock(folder, fcntl.LOCK_EX)  # until the folder is closed
    temporary = f".{name}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(temporary, flags, 0o600, dir_fd=folder)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)  # the new name too, or a power cut could take it back
