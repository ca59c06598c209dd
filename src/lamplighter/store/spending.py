"""What agents use, by the days on which their runs began; and what they may have used just now."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from lamplighter.allowance import KINDS, Usage
from lamplighter.errors import Conflict
from lamplighter.store.database import reading
from lamplighter.store.runs import ACTIVE
from lamplighter.store.sight import EVERYTHING, Sight
from lamplighter.store.tables import runs, spending

ALL = ""
"""What stands for all agents together."""

LOOKED_AT = 10
"""How many runs are looked at for each that is wanted; an agent may have had a million that do not
count."""

_COLUMNS = {"iterations": "requests"}
"""What ``runs`` calls some kinds of usage."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day in some zone.

    Attributes:
        name: Such as ``2026-10-05``.
        begin: When it begins.
        end: When the next one does.
    """

    name: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What an agent has used in the runs that began on one day, and have ended.

    Attributes:
        agent: Empty: all together.
        successes: Runs that went well.
        unpriced: Runs of which nobody knows what they cost.
    """

    agent: str
    day: str
    runs: int
    successes: int
    iterations: int
    tool_calls: int
    seconds: float
    input_tokens: int
    output_tokens: int
    cost_microusd: int
    unpriced: int


def add_spending(
    connection: sa.Connection,
    worker: str,
    keys: Sequence[tuple[str, str]],
    success: bool | None,
    usage: Usage,
    *,
    priced: bool,
) -> None:
    """Count a run that has ended; in the transaction that ends it.

    Args:
        connection: In a transaction.
        worker: Who counts; each has rows of its own, so none waits for another.
        keys: For whom, and on which day.
        success: Whether it went well; ``None``: it is a turn of a chat, which only costs.
        usage: What it used.
        priced: Whether the cost is known.
    """
    row = {"runs": int(success is not None), "successes": int(bool(success)), **asdict(usage)}
    row["unpriced"] = int(not priced)
    whose = [{"agent": agent, "day": day, "worker": worker} for agent, day in keys]
    connection.execute(_adding(*row), [row | each for each in whose])


@cache
def _adding(*names: str) -> sa.TextClause:
    added = ", ".join(f"{name} = spending.{name} + excluded.{name}" for name in names)
    given = ", ".join(f":{name}" for name in names)
    return sa.text(
        f"INSERT INTO spending (agent, day, worker, {', '.join(names)})"  # noqa: S608 - columns
        f" VALUES (:agent, :day, :worker, {given})"
        f" ON CONFLICT (agent, day, worker) DO UPDATE SET {added}"
    )


def hold(connection: sa.Connection, run_id: str, worker: str, usage: Usage) -> None:
    """Let a run count as having used this much, until it says otherwise or ends.

    Raises:
        Conflict: ``worker`` does not carry out the run, or does so no more.
    """
    mine = (runs.c.id == run_id) & (runs.c.worker == worker) & runs.c.status.in_(ACTIVE)
    values = {_COLUMNS.get(kind, kind): getattr(usage, kind) for kind in KINDS if kind != "seconds"}
    if connection.execute(runs.update().where(mine).values(values)).rowcount != 1:
        raise Conflict(f"{run_id} is carried out by another process")


def used_by(connection: sa.Connection, agent: str, day: Day, *, but: str, now: datetime) -> Usage:
    """What has been used of a day: by runs that have ended, and held by those under way.

    Args:
        connection: In a transaction.
        agent: Whose; ``ALL``: everybody's.
        day: Of runs that began on it.
        but: A run that does not count.
        now: For the time that runs have taken.
    """
    ended = sa.select(*(sa.func.coalesce(sa.func.sum(spending.c[kind]), 0) for kind in KINDS))
    ended = ended.where(spending.c.agent == agent, spending.c.day == day.name)
    total = Usage(*connection.execute(ended).one())
    under_way = sa.select(runs).where(
        runs.c.status.in_([sa.literal_column(f"'{status}'") for status in ACTIVE]),
        runs.c.admitted_at.is_not(None),
        runs.c.id != but,
        runs.c.started_at >= day.begin,
        runs.c.started_at < day.end,
    )
    if agent != ALL:
        under_way = under_way.where(runs.c.agent == agent)
    return sum((_held(row, now) for row in connection.execute(under_way)), total)


def list_spending(
    engine: sa.Engine,
    agent: str | None = None,
    *,
    since: str = "",
    sight: Sight = EVERYTHING,
) -> list[Spent]:
    """What was used a day, the oldest first; of one agent, or of each one.

    Args:
        engine: The workspace's database.
        agent: Only this one's; ``ALL``: the sums of all.
        since: Only from this day on, such as ``2026-10-05``.
        sight: Whose may be seen.
    """
    key = (spending.c.agent, spending.c.day)
    sums = [sa.func.sum(spending.c[name]).label(name) for name in Spent.__slots__[2:]]
    query = sa.select(*key, *sums).group_by(*key)
    query = query.where(spending.c.day >= since, sight.clause(spending.c.agent))
    if agent is None:
        query = query.where(spending.c.agent != ALL)
    else:
        query = query.where(spending.c.agent == agent)
    with reading(engine) as connection:
        found = connection.execute(query.order_by(spending.c.day, spending.c.agent))
        return [Spent(**row._mapping) for row in found]


def list_usages(engine: sa.Engine, agent: str, *, last: int = 30) -> list[tuple[Usage, bool]]:
    """What the agent's last runs on real models have used, and whether the cost is known."""
    newest = (runs.c.created_at.desc(), runs.c.id.desc())
    looked_at = sa.select(runs.c.id).where(runs.c.agent == agent).order_by(*newest)
    query = (
        sa.select(runs)
        .where(
            runs.c.id.in_(looked_at.limit(LOOKED_AT * last)),
            runs.c.status.not_in(ACTIVE),
            runs.c.requests > 0,
            runs.c.chat.is_(None),
            sa.or_(runs.c.label.is_(None), runs.c.label != "scripted"),
        )
        .order_by(*newest)
        .limit(last)
    )
    with reading(engine) as connection:
        return [
            (_held(row, row.finished_at), row.cost_microusd is not None)
            for row in connection.execute(query)
        ]


def _held(row: sa.Row[Any], now: datetime) -> Usage:
    taken = now - row.started_at if row.started_at else timedelta(0)
    return Usage(
        iterations=row.requests,
        tool_calls=row.tool_calls,
        seconds=max(taken.total_seconds(), 0.0),
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_microusd=row.cost_microusd or 0,
    )
