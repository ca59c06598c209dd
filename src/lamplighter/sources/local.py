"""Which local paths a source may read."""

import os
from dataclasses import dataclass
from pathlib import Path

from lamplighter.config import CONFIG_FILE, ENV_FILE, STATE_DIR
from lamplighter.errors import Unreadable


@dataclass(frozen=True, slots=True)
class Boundary:
    """What keeps a source away from secrets, and a member's source away from this machine.

    Attributes:
        source: The source's name.
        workspace: What paths are relative to.
        key: The file that credentials are encrypted with.
        remote_only: No local path, no program and no private address.
    """

    source: str
    workspace: Path
    key: Path
    remote_only: bool = False

    def resolve(self, path: str) -> Path:
        """The absolute path, without links.

        Raises:
            Unreadable: A source may not read there.
        """
        self.refuse_local("a local path")
        found = (self.workspace / Path(path).expanduser()).resolve()
        hint = f"correct path under [sources.{self.source}] in {CONFIG_FILE}"
        if STATE_DIR in found.parts:
            raise Unreadable(f"source {self.source}: {found} holds Lamplighter's own state; {hint}")
        if self.is_secret(found):
            raise Unreadable(f"source {self.source}: {found} holds secrets; {hint}")
        return found

    def is_secret(self, path: str | Path) -> bool:
        """Whether this is a ``.env`` or the key, under whichever name."""
        if Path(path).name == ENV_FILE:
            return True
        return any(_same(path, secret) for secret in (self.key, self.workspace / ENV_FILE))

    def refuse_local(self, what: str) -> None:
        """Refuse what only an admin's source may use.

        Raises:
            Unreadable: The source is a member's.
        """
        if self.remote_only:
            raise Unreadable(
                f"source {self.source}: {what} can only be used by a source of an admin, not by a"
                " member's own"
            )


def _same(path: str | Path, other: Path) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False
