"""A source in a workspace of its own, for the tests of connectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lamplighter.config import Settings
from lamplighter.credentials import Keyring
from lamplighter.errors import Unreadable
from lamplighter.store import documents
from lamplighter.store.database import open_database
from lamplighter.store.documents import Changes, NewDocument
from lamplighter.store.notices import list_notices
from lamplighter.sync import SyncReport, sync_source

NAME = "it"


@dataclass
class Visited:
    """One source, synced when it is asked to be.

    Attributes:
        given: What connectors said, as it went into the index, by path.
    """

    workspace: Path
    engine: sa.Engine
    config: dict[str, Any]
    given: dict[str, NewDocument]
    settings_: dict[str, Any]

    @property
    def settings(self) -> Settings:
        config = {name: value for name, value in self.config.items() if value is not None}
        return Settings.model_validate(
            {"workspace": self.workspace, "sources": {NAME: config}, **self.settings_}
        )

    @property
    def keyring(self) -> Keyring:
        settings = self.settings
        return Keyring(self.engine, settings.key_path, NAME, settings.sources[NAME])

    def configure(self, **config: Any) -> None:
        """Change its settings."""
        self.config |= config

    def sync(self) -> SyncReport:
        return sync_source(self.engine, self.settings, NAME)

    def counts(self) -> tuple[int, int, int, int]:
        """Added, updated, deleted and unchanged."""
        report = self.sync()
        return (report.added, report.updated, report.deleted, report.unchanged)

    def error(self) -> str:
        """Why it cannot be synced."""
        with pytest.raises(Unreadable) as caught:
            self.sync()
        assert documents.list_sources(self.engine)[NAME].error == str(caught.value)
        return str(caught.value)

    def documents(self) -> list[NewDocument]:
        """What the index has of it."""
        known = documents.get_known(self.engine, NAME).documents
        return [self.given[path] for path in sorted(known)]

    def skipped(self) -> dict[str, str]:
        """What could not be read, and why."""
        return {each.path: each.reason for each in documents.skipped(self.engine, NAME)}

    def notices(self) -> list[str]:
        return [notice.message for notice in list_notices(self.engine)]


def visited(workspace: Path, *, settings: dict[str, Any] | None = None, **config: Any) -> Visited:
    """A source with these settings."""
    given: dict[str, NewDocument] = {}
    apply = documents.apply_changes

    def applied(connection: sa.Connection, source: str, changes: Changes, **more: Any) -> None:
        given.update(changes.saved)
        apply(connection, source, changes, **more)

    pytest.MonkeyPatch().setattr(documents, "apply_changes", applied)
    return Visited(
        workspace, open_database(workspace / ".lamplighter"), config, given, settings or {}
    )
