"""Questions to a person, and who answers them: in the background nobody does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

NOBODY = (
    "Nobody is there to answer: this is a background run. Decide for yourself and say in your "
    "report what you assumed; if you cannot go on without an answer, call needs_attention."
)


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent asks.

    Attributes:
        call: The tool call that asks, unique within its run.
        options: Answers to choose from; empty: any.
        several: Whether several of them may be chosen.
    """

    call: str
    text: str
    options: tuple[str, ...] = ()
    several: bool = False


Ask = Callable[[Question], Awaitable[Any]]
"""Gives what the model is told, as JSON."""


async def ask_nobody(_question: Question) -> dict[str, Any]:
    """The answer where nobody is there."""
    return {"available": False, "message": NOBODY}
