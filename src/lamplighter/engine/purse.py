"""What a run shares with others: the allowances of its agent's day, and of everybody's."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.agent.budget import Claim, Ending
from lamplighter.allowance import Allowance, Bound, Scope, Usage
from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.forecast import Forecast, forecast
from lamplighter.models.prices import find_tariff
from lamplighter.models.resolve import choose_model
from lamplighter.store.database import decide_alone, reading
from lamplighter.store.notices import add_notice
from lamplighter.store.runs import SUCCESSES, Run
from lamplighter.store.spending import (
    ALL,
    Day,
    add_spending,
    hold,
    list_usages,
    used_by,
)

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

    def bound(self, kind: str) -> Bound:
        """What it says of one kind."""
        return Bound(self.scope, kind, getattr(self.allowance, kind))


@dataclass(frozen=True, slots=True)
class DayPurse:
    """The ``Purse`` of one run.

    Attributes:
        engine: The workspace's database, in which runs of all processes count.
        run: The run.
        worker: The process that carries it out.
        days: On which it began, in its agent's zone and in the workspace's.
        shares: The allowances of those days that bound something.
    """

    engine: sa.Engine
    run: Run
    worker: str
    days: tuple[Day, Day]
    shares: tuple[Share, ...] = ()

    def bounds(self, kind: str) -> bool:
        """Whether any of them is of this kind."""
        return any(getattr(share.allowance, kind) is not None for share in self.shares)

    async def claim(self, used: Usage, request: Usage) -> Claim:
        """Ask whether this run may use so much more, and hold that for it if so."""
        if not self.shares:
            return Claim()
        return await asyncio.to_thread(self._claim, used, request)

    def settle(self, connection: sa.Connection, ending: Ending, now: datetime) -> None:
        """Count what the run has used; in the transaction that ends it.

        Of each allowance that is nearly used up, or is, there is a notice a day.
        """
        if self.shares:  # or somebody who claims could see the run neither under way nor ended
            decide_alone(connection)
        used = self._timed(_usage_of(ending), now)
        near = [*ending.strained, *self._strained(connection, used, now)]
        _note(connection, self.run, self.days, near, ending.stopped_by, now)
        mine, everybodys = (day.name for day in self.days)
        keys = [(self.run.agent, mine), (ALL, everybodys)]
        priced = ending.cost_microusd is not None
        success = None if self.run.chat else ending.outcome in SUCCESSES
        add_spending(connection, self.worker, keys, success, used, priced=priced)

    def _claim(self, used: Usage, request: Usage) -> Claim:
        now = clock.now()
        used = self._timed(used, now)
        with self.engine.begin() as connection:
            decide_alone(connection)
            for share in self.shares:
                total = self._used(connection, share, now) + used + request
                if kind := share.allowance.exceeded_by(total):
                    return Claim(share.bound(kind))
            strained = self._strained(connection, used, now)
            hold(connection, self.run.id, self.worker, used + request)
        return Claim(None, tuple(strained))

    def _strained(self, connection: sa.Connection, used: Usage, now: datetime) -> list[Bound]:
        return [
            share.bound(kind)
            for share in self.shares
            for kind in share.allowance.strained_by(self._used(connection, share, now) + used)
        ]

    def _used(self, connection: sa.Connection, share: Share, now: datetime) -> Usage:
        """What others have used of an allowance, or hold."""
        return used_by(connection, share.agent, share.day, but=self.run.id, now=now)

    def _timed(self, usage: Usage, now: datetime) -> Usage:
        seconds = (now - (self.run.started_at or now)).total_seconds()
        return replace(usage, seconds=max(seconds, 0.0))


def make_purse(
    engine: sa.Engine, run: Run, worker: str, settings: Settings, agent: Agent | None = None
) -> DayPurse:
    """What a run of ``agent``, if it is known, shares with others."""
    at = run.started_at or run.created_at
    everybodys = day_at(at, settings.timezone)
    if agent is None:
        return DayPurse(engine, run, worker, (everybodys, everybodys))
    mine = day_at(at, agent.timezone or settings.timezone)
    shares = (
        Share("agent_day", run.agent, mine, day_allowance(agent, settings)),
        Share("fleet_day", ALL, everybodys, settings.budgets.day.allowance),
    )
    bounding = tuple(share for share in shares if share.allowance)
    return DayPurse(engine, run, worker, (mine, everybodys), bounding)


def run_allowance(agent: Agent, settings: Settings) -> Allowance:
    """What one run of an agent may use, but for iterations and time, which have defaults."""
    most = settings.budgets.run.allowance
    return replace(agent.limits.per_run.narrowed(most), iterations=None, seconds=None)


def day_allowance(agent: Agent, settings: Settings) -> Allowance:
    """What all runs of an agent that begin on one day may use."""
    return agent.limits.per_day.narrowed(settings.budgets.agent_day.allowance)


def foresee(engine: sa.Engine, agent: Agent, settings: Settings) -> Forecast:
    """What an agent will use, by its last runs."""
    return forecast(
        agent,
        list_usages(engine, agent.name),
        clock.now(),
        per_run=run_allowance(agent, settings),
        per_day=day_allowance(agent, settings),
    )


def spent_today(engine: sa.Engine, agent: Agent, settings: Settings) -> Usage:
    """What the runs of an agent that began today have used, or may have."""
    now = clock.now()
    day = day_at(now, agent.timezone or settings.timezone)
    with reading(engine) as connection:
        return used_by(connection, agent.name, day, but="", now=now)


def find_unpriced(agent: Agent, settings: Settings) -> str | None:
    """The agent's model, if its runs must not cost too much and nobody knows what it costs."""
    run, day = run_allowance(agent, settings), day_allowance(agent, settings)
    bounds = (run, day, settings.budgets.day.allowance)
    if all(allowance.cost_microusd is None for allowance in bounds):
        return None
    from pydantic_ai.usage import RequestUsage  # half of what a server would load to start

    model = choose_model(agent.model, settings)
    known = find_tariff(model, settings).cost_of(RequestUsage(input_tokens=1, output_tokens=1))
    return model if known is None else None


def day_at(moment: datetime, zone: str) -> Day:
    """The day of a moment."""
    local = moment.astimezone(ZoneInfo(zone)).date()
    begin, end = (
        datetime.combine(day, time(), ZoneInfo(zone)) for day in (local, local + timedelta(days=1))
    )
    return Day(local.isoformat(), begin, end)


def _usage_of(ending: Ending) -> Usage:
    return Usage(
        iterations=ending.requests,
        tool_calls=ending.tool_calls,
        input_tokens=ending.input_tokens,
        output_tokens=ending.output_tokens,
        cost_microusd=ending.cost_microusd or 0,
    )


def _note(
    connection: sa.Connection,
    run: Run,
    days: tuple[Day, Day],
    near: Iterable[Bound],
    by: Bound | None,
    now: datetime,
) -> None:
    told = {
        ("near", bound): f"{run.agent} has used more than 80 % of {bound}."
        for bound in near
        if bound.code not in QUIET
    }
    if by is not None and by.scope != "run":
        whose = "All agents stop" if by.scope == "fleet_day" else "It stops"
        told["stop", by] = f"{run.agent} was stopped by {by}. {whose} until the next day begins."
    for (kind, bound), message in told.items():
        of_all = bound.scope == "fleet_day"
        day, agent = (days[1], ALL) if of_all else (days[0], run.agent)
        key = f"budget:{kind}:{agent}:{day.name}:{bound.code}"
        add_notice(connection, "budget", key, message, now=now, agent=agent or None)
