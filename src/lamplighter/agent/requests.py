"""What a model is asked: each request a step, within the budget, told to the record."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from pydantic_ai.exceptions import UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ToolCallPart,
    repair_messages,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.settings import ModelSettings

from lamplighter import clock
from lamplighter.agent.budget import Budget
from lamplighter.agent.compaction import Compacted
from lamplighter.agent.conditions import USUAL, Conditions, Need
from lamplighter.agent.journal import Bench, Journal
from lamplighter.agent.prompt import describe_prompt
from lamplighter.agent.report import REPORTS
from lamplighter.allowance import Bound, Usage
from lamplighter.models.retry import Patience, ask_patiently

SILENCE = "(no answer)"
"""What a model is taken to have said that said nothing."""

Draft = Callable[[int, str], Awaitable[None]]
"""Is told what the model is just saying: the number of its request, and all of it so far."""


class Requests:
    """Makes the requests of a model, and tells the record what was said.

    With a ``draft`` somebody is watching: what the model says is told while it says it.
    """

    def __init__(  # noqa: PLR0913 - what a request depends on
        self,
        model: Model,
        journal: Journal,
        budget: Budget,
        patience: Patience,
        conditions: Conditions = USUAL,
        bench: Bench | None = None,
        draft: Draft | None = None,
    ) -> None:
        self.model = model
        self.journal = journal
        self.budget = budget
        self.patience = patience
        self.conditions = conditions
        self.bench = bench
        self.draft = draft

    async def ask(
        self, messages: list[ModelMessage], parameters: ModelRequestParameters
    ) -> ModelResponse:
        """Ask the model, or take its answer from the journal.

        Raises:
            UsageLimitExceeded: That would be more than the run may use.
            PriceUnknown: Nobody knows whether it would.
        """
        if not self.budget.take_request():
            raise UsageLimitExceeded("no more model requests")
        fitted = self.conditions.fit(self.model, repair_messages(messages), parameters)
        prompt = describe_prompt(fitted.messages, parameters, fitted.before)
        settings = self.model.settings or ModelSettings()
        need = self.conditions.need(fitted, self.budget, settings.get("max_tokens"))
        if need.output is not None:
            settings = ModelSettings(**{**settings, "max_tokens": need.output})

        def send() -> Awaitable[ModelResponse]:
            ask = (self._adapt(fitted.messages, parameters), settings or None, parameters)
            if self.draft is not None and _can_stream(self.model):
                return self._stream(self.draft, *ask)
            return self.model.request(*ask)

        async def ask() -> Any:
            return {"prompt": prompt, **await self._ask(send, fitted, need)}

        answer = await self.journal.step("model", ask)
        if self.conditions.watch:
            self.conditions.watch(self.budget.requests + 1, answer.get("prompt", {}), prompt)
        if refused := answer.get("refused"):
            raise self._stop(Bound(**refused))
        return self._take(answer, fitted, need)

    def _adapt(
        self, messages: list[ModelMessage], parameters: ModelRequestParameters
    ) -> list[ModelMessage]:
        """The conversation as this provider takes it, which may differ from who said what."""
        adapted = self.model.prepare_messages(messages, parameters)
        return messages if adapted is messages else repair_messages(adapted)

    async def _ask(
        self, send: Callable[[], Awaitable[ModelResponse]], fitted: Compacted, need: Need
    ) -> dict[str, Any]:
        """The answer of the model, if it may be asked at all, as JSON.

        It is asked for within the step, so that a replay decides the same, whatever others have
        spent meanwhile.
        """
        claim = await self.budget.claim(need.usage)
        if claim.refused:
            return {"refused": asdict(claim.refused)}
        files: Mapping[str, Any] = {}
        if self.bench is not None and fitted.fresh:
            files = await asyncio.to_thread(self.bench.keep_texts, fitted.fresh)
        started = clock.monotonic()
        # Within the step: its failed attempts leave no trace that a replay could trip over.
        response = await ask_patiently(send, self.patience, self._tell_retry)
        if response.state == "suspended":
            raise UnexpectedModelBehavior("the provider has put its answer off")
        seconds = round(clock.monotonic() - started, 3)
        [dumped] = ModelMessagesTypeAdapter.dump_python([response], mode="json")
        cost = self.conditions.tariff.cost_of(response.usage)
        too_many = await self.budget.claim_calls(_usage_of(response, cost))
        return {
            "response": dumped,
            "seconds": seconds,
            "cost_microusd": cost,
            "strained": [asdict(bound) for bound in claim.strained],
            **({"files": files} if files else {}),
            **({"too_many": asdict(too_many)} if too_many else {}),
        }

    def _take(self, answer: Mapping[str, Any], fitted: Compacted, need: Need) -> ModelResponse:
        """The model's answer, told to the record, and counted."""
        [response] = ModelMessagesTypeAdapter.validate_python([answer["response"]])
        assert isinstance(response, ModelResponse)
        if self.bench is not None:
            self.bench.apply_files(answer.get("files", {}))
        _tell_apart(response)
        self._tell_compaction(fitted)
        self._tell(response, answer["seconds"], answer.get("cost_microusd"))
        self._tell_strained([Bound(**bound) for bound in answer.get("strained", ())])
        if too_many := answer.get("too_many"):
            raise self._stop(Bound(**too_many))
        if response.finish_reason == "length" and need.capped_by:
            raise self._stop(need.capped_by)
        return _never_silent(response)

    def _stop(self, bound: Bound) -> UsageLimitExceeded:
        self.budget.refused = bound
        return UsageLimitExceeded(str(bound))

    def _tell_compaction(self, fitted: Compacted) -> None:
        if fitted.fresh:
            request = self.budget.requests + 1
            self.journal.event(
                f"compaction:{request}",
                "compaction",
                {
                    "request": request,
                    "results": len(fitted.fresh),
                    "tokens_before": fitted.tokens + fitted.saved,
                    "tokens": fitted.tokens,
                },
            )

    def _tell_strained(self, of_days: list[Bound]) -> None:
        """Each bound that is nearly reached, once."""
        for bound in (*self.budget.watch(), *self.budget.note_strained(of_days)):
            self.journal.event(
                f"budget:{bound.code}",
                "budget",
                {"bound": bound.code, "most": bound.most, "message": f"near {bound}"},
            )

    async def _stream(self, draft: Draft, *ask: Any) -> ModelResponse:
        """The answer, which is told as it comes; one that is asked for again begins anew."""
        number, said = self.budget.requests + 1, ""
        async with self.model.request_stream(*ask) as stream:
            async for event in stream:
                if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    said += event.part.content
                elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    said += event.delta.content_delta
                else:
                    continue
                await draft(number, said)
            return stream.get()

    def _tell_retry(self, attempt: int, wait: float, error: str) -> None:
        request = self.budget.requests + 1
        self.journal.event(
            f"retry:{request}:{attempt}",
            "retry",
            {"request": request, "attempt": attempt, "wait_seconds": wait, "error": error},
        )

    def _tell(self, response: ModelResponse, seconds: float, cost_microusd: int | None) -> None:
        budget, usage = self.budget, response.usage
        budget.requests += 1
        budget.cost_microusd += cost_microusd or 0
        budget.unpriced += cost_microusd is None
        budget.input_tokens += usage.input_tokens
        budget.output_tokens += usage.output_tokens
        spoken = [p.content for p in response.parts if isinstance(p, TextPart)]
        thought = [p.content for p in response.parts if isinstance(p, ThinkingPart)]
        said: dict[str, object] = {"role": "assistant", "content": "\n".join(spoken)}
        if any(thought):
            said["thinking"] = "\n".join(thought)
        said |= {
            "request": budget.requests,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost_microusd": cost_microusd,
            "seconds": seconds,
        }
        self.journal.event(f"request:{budget.requests}", "message", said)
        for call in response.parts:
            if isinstance(call, ToolCallPart):
                self.journal.event(
                    f"call:{budget.requests}:{call.tool_call_id}",
                    "tool_call",
                    {
                        "tool_call_id": call.tool_call_id,
                        "tool": call.tool_name,
                        "arguments": call.args,
                    },
                )


