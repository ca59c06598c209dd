"""What a model calls in one turn: in which order, how much at once, and what it is told of it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_ai import Tool
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.toolsets import FunctionToolset

from lamplighter.agent.budget import Budget, Ending
from lamplighter.agent.calls import AT_ONCE, Calls, Results
from lamplighter.agent.entrance import Entrance
from lamplighter.agent.loop import Task, perform
from lamplighter.definitions.agent import Agent
from lamplighter.engine.preparation import _Rehearsal

REPORT = ToolCallPart("report", {"summary": "Done."}, "r")


def look(number: int) -> str:
    return f"saw {number}"


def model_of(*turns: list[ToolCallPart], told: list[list[Any]]) -> FunctionModel:
    """A model that makes these calls, turn by turn; ``told`` gets the results of each."""

    def answer(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        request = messages[-1]
        assert isinstance(request, ModelRequest)
        told.append([p.content for p in request.parts if isinstance(p, ToolReturnPart)])
        return ModelResponse(parts=turns[len(told) - 1])

    return FunctionModel(answer)


def play(*turns: list[ToolCallPart], tools: list[Callable[..., Any] | Tool[Any]]) -> Any:
    """How a run of these turns ended, and what the model was told in each."""
    told: list[list[Any]] = []
    at = datetime(2026, 10, 5, tzinfo=UTC)
    model = model_of(*turns, told=told)
    task = Task(Agent("a", "Look."), "Go.", at, "UTC", model, FunctionToolset(tools))
    ending: Ending = asyncio.run(perform(task, _Rehearsal()))
    return ending, told


def test_a_report_beside_a_wrong_call_waits_until_that_is_mended() -> None:
    wrong, right = ToolCallPart("look", {"number": "x"}, "1"), ToolCallPart("look", {"number": 1})
    ending, told = play([wrong, REPORT], [right], [REPORT], tools=[look])
    assert ending.outcome == "reported"
    [mistake, report] = told[1]
    assert mistake[0]["type"] == "int_parsing"
    assert "mistakes" in report
    assert "saw 1" in told[2][0]


def test_a_report_beside_a_tool_that_is_not_there_ends_the_run() -> None:
    ending, told = play([ToolCallPart("nope", {}, "1"), REPORT], tools=[look])
    assert ending.tool_calls == 1
    assert len(told) == 1


def test_the_first_of_several_reports_counts() -> None:
    second = ToolCallPart("needs_attention", {"reason": "No."}, "s")
    ending, _ = play([REPORT, second], tools=[look])
    assert (ending.outcome, ending.summary) == ("reported", "Done.")


def test_a_report_that_lacks_something_goes_back_and_is_no_tool_call() -> None:
    ending, told = play([ToolCallPart("report", "{}", "1")], [REPORT], tools=[look])
    assert told[1][0][0]["loc"] == ["summary"]
    assert (ending.outcome, ending.tool_calls) == ("reported", 0)


def test_arguments_that_are_no_json_go_back() -> None:
    ending, told = play([ToolCallPart("look", '{"number":', "1")], [REPORT], tools=[look])
    assert told[1][0][0]["type"] == "json_invalid"
    assert ending.tool_calls == 1


def test_some_calls_overlap_and_others_run_alone_in_their_order() -> None:
    running, most, order = 0, 0, list[str]()
    full = asyncio.Event()

    async def read() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == AT_ONCE:
            full.set()
        await full.wait()
        running -= 1
        order.append("read")

    def write() -> None:
        order.append(f"write beside {running}")

    calls = [ToolCallPart("read", {}, f"{n}") for n in range(AT_ONCE + 2)]
    written = Tool(write, sequential=True)
    play([*calls, ToolCallPart("write", {}, "w"), REPORT], tools=[read, written])
    assert most == AT_ONCE
    assert order == ["read"] * (AT_ONCE + 2) + ["write beside 0"]


def test_what_is_done_is_kept_when_the_next_call_breaks() -> None:
    def broken() -> None:
        raise RuntimeError("the process goes down")

    tools = FunctionToolset([Tool(look), Tool(broken)])
    model, entrance = model_of(told=[]), Entrance()
    calls = Calls(tools, model, _Rehearsal(), Budget(5), None, entrance)
    results = Results()

    async def carry_out() -> None:
        await calls.find_tools()
        made = [ToolCallPart("nope", {}), ToolCallPart("look", {"number": 1})]
        await calls.carry_out([*made, ToolCallPart("nope", {}), ToolCallPart("broken")], results)

    with pytest.raises(RuntimeError, match="goes down"):
        asyncio.run(carry_out())
    assert [part.outcome for part in results.in_order()] == ["retried", "success", "retried"]
