"""A folder of documents: which files there are, and what is in them."""

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Protocol

from lamplighter import clock
from lamplighter.access import Access
from lamplighter.config import CONFIG_FILE
from lamplighter.errors import Unreadable
from lamplighter.source_config import FilesSource
from lamplighter.sources.connector import Document, Finder, Finding, Item, Total, Visit
from lamplighter.sources.local import Boundary

KEY_FILES = (
    *("*.env", "*.gpg", "*.jks", "*.kdbx", "*.key", "*.keystore", "*.p12", "*.pem", "*.pfx"),
    *("*.ppk", "id_dsa*", "id_ecdsa*", "id_ed25519*", "id_rsa*"),
)
"""Never read, whatever a source includes. Hidden files, such as ``.env``, are not even seen."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_NS = 4_102_444_800 * 10**9
"""The year 2100: some file systems hold times that no ``datetime`` can."""

FRESH = timedelta(seconds=2)
"""A file that changed so shortly before may change again without a change of its time."""

_KEY = re.compile(rb"\s*-----BEGIN [A-Z ]*PRIVATE KEY-----")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a folder.

    Attributes:
        path: Relative to the folder, with ``/`` between parts.
        modified_at: In UTC.
        size_bytes: Of the file.
        stamp: Changes when the file does; empty if the file could not be looked at.
        problem: Why it cannot be read, where that shows without opening it.
    """

    path: str
    modified_at: datetime = EPOCH
    size_bytes: int = 0
    stamp: str = ""
    problem: str = ""


class Tree(Protocol):
    """Files in folders, wherever they are."""

    def files(self, wanted: str = "") -> Iterator[File]:
        """Every file that counts; a folder that cannot be opened is one too.

        Args:
            wanted: Look only for this one, and only into the folders that it lies in.
        """
        ...

    def read(self, file: File) -> bytes:
        """The whole file."""
        ...

    def close(self) -> None:
        """No more will be read."""
        ...


def survey(visit: Visit[FilesSource]) -> Iterator[Finding]:
    """Every file that counts. Its stamp is made of time and size, or what the far side has."""
    with closing(open_tree(visit)) as tree:
        files = list(tree.files())
        yield Total(len(files))
        for file in files:
            yield _item(visit.config, tree, file)


def find(visit: Visit[FilesSource], path: str) -> Iterator[Item]:
    """The file of that path, if it is there and counts."""
    with closing(open_tree(visit)) as tree:
        for file in tree.files(path):
            if file.path == path:
                yield _item(visit.config, tree, file)


connector = Finder(survey, find)


def open_tree(visit: Visit[FilesSource]) -> Tree:
    """Where the source's files are: a folder of this machine, or something far.

    Raises:
        Unreadable: It is not there, or may not be read.
    """
    path = visit.config.path
    if "://" in path or "::" in path or path.lower().endswith(".zip"):
        from lamplighter.sources.remote import open_remote

        return open_remote(visit)
    return open_folder(visit.config, visit.boundary)


def access_of(config: FilesSource, path: str) -> Access | None:
    """Who may see the file by the rules for folders; the last one that matches counts."""
    rules = [rule for pattern, rule in config.folders.items() if matches([pattern], path)]
    return rules[-1].as_access() if rules else None


def refusal(config: FilesSource, path: str, size_bytes: int) -> str:
    """Why a file is not even opened; empty if nothing speaks against it."""
    name = path.rpartition("/")[2]
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in path):
        return "its name is no plain text; rename it"
    if any(fnmatch(name.lower(), pattern) for pattern in KEY_FILES):
        return "named like a key or a secret; such files are never read"
    return too_large(config, size_bytes) if size_bytes > config.max_file_size_bytes else ""


def too_large(config: FilesSource, size_bytes: int) -> str:
    """Says that a file has so many bytes, and how many it may have."""
    return too_large_by(size_bytes, config.max_file_size_bytes, "max_file_size_bytes")


def too_large_by(size_bytes: int, limit: int, setting: str) -> str:
    """Says that something has so many bytes, and which setting limits it."""
    return f"{size_bytes:,} bytes, over the limit of {limit:,} ({setting})"


def checked(config: FilesSource, data: bytes) -> bytes:
    """``data``, of which one byte more was read than a file may have.

    Raises:
        Unreadable: It is too large, or a private key.
    """
    if len(data) > config.max_file_size_bytes:
        raise Unreadable(too_large(config, len(data)))
    if _KEY.match(data):
        raise Unreadable("a private key; such files are never read")
    return data


def leads_to(path: str, wanted: str) -> bool:
    """Whether a file or folder is the one that is wanted, or one above it; all lead to nothing."""
    return not wanted or path == wanted or wanted.startswith(f"{path}/")


