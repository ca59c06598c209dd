"""Agents and their schedules, as the database knows them: made from the agent files."""

import hashlib
from datetime import datetime

import sqlalchemy as sa

from lamplighter import schedule as schedules_
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.catalogue import Catalogue, Entry
from lamplighter.definitions.markdown import read_agent
from lamplighter.errors import NotFound
from lamplighter.schedule import Once, Schedule
from lamplighter.store.database import reading
from lamplighter.store.pauses import resume_edited
from lamplighter.store.tables import agent_versions, agents, occurrences, schedules


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
            _disable(connection, entry.name)
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


def current_version(connection: sa.Connection, agent: str) -> str | None:
    """The id of an agent's current version; ``None`` if the database does not know it."""
    version: str | None = connection.scalar(
        sa.select(agents.c.version).where(agents.c.name == agent)
    )
    return version


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
    values = {"version": version, "enabled": agent.enabled}
    mine = agents.c.name == agent.name
    if connection.execute(agents.update().where(mine).values(values)).rowcount == 0:
        connection.execute(agents.insert().values(name=agent.name, **values))


def _disable(connection: sa.Connection, name: str) -> None:
    connection.execute(agents.update().where(agents.c.name == name).values(enabled=False))
    silent = schedules.update().where(schedules.c.agent == name)
    connection.execute(silent.values(enabled=False, next_due_at=None))


def _save_schedules(connection: sa.Connection, agent: Agent, now: datetime) -> None:
    known = {
        row.id: row
        for row in connection.execute(sa.select(schedules).where(schedules.c.agent == agent.name))
    }
    for number, schedule in enumerate(agent.schedules, start=1):
        schedule_id = f"{agent.name}#{number}"
        old = known.pop(schedule_id, None)
        spec = schedules_.to_data(schedule)
        same = old if old is not None and old.spec == spec else None
        if same is not None and same.enabled == agent.enabled:
            continue  # an edit of anything else does not move the next time
        anchor = now if same is None else same.anchor_at
        values = {
            "agent": agent.name,
            "spec": spec,
            "anchor_at": anchor,
            "enabled": agent.enabled,
            "next_due_at": None,
        }
        if agent.enabled:
            values["next_due_at"] = _first_due(connection, schedule_id, schedule, anchor, now)
        if old is None:
            connection.execute(schedules.insert().values(id=schedule_id, **values))
        else:
            connection.execute(
                schedules.update().where(schedules.c.id == schedule_id).values(values)
            )
    connection.execute(schedules.delete().where(schedules.c.id.in_(list(known))))


def _first_due(
    connection: sa.Connection, schedule_id: str, schedule: Schedule, anchor: datetime, now: datetime
) -> datetime | None:
    timing = schedule.timing
    if not isinstance(timing, Once):
        return schedules_.next_due(schedule, now, anchor=anchor)
    # A past `once` fires, but only once, whatever became of it.
    happened = sa.exists().where(
        occurrences.c.schedule_id == schedule_id, occurrences.c.due_at == timing.at
    )
    return None if connection.scalar(sa.select(happened)) else timing.at
