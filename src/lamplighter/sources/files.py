"""A folder of documents: which files there are, and what is in them."""

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path

from lamplighter.config import CONFIG_FILE, STATE_DIR, FilesSource
from lamplighter.errors import Unreadable

KEY_FILES = (
    *("*.env", "*.gpg", "*.jks", "*.kdbx", "*.key", "*.keystore", "*.p12", "*.pem", "*.pfx"),
    *("*.ppk", "id_dsa*", "id_ecdsa*", "id_ed25519*", "id_rsa*"),
)
"""Never read, whatever a source includes. Hidden files, such as ``.env``, are not even seen."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_NS = 4_102_444_800 * 10**9
"""The year 2100: some file systems hold times that no ``datetime`` can."""

_KEY = re.compile(rb"\s*-----BEGIN [A-Z ]*PRIVATE KEY-----")


@dataclass(frozen=True, slots=True)
class Item:
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


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is there.

    Attributes:
        root: Absolute, without links.
        config: Which files count.
    """

    root: Path
    config: FilesSource

    def items(self) -> Iterator[Item]:
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
                yield Item(_shown(folder), problem=f"cannot be opened: {error.strerror}")
                continue
            inner = []
            for entry in entries:
                path = f"{folder}{entry.name}"
                if entry.name.startswith(".") or matches(self.config.exclude, path):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    inner.append(f"{path}/")
                elif not self.config.include or matches(self.config.include, path):
                    yield from self._item(entry, path)
            folders += reversed(inner)

    def read(self, item: Item) -> bytes:
        """The whole file.

        Raises:
            Unreadable: It is too large by now, no longer a file, or a private key.
            OSError: It cannot be opened.
        """
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(self.root / item.path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("no longer a file")
            data = file.read(self.config.max_file_size_bytes + 1)
        if len(data) > self.config.max_file_size_bytes:
            raise Unreadable(self._too_large(len(data)))
        if _KEY.match(data):
            raise Unreadable("a private key; such files are never read")
        return data

    def _item(self, entry: os.DirEntry[str], path: str) -> Iterator[Item]:
        if entry.is_symlink():
            if not self._leads_inside(entry):
                yield Item(
                    _shown(path), stamp="link", problem="a link out of the folder, or to nothing"
                )
            return
        try:
            about = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # deleted since the folder was listed
            return
        except OSError as error:
            yield Item(_shown(path), problem=f"cannot be looked at: {error.strerror}")
            return
        if stat.S_ISREG(about.st_mode):
            yield self._file(path, about)

    def _file(self, path: str, about: os.stat_result) -> Item:
        return Item(
            path=_shown(path),
            modified_at=EPOCH + timedelta(microseconds=min(about.st_mtime_ns, LATEST_NS) // 1000),
            size_bytes=about.st_size,
            stamp=f"{about.st_mtime_ns}-{about.st_size}",
            problem=self._problem(path, about.st_size),
        )

    def _problem(self, path: str, size_bytes: int) -> str:
        name = path.rpartition("/")[2]
        if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in path):
            return "its name is no plain text; rename it"
        if any(fnmatch(name.lower(), pattern) for pattern in KEY_FILES):
            return "named like a key or a secret; such files are never read"
        if size_bytes > self.config.max_file_size_bytes:
            return self._too_large(size_bytes)
        return ""

    def _too_large(self, size_bytes: int) -> str:
        limit = self.config.max_file_size_bytes
        return f"{size_bytes:,} bytes, over the limit of {limit:,} (max_file_size_bytes)"

    def _leads_inside(self, entry: os.DirEntry[str]) -> bool:
        target = Path(os.path.realpath(entry.path))
        return target.exists() and target.is_relative_to(self.root)


def open_folder(name: str, config: FilesSource, workspace: Path) -> Folder:
    """The folder of the source ``name``.

    Raises:
        Unreadable: It is missing, no folder, closed to us, or Lamplighter's own state.
    """
    root = (workspace / config.path.expanduser()).resolve()
    hint = f"correct path under [sources.{name}] in {CONFIG_FILE}"
    if STATE_DIR in root.parts:
        raise Unreadable(f"source {name}: {root} holds Lamplighter's own state; {hint}")
    try:
        os.scandir(root).close()
    except FileNotFoundError as error:
        raise Unreadable(f"source {name}: no folder {root}; create it, or {hint}") from error
    except NotADirectoryError as error:
        raise Unreadable(f"source {name}: {root} is not a folder; {hint}") from error
    except OSError as error:
        raise Unreadable(f"source {name}: cannot open {root}: {error.strerror}") from error
    return Folder(root, config)


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
