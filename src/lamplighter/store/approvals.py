"""What people decide about effects that are held, and who performs those that they approve."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from lamplighter.store.database import lasting, reading
from lamplighter.store.outbox import Entry, entry_of
from lamplighter.store.tables import outbox

Decision = Literal["approved", "refused"]


def decide(
    connection: sa.Connection,
    entry_id: str,
    state: Decision,
    *,
    by: str,
    reason: str,
    now: datetime,
) -> bool:
    """Settle what becomes of a held effect; ``False`` if it is not held any more."""
    held = (outbox.c.id == entry_id) & (outbox.c.state == "held")
    values = {
        "state": state,
        "decided_by": by,
        "decided_at": now,
        "updated_at": now,
        **({"reason": reason} if reason else {}),
    }
    return connection.execute(outbox.update().where(held).values(values)).rowcount == 1


def approve_again(connection: sa.Connection, entry: Entry, *, by: str, now: datetime) -> bool:
    """Let an effect be performed once more; ``False`` if it is not what it was any more.

    Once in doubt it stays so until a receipt comes: that a repetition fails says nothing of before.
    """
    seen = (outbox.c.id == entry.id) & (outbox.c.state == entry.state)
    before = "uncertain" if entry.again_after == "uncertain" else entry.state
    values = {
        "state": "approved",
        "again_after": before,
        "worker": None,
        "decided_by": by,
        "decided_at": now,
        "updated_at": now,
    }
    return connection.execute(outbox.update().where(seen).values(values)).rowcount == 1


def take_approved(engine: sa.Engine, worker: str, now: datetime) -> list[Entry]:
    """Approved effects, for ``worker`` to perform; nobody else gets them."""
    return _take(engine, outbox.c.state == "approved", worker, now)


def take_abandoned(
    engine: sa.Engine, worker: str, living: Collection[str], now: datetime
) -> list[Entry]:
    """Approved effects that somebody began to perform who is gone; of those nobody knows."""
    begun = (outbox.c.state == "intended") & outbox.c.worker.not_in(living)
    return _take(engine, begun, worker, now)


def _take(
    engine: sa.Engine, which: sa.ColumnElement[bool], worker: str, now: datetime
) -> list[Entry]:
    with reading(engine) as connection:
        if connection.scalar(sa.select(outbox.c.id).where(which).limit(1)) is None:
            return []
    # Of an abandoned one the time stays: it tells how long the far side has known its key.
    began = sa.case((outbox.c.state == "approved", sa.literal(now, outbox.c.updated_at.type)))
    values = {
        "state": "intended",
        "worker": worker,
        "updated_at": sa.func.coalesce(began, outbox.c.updated_at),
    }
    with lasting(engine) as connection:
        taken = outbox.update().where(which).values(values).returning(*outbox.c)
        return [entry_of(row) for row in connection.execute(taken)]


def expire_held(connection: sa.Connection, reason: str, now: datetime) -> list[Entry]:
    """Refuse what nobody has decided in time; gives it."""
    late = (outbox.c.state == "held") & (outbox.c.expires_at <= now)
    values = {"state": "refused", "reason": reason, "updated_at": now}
    expired = connection.execute(outbox.update().where(late).values(values).returning(*outbox.c))
    return [entry_of(row) for row in expired]
