"""What ``executeCommand`` works on: copies of what runs may see, at the same paths, in a sandbox.

The sandbox gets copies and nothing else, so there is nothing of this machine that a command could
reach by a link, a device or a race; and what it has changed comes out only if ``security.json``
allows to write there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lamplighter.definitions.rowboat.security import Operation
from lamplighter.errors import ToolFailed
from lamplighter.tools import tree
from lamplighter.tools.files import MAX_FILE_BYTES
from lamplighter.tools.places import Places, Spot, nearest_folder

MAX_FILES = 20_000
"""That a command may have before it; more would take too long to copy."""

_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr")
_TOPS = ("/", "/opt", "/opt/toolbox", "/run", "/tmp")  # noqa: S108 -- inside the sandbox
"""Folders that a sandbox has of its own: nothing can be shown in these, or as those."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A file that a command finds."""

    spot: Spot
    stat: tree.Stat


@dataclass(frozen=True, slots=True)
class View:
    """What a command finds.

    Attributes:
        files: By path, absolute.
        folders: Their paths, absolute.
        left_out: Files that are too large.
    """

    files: dict[str, Copied]
    folders: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Mirror:
    """Which part of this machine a command may see, and which it may change."""

    places: Places

    @cached_property
    def workspace(self) -> Path:
        """The workspace, without links in its path."""
        return self.places.workspace.resolve()

    @cached_property
    def outside(self) -> tuple[Path, ...]:
        """What may be read and written outside the workspace."""
        both = {
            max(written, read, key=lambda path: len(path.parts))
            for written in self.places.reach("write")
            for read in self.places.reach("read")
            if written.is_relative_to(read) or read.is_relative_to(written)
        }
        return tuple(
            path
            for path in sorted(both)
            if _can_show(nearest_folder(path)) and not path.is_relative_to(self.workspace)
        )

    @cached_property
    def tops(self) -> tuple[str, ...]:
        """The folders that have to be there, none within another.

        Raises:
            ToolFailed: The workspace is where a sandbox has something of its own.
        """
        if not _can_show(self.workspace):
            raise ToolFailed(f"a workspace in {self.workspace} cannot be shown to commands")
        found: list[Path] = []
        for path in sorted({self.workspace, *map(nearest_folder, self.outside)}):
            if not any(path.is_relative_to(top) for top in found):
                found.append(path)
        return tuple(map(str, found))

    @property
    def writable(self) -> tuple[str, ...]:
        """What commands may write to, as far as permissions of files can tell."""
        inside = [path for path in self.places.reach("write") if self._is_inside(path)]
        above = [self.workspace] if any(map(self.workspace.is_relative_to, self.outside)) else []
        return tuple(map(str, (*inside, *above, *self.outside)))

    def look(self, most_bytes: int) -> View:
        """What is there now.

        Raises:
            ToolFailed: It is too much.
        """
        files: dict[str, Copied] = {}
        folders: list[str] = []
        left_out: list[str] = []
        size = 0
        for spot, found in self._walk():
            path = str(_real(spot))
            if not _is_text(path):
                continue
            if found.kind == "dir":
                folders.append(path)
            elif found.size > MAX_FILE_BYTES:
                left_out.append(path)
            else:
                files[path] = Copied(spot, found)
                size += found.size
                self._require_room(len(files), size, most_bytes)
        return View(files, (*self.tops, *folders), tuple(left_out))

    def change(self, path: str, operation: Operation) -> Spot:
        """The place of a file that a command has written or deleted.

        Args:
            path: Absolute.
            operation: ``write`` or ``delete``.

        Raises:
            ToolFailed: It may not.
        """
        real = Path(path)
        spot = self._spot(real)
        allowed = any(real.is_relative_to(each) for each in self.places.reach(operation))
        if not allowed or not spot.is_visible or (spot.inside and spot.is_read_only):
            raise ToolFailed("config/security.json does not allow to change it")
        if spot.is_skill or not self.places.may_change(spot):
            raise ToolFailed("the agent may not change it")
        return spot

    def _walk(self) -> Iterator[tuple[Spot, tree.Stat]]:
        yield from tree.walk(self._spot(self.workspace), recursive=True, hidden=True)
        for top in self.outside:
            spot = self._spot(top)
            found = tree.examine(spot)
            if found is None or found.is_link:
                continue
            if found.kind == "file":
                yield spot, found
                continue
            for each, status in tree.walk(spot, recursive=True, hidden=True):
                if not self._is_inside(_real(each)):
                    yield each, status

    def _spot(self, path: Path) -> Spot:
        if self._is_inside(path):
            return self.places.inside(path.relative_to(self.workspace).parts)
        for top in self.outside:
            if path.is_relative_to(top):
                folder = nearest_folder(top)
                return Spot(folder, path.relative_to(folder).parts, str(path), inside=False)
        raise ToolFailed("it is outside of what commands may see")

    def _is_inside(self, path: Path) -> bool:
        return path.is_relative_to(self.workspace)

    def _require_room(self, files: int, size: int, most_bytes: int) -> None:
        if files > MAX_FILES or size > most_bytes:
            raise ToolFailed(
                f"the files that a command could see are more than {MAX_FILES:,}, or have more "
                f"than {most_bytes >> 20} MB; limits.disk_mb of the agent may allow more"
            )


def _is_text(path: str) -> bool:
    """Whether the name can be told, and so what becomes of the file."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _real(spot: Spot) -> Path:
    return spot.root.joinpath(*spot.parts)


def _can_show(folder: Path) -> bool:
    return str(folder) not in _TOPS and not any(folder.is_relative_to(system) for system in _SYSTEM)
