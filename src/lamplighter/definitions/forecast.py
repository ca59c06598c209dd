"""What an agent will use, judged by its last runs, against what it may use. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from lamplighter.allowance import (
    KINDS,
    STRAINED,
    Allowance,
    Usage,
    describe_amount,
    describe_cost,
)
from lamplighter.definitions.agent import Agent
from lamplighter.schedule import next_due

HORIZON = timedelta(days=7)
MOST_MOMENTS = 2_000
"""Due moments that are looked at; of more, the rest is reckoned."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an agent will use.

    Attributes:
        runs: How many past runs this is judged by.
        runs_per_day: By its schedules, on average of a week.
        median: Of a run; of each kind by itself.
        p90: What nine of ten runs stay below.
        is_priced: Whether the cost of these runs is known.
        warnings: What will not be enough.
    """

    runs: int
    runs_per_day: float
    median: Usage
    p90: Usage
    is_priced: bool
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        """One line for people."""
        daily = f"{self.runs_per_day:.3g} runs a day"
        if not self.runs:
            return f"{daily}; no runs to judge by yet"
        cost = ""
        if self.is_priced:
            each, day = self.median.cost_microusd, self.median.cost_microusd * self.runs_per_day
            cost = f", {describe_cost(each)}, so {describe_cost(int(day))} a day"
        return (
            f"{daily}; a run takes {_tokens(self.median):,} tokens (nine of ten up to "
            f"{_tokens(self.p90):,}){cost}, by the last {self.runs}"
        )


def forecast(
    agent: Agent,
    past: Sequence[tuple[Usage, bool]],
    now: datetime,
    *,
    per_run: Allowance,
    per_day: Allowance,
) -> Forecast:
    """Judge what an agent will use.

    Args:
        agent: As its file defines it.
        past: What its last runs have used, and whether their cost is known.
        now: From when on its schedules count.
        per_run: What one run may use.
        per_day: What its runs of one day may use together.
    """
    used = [usage for usage, _priced in past]
    rate = runs_per_day(agent, now)
    median, p90 = _quantile(used, 0.5), _quantile(used, 0.9)
    warnings = [
        f"a run often takes {describe_amount(kind, getattr(p90, kind))}, near or above its limit "
        f"of {describe_amount(kind, getattr(per_run, kind))}"
        for kind in per_run.strained_by(p90)
    ]
    for kind in KINDS:
        most, day = getattr(per_day, kind), getattr(median, kind) * rate
        if most is not None and day > most * STRAINED:
            warnings.append(
                f"{rate:.3g} runs a day take about {describe_amount(kind, day)}, near or above "
                f"the limit of {describe_amount(kind, most)} a day"
            )
    priced = all(priced for _usage, priced in past)
    return Forecast(len(used), rate, median, p90, priced, tuple(warnings) if used else ())


def runs_per_day(agent: Agent, now: datetime) -> float:
    """How often its schedules are due, on average of the coming week."""
    if not agent.enabled:
        return 0.0
    total = 0.0
    for schedule in agent.schedules:
        moment, count, end = now, 0, now + HORIZON
        while count < MOST_MOMENTS:
            due = next_due(schedule, moment, anchor=now)
            if due is None or due > end:
                break
            moment, count = due, count + 1
        days = HORIZON / timedelta(days=1)
        if count == MOST_MOMENTS:
            days = (moment - now) / timedelta(days=1)
        total += count / days
    return total


def _tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens


def _quantile(used: Sequence[Usage], part: float) -> Usage:
    """The value that ``part`` of all do not exceed."""
    if not used:
        return Usage()
    at = max(ceil(len(used) * part) - 1, 0)
    return Usage(*(sorted(getattr(usage, kind) for usage in used)[at] for kind in KINDS))
