"""A run's steps: each model request and each tool call goes through its journal, and is told.

``Journal.step`` may answer from an earlier attempt at the run; between steps the loop is
deterministic.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import asdict
from typing import Any, Protocol, runtime_checkable

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ToolFailed as ModelToolFailed
from pydantic_ai.exceptions import UsageLimitExceeded
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.toolsets import AbstractToolset, WrapperToolset
from pydantic_ai.toolsets.abstract import ToolsetTool
from pydantic_core import to_jsonable_python

from lamplighter import clock
from lamplighter.agent.budget import Budget
from lamplighter.agent.compaction import Compacted
from lamplighter.agent.conditions import USUAL, Conditions, Need
from lamplighter.agent.entrance import Entrance
from lamplighter.agent.prompt import describe_prompt
from lamplighter.agent.report import REPORT_NAMES
from lamplighter.allowance import Bound, Usage
from lamplighter.definitions.fence import new_mark
from lamplighter.errors import LamplighterError, Withheld
from lamplighter.models.retry import Patience, ask_patiently

NESTED = {"nested": True}
"""Metadata of a tool that makes steps of its own, and so is none itself. It has to run alone."""

SILENCE = "(no answer)"
"""What a model is taken to have said that said nothing."""

PARALLEL_TOOLS = 4
"""Tool calls of one turn that run at once."""


class Journal(Protocol):
    """Where a run's steps are kept and its events are told."""

    async def step(self, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """The JSON value of ``call``, or what it gave in an earlier attempt at this run."""
        ...

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        """Add an entry to the run's record, unless ``key`` is already in it."""
        ...


@runtime_checkable
class Answered(Protocol):
    """What a tool gives that says more than its result."""

    @property
    def answer(self) -> dict[str, Any]:
        """JSON: ``result`` or ``error``; ``effect`` or ``files``, which it brought about."""
        ...


class Bench(Protocol):
    """What the tools of a run work on."""

    def apply_files(self, changes: Mapping[str, Any]) -> None:
        """Have these changes of the run's files, which a step brought about, perhaps long ago."""
        ...

    def keep_texts(self, texts: Mapping[str, str]) -> Mapping[str, Any]:
        """Write texts into the run's files, as far as there is room; gives the changes, as JSON."""
        ...


Draft = Callable[[int, str], Awaitable[None]]
"""Is told what the model is just saying: the number of its request, and all of it so far."""


class JournaledModel(WrapperModel):
    """Makes each model request a step, and tells the record what was said.

    With a ``draft`` somebody is watching: what the model says is told while it says it.
    """

    def __init__(  # noqa: PLR0913 - what a request depends on
        self,
        wrapped: Model,
        journal: Journal,
        budget: Budget,
        patience: Patience,
        conditions: Conditions = USUAL,
        bench: "Bench | None" = None,
        draft: Draft | None = None,
    ) -> None:
        super().__init__(wrapped)
        self.journal = journal
        self.budget = budget
        self.patience = patience
        self.conditions = conditions
        self.bench = bench
        self.draft = draft

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask the model, or take its answer from the journal.

        Raises:
            UsageLimitExceeded: That would be more than the run may use.
            PriceUnknown: Nobody knows whether it would.
        """
        self._tell_mistakes(messages[-1])
        if not self.budget.take_request():
            raise UsageLimitExceeded("no more model requests")
        fitted = self.conditions.fit(self.wrapped, messages, model_request_parameters)
        prompt = describe_prompt(fitted.messages, model_request_parameters, fitted.before)
        settings = model_settings or ModelSettings()
        need = self.conditions.need(fitted, self.budget, settings.get("max_tokens"))
        if need.output is not None:
            settings = ModelSettings(**{**settings, "max_tokens": need.output})

        def send() -> Awaitable[ModelResponse]:
            ask = (fitted.messages, settings or None, model_request_parameters)
            if self.draft is not None and _can_stream(self.wrapped):
                return self._stream(self.draft, *ask)
            return self.wrapped.request(*ask)

        async def ask() -> Any:
            return {"prompt": prompt, **await self._ask(send, fitted, need)}

        answer = await self.journal.step("model", ask)
        if self.conditions.watch:
            self.conditions.watch(self.budget.requests + 1, answer.get("prompt", {}), prompt)
        if refused := answer.get("refused"):
            raise self._stop(Bound(**refused))
        return self._take(answer, fitted, need)

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
        async with self.wrapped.request_stream(*ask) as stream:
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

    def _tell_mistakes(self, message: ModelMessage) -> None:
        """Calls with bad arguments or of unknown tools never reach a tool; tell them here."""
        if not isinstance(message, ModelRequest):
            return
        for part in message.parts:
            if isinstance(part, ToolReturnPart) and part.outcome == "retried":
                if part.tool_name not in REPORT_NAMES:
                    self.budget.take_tool_call()
                    self.budget.failures += 1
                self.journal.event(
                    f"result:{self.budget.requests}:{part.tool_call_id}",
                    "tool_result",
                    {
                        "tool_call_id": part.tool_call_id,
                        "tool": part.tool_name,
                        "error": part.model_response_str(),
                    },
                )


def _usage_of(response: ModelResponse, cost_microusd: int | None) -> Usage:
    """What a request has used, with the tool calls that it asks for."""
    calls = sum(
        isinstance(part, ToolCallPart) and part.tool_name not in REPORT_NAMES
        for part in response.parts
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


def has_failed(answer: Mapping[str, Any]) -> bool:
    """Whether a call has come to nothing, for certain."""
    return "error" in answer and answer.get("effect", {}).get("state") != "uncertain"


def is_delivery(effect: Mapping[str, Any]) -> bool:
    """Whether people get something by it, now or when they have approved it."""
    reaches = effect["effect"] in ("file", "notice", "email", "webhook")
    return reaches and effect["state"] in ("sent", "held", "approved", "staged")


class ToolsOfRun(WrapperToolset[Any]):
    """Tools that are made for one run."""

    async def for_run(self, ctx: RunContext[Any]) -> AbstractToolset[Any]:
        """This very object: it belongs to one run already."""
        return self

    async def for_run_step(self, ctx: RunContext[Any]) -> AbstractToolset[Any]:
        """This very object: it belongs to one run already."""
        return self


class JournaledTools(ToolsOfRun):
    """Makes each tool call a step, within the budget, and tells the record what came of it.

    What comes of it goes through the ``Entrance``, which labels the run and fences the answer.
    """

    def __init__(
        self,
        wrapped: AbstractToolset[Any],
        journal: Journal,
        budget: Budget,
        bench: Bench | None,
        entrance: Entrance,
    ) -> None:
        super().__init__(wrapped)
        self.bench = bench
        self.journal = journal
        self.budget = budget
        self.entrance = entrance
        self.at_once = asyncio.Semaphore(PARALLEL_TOOLS)
        self.tools: dict[str, ToolsetTool[Any]] | None = None

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """The tools, which stay the same for the whole run."""
        if self.tools is None:
            self.tools = await super().get_tools(ctx)
        return self.tools

    async def get_instructions(self, ctx: RunContext[Any]) -> None:
        """None; they are the agent's alone."""

    async def call_tool(
        self,
        name: str,
        tool_args: dict[str, Any],
        ctx: RunContext[Any],
        tool: ToolsetTool[Any],
    ) -> Any:
        """Call a tool, or take its result from the journal."""

        async def call() -> Any:
            started = clock.monotonic()
            try:
                value = await self.wrapped.call_tool(name, tool_args, ctx, tool)
                if isinstance(value, Answered):
                    result = value.answer
                else:
                    result = {"result": to_jsonable_python(value)}
            except Withheld as error:
                result = {"error": str(error), "withheld": True}
            except (LamplighterError, ModelToolFailed) as error:
                result = {"error": str(error)}
            seconds = round(clock.monotonic() - started, 3)
            return result | {"seconds": seconds, "mark": new_mark()}

        answer: dict[str, Any]
        if self.budget.take_tool_call() is not None:
            text = "Refused: this run has used all the tool calls that it may make."
            answer = {"error": text, "withheld": True}
        else:
            answer = await self._call(name, tool, call)
            self.budget.failures += has_failed(answer)
        # Told from the answer, so that it is told too where a restart took it from the journal.
        self._tell(name, tool_args, str(ctx.tool_call_id), answer)
        shown = self.entrance.show(name, tool_args, answer)
        if "error" in answer:
            raise ModelToolFailed(shown)
        return shown

    def _tell(
        self, name: str, arguments: dict[str, Any], call_id: str, answer: dict[str, Any]
    ) -> None:
        for label, origin in self.entrance.admit(name, arguments, answer):
            data = {"label": label, "source": origin, "tool": name}
            self.journal.event(f"label:{label}", "label", data)
        if effect := answer.get("effect"):
            self.journal.event(f"effect:{effect['call']}", "effect", effect)
            self.budget.deliveries += is_delivery(effect)
        if self.bench is not None:
            self.bench.apply_files(answer.get("files", {}))
        told = {key: value for key, value in answer.items() if key not in ("effect", "mark")}
        self.journal.event(
            f"result:{self.budget.requests}:{call_id}",
            "tool_result",
            {"tool_call_id": call_id, "tool": name, **told},
        )

    async def _call(
        self, name: str, tool: ToolsetTool[Any], call: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Any:
        if tool.tool_def.metadata == NESTED:
            # What is in it are steps of its own; only the mark has to be the same in a replay.
            return await call() | {"mark": await self.journal.step("mark", _new_mark)}
        async with self.at_once:
            return await self.journal.step(f"tool:{name}", call)


async def _new_mark() -> str:
    return new_mark()