def _usage_of(response: ModelResponse, cost_microusd: int | None) -> Usage:
    """What a request has used, with the tool calls that it asks for."""
    calls = sum(
        isinstance(part, ToolCallPart) and part.tool_name not in REPORTS for part in response.parts
    )
    return Usage(
        iterations=1,
        tool_calls=calls,
        input_tokens=response.usage.input_tokens,
        output_tokens=response.usage.output_tokens,
        cost_microusd=cost_microusd or 0,
    )


def _can_stream(model: Model) -> bool:
    return not isinstance(model, FunctionModel) or model.stream_function is not None


def _tell_apart(response: ModelResponse) -> None:
    """Give each call an id of its own; a model that repeats one means two calls all the same."""
    seen: set[str] = set()
    for position, part in enumerate(response.parts):
        if isinstance(part, ToolCallPart):
            while part.tool_call_id in seen:
                part.tool_call_id += f"_{position}"
            seen.add(part.tool_call_id)


def _never_silent(response: ModelResponse) -> ModelResponse:
    """A model that stops without a word has stopped talking; that is an answer too."""
    spoken = any(
        isinstance(part, ToolCallPart) or (isinstance(part, TextPart) and part.content.strip())
        for part in response.parts
    )
    if not spoken:
        response.parts = [*response.parts, TextPart(SILENCE)]
    return response
