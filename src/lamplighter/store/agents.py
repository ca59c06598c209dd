"""Agents and their schedules, as the database knows them: made from the agent files."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from lamplighter import schedule as schedules_
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.catalogue import FOLDER, Catalogue, Entry
from lamplighter.definitions.markdown import read_agent
from lamplighter.errors import InvalidSchedule, NotFound
from lamplighter.schedule import Once, Policy, Schedule, from_data, window_at
from lamplighter.store.database import reading
from lamplighter.store.pauses import resume_edited
from lamplighter.store.schedules import Occurrence, record_occurrences
from lamplighter.store.tables import (
    agent_changes,
    agent_versions,
    agents,
    occurrences,
    schedules,
)

BATCH = 500
"""Agents that are saved with the same statements."""


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
    for start in range(0, len(catalogue.entries), BATCH):
        some = catalogue.entries[start : start + BATCH]
        sound = [entry for entry in some if entry.agent is not None]
        versions = _save_versions(connection, sound, timezone, now)
        agents_ = [entry.agent for entry in sound if entry.agent is not None]
        _save_agents(connection, agents_, versions, "", now)
        _save_schedules(connection, agents_, now)
        _disable(connection, [entry.name for entry in some if entry.agent is None], now)
    _forget_others(connection, {entry.name for entry in catalogue.entries}, now)


def save_entry(
    connection: sa.Connection, entry: Entry, timezone: str, now: datetime, *, author: str = ""
) -> str:
    """Write one agent with its schedules, as ``author`` has made it; gives its version."""
    assert entry.agent is not None
    versions = _save_versions(connection, [entry], timezone, now)
    _save_agents(connection, [entry.agent], versions, author, now)
    _save_schedules(connection, [entry.agent], now)
    return versions[entry.name]


def delete_agent(connection: sa.Connection, name: str) -> None:
    """Forget an agent and its schedules; its runs and changes stay."""
    connection.execute(schedules.delete().where(schedules.c.agent == name))
    connection.execute(agents.delete().where(agents.c.name == name))


_VERSION = sa.select(agent_versions).where(agent_versions.c.id == sa.bindparam("version"))


def get_version(engine: sa.Engine, version: str) -> Agent:
    """The agent as it was in ``version``."""
    with reading(engine) as connection:
        row = connection.execute(_VERSION, {"version": version}).one()
    file = f"{FOLDER}/{row.agent}.md"
    agent, _problems = read_agent(row.text, name=row.agent, file=file, timezone=row.timezone)
    if agent is None:
        raise NotFound(f"version {version[:12]} of {row.agent} can no longer be read")
    return agent


def current_versions(
    connection: sa.Connection, names: Collection[str]
) -> dict[str, tuple[str, str]]:
    """Of those of some agents that the database knows: version, and first message of runs."""
    query = sa.select(agents.c.name, agents.c.version, agents.c.message)
    found = connection.execute(query.where(agents.c.name.in_(names)))
    return {row.name: (row.version, row.message) for row in found}


def next_due_times(engine: sa.Engine, agent: str | None = None) -> dict[str, datetime]:
    """When each agent, or only this one, is due next, for those that are."""
    query = (
        sa.select(
            schedules.c.agent,
            sa.func.min(schedules.c.next_due_at, type_=schedules.c.next_due_at.type),
        )
        .where(schedules.c.next_due_at.is_not(None))
        .group_by(schedules.c.agent)
    )
    if agent is not None:
        query = query.where(schedules.c.agent == agent)
    with reading(engine) as connection:
        return dict(connection.execute(query).all())


def save_version(connection: sa.Connection, entry: Entry, timezone: str, now: datetime) -> str:
    """Keep the text of an agent; gives the version that it is known by."""
    return _save_versions(connection, [entry], timezone, now)[entry.name]


def save_agent(connection: sa.Connection, agent: Agent, version: str, now: datetime) -> None:
    """Write one agent, without its schedules; a new version ends a pause after failures."""
    _save_agents(connection, [agent], {agent.name: version}, "", now)


def _save_versions(
    connection: sa.Connection, entries: Sequence[Entry], timezone: str, now: datetime
) -> dict[str, str]:
    versions = {version_of(entry, timezone): entry for entry in entries}
    known = set(
        connection.scalars(sa.select(agent_versions.c.id).where(agent_versions.c.id.in_(versions)))
    )
    new = [
        {
            "id": version,
            "agent": entry.name,
            "text": entry.text,
            "timezone": timezone,
            "created_at": now,
        }
        for version, entry in versions.items()
        if version not in known
    ]
    if new:
        connection.execute(agent_versions.insert(), new)
    return {entry.name: version for version, entry in versions.items()}


def _save_agents(
    connection: sa.Connection,
    found: Sequence[Agent],
    versions: Mapping[str, str],
    author: str,
    now: datetime,
) -> None:
    query = sa.select(agents.c.name, agents.c.version, agents.c.message, agents.c.enabled)
    query = query.where(agents.c.name.in_([agent.name for agent in found]))
    known = {row.name: row for row in connection.execute(query)}
    rows = [
        {
            "agent": agent.name,
            "version": versions[agent.name],
            "message": agent.message,
            "enabled": agent.enabled,
        }
        for agent in found
    ]
    new = [row for row in rows if row["agent"] not in known]
    if new:
        connection.execute(agents.insert().values(name=sa.bindparam("agent")), new)
    old = [(row, known[row["agent"]]) for row in rows if row["agent"] in known]
    edited = [was.name for row, was in old if row["version"] != was.version]
    newly = [*(str(row["agent"]) for row in new), *edited]
    _note_changes(connection, newly, versions, author, now)
    resume_edited(connection, edited)
    if changed := [
        row
        for row, was in old
        if (row["version"], row["message"], row["enabled"])
        != (was.version, was.message, was.enabled)
    ]:
        mine = agents.c.name == sa.bindparam("agent")
        connection.execute(agents.update().where(mine), changed)


def _note_changes(
    connection: sa.Connection,
    names: Sequence[str],
    versions: Mapping[str, str],
    author: str,
    now: datetime,
) -> None:
    """Write down that these agents have another text now."""
    if not names:
        return
    table = agent_changes
    numbers = (
        sa.select(table.c.agent, sa.func.max(table.c.number).label("number"))
        .where(table.c.agent.in_(names))
        .group_by(table.c.agent)
        .subquery()
    )
    same = (table.c.agent == numbers.c.agent) & (table.c.number == numbers.c.number)
    newest = sa.select(table.c.agent, table.c.number, table.c.version).join(numbers, same)
    known = {row.agent: row for row in connection.execute(newest)}
    rows = [
        {
            "agent": name,
            "number": known[name].number + 1 if name in known else 1,
            "version": versions[name],
            "author": author,
            "at": now,
        }
        for name in names
        if name not in known or known[name].version != versions[name]
    ]
    if rows:
        connection.execute(table.insert(), rows)


def _disable(connection: sa.Connection, names: Sequence[str], now: datetime) -> None:
    if not names:
        return
    connection.execute(agents.update().where(agents.c.name.in_(names)).values(enabled=False))
    _account_all_overdue(connection, names, now, "the agent's file has an error")
    silent = schedules.update().where(schedules.c.agent.in_(names))
    connection.execute(silent.values(enabled=False, next_due_at=None))


def _forget_others(connection: sa.Connection, present: Collection[str], now: datetime) -> None:
    known = sa.union(sa.select(agents.c.name), sa.select(schedules.c.agent))
    gone = [name for name in connection.scalars(known) if name not in present]
    for start in range(0, len(gone), BATCH):
        names = gone[start : start + BATCH]
        _account_all_overdue(connection, names, now, "the agent's file was deleted")
        connection.execute(schedules.delete().where(schedules.c.agent.in_(names)))
        connection.execute(agents.delete().where(agents.c.name.in_(names)))


def _save_schedules(connection: sa.Connection, found: Sequence[Agent], now: datetime) -> None:
    query = sa.select(schedules).where(schedules.c.agent.in_([agent.name for agent in found]))
    known = {row.id: row for row in connection.execute(query)}
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for agent in found:
        for number, schedule in enumerate(agent.schedules, start=1):
            id_ = schedule_id_of(agent.name, number)
            old = known.pop(id_, None)
            if values := _changes(connection, agent, id_, schedule, old, now):
                (changed if old else new).append({"schedule": id_, **values})
    if new:
        connection.execute(schedules.insert().values(id=sa.bindparam("schedule")), new)
    if changed:
        this = schedules.c.id == sa.bindparam("schedule")
        connection.execute(schedules.update().where(this), changed)
    for row in known.values():
        _account_overdue(connection, row, now, "its schedule was taken away")
    if known:
        connection.execute(schedules.delete().where(schedules.c.id.in_(known)))


def _changes(
    connection: sa.Connection,
    agent: Agent,
    schedule_id: str,
    schedule: Schedule,
    old: sa.Row[Any] | None,
    now: datetime,
) -> dict[str, Any]:
    """What is to be written about a schedule; empty if nothing has changed."""
    spec = schedules_.to_data(schedule)
    if old and old.spec == spec and old.enabled == agent.enabled:
        return {}  # an edit of anything else does not move the next time
    before = _read(old.spec) if old else None
    if old and before and before.rhythm == schedule.rhythm:
        anchor = old.anchor_at
    else:
        anchor = _new_anchor(connection, schedule_id, schedule, now)
    is_same = old is not None and before is not None and _times(before) == _times(schedule)
    if old and is_same and old.enabled == agent.enabled:
        due = old.next_due_at  # another policy moves nothing
    else:
        if old:
            _account_overdue(connection, old, now, "the schedule was changed before it could run")
        due = _first_due(connection, schedule_id, schedule, anchor, now) if agent.enabled else None
        if is_same and due and due <= now:  # a `once`; being enabled is no reason to fire at once
            lost = Occurrence(schedule_id, due, agent.name, "missed", "the agent was not enabled")
            record_occurrences(connection, [lost])
            due = None
    return {
        "agent": agent.name,
        "spec": spec,
        "enabled": agent.enabled,
        "anchor_at": anchor,
        "next_due_at": due,
    }


def _read(spec: dict[str, Any]) -> Schedule | None:
    """What was saved before; one that cannot be read is as good as none."""
    with suppress(InvalidSchedule):
        return from_data(spec)
    return None


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


def _account_all_overdue(
    connection: sa.Connection, names: Sequence[str], now: datetime, reason: str
) -> None:
    mine = sa.select(schedules).where(schedules.c.agent.in_(names), schedules.c.next_due_at <= now)
    for row in connection.execute(mine).all():
        _account_overdue(connection, row, now, reason)


def _account_overdue(
    connection: sa.Connection, row: sa.Row[Any], now: datetime, reason: str
) -> None:
    """Record a due moment that has come, and will not be looked at any more."""
    if row.next_due_at is None or row.next_due_at > now:
        return
    if not _happened(connection, row.id, row.next_due_at, row.next_due_at):
        lost = Occurrence(row.id, row.next_due_at, row.agent, "missed", reason)
        record_occurrences(connection, [lost])
