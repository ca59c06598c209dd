"""Who syncs a source: one process at a time, which the others see living by its beats.

On SQLite a lock of the file system does, which the system frees with the process. On PostgreSQL
the processes are on many machines; a claim stands in the database, with moments by its clock.
"""

import hashlib
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from lamplighter.errors import Conflict
from lamplighter.store.columns import MILLISECOND
from lamplighter.store.database import is_shared
from lamplighter.store.tables import source_claims

LOCKS = "syncing"
"""The folder of the locks, in the workspace's state."""

BEAT_SECONDS = 2.0
PATIENCE = timedelta(seconds=10)
"""Whoever was not heard of for so long has lost the claim."""

Check = Callable[[sa.Connection], None]
"""Called in each transaction of a sync: raises ``Conflict`` if the claim is somebody else's."""

_NOW = sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()) * 1000, sa.BigInteger)


@contextmanager
def syncing_alone(engine: sa.Engine, state_dir: Path, source: str) -> Iterator[Check]:
    """Let no other process sync the source meanwhile; whoever dies lets go.

    Raises:
        Conflict: Another process is at it.
    """
    alone = _claimed(engine, source) if is_shared(engine) else _locked(state_dir, source)
    with alone as check:
        yield check


@contextmanager
def _locked(state_dir: Path, source: str) -> Iterator[Check]:
    folder = state_dir / LOCKS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256(f"sync {source}".encode()).hexdigest()[:16]
    lock = FileLock(folder / f"{name}.lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _refuse(source)
    try:
        yield lambda _: None
    finally:
        lock.release()


@contextmanager
def _claimed(engine: sa.Engine, source: str) -> Iterator[Check]:
    holder = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    with engine.begin() as connection:
        if not _take(connection, source, holder):
            _refuse(source)
    ended = threading.Event()
    beating = threading.Thread(target=_keep_beating, args=(engine, source, holder, ended))
    beating.start()

    def check(connection: sa.Connection) -> None:
        if not _beat(connection, source, holder):
            _refuse(source)

    try:
        yield check
    finally:
        ended.set()
        beating.join()
        with engine.begin() as connection:
            connection.execute(source_claims.delete().where(_is(source, holder)))


def _take(connection: sa.Connection, source: str, holder: str) -> bool:
    """Whether nobody had it, or somebody who was not heard of for long."""
    silent = _NOW - PATIENCE // MILLISECOND
    statement = sa.text(
        "INSERT INTO source_claims (source, holder, beat_at) VALUES (:source, :holder, 0)"
        " ON CONFLICT (source) DO UPDATE SET holder = excluded.holder"
        " WHERE source_claims.beat_at < :silent"
    )
    before = connection.scalar(sa.select(silent))
    given = {"source": source, "holder": holder, "silent": before}
    return connection.execute(statement, given).rowcount == 1 and _beat(connection, source, holder)


def _beat(connection: sa.Connection, source: str, holder: str) -> bool:
    """Whether it is still ours. The row is locked until the transaction ends."""
    chosen = source_claims.update().where(_is(source, holder))
    return connection.execute(chosen.values(beat_at=_NOW)).rowcount == 1


def _keep_beating(engine: sa.Engine, source: str, holder: str, ended: threading.Event) -> None:
    while not ended.wait(BEAT_SECONDS):
        try:
            with engine.begin() as connection:
                if not _beat(connection, source, holder):
                    return
        except sa.exc.DBAPIError:
            pass  # while the database is away nobody can take it either


def _is(source: str, holder: str) -> sa.ColumnElement[bool]:
    return sa.and_(source_claims.c.source == source, source_claims.c.holder == holder)


def _refuse(source: str) -> None:
    raise Conflict(f"source {source} is being synced by another process; wait until it has ended")
