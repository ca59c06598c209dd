"""Ask a model something small, to see whether it answers."""

import asyncio
from dataclasses import dataclass

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.errors import LamplighterError
from lamplighter.models.resolve import resolve_model

QUESTION = "Answer with the one word: ready"
MOST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes:
        answer: The beginning of what it said; empty if it said nothing.
        problem: Why it cannot be used; empty if it can.
        seconds: From the question to the answer.
    """

    model: str
    answer: str = ""
    problem: str = ""
    seconds: float = 0.0


async def try_model(name: str, settings: Settings) -> Trial:
    """Ask the model called ``name`` one short question; whatever goes wrong is in the answer."""
    from pydantic_ai.direct import model_request
    from pydantic_ai.exceptions import AgentRunError
    from pydantic_ai.messages import ModelRequest

    begun = clock.monotonic()
    try:
        model = resolve_model(name, settings, agent="").model
        async with asyncio.timeout(MOST_SECONDS):
            response = await model_request(model, [ModelRequest.user_text_prompt(QUESTION)])
    except TimeoutError:
        return Trial(name, problem=f"no answer within {MOST_SECONDS:.0f} s")
    except (LamplighterError, AgentRunError) as error:
        return Trial(name, problem=str(error))
    return Trial(name, answer=(response.text or "")[:200], seconds=clock.monotonic() - begun)
