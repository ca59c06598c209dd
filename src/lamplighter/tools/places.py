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
        secret: The way to the file of the key, if that is in the workspace; nobody sees it.
    """

    root: Path
    parts: tuple[str, ...]
    shown: str
    inside: bool
    secret: tuple[str, ...] = ()

    def below(self, *names: str) -> "Spot":
        """A place below this one."""
        shown = str(PurePosixPath(self.shown, *names))
        return Spot(self.root, (*self.parts, *names), shown, self.inside, self.secret)

    @property
    def is_visible(self) -> bool:
        """Whether runs may know that it is there."""
        parts = _fold(self.parts)
        return not self.inside or not (_is_invisible(parts) or (parts and parts == self.secret))

    @property
    def is_read_only(self) -> bool:
        """Whether runs may not change it."""
        if self.inside:
            return not self.parts or _fold(self.parts)[0] in READ_ONLY
        return not self.parts or self.is_skill

    @property
    def is_skill(self) -> bool:
        """Whether it is, or is below, what runs read skills from outside the workspace."""
        real = self.root.joinpath(*self.parts)
        return not self.inside and real.is_relative_to(SKILLS.expanduser().resolve())


@dataclass(frozen=True, slots=True)
class Places:
    """All the places that a run may go to.

    Attributes:
        workspace: Its folder.
        security: What is allowed outside.
        key: The file of the key that credentials are encrypted with.
        writes: Where the run's agent may change something; ``None``: wherever runs may.
    """

    workspace: Path
    security: Security
    key: Path | None = None
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
            spot = self.inside(pure.parts)
        if not spot.is_visible:
            raise ToolFailed(f"{path}: there is no such file or folder")
        if operation in CHANGES and spot.is_read_only:
            raise ToolFailed(f"{path} is read-only: it is not for runs to change")
        if operation in CHANGES and not self.may_change(spot):
            listed = ", ".join(self.writes or ()) or "nowhere"
            raise ToolFailed(f"{path}: the agent's file lets it write here only: {listed}")
        return spot

    def may_change(self, spot: Spot) -> bool:
        """Whether the agent's file lets it change something there."""
        if self.writes is None:
            return True
        real = spot.root.joinpath(*spot.parts)
        allowed = (self.workspace.resolve() / _expand(PurePosixPath(each)) for each in self.writes)
        return any(real.is_relative_to(each.parent.resolve() / each.name) for each in allowed)

    def _find_absolute(self, path: PurePosixPath, operation: Operation, written: str) -> Spot:
        for root in (self.workspace.absolute(), self.workspace.resolve()):
            if path.is_relative_to(root):
                return self.inside(path.relative_to(root).parts)
        for access in self.security.files:
            allowed = _expand(access.path)
            if access.operation == operation and path.is_relative_to(allowed):
                return self._outside(allowed, path)
        raise ToolFailed(
            f"{written} is outside the workspace, and {SECURITY_FILE} does not allow to "
            f"{operation} it"
        )

    def reach(self, operation: Operation) -> list[Path]:
        """Where ``config/security.json`` allows an operation, without links in it."""
        allowed = (a.path for a in self.security.files if a.operation == operation)
        return [_without_links(Path(_expand(path))) for path in allowed]

    def inside(self, parts: tuple[str, ...]) -> Spot:
        """A place in the workspace."""
        root = self.workspace.resolve()
        key = self.key.resolve() if self.key else root
        secret = _fold(key.relative_to(root).parts) if key.is_relative_to(root) else ()
        return Spot(root, parts, str(PurePosixPath(*parts)), inside=True, secret=secret)

    def _outside(self, allowed: PurePosixPath, path: PurePosixPath) -> Spot:
        """Links in the allowed path itself are its owner's; below it none is followed."""
        folder = nearest_folder(Path(allowed))
        root, parts = folder.resolve(), path.relative_to(folder).parts
        workspace = self.workspace.resolve()
        real = root.joinpath(*parts)
        if real.is_relative_to(workspace):
            return self.inside(real.relative_to(workspace).parts)
        return Spot(root, parts, str(path), inside=False)


def nearest_folder(path: Path) -> Path:
    """The path, or the nearest one above it, that is a folder."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path


def _without_links(path: Path) -> Path:
    folder = nearest_folder(path)
    return folder.resolve() / path.relative_to(folder)


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
