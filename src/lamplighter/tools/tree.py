"""Files and folders at a ``Spot``, reached by directory descriptors without following links."""

import errno
import fcntl
import os
import secrets
import shutil
import stat as modes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from lamplighter.errors import ToolFailed
from lamplighter.tools.files import MAX_FILE_BYTES
from lamplighter.tools.places import Spot

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""NONBLOCK, or opening a pipe would wait for ever."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of a file or folder.

    Attributes:
        kind: ``file`` or ``dir``; what is neither, such as a link, counts as a file.
        mtime_ms: Last change of the content, in milliseconds since 1970.
        ctime_ms: Last change of anything about it.
    """

    kind: str
    size: int
    mtime_ms: float
    ctime_ms: float
    is_link: bool
    is_executable: bool

    @property
    def etag(self) -> str:
        """What tells this version from others; as Rowboat makes it."""
        return f"{self.size}:{_number(self.mtime_ms)}"

    @property
    def data(self) -> dict[str, object]:
        """As Rowboat gives it."""
        times = {"mtimeMs": _number(self.mtime_ms), "ctimeMs": _number(self.ctime_ms)}
        link = {"isSymlink": True} if self.is_link else {}
        return {"kind": self.kind, "size": self.size, **times, **link}


def examine(spot: Spot) -> Stat | None:
    """What is there; of a link, the link itself. ``None`` if there is nothing.

    Raises:
        ToolFailed: The way there leads over a link, or cannot be gone.
    """
    try:
        with _parent(spot) as (folder, name):
            return _stat(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _failed("look at", spot, error) from error


def read_bytes(spot: Spot) -> tuple[bytes, Stat]:
    """The content of an ordinary file, and what is known of it.

    Raises:
        ToolFailed: There is none, or it is too large.
    """
    try:
        with _parent(spot) as (folder, name):
            file = os.open(name, _FILE, dir_fd=folder)
        with os.fdopen(file, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not modes.S_ISREG(status.st_mode):
                raise ToolFailed(f"{spot.shown} is no file")
            if status.st_size > MAX_FILE_BYTES:
                raise ToolFailed(f"{spot.shown} has more than {MAX_FILE_BYTES:,} bytes")
            return stream.read(MAX_FILE_BYTES), _stat(status)
    except OSError as error:
        raise _failed("read", spot, error) from error


def write_bytes(
    spot: Spot, content: bytes, *, expected_etag: str | None = None, parents: bool = True
) -> Stat:
    """Write a file whole, or not at all.

    Args:
        spot: Where.
        content: All of it.
        expected_etag: Only if the file is this version; a file that has ``content`` already is
            left as it is.
        parents: Whether to make the folders that it lies in.

    Raises:
        ToolFailed: It was changed meanwhile, or cannot be written.
    """
    try:
        with _parent(spot, create=parents) as (folder, name):
            with suppress(OSError):  # some network file systems cannot lock
                fcntl.flock(folder, fcntl.LOCK_EX)  # until the folder is closed
            if expected_etag is not None:
                _check_etag(spot, content, expected_etag)
            _replace(folder, name, content)
            return _stat(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except OSError as error:
        raise _failed("write", spot, error) from error


def make_folder(spot: Spot, *, parents: bool) -> None:
    """Make a folder; one that is there is fine.

    Raises:
        ToolFailed: It cannot be made.
    """
    try:
        with _parent(spot, create=parents) as (folder, name):
            try:
                os.mkdir(name, dir_fd=folder)
            except FileExistsError:
                os.close(os.open(name, _FOLDER, dir_fd=folder))
    except OSError as error:
        raise _failed("make", spot, error) from error


def move(source: Spot, target: Spot, *, overwrite: bool) -> None:
    """Move a file or folder, making the folders that it will lie in.

    Raises:
        ToolFailed: Something is at ``target``, or it cannot be moved.
    """
    if not overwrite and examine(target) is not None:
        raise ToolFailed(f"{target.shown} exists already")
    try:
        with _parent(source) as (folder, name), _parent(target, create=True) as (other, new):
            os.rename(name, new, src_dir_fd=folder, dst_dir_fd=other)
    except OSError as error:
        raise _failed("move", source, error) from error


def delete(spot: Spot, *, recursive: bool) -> None:
    """Delete a file, a link, or, if ``recursive``, a folder with all that is in it.

    Raises:
        ToolFailed: It cannot be deleted.
    """
    try:
        with _parent(spot) as (folder, name):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not modes.S_ISDIR(status.st_mode):
                os.unlink(name, dir_fd=folder)
            elif recursive:
                shutil.rmtree(name, dir_fd=folder)
            else:
                raise ToolFailed(f"{spot.shown} is a folder; give recursive: true")
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failed("delete", spot, error) from error


def walk(spot: Spot, *, recursive: bool, hidden: bool) -> Iterator[tuple[Spot, Stat]]:
    """What a folder holds, itself not; what is invisible to runs, and all links, are left out.

    Raises:
        ToolFailed: It is no folder.
    """
    try:
        with _folder(spot, spot.parts, create=False) as folder:
            for _path, folders, names, descriptor in os.fwalk(".", dir_fd=folder):
                here = spot.below(*_path.split("/")[1:])
                found = {name: here.below(name) for name in sorted((*folders, *names))}
                shown = {
                    name: place
                    for name, place in found.items()
                    if place.is_visible and (hidden or not name.startswith("."))
                }
                folders[:] = [name for name in folders if name in shown] if recursive else []
                for name, place in shown.items():
                    with suppress(FileNotFoundError):
                        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                        if modes.S_ISDIR(status.st_mode) or modes.S_ISREG(status.st_mode):
                            yield place, _stat(status)
    except OSError as error:
        raise _failed("list", spot, error) from error


@contextmanager
def _parent(spot: Spot, *, create: bool = False) -> Iterator[tuple[int, str]]:
    """A descriptor of the folder that the place lies in, and its name there."""
    if not spot.parts:
        yield from _root(spot)
        return
    with _folder(spot, spot.parts[:-1], create=create) as folder:
        yield folder, spot.parts[-1]


def _root(spot: Spot) -> Iterator[tuple[int, str]]:
    here = os.open(spot.root, _FOLDER)
    try:
        yield here, "."
    finally:
        os.close(here)


@contextmanager
def _folder(spot: Spot, parts: tuple[str, ...], *, create: bool) -> Iterator[int]:
    here = os.open(spot.root, _FOLDER)
    try:
        for name in parts:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=here)
            inner = os.open(name, _FOLDER, dir_fd=here)
            os.close(here)
            here = inner
        yield here
    finally:
        os.close(here)


def _replace(folder: int, name: str, content: bytes) -> None:
    temporary = f".{name[:200]}.{secrets.token_hex(4)}.tmp"
    try:
        file = os.open(temporary, _NEW, 0o644, dir_fd=folder)
        with os.fdopen(file, "wb") as stream:
            with suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if modes.S_ISREG(status.st_mode):
                    os.fchmod(stream.fileno(), modes.S_IMODE(status.st_mode))
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)  # the new name too, or a power cut could take it back
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)


def _check_etag(spot: Spot, content: bytes, expected: str) -> None:
    now = examine(spot)
    if now is None:
        raise ToolFailed(f"{spot.shown} is gone; expected version {expected}")
    if now.etag != expected and read_bytes(spot)[0] != content:
        raise ToolFailed(f"{spot.shown} was modified (it is {now.etag}, not {expected})")


def _stat(status: os.stat_result) -> Stat:
    return Stat(
        kind="dir" if modes.S_ISDIR(status.st_mode) else "file",
        size=status.st_size,
        mtime_ms=status.st_mtime_ns / 1e6,
        ctime_ms=status.st_ctime_ns / 1e6,
        is_link=modes.S_ISLNK(status.st_mode),
        is_executable=bool(status.st_mode & modes.S_IXUSR),
    )


def _number(value: float) -> float | int:
    """As JavaScript writes it."""
    return int(value) if value.is_integer() else value


def _failed(verb: str, spot: Spot, error: OSError) -> ToolFailed:
    why = error.strerror or str(error)
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        why = "there is a link or a file on the way, and links are not followed"
    return ToolFailed(f"cannot {verb} {spot.shown}: {why}")
