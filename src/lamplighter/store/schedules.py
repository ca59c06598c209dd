"""Schedules that are due, and what became of each occurrence."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from lamplighter.errors import InvalidSchedule
from lamplighter.schedule import Schedule, from_data, next_due
from lamplighter.store.database import reading
from lamplighter.store.notices import add_notice
from lamplighter.store.tables import occurrences, runs, schedules

Result = Literal["ran", "skipped", "missed"]

BATCH = 500
"""Schedules that are looked at together, where it has to be all of them."""


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


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An occurrence beside what really happened.

    Attributes:
        timezone: The zone of its schedule.
        run_status: Of the run that it became.
        started_at: When that run started.
    """

    occurrence: Occurrence
    timezone: str
    run_status: str | None
    started_at: datetime | None

    @property
    def lateness_seconds(self) -> float | None:
        """From the due moment to the run's start; ``None`` if it has not started."""
        if self.started_at is None:
            return None
        return (self.started_at - self.occurrence.due_at).total_seconds()


@dataclass(frozen=True, slots=True)
class SavedSchedule:
    """A schedule as the database knows it.

    Attributes:
        id: Also the seed of its random moments.
        anchor_at: Where intervals are counted from.
    """

    id: str
    schedule: Schedule
    anchor_at: datetime
    enabled: bool


def list_schedules(engine: sa.Engine, agent: str) -> list[SavedSchedule]:
    """The schedules of an agent."""
    mine = sa.select(schedules).where(schedules.c.agent == agent).order_by(schedules.c.id)
    with reading(engine) as connection:
        return [
            SavedSchedule(row.id, from_data(row.spec), row.anchor_at, row.enabled)
            for row in connection.execute(mine)
        ]


def list_enabled(engine: sa.Engine) -> list[DueSchedule]:
    """All schedules that fire, in no order."""
    query = sa.select(schedules).where(
        schedules.c.enabled.is_(True), schedules.c.next_due_at.is_not(None)
    )
    with reading(engine) as connection:
        return [
            DueSchedule(row.id, row.agent, from_data(row.spec), row.anchor_at, row.next_due_at)
            for row in connection.execute(query)
        ]


