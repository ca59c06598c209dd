"""Agents and their latest runs, some at a time: what lists for people show."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from lamplighter.errors import InvalidSchedule
from lamplighter.schedule import Schedule, from_data
from lamplighter.store.database import reading
from lamplighter.store.runs import ACTIVE, Status, first_id
from lamplighter.store.sight import Sight
from lamplighter.store.tables import agent_records, agent_versions, agents, runs, schedules

State = Literal["on", "off", "paused", "failing", "working"]
Order = Literal["name", "next", "last"]
STATES: tuple[State, ...] = get_args(State)
ORDERS: tuple[Order, ...] = get_args(Order)
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which agents a list shows.

    Attributes:
        user: Theirs and the organisation's; ``None``: all.
        sight: Whose runs they see; by those of others nothing is chosen or ordered.
        called: Part of the name.
        order: By name, by when it is due next, or by when it ran last.
    """

    user: str | None
    sight: Sight
    called: str = ""
    state: State | None = None
    order: Order = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """An agent, as the database knows it.

    Attributes:
        text: Its file.
        last_error: Of its last run that has ended; ``None``: it succeeded, or there is none.
    """

    name: str
    text: str
    enabled: bool
    paused_at: datetime | None
    paused_reason: str | None
    next_due_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestRun:
    """A run, as far as a mark in a row of others tells of it."""

    id: str
    agent: str
    status: Status
    outcome: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def duration_seconds(self) -> float | None:
        """From start to end; ``None`` before its end."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


def list_rows(engine: sa.Engine, wanted: Wanted, *, limit: int, offset: int) -> list[AgentRow]:
    """Some of the agents, in order."""
    query = _rows().where(*_conditions(wanted)).order_by(*_ordering(wanted))
    with reading(engine) as connection:
        rows = connection.execute(query.limit(limit).offset(offset))
        return [AgentRow(**row._mapping) for row in rows]


def find_rows(engine: sa.Engine, names: Collection[str]) -> list[AgentRow]:
    """These agents, as far as the database knows them, by name."""
    query = _rows().where(agents.c.name.in_(names)).order_by(agents.c.name)
    with reading(engine) as connection:
        return [AgentRow(**row._mapping) for row in connection.execute(query)]


def _rows() -> sa.Select[Any]:
    return (
        sa.select(
            agents.c.name,
            agents.c.enabled,
            agents.c.paused_at,
            agents.c.paused_reason,
            agent_versions.c.text,
            agent_records.c.last_error,
            _next_due().label("next_due_at"),
        )
        .join_from(agents, agent_versions)
        .outerjoin(agent_records, agent_records.c.agent == agents.c.name)
    )


def count_rows(engine: sa.Engine, wanted: Wanted) -> int:
    """How many agents there are of those that are wanted."""
    query = sa.select(sa.func.count()).select_from(agents)
    query = query.outerjoin(agent_records, agent_records.c.agent == agents.c.name)
    with reading(engine) as connection:
        return connection.scalar(query.where(*_conditions(wanted))) or 0


def list_schedules_of(
    engine: sa.Engine, names: Collection[str]
) -> Mapping[str, list[tuple[str, Schedule]]]:
    """The schedules of some agents with their ids; one that cannot be read is left out."""
    query = sa.select(schedules).where(schedules.c.agent.in_(names)).order_by(schedules.c.id)
    found = defaultdict(list)
    with reading(engine) as connection:
        for row in connection.execute(query):
            try:
                found[row.agent].append((row.id, from_data(row.spec)))
            except InvalidSchedule:
                continue  # of which a notice tells
    return found


def list_latest(
    engine: sa.Engine, names: Collection[str], *, most: int
) -> Mapping[str, list[LatestRun]]:
    """The latest runs of some agents, of each the oldest first."""
    earlier = runs.alias()
    first = (
        sa.select(earlier.c.id)
        .where(earlier.c.agent == agents.c.name, earlier.c.chat.is_(None))
        .order_by(earlier.c.id.desc())
        .limit(1)
        .offset(most - 1)
        .correlate(agents)
        .scalar_subquery()
    )
    columns = [runs.c[name] for name in LatestRun.__slots__]
    query = (
        sa.select(*columns)
        .join_from(agents, runs, runs.c.agent == agents.c.name)
        .where(agents.c.name.in_(names), runs.c.id >= sa.func.coalesce(first, ""))
        .where(runs.c.chat.is_(None))
        .order_by(runs.c.agent, runs.c.id)
    )
    found = defaultdict(list)
    with reading(engine) as connection:
        for row in connection.execute(query):
            found[row.agent].append(LatestRun(**row._mapping))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What an agent did on a day (UTC).

    Attributes:
        at: Its beginning, in seconds since 1970.
        seconds: How long a run took, on average; ``None`` if none has ended.
        tokens: In and out, of all runs.
        cost_microusd: Of all runs, as far as it is known.
    """

    at: int
    completed: int = 0
    failed: int = 0
    other: int = 0
    seconds: float | None = None
    tokens: int = 0
    cost_microusd: int = 0


