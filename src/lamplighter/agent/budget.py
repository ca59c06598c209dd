"""What a run may use, what it has used, and how it ended."""

from dataclasses import dataclass, field
from typing import Literal

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
    """

    outcome: Outcome
    summary: str
    requests: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass
class Budget:
    """What a run has used, against what it may use. What its parts use, it uses.

    Attributes:
        iterations: Tool calls at most, and model requests too, not counting the closing report.
        requests: Made by itself.
        tool_calls: Made by itself.
        refused: Whether the run asked for more than it may.
        whole: What this is a part of.
        parts: Those of the agents that it called.
    """

    iterations: int
    requests: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    refused: bool = False
    whole: "Budget | None" = None
    parts: "list[Budget]" = field(default_factory=list)

    def share(self, iterations: int) -> "Budget":
        """A part for an agent that is called: no more than what is left."""
        left = self.iterations - max(self.total("requests"), self.total("tool_calls"))
        part = Budget(max(min(iterations, left), 0), whole=self)
        self.parts.append(part)
        return part

    def total(self, counter: str) -> int:
        """What it and all its parts have used."""
        used: int = getattr(self, counter)
        return used + sum(part.total(counter) for part in self.parts)

    @property
    def used_up(self) -> bool:
        """Whether only the closing report is left."""
        used = max(self.total("tool_calls"), self.total("requests"))
        return used >= self.iterations or (self.whole is not None and self.whole.used_up)

    @property
    def overdrawn(self) -> bool:
        """Whether even the closing report has been asked for."""
        return self.total("requests") > self.iterations

    def take_tool_call(self) -> bool:
        """Count one tool call; ``False`` if it is one too many."""
        allowed = self._has_room()
        self.tool_calls += allowed
        self.refused |= not allowed
        return allowed

    def _has_room(self) -> bool:
        mine = self.total("tool_calls") < self.iterations and not self.overdrawn
        return mine and (self.whole is None or self.whole._has_room())

    def end(self, outcome: Outcome, summary: str) -> Ending:
        """An ending with what was used."""
        return Ending(
            outcome,
            summary,
            requests=self.total("requests"),
            tool_calls=self.total("tool_calls"),
            input_tokens=self.total("input_tokens"),
            output_tokens=self.total("output_tokens"),
        )
