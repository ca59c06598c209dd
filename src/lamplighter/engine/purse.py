"""What a run shares with others: the allowances of its agent's day, and of everybody's."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.agent.budget import Claim, Ending, Purse
from lamplighter.allowance import Allowance, Bound, Scope, Usage
from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.store.notices import add_notice
from lamplighter.store.runs import Run
from lamplighter.store.spending import ALL, Day, add_spending, hold, lock_budgets, used_by

QUIET = ("run:iterations", "run:tool_calls", "run:seconds")
"""Bounds that runs may well come close to, day by day."""


@dataclass(frozen=True, slots=True)
class Share:
    """One allowance of a day.

    Attributes:
        scope: What it is called.
        agent: Whose; ``ALL``: everybody's.
        day: The day.
        allowance: How much.
    """

    scope: Scope
    agent: str
    day: Day
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class DayPurse:
    """The ``Purse`` of one run.

    Attributes:
        engine: The workspace's database, in which runs of all processes count.
        run: The run.
        worker: The process that carries it out.
        shares: The allowances that bound something.
    """

    engine: sa.Engine
    run: Run
    worker: str
    shares: tuple[Share, ...]

    @property
    def costs(self) -> bool:
        """Whether any of them is of money."""
        return any(share.allowance.cost_microusd is not None for share in self.shares)

    async def claim(self, usage: Usage) -> Claim:
        """Ask whether this run may have used ``usage`` in all, and hold that for it if so."""
        if not self.shares:
            return Claim()
        return await asyncio.to_thread(self._claim, usage)

    def _claim(self, usage: Usage) -> Claim:
        now = clock.now()
        assert self.run.started_at is not None
        usage = replace(usage, seconds=(now - self.run.started_at).total_seconds())
        strained: list[Bound] = []
        with self.engine.begin() as connection:
            lock_budgets(connection)
            for share in self.shares:
                used = used_by(connection, share.agent, share.day, but=self.run.id, now=now)
                allowance = share.allowance
                if kind := allowance.exceeded_by(used + usage):
                    return Claim(Bound(share.scope, kind, getattr(allowance, kind)))
                strained += [
                    Bound(share.scope, kind, getattr(allowance, kind))
                    for kind in allowance.strained_by(used + usage)
                ]
            hold(connection, self.run.id, self.worker, usage)
        return Claim(None, tuple(strained))


def make_purse(engine: sa.Engine, run: Run, worker: str, agent: Agent, settings: Settings) -> Purse:
    """What a run of ``agent`` shares with others."""
    mine, everybodys = days_of(run, agent.timezone, settings)
    budgets = settings.budgets
    shares = (
        Share(
            "agent_day",
            run.agent,
            mine,
            agent.limits.per_day.narrowed(budgets.agent_day.allowance),
        ),
        Share("fleet_day", ALL, everybodys, budgets.day.allowance),
    )
    return DayPurse(engine, run, worker, tuple(share for share in shares if share.allowance))


def days_of(run: Run, zone: str, settings: Settings) -> tuple[Day, Day]:
    """The day on which a run began, in its agent's ``zone`` and in the workspace's."""
    at = run.started_at or run.created_at
    return day_at(at, zone or settings.timezone), day_at(at, settings.timezone)


def day_at(moment: datetime, zone: str) -> Day:
    """The day of a moment."""
    local = moment.astimezone(ZoneInfo(zone)).date()
    begin, end = (
        datetime.combine(day, time(), ZoneInfo(zone)) for day in (local, local + timedelta(days=1))
    )
    return Day(local.isoformat(), begin, end)


def count_run(
    connection: sa.Connection, run: Run, ending: Ending, days: tuple[Day, Day], now: datetime
) -> None:
    """Add what a run has used to its days; in the transaction that ends it."""
    began = run.started_at or now
    usage = Usage(
        iterations=ending.requests,
        tool_calls=ending.tool_calls,
        seconds=max((now - began).total_seconds(), 0.0),
        input_tokens=ending.input_tokens,
        output_tokens=ending.output_tokens,
        cost_microusd=ending.cost_microusd or 0,
    )
    keys = [(run.agent, days[0].name), (ALL, days[1].name)]
    priced = ending.cost_microusd is not None
    add_spending(connection, keys, ending.outcome, usage, priced=priced)


def note_budgets(
    connection: sa.Connection, run: Run, ending: Ending, days: tuple[Day, Day], now: datetime
) -> None:
    """Leave a notice for each allowance that is nearly used up, or is; of each one a day."""
    told = {
        ("near", bound): f"{run.agent} has used more than 80 % of {bound}."
        for bound in ending.strained
        if bound.code not in QUIET
    }
    by = ending.stopped_by
    if by is not None and by.scope != "run":
        whose = "All agents stop" if by.scope == "fleet_day" else "It stops"
        told["stop", by] = f"{run.agent} was stopped by {by}. {whose} until the next day begins."
    for (kind, bound), message in told.items():
        of_all = bound.scope == "fleet_day"
        day, agent = (days[1], ALL) if of_all else (days[0], run.agent)
        key = f"budget:{kind}:{agent}:{day.name}:{bound.code}"
        add_notice(connection, "budget", key, message, now=now, agent=agent or None)