def list_days(engine: sa.Engine, agent: str, now: datetime, days: int) -> list[Day]:
    """The last days of an agent, today the last; also those on which it did nothing."""
    today = int(now.timestamp()) // DAY_SECONDS
    first = datetime.fromtimestamp((today - days + 1) * DAY_SECONDS, UTC)
    column = sa.type_coerce(runs.c.created_at, sa.BigInteger)
    day = (column // sa.literal_column(str(DAY_SECONDS * 1000), sa.BigInteger)).label("day")
    began, ended = (
        sa.type_coerce(each, sa.BigInteger) for each in (runs.c.started_at, runs.c.finished_at)
    )
    query = (
        sa.select(
            day,
            _count(runs.c.status == "completed").label("completed"),
            _count(runs.c.status == "failed").label("failed"),
            _count(runs.c.status.not_in(("completed", "failed"))).label("other"),
            (sa.func.avg(ended - began) / 1000).label("seconds"),
            sa.func.sum(runs.c.input_tokens + runs.c.output_tokens).label("tokens"),
            sa.func.sum(runs.c.cost_microusd).label("cost_microusd"),
        )
        .where(runs.c.agent == agent, runs.c.id >= first_id(first), runs.c.chat.is_(None))
        .group_by(day)
    )
    with reading(engine) as connection:
        found = {row.day: row for row in connection.execute(query)}
    return [_day(number, found.get(number)) for number in range(today - days + 1, today + 1)]


def _day(number: int, row: sa.Row[Any] | None) -> Day:
    at = number * DAY_SECONDS
    if row is None:
        return Day(at=at)
    seconds = None if row.seconds is None else round(float(row.seconds), 2)
    return Day(
        at=at,
        completed=row.completed,
        failed=row.failed,
        other=row.other,
        seconds=seconds,
        tokens=int(row.tokens),
        cost_microusd=int(row.cost_microusd or 0),
    )


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _next_due() -> sa.ScalarSelect[Any]:
    column = schedules.c.next_due_at
    mine = sa.select(sa.func.min(column, type_=column.type))
    return mine.where(schedules.c.agent == agents.c.name).correlate(agents).scalar_subquery()


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    name = agents.c.name
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.user is not None:
        own = name.startswith(f"{wanted.user}/", autoescape=True)
        conditions.append(own | ~name.contains("@"))
    if wanted.called:
        conditions.append(name.icontains(wanted.called, autoescape=True))
    if wanted.state in ("failing", "working"):
        conditions.append(wanted.sight.clause(name))
    match wanted.state:
        case "on":
            conditions += [agents.c.enabled, agents.c.paused_at.is_(None)]
        case "off":
            conditions.append(~agents.c.enabled)
        case "paused":
            conditions.append(agents.c.paused_at.is_not(None))
        case "failing":
            conditions.append(agent_records.c.last_error.is_not(None))
        case "working":
            active = sa.exists().where(
                runs.c.agent == name, runs.c.status.in_(ACTIVE), runs.c.chat.is_(None)
            )
            conditions.append(active)
    return conditions


def _ordering(wanted: Wanted) -> list[Any]:
    match wanted.order:
        case "next":
            return [_next_due().asc().nulls_last(), agents.c.name]
        case "last":
            seen = sa.case((wanted.sight.clause(agents.c.name), agent_records.c.last_run_at))
            return [seen.desc().nulls_last(), agents.c.name]
    return [agents.c.name]
