"""What a run may use, what it has used, and how it ended."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal[
    "reported", "nothing_to_report", "stopped_by_limit", "error", "needs_attention", "cancelled"
]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        outcome: See ``Outcome``; ``reported`` and ``nothing_to_report`` are successes.
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
    """What a run has used, against what it may use.

    Attributes:
        iterations: Tool calls at most, and model requests too, not counting the closing report.
        refused: Whether the run asked for more than it may.
    """

    iterations: int
    requests: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    refused: bool = False

    @property
    def used_up(self) -> bool:
        """Whether only the closing report is left."""
        return self.tool_calls >= self.iterations or self.requests >= self.iterations

    def take_tool_call(self) -> bool:
        """Count one tool call; ``False`` if it is one too many."""
        allowed = self.tool_calls < self.iterations and self.requests <= self.iterations
        self.tool_calls += allowed
        self.refused |= not allowed
        return allowed

    def end(self, outcome: Outcome, summary: str) -> Ending:
        """An ending with what was used."""
        return Ending(
            outcome,
            summary,
            requests=self.requests,
            tool_calls=self.tool_calls,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
        )
