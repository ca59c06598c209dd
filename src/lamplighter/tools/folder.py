"""A folder on this machine, and nothing outside it.

Every step of a path is opened relative to the folder before it without following links, so
nothing that anybody plants there can lead out.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lamplighter.errors import ToolFailed
from lamplighter.tools.files import split_path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; made when something is written.

    Attributes:
        root: Where it is on this machine.
    """

    root: Path

    def write_bytes(self, path: str, content: bytes) -> None:
        """Write a file whole, or not at all.

        Raises:
            ToolFailed: The path is not inside the folder.
        """
        *folders, name = parts = split_path(path)
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._folder(folders) as folder:
                _replace(folder, name, content)
        except OSError as error:
            raise ToolFailed(f"cannot write {'/'.join(parts)}: {error.strerror}") from error

    @contextmanager
    def _folder(self, folders: list[str]) -> Iterator[int]:
        """A descriptor of the folder below the root, reached without following links."""
        here = os.open(self.root, _FOLDER)
        try:
            for name in folders:
                _make_folder(name, here)
                inner = os.open(name, _FOLDER, dir_fd=here)
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)


def _make_folder(name: str, parent: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent)


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
