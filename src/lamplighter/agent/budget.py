"""What a run may use, what it has used, and how it ended."""

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, Protocol

from lamplighter.allowance import KINDS, UNBOUNDED, Allowance, Bound, Usage

Outcome = Literal[
    "reported",
    "nothing_to_report",
    "stopped_by_limit",
    "error",
    "needs_attention",
    "cancelled",
    "answered",
    "awaiting_approval",
    "awaiting_answer",
]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        outcome: See ``Outcome``; ``reported`` and ``nothing_to_report`` are successes. A turn of a
            chat has ``answered``, or waits for the viewer's approval or answer.
        summary: For people: what was accomplished, or why it stopped.
        requests: Model requests made.
        tool_calls: Tool calls made, refused and mistaken ones included.
        input_tokens: Sent to the model in all.
        output_tokens: Received from the model in all.
        cost_microusd: Of all that; ``None``: nobody knows.
        stopped_by: The limit that stopped it.
        strained: The limits that it came close to.
    """

    outcome: Outcome
    summary: str
    requests: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int | None = 0
    stopped_by: Bound | None = None
    strained: tuple[Bound, ...] = ()

    def covering(self, recorded: Usage, *, priced: bool) -> "Ending":
        """The same with what the record has, if that is more: of a run that did not come so far."""
        cost = None
        if priced and self.cost_microusd is not None:
            cost = max(self.cost_microusd, recorded.cost_microusd)
        return replace(
            self,
            requests=max(self.requests, recorded.iterations),
            tool_calls=max(self.tool_calls, recorded.tool_calls),
            input_tokens=max(self.input_tokens, recorded.input_tokens),
            output_tokens=max(self.output_tokens, recorded.output_tokens),
            cost_microusd=cost,
        )


class Claim(NamedTuple):
    """What a purse says to a request.

    Attributes:
        refused: The bound that the request would exceed; ``None``: it may be made.
        strained: The bounds that it comes close to.
    """

    refused: Bound | None = None
    strained: tuple[Bound, ...] = ()


class Purse(Protocol):
    """What a run shares with others: the allowances of a day."""

    def bounds(self, kind: str) -> bool:
        """Whether any of them is of this kind."""
        ...

    async def claim(self, used: Usage, request: Usage) -> Claim:
        """Ask whether this run may use so much more, and hold that for it if so.

        Args:
            used: What it has used so far.
            request: What it may need now.
        """
        ...


class EmptyPurse:
    """Nothing is shared, and nothing bounded."""

    def bounds(self, kind: str) -> bool:
        """Nothing."""
        return False

    async def claim(self, used: Usage, request: Usage) -> Claim:
        """Always."""
        return Claim()


@dataclass
class Budget:
    """What a run has used, against what it may use. What its parts use, it uses.

    Attributes:
        iterations: Tool calls at most, and model requests too, not counting the closing report.
        allowance: What else it may use.
        purse: What it shares with other runs.
        requests: Made by itself.
        tool_calls: Made by itself.
        failures: Tool calls of its own that failed.
        deliveries: Effects of its own that people have got.
        unpriced: Requests of which nobody knows what they cost.
        refused: The bound of which the run asked for more.
        closing: Whether it has been asked for its closing report.
        strained: The bounds that it came close to.
        whole: What this is a part of.
        parts: Those of the agents that it called.
    """

    iterations: int
    allowance: Allowance = UNBOUNDED
    purse: Purse = field(default_factory=EmptyPurse)
    requests: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0
    failures: int = 0
    deliveries: int = 0
    unpriced: int = 0
    refused: Bound | None = None
    closing: bool = False
    strained: list[Bound] = field(default_factory=list)
    whole: "Budget | None" = None
    parts: "list[Budget]" = field(default_factory=list)

    def share(self, iterations: int, allowance: Allowance = UNBOUNDED) -> "Budget":
        """A part for an agent that is called: no more than what is left."""
        left = self.iterations - max(self.total("requests"), self.total("tool_calls"))
        part = Budget(max(min(iterations, left), 0), allowance, whole=self)
        self.parts.append(part)
        return part

    def total(self, counter: str) -> int:
        """What it and all its parts have used."""
        used: int = getattr(self, counter)
        return used + sum(part.total(counter) for part in self.parts)

    @property
    def usage(self) -> Usage:
        """What it and all its parts have used, but for the time."""
        return Usage(
            iterations=self.total("requests"),
            tool_calls=self.total("tool_calls"),
            input_tokens=self.total("input_tokens"),
            output_tokens=self.total("output_tokens"),
            cost_microusd=self.total("cost_microusd"),
        )

    @property
    def root(self) -> "Budget":
        """That of the whole run."""
        return self if self.whole is None else self.whole.root

    @property
    def wholes(self) -> "list[Budget]":
        """This one, what it is a part of, and so on."""
        return [self, *(self.whole.wholes if self.whole else ())]

    @property
    def costs(self) -> bool:
        """Whether what it may spend is bounded."""
        return self.bounds("cost_microusd") or self.root.purse.bounds("cost_microusd")

    @property
    def used_up(self) -> bool:
        """Whether only the closing report is left."""
        used = max(self.total("tool_calls"), self.total("requests"))
        if used >= self.iterations or self.allowance.left("tool_calls", self.usage) == 0:
            return True
        return self.whole is not None and self.whole.used_up

    @property
    def overdrawn(self) -> bool:
        """Whether even the closing report has been asked for."""
        return self.total("requests") > self.iterations

    @property
    def all_failed(self) -> bool:
        """Whether there were tool calls, and every one of them failed."""
        calls = self.total("tool_calls")
        return 0 < calls <= self.total("failures")

    def take_tool_call(self) -> Bound | None:
        """Count one tool call; or give the bound of which it is too much."""
        bound = self.full
        if bound is None:
            self.tool_calls += 1
        else:
            self.refused = self.refused or bound
        return bound

    def take_request(self) -> bool:
        """Whether one more request may be asked for; once all is used up, it is the closing one.

        Who wants another tool call instead of closing is not asked a second time.
        """
        if self.overdrawn or (self.closing and self.refused):  # overdrawn by agents it called
            return False
        self.closing = self.used_up
        return True

    async def claim(self, request: Usage) -> Claim:
        """Ask whether a request may be made that may need this much."""
        for each in self.wholes:
            after = each.usage + request
            if kind := each.allowance.exceeded_by(after):
                return Claim(Bound("run", kind, getattr(each.allowance, kind)))
        return await self.root.purse.claim(self.root.usage, request)

    async def claim_calls(self, made: Usage) -> Bound | None:
        """Ask whether the tool calls of an answer fit into the days that the run is a part of.

        Args:
            made: What the request has used, with these calls.
        """
        if not made.tool_calls or not self.root.purse.bounds("tool_calls"):
            return None
        refused = (await self.root.purse.claim(self.root.usage, made)).refused
        # Of anything else the next request is told, which may not be made then.
        return refused if refused and refused.kind == "tool_calls" else None

    def bounds(self, kind: str) -> bool:
        """Whether the run itself is bounded in this."""
        return any(getattr(each.allowance, kind) is not None for each in self.wholes)

    def lefts(self) -> "list[tuple[Bound, float]]":
        """The bounds of the run itself, and what is left of each."""
        return [
            (Bound("run", kind, getattr(each.allowance, kind)), left)
            for each in self.wholes
            for kind in KINDS
            if (left := each.allowance.left(kind, each.usage)) is not None
        ]

    def watch(self) -> list[Bound]:
        """The bounds of this run that it has come close to, each once."""
        allowance, usage = self.allowance, self.usage
        near = [
            Bound("run", kind, getattr(allowance, kind)) for kind in allowance.strained_by(usage)
        ]
        return self.note_strained(near)

    def note_strained(self, bounds: list[Bound]) -> list[Bound]:
        """Remember bounds that are close; gives those that are new."""
        new = [bound for bound in bounds if bound not in self.root.strained]
        self.root.strained += new
        return new

    def end(self, outcome: Outcome, summary: str, by: Bound | None = None) -> Ending:
        """An ending with what was used."""
        return Ending(
            outcome,
            summary,
            requests=self.total("requests"),
            tool_calls=self.total("tool_calls"),
            input_tokens=self.total("input_tokens"),
            output_tokens=self.total("output_tokens"),
            cost_microusd=None if self.total("unpriced") else self.total("cost_microusd"),
            stopped_by=by,
            strained=tuple(self.strained),
        )

    @property
    def full(self) -> Bound | None:
        """The bound that one more tool call would exceed."""
        if self.total("tool_calls") >= self.iterations or self.overdrawn:
            return Bound("run", "iterations", self.iterations)
        most = self.allowance.tool_calls
        if most is not None and self.total("tool_calls") >= most:
            return Bound("run", "tool_calls", most)
        return self.whole.full if self.whole else None
