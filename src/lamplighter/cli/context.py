"""What every command gets: the workspace, and its settings when they are asked for."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamplighter.config import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """The command line's context object.

    Attributes:
        workspace: As given by ``--workspace``; ``None`` means: find it.
    """

    workspace: Path | None

    def settings(self, **flags: Any) -> "Settings":
        """The workspace's settings; ``flags`` that are not ``None`` win over everything else."""
        from lamplighter.workspace import load_settings

        given = {name: value for name, value in flags.items() if value is not None}
        return load_settings(self.folder(), **given)

    def folder(self) -> Path:
        """The workspace's folder."""
        from lamplighter.workspace import find_workspace

        return find_workspace(self.workspace, os.environ)
