"""What an agent uses, and what it may."""

from collections.abc import Sequence
from dataclasses import dataclass

from lamplighter.allowance import KINDS, Allowance, Usage, describe_amount
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.forecast import Forecast
from lamplighter.engine.purse import day_allowance, foresee, run_allowance, spent_today
from lamplighter.roster import Roster
from lamplighter.web.pages.words import cost, duration, number

WORDS = {
    "iterations": "Requests",
    "tool_calls": "Tool calls",
    "seconds": "Time",
    "input_tokens": "Tokens in",
    "output_tokens": "Tokens out",
    "cost_microusd": "Cost",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One kind of what an agent may use on a day.

    Attributes:
        used: Today, in words, as ``most``.
        share: What part of it that is, up to 1.
    """

    kind: str
    used: str
    most: str
    share: float


@dataclass(frozen=True, slots=True)
class Budget:
    """What an agent uses, and what it may.

    Attributes:
        per_run: What one run may use, in words.
        bars: What its runs of today have used of what a day allows.
    """

    forecast: Forecast
    per_run: Sequence[str]
    bars: Sequence[Bar]


def make_budget(home: Roster, agent: Agent) -> Budget:
    """The budget of an agent as it stands."""
    run, day = run_allowance(agent, home.settings), day_allowance(agent, home.settings)
    used = spent_today(home.engine, agent, home.settings) if day else Usage()
    return Budget(
        foresee(home.engine, agent, home.settings),
        [describe_amount(kind, most) for kind, most in _bounded(run)],
        [_bar(kind, most, getattr(used, kind)) for kind, most in _bounded(day)],
    )


def _bar(kind: str, most: float, used: float) -> Bar:
    share = min(used / most, 1) if most else 1
    return Bar(WORDS[kind], _say(kind, used), _say(kind, most), share)


def _say(kind: str, amount: float) -> str:
    match kind:
        case "cost_microusd":
            return cost(int(amount))
        case "seconds":
            return duration(amount)
    return number(int(amount))


def _bounded(allowance: Allowance) -> list[tuple[str, float]]:
    found = [(kind, getattr(allowance, kind)) for kind in KINDS]
    return [(kind, most) for kind, most in found if most is not None]
