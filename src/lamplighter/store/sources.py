"""How the syncing of sources stands: where each goes on, and when it was begun."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.store.database import reading
from lamplighter.store.tables import credentials, sources


def get_state(engine: sa.Engine, source: str, made_for: str) -> Mapping[str, Any]:
    """Where the next sync may go on; empty at the beginning, and if it was made for others."""
    query = sa.select(sources.c.state).where(sources.c.name == source)
    with reading(engine) as connection:
        stored = connection.scalar(query) or {}
    data: Mapping[str, Any] = stored.get("data", {}) if stored.get("for") == made_for else {}
    return data


def save_state(
    connection: sa.Connection, source: str, made_for: str, data: Mapping[str, Any]
) -> None:
    """Let the next sync go on from ``data``, if its settings are those that it was made for."""
    chosen = sources.c.name == source
    state = {"for": made_for, "data": dict(data)}
    connection.execute(sources.update().where(chosen).values(state=state))


def begin_sync(connection: sa.Connection, source: str, now: datetime) -> None:
    """Record that a sync begins."""
    chosen = sources.c.name == source
    begun = {"begun_at": now, "done": 0, "total": 0}
    if not connection.execute(sources.update().where(chosen).values(begun)).rowcount:
        row = {"name": source, "config": {}, **begun}
        connection.execute(sources.insert().values(row))


def note_progress(connection: sa.Connection, source: str, done: int, total: int) -> None:
    """Record how far the sync of a source is, for people who watch it."""
    at_work = (sources.c.name == source) & sources.c.done.is_not(None)
    connection.execute(sources.update().where(at_work).values(done=done, total=total))


def end_sync(connection: sa.Connection, source: str) -> None:
    """Record that no sync of a source is at work any more, however it ended."""
    chosen = sources.c.name == source
    connection.execute(sources.update().where(chosen).values(done=None, total=None))


def ask_for_sync(connection: sa.Connection, name: str) -> None:
    """Let a source be due now."""
    connection.execute(sources.update().where(sources.c.name == name).values(begun_at=None))


def list_begun(engine: sa.Engine) -> dict[str, datetime]:
    """When each source was last begun to be synced."""
    query = sa.select(sources.c.name, sources.c.begun_at).where(sources.c.begun_at.is_not(None))
    with reading(engine) as connection:
        return {row.name: row.begun_at for row in connection.execute(query)}


def forget_source(connection: sa.Connection, source: str) -> None:
    """Remove what a source signs in with; its documents are ``documents``' to forget."""
    connection.execute(credentials.delete().where(credentials.c.source == source))
