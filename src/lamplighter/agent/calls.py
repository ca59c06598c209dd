"""What a model calls, carried out: each call a step, within the budget, told to the record."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_ai import RunContext
from pydantic_ai.exceptions import ToolFailed as ModelToolFailed
from pydantic_ai.messages import RetryInfo, ToolCallPart, ToolReturnPart
from pydantic_ai.models import Model
from pydantic_ai.toolsets import AbstractToolset
from pydantic_ai.toolsets.abstract import ToolsetTool
from pydantic_ai.usage import RunUsage
from pydantic_core import to_jsonable_python

from lamplighter import clock
from lamplighter.agent.budget import Budget
from lamplighter.agent.entrance import Entrance
from lamplighter.agent.journal import NESTED, Answered, Bench, Journal
from lamplighter.agent.report import REPORTS, ReportTool
from lamplighter.definitions.fence import new_mark
from lamplighter.errors import LamplighterError, Withheld

AT_ONCE = 4
"""Tool calls of one turn that run at once."""

ENDED = "Final result processed."
LATE = "Not used, because the work has been reported already."
NOT_YET = "Not used, because of the mistakes in other calls; mend those first."

Need = Literal["nothing", "approval", "answer"]
"""What a call of a tool needs of the viewer of a chat."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A tool call that waits for the viewer.

    Attributes:
        call: The model's id of it.
        name: What the model calls the tool.
        kind: Whether they are to approve it, or to answer.
    """

    call: str
    name: str
    arguments: dict[str, Any]
    kind: Literal["approval", "answer"]


@dataclass(slots=True)
class Results:
    """What came of the calls of one turn.

    Attributes:
        parts: The results, by the calls' places.
        report: With which the model has ended its work.
        reported: The place of the call that has.
        asked: The calls that wait for somebody, by their places.
    """

    parts: dict[int, ToolReturnPart] = field(default_factory=dict)
    report: Any = None
    reported: int = -1
    asked: dict[int, Asked] = field(default_factory=dict)

    def in_order(self) -> list[ToolReturnPart]:
        """The results in the order of their calls."""
        return [self.parts[number] for number in sorted(self.parts)]


def nothing(_name: str, _arguments: Mapping[str, Any]) -> Need:
    """What every call needs where there is nobody to ask."""
    return "nothing"


class Calls:
    """Carries out calls of an agent's tools.

    What comes of them goes through the ``Entrance``, which labels the run and fences the answers.

    Attributes:
        tools: The tools, which stay the same for the whole run.
        reports: The ways to end it.
        turn: The number of the request that is answered by them; 0: one of an earlier run.
        approved: The ids of calls that the viewer has approved.
    """

    def __init__(  # noqa: PLR0913 - what a call depends on
        self,
        toolset: AbstractToolset[Any],
        model: Model,
        journal: Journal,
        budget: Budget,
        bench: Bench | None,
        entrance: Entrance,
        reports: Mapping[str, ReportTool] | None = None,
        need: Callable[[str, Mapping[str, Any]], Need] = nothing,
    ) -> None:
        self.toolset = toolset
        self.model = model
        self.journal = journal
        self.budget = budget
        self.bench = bench
        self.entrance = entrance
        self.reports = reports or {}
        self.need = need
        self.tools: Mapping[str, ToolsetTool[Any]] = {}
        self.turn = 0
        self.approved: frozenset[str] = frozenset()
        self.at_once = asyncio.Semaphore(AT_ONCE)

    async def find_tools(self) -> None:
        """Ask for the tools, which may mean to start a server."""
        self.tools = await self.toolset.get_tools(self._context())

    async def carry_out(self, calls: Sequence[ToolCallPart], results: Results) -> None:
        """Carry out the calls of one turn, in order, and as far as they may overlap at once.

        A report ends the work, unless a tool that is there was called wrongly in the same turn.
        ``results`` are filled even if this is interrupted.
        """
        todo = [each for each in enumerate(calls) if each[0] not in results.parts]
        for overlaps, group in groupby(todo, key=lambda each: self._overlaps(each[1])):
            if overlaps:
                await self._carry_out_together(list(group), results)
            else:
                for number, call in group:
                    await self._carry_out(number, call, results)
        mistakes = [part for part in results.in_order() if part.outcome == "retried"]
        for part in mistakes:
            self._tell_mistake(part)
        if results.report is not None and any(part.tool_name in self.tools for part in mistakes):
            # The model does not know yet that it has not done all that it wanted to.
            results.report = None
            results.parts[results.reported] = _returned(calls[results.reported], NOT_YET)

    def _overlaps(self, call: ToolCallPart) -> bool:
        tool = self.tools.get(call.tool_name)
        return tool is not None and not tool.tool_def.sequential

    async def _carry_out_together(
        self, group: Sequence[tuple[int, ToolCallPart]], results: Results
    ) -> None:
        if len(group) == 1:
            await self._carry_out(*group[0], results)
            return
        tasks = [asyncio.create_task(self._carry_out(*each, results)) for each in group]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            raise

    async def _carry_out(self, number: int, call: ToolCallPart, results: Results) -> None:
        tool = self.tools.get(call.tool_name)
        try:
            if tool is None:
                results.parts[number] = self._end(number, call, results)
                return
            arguments = _validate(tool.args_validator, call)
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False)
            results.parts[number] = _mistake(call, to_jsonable_python(details), "validation_error")
            return
        if asked := self._ask(call, arguments):
            results.asked[number] = asked
        else:
            results.parts[number] = await self._call(call, arguments, tool)

    def _end(self, number: int, call: ToolCallPart, results: Results) -> ToolReturnPart:
        """Take a report, if it is one, and the first.

        Raises:
            ValidationError: It lacks something.
        """
        report = self.reports.get(call.tool_name)
        if report is None:
            known = ", ".join(map(repr, sorted((*self.tools, *self.reports))))
            text = f"Unknown tool name: {call.tool_name!r}. Available tools: {known or 'none'}"
            return _mistake(call, text, "unknown_tool")
        if results.report is not None:
            return _returned(call, LATE)
        results.report, results.reported = _validate(report.validator, call), number
        return _returned(call, ENDED)

    def _ask(self, call: ToolCallPart, arguments: dict[str, Any]) -> Asked | None:
        """What the viewer is asked first, if nobody has approved this call.

        A call that only asks is no step.
        """
        need = self.need(call.tool_name, arguments)
        if need == "nothing" or (need == "approval" and call.tool_call_id in self.approved):
            return None
        return Asked(call.tool_call_id, call.tool_name, call.args_as_dict(), need)

    async def _call(
        self, call: ToolCallPart, arguments: dict[str, Any], tool: ToolsetTool[Any]
    ) -> ToolReturnPart:
        """Call a tool, or take its result from the journal."""
        name = call.tool_name
        answer: dict[str, Any]
        if self.budget.take_tool_call() is not None:
            text = "Refused: this run has used all the tool calls that it may make."
            answer = {"error": text, "withheld": True}
        else:
            answer = await self._step(call, arguments, tool)
            self.budget.failures += has_failed(answer)
        # Told from the answer, so that it is told too where a restart took it from the journal.
        self._tell(name, arguments, call.tool_call_id, answer)
        shown = self.entrance.show(name, arguments, answer)
        outcome: Literal["failed", "success"] = "failed" if "error" in answer else "success"
        return _returned(call, shown, outcome)

    async def _step(
        self, call: ToolCallPart, arguments: dict[str, Any], tool: ToolsetTool[Any]
    ) -> Any:
        async def take() -> Any:
            return await self._perform(call, arguments, tool)

        if tool.tool_def.metadata == NESTED:
            # What is in it are steps of its own; only the mark has to be the same in a replay.
            return await take() | {"mark": await self.journal.step("mark", _new_mark)}
        async with self.at_once:
            return await self.journal.step(f"tool:{call.tool_name}", take)

    async def _perform(
        self, call: ToolCallPart, arguments: dict[str, Any], tool: ToolsetTool[Any]
    ) -> dict[str, Any]:
        started = clock.monotonic()
        result: dict[str, Any]
        try:
            context = self._context(call)
            value = await self.toolset.call_tool(call.tool_name, arguments, context, tool)
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

    def _context(self, call: ToolCallPart | None = None) -> RunContext[Any]:
        return RunContext(
            deps=self.bench,
            model=self.model,
            usage=RunUsage(),
            run_step=self.turn,
            tool_name=call.tool_name if call else None,
            tool_call_id=call.tool_call_id if call else None,
            tool_call_approved=call is not None and call.tool_call_id in self.approved,
        )

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
        self._tell_result(name, call_id, told)

    def _tell_mistake(self, part: ToolReturnPart) -> None:
        """A call with bad arguments, or of an unknown tool: it reached none, and counts."""
        if part.tool_name not in REPORTS:
            self.budget.take_tool_call()
            self.budget.failures += 1
        said = {"error": part.model_response_str()}
        self._tell_result(part.tool_name, part.tool_call_id, said)

    def _tell_result(self, name: str, call_id: str, told: Mapping[str, Any]) -> None:
        key = f"result:{self.budget.requests}:{call_id}"
        data = {"tool_call_id": call_id, "tool": name, **told}
        self.journal.event(key, "tool_result", data)


def has_failed(answer: Mapping[str, Any]) -> bool:
    """Whether a call has come to nothing, for certain."""
    return "error" in answer and answer.get("effect", {}).get("state") != "uncertain"


def is_delivery(effect: Mapping[str, Any]) -> bool:
    """Whether people get something by it, now or when they have approved it."""
    reaches = effect["effect"] in ("file", "notice", "email", "webhook")
    return reaches and effect["state"] in ("sent", "held", "approved", "staged")


def _validate(validator: Any, call: ToolCallPart) -> Any:
    if isinstance(call.args, str):
        return validator.validate_json(call.args or "{}")
    return validator.validate_python(call.args or {})


def _mistake(
    call: ToolCallPart, content: Any, cause: Literal["unknown_tool", "validation_error"]
) -> ToolReturnPart:
    retry = RetryInfo(cause=cause)
    return ToolReturnPart(
        call.tool_name, content, call.tool_call_id, outcome="retried", retry=retry
    )


def _returned(
    call: ToolCallPart, content: Any, outcome: Literal["success", "failed"] = "success"
) -> ToolReturnPart:
    return ToolReturnPart(call.tool_name, content, call.tool_call_id, outcome=outcome)


async def _new_mark() -> str:
    return new_mark()
