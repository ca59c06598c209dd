"""Agents and their schedules, as the database knows them: made from the agent files."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from lamplighter import schedule as schedules_
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.catalogue import Catalogue, Entry
from lamplighter.definitions.markdown import read_agent
from lamplighter.errors import NotFound
from lamplighter.schedule import Once, Policy, Schedule, from_data, window_at
from lamplighter.store.database import reading
from lamplighter.store.pauses import resume_edited
from lamplighter.store.schedules import Occurrence, record_occurrences
from lamplighter.store.tables import agent_versions, agents, occurrences, schedules


def schedule_id_of(agent: str, number: int) -> str:
    """What the schedule of that number, counted from 1, is known by; its draws come from it."""
    return f"{agent}#{number}"


def version_of(entry: Entry, timezone: str) -> str:
    """What this very text of an agent is known by."""
    return hashlib.sha256("\0".join((entry.name, timezone, entry.text)).encode()).hexdigest()


def save_agents(
    connection: sa.Connection, catalogue: Catalogue, timezone: str, now: datetime
) -> None:
    """Make the database say what the files say.

    An agent whose file has an error does not fire until it is mended, but its schedules keep
    what they are counted from.

    Args:
        connection: In a transaction.
        catalogue: All agent files.
        timezone: The zone in which they were read.
        now: From when new and changed schedules are due.
    """
    for entry in catalogue.entries:
        if entry.agent is None:
            _disable(connection, entry.name, now)
        else:
            version = save_version(connection, entry, timezone, now)
            save_agent(connection, entry.agent, version)
            _save_schedules(connection, entry.agent, now)
    present = [entry.name for entry in catalogue.entries]
    connection.execute(schedules.delete().where(schedules.c.agent.not_in(present)))
    connection.execute(agents.delete().where(agents.c.name.not_in(present)))


def get_version(engine: sa.Engine, version: str) -> Agent:
    """The agent as it was in ``version``."""
    with reading(engine) as connection:
        row = connection.execute(
            sa.select(agent_versions).where(agent_versions.c.id == version)
        ).one()
    agent, _problems = read_agent(
        row.text, name=row.agent, file=f"{row.agent}.md", timezone=row.timezone
    )
    if agent is None:
        raise NotFound(f"version {version[:12]} of {row.agent} can no longer be read")
    return agent


def current_version(connection: sa.Connection, agent: str) -> tuple[str, str] | None:
    """The id of an agent's current version, and the first message of its runs.

    ``None`` if the database does not know it.
    """
    query = sa.select(agents.c.version, agents.c.message).where(agents.c.name == agent)
    row = connection.execute(query).first()
    return row and (row.version, row.message)


def next_due_times(engine: sa.Engine) -> dict[str, datetime]:
    """When each agent is due next, for those that are."""
    query = (
        sa.select(
            schedules.c.agent,
            sa.func.min(schedules.c.next_due_at, type_=schedules.c.next_due_at.type),
        )
        .where(schedules.c.next_due_at.is_not(None))
        .group_by(schedules.c.agent)
    )
    with reading(engine) as connection:
        return dict(connection.execute(query).all())


def save_version(connection: sa.Connection, entry: Entry, timezone: str, now: datetime) -> str:
    """Keep the text of an agent; gives the version that it is known by."""
    version = version_of(entry, timezone)
    known = sa.exists().where(agent_versions.c.id == version)
    if not connection.scalar(sa.select(known)):
        values = {
            "id": version,
            "agent": entry.name,
            "text": entry.text,
            "timezone": timezone,
            "created_at": now,
        }
        connection.execute(agent_versions.insert().values(values))
    return version


def save_agent(connection: sa.Connection, agent: Agent, version: str) -> None:
    """Write one agent, without its schedules; a new version ends a pause after failures."""
    resume_edited(connection, agent.name, version)
    values = {"version": version, "message": agent.message, "enabled": agent.enabled}
    mine = agents.c.name == agent.name
    if connection.execute(agents.update().where(mine).values(values)).rowcount == 0:
        connection.execute(agents.insert().values(name=agent.name, **values))


def _disable(connection: sa.Connection, name: str, now: datetime) -> None:
    connection.execute(agents.update().where(agents.c.name == name).values(enabled=False))
    mine = sa.select(schedules).where(schedules.c.agent == name, schedules.c.next_due_at <= now)
    for row in connection.execute(mine).all():
        _account_overdue(connection, row, now, "the agent's file has an error")
    silent = schedules.update().where(schedules.c.agent == name)
    connection.execute(silent.values(enabled=False, next_due_at=None))


def _save_schedules(connection: sa.Connection, agent: Agent, now: datetime) -> None:
    known = {
        row.id: row
        for row in connection.execute(sa.select(schedules).where(schedules.c.agent == agent.name))
    }
    for number, schedule in enumerate(agent.schedules, start=1):
        schedule_id = schedule_id_of(agent.name, number)
        _save_schedule(connection, agent, schedule_id, schedule, known.pop(schedule_id, None), now)
    for row in known.values():
        _account_overdue(connection, row, now, "its schedule was taken away")
    connection.execute(schedules.delete().where(schedules.c.id.in_(list(known))))


def _save_schedule(
    connection: sa.Connection,
    agent: Agent,
    schedule_id: str,
    schedule: Schedule,
    old: sa.Row[Any] | None,
    now: datetime,
) -> None:
    before = from_data(old.spec) if old else None
    if old and before == schedule and old.enabled == agent.enabled:
        return  # an edit of anything else does not move the next time
    if old and before and before.rhythm == schedule.rhythm:
        anchor = old.anchor_at
    else:
        anchor = _new_anchor(connection, schedule_id, schedule, now)
    if old and before and _times(before) == _times(schedule) and old.enabled == agent.enabled:
        due = old.next_due_at  # another policy moves nothing
    else:
        if old:
            _account_overdue(connection, old, now, "the schedule was changed before it could run")
        due = _first_due(connection, schedule_id, schedule, anchor, now) if agent.enabled else None
    values = {
        "agent": agent.name,
        "spec": schedules_.to_data(schedule),
        "enabled": agent.enabled,
        "anchor_at": anchor,
        "next_due_at": due,
    }
    if old is None:
        connection.execute(schedules.insert().values(id=schedule_id, **values))
    else:
        connection.execute(schedules.update().where(schedules.c.id == schedule_id).values(values))


def _times(schedule: Schedule) -> Schedule:
    """What decides when it is due: all but its policy."""
    return replace(schedule, policy=Policy())


def _new_anchor(
    connection: sa.Connection, schedule_id: str, schedule: Schedule, now: datetime
) -> datetime:
    """From when a new or edited schedule counts: now, in whole milliseconds as they are stored.

    If the window that is open now has had its occurrence, it counts from the window's end.
    """
    window = window_at(schedule, now)
    if window and _happened(connection, schedule_id, *window):
        return window[1]
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _first_due(
    connection: sa.Connection, schedule_id: str, schedule: Schedule, anchor: datetime, now: datetime
) -> datetime | None:
    timing = schedule.timing
    if not isinstance(timing, Once):
        return schedules_.next_due(schedule, now, anchor=anchor, seed=schedule_id)
    # A past `once` fires, but only once, whatever became of it.
    before = timing.at - timedelta(microseconds=1)
    due = schedules_.next_due(schedule, before, anchor=anchor, seed=schedule_id)
    return None if due is None or _happened(connection, schedule_id, due, due) else due


def _happened(
    connection: sa.Connection, schedule_id: str, since: datetime, until: datetime
) -> bool:
    found = sa.exists().where(
        occurrences.c.schedule_id == schedule_id, occurrences.c.due_at.between(since, until)
    )
    return bool(connection.scalar(sa.select(found)))


def _account_overdue(
    connection: sa.Connection, row: sa.Row[Any], now: datetime, reason: str
) -> None:
    """Record a due moment that has come, and will not be looked at any more."""
    if row.next_due_at is None or row.next_due_at > now:
        return
    if not _happened(connection, row.id, row.next_due_at, row.next_due_at):
        lost = Occurrence(row.id, row.next_due_at, row.agent, "missed", reason)
        record_occurrences(connection, [lost])
