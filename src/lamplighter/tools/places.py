"""Where a path that a model wrote leads, and whether a run may go there.

Inside the workspace some files are read-only and some are not there at all; outside it only what
``config/security.json`` names is.
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lamplighter.config import CONFIG_FILE, STATE_DIR
from lamplighter.definitions.rowboat import SCHEDULE_FILE, SECURITY_FILE, STATE_FILE
from lamplighter.definitions.rowboat.security import Operation, Security
from lamplighter.errors import ToolFailed

READ_ONLY = frozenset({"agents", "skills", "config", "runs", ".git", CONFIG_FILE})
"""First parts of paths that runs may not write to: what decides what agents do, and history."""

SKILLS = Path("~/.agents")
"""Skills for all of somebody's programs; what runs could write there they would later obey."""

VISIBLE_CONFIG = frozenset({SCHEDULE_FILE, STATE_FILE, SECURITY_FILE})
"""All else in ``config/`` may hold keys."""

CHANGES: frozenset[Operation] = frozenset({"write", "delete"})


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on this machine.

    Attributes:
        root: An existing folder, without links in its path.
        parts: The way from there, in which no link is followed; empty for the root itself.
        shown: What the place is called in answers.
        inside: Whether it is in the workspace.
    """

    root: Path
    parts: tuple[str, ...]
    shown: str
    inside: bool

    def below(self, *names: str) -> "Spot":
        """A place below this one."""
        shown = str(PurePosixPath(self.shown, *names))
        return Spot(self.root, (*self.parts, *names), shown, self.inside)

    @property
    def is_visible(self) -> bool:
        """Whether runs may know that it is there."""
        return not self.inside or not _is_invisible(_fold(self.parts))

    @property
    def is_read_only(self) -> bool:
        """Whether runs may not change it."""
        if self.inside:
            return not self.parts or _fold(self.parts)[0] in READ_ONLY
        return self.root.joinpath(*self.parts).is_relative_to(SKILLS.expanduser().resolve())


@dataclass(frozen=True, slots=True)
class Places:
    """All the places that a run may go to.

    Attributes:
        workspace: Its folder.
        security: What is allowed outside.
        writes: Where the run's agent may change something; ``None``: wherever runs may.
    """

    workspace: Path
    security: Security
    writes: tuple[str, ...] | None = None

    def find(self, path: str, operation: Operation) -> Spot:
        """The place of a path: relative to the workspace, absolute, or beginning with ``~``.

        Raises:
            ToolFailed: The run may not do that there, or it makes no sense.
        """
        pure = PurePosixPath(path)
        if "\0" in path or ".." in pure.parts:
            raise ToolFailed(f"{path!r} is no path to use here: write it without ..")
        if pure.is_absolute() or pure.parts[:1] == ("~",):
            spot = self._find_absolute(_expand(pure), operation, path)
        else:
            spot = self._inside(pure.parts)
        if not spot.is_visible:
            raise ToolFailed(f"{path}: there is no such file or folder")
        if operation in CHANGES and spot.is_read_only:
            raise ToolFailed(f"{path} is read-only: it is not for runs to change")
        if operation in CHANGES and not self._may_change(spot):
            listed = ", ".join(self.writes or ()) or "nowhere"
            raise ToolFailed(f"{path}: the agent's file lets it write here only: {listed}")
        return spot

    def _may_change(self, spot: Spot) -> bool:
        if self.writes is None:
            return True
        real = spot.root.joinpath(*spot.parts)
        allowed = (self.workspace.resolve() / _expand(PurePosixPath(each)) for each in self.writes)
        return any(real.is_relative_to(each.parent.resolve() / each.name) for each in allowed)

    def _find_absolute(self, path: PurePosixPath, operation: Operation, written: str) -> Spot:
        for root in (self.workspace.absolute(), self.workspace.resolve()):
            if path.is_relative_to(root):
                return self._inside(path.relative_to(root).parts)
        for access in self.security.files:
            allowed = _expand(access.path)
            if access.operation == operation and path.is_relative_to(allowed):
                return self._outside(allowed, path)
        raise ToolFailed(
            f"{written} is outside the workspace, and {SECURITY_FILE} does not allow to "
            f"{operation} it"
        )

    def _inside(self, parts: tuple[str, ...]) -> Spot:
        return Spot(self.workspace.resolve(), parts, str(PurePosixPath(*parts)), inside=True)

    def _outside(self, allowed: PurePosixPath, path: PurePosixPath) -> Spot:
        """Links in the allowed path itself are its owner's; below it none is followed."""
        folder = Path(allowed)
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        root, parts = folder.resolve(), path.relative_to(folder).parts
        workspace = self.workspace.resolve()
        real = root.joinpath(*parts)
        if real.is_relative_to(workspace):
            return self._inside(real.relative_to(workspace).parts)
        return Spot(root, parts, str(path), inside=False)


def _expand(path: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(Path.home(), *path.parts[1:]) if path.parts[:1] == ("~",) else path


def _fold(parts: tuple[str, ...]) -> tuple[str, ...]:
    """As file systems see names that make no difference between capitals."""
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)


def _is_invisible(parts: tuple[str, ...]) -> bool:
    if not parts:
        return False
    first = parts[0]
    if first == STATE_DIR or first == ".env" or first.startswith(".env."):
        return True
    return first == "config" and len(parts) > 1 and "/".join(parts) not in VISIBLE_CONFIG
