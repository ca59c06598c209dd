"""A source in a workspace of its own, for the tests of connectors."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lamplighter import clock
from lamplighter.access import OWNER, Scope
from lamplighter.config import Settings
from lamplighter.credentials import Keyring
from lamplighter.errors import Unreadable
from lamplighter.search.index import list_documents, read_document
from lamplighter.store import documents
from lamplighter.store.database import open_database
from lamplighter.store.notices import list_notices
from lamplighter.store.users import add_user, list_users, principals_of
from lamplighter.sync import SyncReport, sync_source

NAME = "it"


@dataclass(frozen=True)
class Found:
    """A document, as a reader gets it."""

    path: str
    title: str
    text: str
    kind: str
    author: str
    url: str
    dated_at: datetime


@dataclass
class Visited:
    """One source, synced when it is asked to be."""

    workspace: Path
    engine: sa.Engine
    config: dict[str, Any]
    more: dict[str, Any]

    @property
    def settings(self) -> Settings:
        config = {name: value for name, value in self.config.items() if value is not None}
        return Settings.model_validate(
            {"workspace": self.workspace, "sources": {NAME: config}, **self.more}
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

    def documents(self, address: str = "") -> list[Found]:
        """What the index has of it, by path; for somebody with that address, else the owner."""
        own = self._principals(address) if address else [OWNER]
        scope = Scope.of(own, [NAME])
        found = [
            Found(
                path=info.path,
                title=info.title,
                text="\n".join(read_document(self.engine, scope, info.id).lines),
                kind=info.kind,
                author=info.author,
                url=info.url,
                dated_at=info.dated_at,
            )
            for info in list_documents(self.engine, scope, limit=1000)
        ]
        return sorted(found, key=lambda each: each.path)

    def skipped(self) -> dict[str, str]:
        """What could not be read, and why."""
        return {each.path: each.reason for each in documents.skipped(self.engine, NAME)}

    def notices(self) -> list[str]:
        return [notice.message for notice in list_notices(self.engine)]

    def _principals(self, address: str) -> frozenset[str]:
        if address.lower() not in [
            each for user in list_users(self.engine) for each in user.addresses
        ]:
            with self.engine.begin() as connection:
                add_user(connection, address, clock.now())
        return principals_of(self.engine, address)


def visited(workspace: Path, *, settings: dict[str, Any] | None = None, **config: Any) -> Visited:
    """A source with these settings."""
    engine = open_database(workspace / ".lamplighter")
    return Visited(workspace, engine, config, settings or {})
