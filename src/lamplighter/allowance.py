"""What may be used, and what has been used: of iterations, tool calls, time, tokens, money. Pure.

The same measures count for a run, for an agent's day and for everybody's day.
"""

from dataclasses import dataclass, fields
from typing import Literal

Scope = Literal["run", "agent_day", "fleet_day"]
STRAINED = 0.8
"""The part of an allowance from which on people are warned."""

MICRO = 1_000_000
"""Micro-dollars in a dollar."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What has been used.

    Attributes:
        iterations: Model requests.
        tool_calls: Calls, refused and mistaken ones included.
        seconds: Wall time.
        input_tokens: Sent to models.
        output_tokens: Received from models.
        cost_microusd: As far as the prices are known.
    """

    iterations: int = 0
    tool_calls: int = 0
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, kind) + getattr(other, kind) for kind in KINDS))


KINDS = tuple(field.name for field in fields(Usage))


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be used at most; ``None``: any amount. As ``Usage``."""

    iterations: int | None = None
    tool_calls: int | None = None
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_microusd: int | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, kind) is not None for kind in KINDS)

    def exceeded_by(self, usage: Usage) -> str | None:
        """The first kind of which ``usage`` is too much."""
        return next((kind for kind, most, used in self._with(usage) if used > most), None)

    def strained_by(self, usage: Usage) -> list[str]:
        """The kinds of which ``usage`` leaves little."""
        return [kind for kind, most, used in self._with(usage) if used >= most * STRAINED]

    def left(self, kind: str, usage: Usage) -> float | None:
        """What is left of one kind; ``None``: it is not bounded."""
        most: float | None = getattr(self, kind)
        return None if most is None else most - getattr(usage, kind)

    def narrowed(self, other: "Allowance") -> "Allowance":
        """Of each kind the smaller one."""
        pairs = ((getattr(self, kind), getattr(other, kind)) for kind in KINDS)
        return Allowance(*(min((n for n in pair if n is not None), default=None) for pair in pairs))

    def _with(self, usage: Usage) -> list[tuple[str, float, float]]:
        both = ((kind, getattr(self, kind), getattr(usage, kind)) for kind in KINDS)
        return [(kind, most, used) for kind, most, used in both if most is not None]


UNBOUNDED = Allowance()


@dataclass(frozen=True, slots=True)
class Bound:
    """One allowance of one kind: what a run ran into, or comes close to.

    Attributes:
        scope: Whose it is.
        kind: Of what.
        most: How much that is.
    """

    scope: Scope
    kind: str
    most: float

    @property
    def code(self) -> str:
        """For programs, such as ``fleet_day:cost``."""
        return f"{self.scope}:{self.kind.removesuffix('_microusd')}"

    def __str__(self) -> str:
        """In words, such as ``the limit of $0.50 a day for all agents``."""
        what = describe_amount(self.kind, self.most)
        rest = {"run": "", "agent_day": " a day", "fleet_day": " a day for all agents"}
        if self.kind == "seconds" and self.scope == "run":
            return f"the time limit of {what}"
        return f"the limit of {what}{rest[self.scope]}"


def describe_amount(kind: str, amount: float) -> str:
    """Such as ``$0.50``, ``1,000 input tokens`` or ``90 s``."""
    if kind == "cost_microusd":
        return describe_cost(int(amount))
    if kind == "seconds":
        return f"{amount:g} s"
    return f"{amount:,.0f} {kind.replace('_', ' ')}"


def describe_cost(microusd: int) -> str:
    """Such as ``$0.50``; small amounts with as many digits as they need."""
    text = f"{microusd / MICRO:.6f}".rstrip("0")
    whole, _, digits = text.partition(".")
    return f"${int(whole):,}.{digits:0<2}"
