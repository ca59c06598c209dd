"""How the syncing of sources stands: where each goes on, when it was begun, and by whom."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout

from lamplighter.errors import Conflict
from lamplighter.store.database import is_shared, reading
from lamplighter.store.tables import credentials, sources

LOCKS = "syncing"
"""The folder of the locks, in the workspace's state."""


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
    if not connection.execute(sources.update().where(chosen).values(begun_at=now)).rowcount:
        row = {"name": source, "config": {}, "begun_at": now}
        connection.execute(sources.insert().values(row))


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


@contextmanager
def syncing_alone(engine: sa.Engine, state_dir: Path, source: str) -> Iterator[None]:
    """Let no other process sync the source meanwhile; whoever dies lets go.

    Raises:
        Conflict: Another process is at it.
    """
    alone = _locked_database(engine, source) if is_shared(engine) else _locked(state_dir, source)
    with alone:
        yield


@contextmanager
def _locked(state_dir: Path, source: str) -> Iterator[None]:
    folder = state_dir / LOCKS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(folder / f"{_digest(source):x}.lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _refuse(source)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _locked_database(engine: sa.Engine, source: str) -> Iterator[None]:
    key = _digest(source) - 2**63
    with engine.connect() as connection:  # the lock is the connection's, and ends with it
        alone = connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key)))
        connection.commit()  # or an old snapshot would stay in use
        if not alone:
            _refuse(source)
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))
            connection.commit()


def _digest(source: str) -> int:
    return int.from_bytes(hashlib.sha256(f"sync {source}".encode()).digest()[:8])


def _refuse(source: str) -> None:
    raise Conflict(f"source {source} is being synced by another process; wait until it has ended")
