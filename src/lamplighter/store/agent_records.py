"""How each agent has fared, kept when its runs are pruned and when its file has gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from lamplighter.schedule import Once, Schedule, from_data, next_due, window_at
from lamplighter.store.database import reading
from lamplighter.store.schedules import (
    Occurrence,
    record_occurrences,
    set_next_due,
)
from lamplighter.store.tables import agent_records, occurrences, runs, schedules


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """How an agent has fared.

    Attributes:
        run_count: Runs that have ended.
        last_run_at: When the last one ended.
        last_error: Of the last one; ``None`` if it succeeded.
    """

    run_count: int = 0
    last_run_at: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """How the first schedule of an agent stands.

    Attributes:
        next_due_at: ``None`` if nothing is to come.
        has_run: Whether any moment of it became a run.
        started_at: When the agent's run that is under way began; ``None`` if none is.
    """

    next_due_at: datetime | None
    has_run: bool
    started_at: datetime | None


_WATERMARK = sa.select(agent_records.c.watermark).where(agent_records.c.agent == sa.bindparam("of"))
_COUNT = sa.text(
    "INSERT INTO agent_records (agent, run_count, last_run_at, last_error, watermark)"
    " VALUES (:agent, 1, :now, :error, :watermark) ON CONFLICT (agent) DO UPDATE"
    " SET run_count = agent_records.run_count + 1, last_run_at = excluded.last_run_at,"
    " last_error = excluded.last_error,"
    " watermark = coalesce(excluded.watermark, agent_records.watermark)"
).bindparams(sa.bindparam("now", type_=agent_records.c.last_run_at.type))


def record_ending(
    connection: sa.Connection,
    agent: str,
    error: str | None,
    now: datetime,
    *,
    watermark: int | None = None,
) -> None:
    """Count a run that has ended, in the transaction that ends it.

    Args:
        connection: In a transaction.
        agent: Whose run it was.
        error: What went wrong; ``None``: nothing.
        now: When it ended.
        watermark: What the index had up to there is not new to the agent any more; ``None``: it
            stays as it is.
    """
    told = {"agent": agent, "now": now, "error": error, "watermark": watermark}
    connection.execute(_COUNT, told)


def take_record(connection: sa.Connection, agent: str, record: AgentRecord) -> None:
    """Go on from what another program has counted."""
    values = {name: getattr(record, name) for name in AgentRecord.__slots__}
    mine = agent_records.update().where(agent_records.c.agent == agent)
    if connection.execute(mine.values(values)).rowcount == 0:
        connection.execute(agent_records.insert().values(agent=agent, **values))


def find_watermark(engine: sa.Engine, agent: str) -> int | None:
    """Up to which change of the index the agent's last run that went well has seen everything."""
    with reading(engine) as connection:
        watermark: int | None = connection.scalar(_WATERMARK, {"of": agent})
    return watermark


def list_records(engine: sa.Engine) -> dict[str, AgentRecord]:
    """All records, by agent."""
    with reading(engine) as connection:
        return {
            row.agent: AgentRecord(row.run_count, row.last_run_at, row.last_error)
            for row in connection.execute(sa.select(agent_records))
        }


def list_schedule_states(engine: sa.Engine, ids: dict[str, str]) -> dict[str, ScheduleState]:
    """How agents stand with the schedule of theirs that ``ids`` names, by agent; read at once."""
    ran = (
        sa.exists()
        .where(occurrences.c.schedule_id == schedules.c.id, occurrences.c.result == "ran")
        .label("has_run")
    )
    with reading(engine) as connection:
        under_way = {
            row.agent: row.started_at or row.admitted_at
            for row in connection.execute(
                sa.select(runs.c.agent, runs.c.started_at, runs.c.admitted_at).where(
                    runs.c.status.in_(("pending", "running")),
                    runs.c.admitted_at.is_not(None),
                    runs.c.chat.is_(None),
                )
            )
        }
        query = sa.select(schedules.c.id, schedules.c.next_due_at, ran)
        found = {row.id: row for row in connection.execute(query)}
    return {
        agent: ScheduleState(
            next_due_at=found[id_].next_due_at if id_ in found else None,
            has_run=id_ in found and found[id_].has_run,
            started_at=under_way.get(agent),
        )
        for agent, id_ in ids.items()
    }


def note_earlier_run(
    connection: sa.Connection, schedule_id: str, agent: str, at: datetime, reason: str
) -> None:
    """Account for a run that another program has made of a schedule."""
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    if not _is_recorded(connection, schedule_id, at):
        earlier = Occurrence(schedule_id, at, agent, "ran", reason)
        record_occurrences(connection, [earlier])


def go_on_from(
    connection: sa.Connection,
    schedule_id: str,
    last_run_at: datetime | None,
    missed_at: datetime | None,
) -> None:
    """Make a saved schedule due as another program has left it.

    Args:
        connection: In a transaction.
        schedule_id: The schedule.
        last_run_at: When that program last ran it; its window of that time has had its run.
        missed_at: A moment that it had drawn or reckoned, and that has passed meanwhile.
    """
    row = connection.execute(sa.select(schedules).where(schedules.c.id == schedule_id)).first()
    if row is None or not row.enabled:
        return
    schedule, due, anchor = from_data(row.spec), row.next_due_at, row.anchor_at
    if isinstance(schedule.timing, Once):
        if _is_recorded(connection, schedule_id, schedule.timing.at):
            set_next_due(connection, {schedule_id: None})
        return
    done = last_run_at and window_at(schedule, last_run_at)
    missed = missed_at and _belongs(schedule, missed_at, anchor, schedule_id)
    if missed_at and missed and not (last_run_at and last_run_at >= missed_at):
        window = window_at(schedule, missed_at)
        anchor, due = (window[1] if window else anchor), missed_at
    elif last_run_at and (done or (due and due <= last_run_at)):
        anchor = done[1] if done else anchor
        due = next_due(schedule, last_run_at, anchor=anchor, seed=schedule_id)
    mine = schedules.update().where(schedules.c.id == schedule_id)
    connection.execute(mine.values(anchor_at=anchor, next_due_at=due))


def _is_recorded(connection: sa.Connection, schedule_id: str, at: datetime) -> bool:
    found = sa.exists().where(occurrences.c.schedule_id == schedule_id, occurrences.c.due_at == at)
    return bool(connection.scalar(sa.select(found)))


def _belongs(schedule: Schedule, at: datetime, anchor: datetime, seed: str) -> bool:
    """Whether ``at`` is a moment of this schedule, and not of an earlier version of it."""
    if window_at(schedule, at):
        return True
    return next_due(schedule, at - timedelta(seconds=1), anchor=anchor, seed=seed) == at
