"""Schedules that are due, and what became of each occurrence."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from lamplighter.schedule import Schedule, from_data
from lamplighter.store.database import reading
from lamplighter.store.tables import occurrences, schedules

Result = Literal["ran", "skipped", "missed"]


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule whose time has come.

    Attributes:
        anchor_at: Where intervals are counted from.
        due_at: The due moment that has come; later ones may have come too.
    """

    id: str
    agent: str
    schedule: Schedule
    anchor_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One due moment of a schedule, and what became of it.

    Attributes:
        reason: Why it was skipped or missed.
        run_id: The run that it became, or whose being active made it skipped.
    """

    schedule_id: str
    due_at: datetime
    agent: str
    result: Result
    reason: str = ""
    run_id: str | None = None


def take_due(connection: sa.Connection, now: datetime, limit: int) -> list[DueSchedule]:
    """Schedules that are due at ``now``, the longest overdue first.

    They are locked until the transaction ends; those that somebody else holds are left out.
    """
    query = (
        sa.select(schedules)
        .where(schedules.c.next_due_at <= now)
        .order_by(schedules.c.next_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [
        DueSchedule(row.id, row.agent, from_data(row.spec), row.anchor_at, row.next_due_at)
        for row in connection.execute(query)
    ]


def set_next_due(connection: sa.Connection, schedule_id: str, due_at: datetime | None) -> None:
    """When a schedule is due next; ``None`` if never again."""
    connection.execute(
        schedules.update().where(schedules.c.id == schedule_id).values(next_due_at=due_at)
    )


def record_occurrence(connection: sa.Connection, occurrence: Occurrence) -> None:
    """Account for one due moment."""
    values = {field: getattr(occurrence, field) for field in Occurrence.__slots__}
    connection.execute(occurrences.insert().values(values))


def earliest_due(engine: sa.Engine) -> datetime | None:
    """The next moment at which any schedule is due."""
    query = (
        sa.select(schedules.c.next_due_at)
        .where(schedules.c.next_due_at.is_not(None))
        .order_by(schedules.c.next_due_at)
        .limit(1)
    )
    with reading(engine) as connection:
        due: datetime | None = connection.scalar(query)
        return due


def list_occurrences(engine: sa.Engine, agent: str, *, limit: int = 50) -> list[Occurrence]:
    """What became of an agent's due moments, newest first."""
    query = (
        sa.select(occurrences)
        .where(occurrences.c.agent == agent)
        .order_by(occurrences.c.due_at.desc())
        .limit(limit)
    )
    with reading(engine) as connection:
        return [Occurrence(**row._mapping) for row in connection.execute(query)]
