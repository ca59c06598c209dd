"""The audit log: who did what, when. Append-only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ulid import ULID

from lamplighter.store.database import reading
from lamplighter.store.tables import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One entry.

    Attributes:
        id: A ULID.
        user: Who did it; empty if nobody was signed in.
        action: Such as ``agent.update``.
        target: What it was done to.
        detail: JSON; never a secret.
    """

    id: str
    at: datetime
    user: str
    action: str
    target: str
    detail: dict[str, Any]


def note(
    connection: sa.Connection,
    user: str,
    action: str,
    target: str = "",
    *,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write who did what; in the transaction that does it."""
    row = {
        "id": str(ULID.from_datetime(now)),
        "at": now,
        "user": user,
        "action": action,
        "target": target,
        "detail": dict(detail or {}),
    }
    connection.execute(audit.insert(), row)


def list_records(engine: sa.Engine, *, before: str | None = None, limit: int = 50) -> list[Record]:
    """What was done, newest first; with ``before`` only what is older than that entry."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    with reading(engine) as connection:
        return [Record(**row._mapping) for row in connection.execute(query)]