def take_due(connection: sa.Connection, now: datetime, limit: int) -> list[DueSchedule]:
    """Schedules that are due at ``now``, the longest overdue first.

    They are locked until the transaction ends; those that somebody else holds are left out. One
    that cannot be read is forgotten with a notice: it must not keep the others from firing.
    """
    query = (
        sa.select(schedules)
        .where(schedules.c.next_due_at <= now)
        .order_by(schedules.c.next_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = []
    for row in connection.execute(query).all():
        try:
            schedule = from_data(row.spec)
        except InvalidSchedule as error:
            _forget(connection, row, str(error), now)
        else:
            due = DueSchedule(row.id, row.agent, schedule, row.anchor_at, row.next_due_at)
            found.append(due)
    return found


def _forget(connection: sa.Connection, row: sa.Row[Any], problem: str, now: datetime) -> None:
    missed = Occurrence(row.id, row.next_due_at, row.agent, "missed", "the schedule is unreadable")
    record_occurrences(connection, [missed])
    connection.execute(schedules.delete().where(schedules.c.id == row.id))
    message = (
        f"Schedule {row.id} of {row.agent} cannot be read and does not fire: {problem}. "
        "It is made anew when the agent's file is saved, or the workspace served again."
    )
    key = f"unreadable:{row.id}:{row.next_due_at.isoformat()}"
    add_notice(connection, "failure", key, message, now=now, agent=row.agent)


def set_next_due(connection: sa.Connection, dues: Mapping[str, datetime | None]) -> None:
    """When schedules are due next, by their ids; ``None`` if never again."""
    if not dues:
        return
    # One statement for every pair: UPDATE ... FROM (VALUES ...) is not the same everywhere.
    each = schedules.update().where(schedules.c.id == sa.bindparam("schedule"))
    moved = each.values(next_due_at=sa.bindparam("due"))
    connection.execute(moved, [{"schedule": id_, "due": due} for id_, due in dues.items()])


def record_occurrences(connection: sa.Connection, found: Sequence[Occurrence]) -> None:
    """Account for due moments, each for the first time."""
    rows = [{name: getattr(each, name) for name in Occurrence.__slots__} for each in found]
    if rows:
        connection.execute(occurrences.insert(), rows)


def recorded_moments(
    connection: sa.Connection, schedule_ids: Collection[str], until: datetime
) -> Mapping[str, AbstractSet[datetime]]:
    """The moments that are accounted for already, from when each schedule is due to ``until``."""
    query = (
        sa.select(occurrences.c.schedule_id, occurrences.c.due_at)
        .join(schedules, schedules.c.id == occurrences.c.schedule_id)
        .where(schedules.c.id.in_(schedule_ids))
        .where(occurrences.c.due_at.between(schedules.c.next_due_at, until))
    )
    found = defaultdict(set)
    for schedule_id, due_at in connection.execute(query):
        found[schedule_id].add(due_at)
    return found


def bring_forward(engine: sa.Engine, now: datetime) -> int:
    """After the clock was put back: look at every schedule again; how many are due earlier.

    What fired under the clock as it was stays accounted for, and does not fire again. It may be
    very many, so nobody else has to wait for all of them.
    """
    later, last, earlier = schedules.c.next_due_at > now, "", 0
    while True:
        with engine.begin() as connection:
            page = sa.select(schedules).where(later, schedules.c.id > last)
            rows = connection.execute(page.order_by(schedules.c.id).limit(BATCH)).all()
            dues = {row.id: due for row in rows if (due := _earlier_due(row, now))}
            set_next_due(connection, dues)
        earlier += len(dues)
        if len(rows) < BATCH:
            return earlier
        last = rows[-1].id


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
    with reading(engine) as connection:
        query = _occurrences_of(agent, limit)
        return [Occurrence(**row._mapping) for row in connection.execute(query)]


def list_history(
    engine: sa.Engine, agent: str, timezone: str, *, limit: int = 50
) -> list[HistoryEntry]:
    """What was expected of an agent and what happened, newest first.

    Args:
        engine: The workspace's database.
        agent: Its name.
        timezone: Of schedules that are gone.
        limit: How many entries at most.
    """
    found = _occurrences_of(agent, limit).subquery()
    query = (
        sa.select(found, schedules.c.spec, runs.c.status, runs.c.started_at)
        .outerjoin(schedules, schedules.c.id == found.c.schedule_id)
        .outerjoin(runs, runs.c.id == found.c.run_id)
        .order_by(found.c.due_at.desc(), found.c.schedule_id)
    )
    with reading(engine) as connection:
        return [_history_entry(row, timezone) for row in connection.execute(query)]


def _earlier_due(row: sa.Row[Any], now: datetime) -> datetime | None:
    """When a schedule is due after ``now``, if that is earlier than it says."""
    due = next_due(from_data(row.spec), now, anchor=row.anchor_at, seed=row.id)
    return due if due is not None and due < row.next_due_at else None


def _occurrences_of(agent: str, limit: int) -> sa.Select[Any]:
    newest = (occurrences.c.due_at.desc(), occurrences.c.schedule_id)
    mine = sa.select(occurrences).where(occurrences.c.agent == agent)
    return mine.order_by(*newest).limit(limit)


def _history_entry(row: sa.Row[Any], timezone: str) -> HistoryEntry:
    occurrence = Occurrence(**{name: getattr(row, name) for name in Occurrence.__slots__})
    ran = occurrence.result == "ran"  # of a skipped one, the run is the one that was in its way
    return HistoryEntry(
        occurrence=occurrence,
        timezone=from_data(row.spec).timezone if row.spec else timezone,
        run_status=row.status if ran else None,
        started_at=row.started_at if ran else None,
    )
