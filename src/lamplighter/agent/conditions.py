"""Under which conditions a run asks its model: prices, room, and what a request may need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.usage import RequestUsage

from lamplighter.agent.budget import Budget
from lamplighter.agent.compaction import Compacted, compact, estimate_tokens
from lamplighter.agent.prompt import definition_of
from lamplighter.allowance import Bound, Usage
from lamplighter.errors import PriceUnknown

LEAST_OUTPUT = 256
"""Tokens; an answer that could have only fewer is not asked for."""

USUAL_ROOM = 100_000
"""Tokens of a conversation, where nobody knows how many the model can take."""

MOST_ROOM = 150_000
USED = 0.75
"""The part of a model's context that a conversation may take; the rest is for its answer."""

Watch = Callable[[int, Mapping[str, Any], Mapping[str, Any]], None]
"""Told of each prompt: the request's number, the prompt as recorded and as it is."""


class Tariff(Protocol):
    """What the model costs."""

    def cost_of(self, usage: RequestUsage) -> int | None:
        """Of one request, in micro-dollars; ``None``: nobody knows."""
        ...


class Free:
    """It costs nothing."""

    def cost_of(self, usage: RequestUsage) -> int | None:
        """Nothing."""
        return 0


FREE = Free()


class Need(NamedTuple):
    """What a request may need at most.

    Attributes:
        usage: Of everything.
        output: The most tokens of an answer to ask for; ``None``: as many as the model likes.
        capped_by: The bound that leaves only so many.
    """

    usage: Usage
    output: int | None = None
    capped_by: Bound | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a run asks its model.

    Attributes:
        tariff: What the model costs.
        name: What it is called, for messages.
        room: Tokens that a conversation may take; ``None``: what suits the model.
        max_output: Tokens of an answer at most, where output or money is bounded.
        watch: Who looks at the prompts.
    """

    tariff: Tariff = FREE
    name: str = ""
    room: int | None = None
    max_output: int = 4096
    watch: Watch | None = None

    def fit(
        self, model: Model, messages: list[ModelMessage], parameters: ModelRequestParameters
    ) -> Compacted:
        """The conversation as the model can take it."""
        is_kept = any(tool.name == "read_file" for tool in parameters.function_tools)
        overhead = _overhead(messages, parameters)
        return compact(messages, self._room(model), overhead=overhead, is_kept=is_kept)

    def need(self, fitted: Compacted, budget: Budget, asked: int | None) -> Need:
        """What asking this may need.

        Args:
            fitted: The conversation.
            budget: What bounds it.
            asked: Tokens of an answer that would be asked for anyway.

        Raises:
            PriceUnknown: Money is bounded, and nobody knows what the model costs.
        """
        tokens = _input_tokens(fitted)
        if not (budget.costs or budget.bounds("output_tokens")):
            return Need(Usage(iterations=1, input_tokens=tokens), asked)
        output, capped_by = self._affordable(tokens, budget, asked or self.max_output)
        cost = self._cost(tokens, output)
        if cost is None and budget.costs:
            raise PriceUnknown(
                f"nobody knows what {self.name} costs, so a limit of money cannot be kept; give "
                f'its price in lamplighter.toml: [prices."{self.name}"] with input and output, '
                "in dollars per million tokens"
            )
        usage = Usage(
            iterations=1, input_tokens=tokens, output_tokens=output, cost_microusd=cost or 0
        )
        return Need(usage, output, capped_by)

    def _affordable(self, tokens: int, budget: Budget, wanted: int) -> tuple[int, Bound | None]:
        """Tokens of an answer for which there is enough left in the run, and what bounds them."""
        output, capped_by = wanted, None
        for bound, left in budget.lefts():
            most = self._most_output(bound.kind, left, tokens)
            if most is not None and most < output:
                output, capped_by = max(most, LEAST_OUTPUT), bound
        return output, capped_by

    def _most_output(self, kind: str, left: float, tokens: int) -> int | None:
        if kind == "output_tokens":
            return int(left)
        unit = self._cost(0, 1_000_000)
        base = self._cost(tokens, 0)
        if kind != "cost_microusd" or not unit or base is None:
            return None
        return int((left - base) * 1_000_000 / unit)

    def _cost(self, input_tokens: int, output_tokens: int) -> int | None:
        usage = RequestUsage(input_tokens=input_tokens, output_tokens=output_tokens)
        return self.tariff.cost_of(usage)

    def _room(self, model: Model) -> int:
        if self.room is not None:
            return self.room
        window = model.context_window
        return min(int(window * USED), MOST_ROOM) if window else USUAL_ROOM


USUAL = Conditions()


def _overhead(messages: list[ModelMessage], parameters: ModelRequestParameters) -> int:
    instructions = getattr(messages[-1], "instructions", None) or ""
    tools = (*parameters.function_tools, *parameters.output_tools)
    return estimate_tokens(instructions) + sum(definition_of(tool).tokens for tool in tools)


def _input_tokens(fitted: Compacted) -> int:
    """By the provider's count of the last request, and an estimate of what came since."""
    if fitted.fresh:
        return fitted.tokens
    for number in range(len(fitted.messages) - 1, -1, -1):
        message = fitted.messages[number]
        if isinstance(message, ModelResponse) and message.usage.input_tokens:
            newer = compact(fitted.messages[number + 1 :], room=2**62).tokens
            return message.usage.input_tokens + message.usage.output_tokens + newer
    return fitted.tokens