def _item(config: FilesSource, tree: Tree, file: File) -> Item:
    return Item(
        path=file.path,
        stamp=file.stamp,
        read=partial(_read, tree, file),
        access=access_of(config, file.path),
        problem=file.problem,
        gone=bool(file.stamp),
        settled=clock.now() - file.modified_at >= FRESH,
    )


def _read(tree: Tree, file: File) -> list[Document]:
    return [Document(path=file.path, data=tree.read(file), dated_at=file.modified_at)]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is there.

    Attributes:
        root: Absolute, without links.
        config: Which files count.
        boundary: Which of them may not be read.
    """

    root: Path
    config: FilesSource
    boundary: Boundary

    def files(self, wanted: str = "") -> Iterator[File]:
        """Every file that counts, in one stable order; a folder that cannot be opened is one too.

        Links are not followed: what they point to inside the folder is found anyway, and what
        is outside does not belong to the source.
        """
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
            except OSError as error:
                yield File(_shown(folder), problem=f"cannot be opened: {error.strerror}")
                continue
            inner = []
            for entry in entries:
                path = f"{folder}{entry.name}"
                if entry.name.startswith(".") or not leads_to(path, wanted):
                    continue
                if matches(self.config.exclude, path):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    inner.append(f"{path}/")
                elif not self.config.include or matches(self.config.include, path):
                    yield from self._look_at(entry, path)
            folders += reversed(inner)

    def read(self, file: File) -> bytes:
        """The whole file.

        Raises:
            Unreadable: It is too large by now, no longer a file, or holds secrets.
            OSError: It cannot be opened.
        """
        path = self.root / file.path
        if self.boundary.is_secret(path):
            raise Unreadable("it holds Lamplighter's secrets; such files are never read")
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(path, flags), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise Unreadable("no longer a file")
            return checked(self.config, stream.read(self.config.max_file_size_bytes + 1))

    def close(self) -> None:
        """Nothing is open."""

    def _look_at(self, entry: os.DirEntry[str], path: str) -> Iterator[File]:
        if entry.is_symlink():
            if not self._leads_inside(entry):
                yield File(
                    _shown(path), stamp="link", problem="a link out of the folder, or to nothing"
                )
            return
        try:
            about = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # deleted since the folder was listed
            return
        except OSError as error:
            yield File(_shown(path), problem=f"cannot be looked at: {error.strerror}")
            return
        if stat.S_ISREG(about.st_mode):
            yield self._file(path, about)

    def _file(self, path: str, about: os.stat_result) -> File:
        return File(
            path=_shown(path),
            modified_at=EPOCH + timedelta(microseconds=min(about.st_mtime_ns, LATEST_NS) // 1000),
            size_bytes=about.st_size,
            stamp=f"{about.st_mtime_ns}-{about.st_size}",
            problem=refusal(self.config, path, about.st_size),
        )

    def _leads_inside(self, entry: os.DirEntry[str]) -> bool:
        target = Path(os.path.realpath(entry.path))
        return target.exists() and target.is_relative_to(self.root)


def open_folder(config: FilesSource, boundary: Boundary) -> Folder:
    """The folder of a source on this machine.

    Raises:
        Unreadable: It is missing, no folder, closed to us, or not to be read by any source.
    """
    name, root = boundary.source, boundary.resolve(config.path)
    hint = f"correct path under [sources.{name}] in {CONFIG_FILE}"
    try:
        os.scandir(root).close()
    except FileNotFoundError as error:
        raise Unreadable(f"source {name}: no folder {root}; create it, or {hint}") from error
    except NotADirectoryError as error:
        raise Unreadable(f"source {name}: {root} is not a folder; {hint}") from error
    except OSError as error:
        raise Unreadable(f"source {name}: cannot open {root}: {error.strerror}") from error
    return Folder(root, config, boundary)


def matches(patterns: Sequence[str], path: str) -> bool:
    """Whether a pattern matches the path, or a folder above it.

    ``*`` and ``?`` stay within a name, ``**`` crosses folders; a pattern without ``/`` matches
    at any depth, like ``*.md`` or ``drafts``.
    """
    return any(_expression(pattern).match(path) for pattern in patterns)


def _shown(path: str) -> str:
    # A name that is not UTF-8 has lone surrogates, which can be neither stored nor printed.
    return path.encode("utf-8", "replace").decode()


def _expression(pattern: str) -> re.Pattern[str]:
    pattern = pattern.removeprefix("./").rstrip("/")
    if "/" not in pattern:
        pattern = f"**/{pattern}"
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.lstrip("/"))
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    # re keeps compiled patterns, so compiling one for every path costs nothing.
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts) + r"(?:/|\Z)")
