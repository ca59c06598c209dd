"""The processes that work on a shared database, and which of them are gone.

All moments here are the database's own, so that no machine's clock decides about another's life.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from lamplighter.store.columns import MILLISECOND
from lamplighter.store.database import reading
from lamplighter.store.tables import workers

_NOW = sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()) * 1000, sa.BigInteger)


@dataclass(frozen=True, slots=True)
class Member:
    """One process that works on the database, or did.

    Attributes:
        id: Its executor id, which no other process ever has.
        beat_at: When it was last known to live, by the database's clock.
        gone: Whether it was given up; a process that finds itself gone has to end.
    """

    id: str
    host: str
    pid: int
    beat_at: datetime
    gone: bool


def join_fleet(engine: sa.Engine, worker_id: str, host: str, pid: int) -> None:
    """Say that a process works here from now on."""
    with engine.begin() as connection:
        connection.execute(
            workers.insert().values(id=worker_id, host=host, pid=pid, beat_at=_NOW, gone=False)
        )


def beat(engine: sa.Engine, worker_id: str) -> bool:
    """Say that a process still works; ``False`` if it was given up meanwhile."""
    alive = (workers.c.id == worker_id) & ~workers.c.gone
    with engine.begin() as connection:
        updated = connection.execute(workers.update().where(alive).values(beat_at=_NOW))
    return updated.rowcount == 1


def leave_fleet(engine: sa.Engine, worker_id: str) -> None:
    """Say that a process works here no more; what it leaves goes on elsewhere at once."""
    with engine.begin() as connection:
        connection.execute(workers.update().where(workers.c.id == worker_id).values(gone=True))


def give_up_silent(engine: sa.Engine, patience: timedelta) -> list[str]:
    """Give up the processes that have not been heard of for ``patience``.

    Returns:
        Their ids, to exactly one of those that ask.
    """
    silent = ~workers.c.gone & (
        sa.type_coerce(workers.c.beat_at, sa.BigInteger) < _NOW - patience // MILLISECOND
    )
    with engine.begin() as connection:
        given_up = workers.update().where(silent).values(gone=True).returning(workers.c.id)
        return list(connection.scalars(given_up))


def forget_gone(engine: sa.Engine, keep: timedelta) -> None:
    """Drop the rows of processes that have been gone for long."""
    old = workers.c.gone & (
        sa.type_coerce(workers.c.beat_at, sa.BigInteger) < _NOW - keep // MILLISECOND
    )
    with engine.begin() as connection:
        connection.execute(workers.delete().where(old))


def list_members(engine: sa.Engine) -> list[Member]:
    """All processes that are known, the newest first."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(workers).order_by(workers.c.beat_at.desc()))
        return [Member(**row._mapping) for row in rows]
