"""Notices: stored messages to people, each told once."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from ulid import ULID

from lamplighter.store.database import decide_alone, reading
from lamplighter.store.shortened import find_row
from lamplighter.store.sight import EVERYTHING, Sight
from lamplighter.store.tables import notices

Kind = Literal[
    "failure",
    "paused",
    "silent",
    "uncertain",
    "held",
    "budget",
    "sign-in",
    "foreign",
    "message",
    "mcp",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message.

    Attributes:
        id: A ULID.
        key: What it is about; a second notice with the same key is not written.
        agent: Whom it concerns; ``None`` if the whole workspace.
        message: What happened, and what to do.
        read_at: ``None`` while nobody has read it.
    """

    id: str
    key: str
    agent: str | None
    kind: str
    message: str
    created_at: datetime
    read_at: datetime | None = None


def add_notice(
    connection: sa.Connection,
    kind: Kind,
    key: str,
    message: str,
    *,
    now: datetime,
    agent: str | None = None,
) -> bool:
    """Leave a notice, unless there is one with this ``key``; says whether it is new."""
    decide_alone(connection)  # or two workers could both find that it is new
    known = sa.exists().where(notices.c.key == key)
    if connection.scalar(sa.select(known)):
        return False
    values = {
        "id": str(ULID.from_datetime(now)),
        "key": key,
        "agent": agent,
        "kind": kind,
        "message": message,
        "created_at": now,
    }
    connection.execute(notices.insert().values(values))
    return True


def put_notice(  # noqa: PLR0913 - what a notice is
    connection: sa.Connection,
    kind: Kind,
    key: str,
    message: str,
    *,
    now: datetime,
    agent: str | None = None,
    is_news: bool = True,
) -> None:
    """Leave a notice, or let the one with this ``key`` say this; if it is news, it is unread."""
    if not add_notice(connection, kind, key, message, now=now, agent=agent):
        unread = {"read_at": None} if is_news else {}
        known = notices.update().where(notices.c.key == key)
        connection.execute(known.values(message=message, **unread))


def list_notices(
    engine: sa.Engine,
    *,
    unread: bool = True,
    before: str | None = None,
    sight: Sight = EVERYTHING,
    limit: int = 1000,
) -> list[Notice]:
    """Notices, newest first; with ``unread`` only those that nobody has read."""
    query = sa.select(notices).where(sight.clause(notices.c.agent))
    query = query.order_by(notices.c.id.desc()).limit(limit)
    if before:
        query = query.where(notices.c.id < before)
    if unread:
        query = query.where(notices.c.read_at.is_(None))
    with reading(engine) as connection:
        return [_notice(row) for row in connection.execute(query)]


def count_unread(engine: sa.Engine, sight: Sight) -> int:
    """How many notices nobody has read."""
    unread = notices.c.read_at.is_(None)
    query = sa.select(sa.func.count()).select_from(notices)
    with reading(engine) as connection:
        return connection.scalar(query.where(unread, sight.clause(notices.c.agent))) or 0


def read_notice(
    connection: sa.Connection, notice_id: str, now: datetime, *, sight: Sight = EVERYTHING
) -> Notice:
    """Mark the notice called ``notice_id``, or by a clear part of that, as read.

    Raises:
        NotFound: There is none.
        InvalidInput: Several fit.
    """
    seen = sight.clause(notices.c.agent)
    row = find_row(connection, notices, notice_id, "notice", see="notice list --all", where=seen)
    unread = (notices.c.id == row.id) & notices.c.read_at.is_(None)
    connection.execute(notices.update().where(unread).values(read_at=now))
    notice = _notice(row)
    return replace(notice, read_at=notice.read_at or now)


def read_notice_of(connection: sa.Connection, key: str, now: datetime) -> None:
    """Mark the notice with this key as read, if there is one: what it is about has been done."""
    unread = (notices.c.key == key) & notices.c.read_at.is_(None)
    connection.execute(notices.update().where(unread).values(read_at=now))


def read_all_notices(connection: sa.Connection, now: datetime) -> int:
    """Mark every notice as read; gives how many were not."""
    unread = notices.update().where(notices.c.read_at.is_(None))
    return connection.execute(unread.values(read_at=now)).rowcount


def _notice(row: sa.Row[Any]) -> Notice:
    return Notice(**row._mapping)
