"""What providers are really sent, by servers that answer as theirs do."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_ai import Tool
from pydantic_ai.models import Model
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.toolsets import FunctionToolset
from servers import Answer, web_server

from lamplighter.agent.loop import SUMMARY_REQUEST, Task, perform
from lamplighter.definitions.agent import Agent
from lamplighter.engine.preparation import _Rehearsal
from lamplighter.errors import ToolFailed

TURNS: list[list[tuple[str, dict[str, Any]]]] = [
    [("look", {"number": "x"}), ("nope", {}), ("look", {"number": 3}), ("fail", {})],
    [],
    [("report", {"summary": "Fine."})],
]
"""The calls of each turn; where there are none, it just talks."""


def openai(number: int) -> dict[str, Any]:
    calls = [
        {"id": f"c{i}", "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
        for i, (n, a) in enumerate(TURNS[number])
    ]
    said = {"tool_calls": calls} if calls else {"content": "I looked."}
    message: dict[str, Any] = {"role": "assistant", **said}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    return {**head, "choices": [choice]}


def google(number: int) -> dict[str, Any]:
    calls: list[Any] = [
        {"functionCall": {"name": name, "args": args}} for name, args in TURNS[number]
    ]
    content = {"role": "model", "parts": calls or [{"text": "I looked."}]}
    return {"candidates": [{"content": content, "finishReason": "STOP"}], "responseId": "r"}


def read_openai(body: Any) -> tuple[list[str], list[str], list[str]]:
    """The instructions, the results of tools, and the names of tools."""
    system = [m["content"] for m in body["messages"] if m["role"] == "system"]
    results = [m["content"] for m in body["messages"] if m["role"] == "tool"]
    return system, results, [tool["function"]["name"] for tool in body["tools"]]


def read_google(body: Any) -> tuple[list[str], list[str], list[str]]:
    parts = [part for content in body["contents"] for part in content["parts"]]
    results = [json.dumps(p["functionResponse"]) for p in parts if "functionResponse" in p]
    names = [d["name"] for tool in body["tools"] for d in tool["functionDeclarations"]]
    return [part["text"] for part in body["systemInstruction"]["parts"]], results, names


def openai_model(url: str) -> Model:
    return OpenAIChatModel("gpt-5", provider=OpenAIProvider(api_key="k", base_url=url))


def google_model(url: str) -> Model:
    return GoogleModel("gemini-2.5-flash", provider=GoogleProvider(api_key="k", base_url=url))


def look(number: int) -> str:
    return f"saw {number}"


def fail() -> None:
    raise ToolFailed("it is broken")


@pytest.mark.parametrize(
    ("make", "answer", "read"),
    [(openai_model, openai, read_openai), (google_model, google, read_google)],
    ids=["openai", "google"],
)
def test_a_provider_is_sent_the_whole_of_it(
    make: Callable[[str], Model],
    answer: Callable[[int], dict[str, Any]],
    read: Callable[[Any], tuple[list[str], list[str], list[str]]],
) -> None:
    with web_server(lambda _: Answer(json=answer(len(server.requests) - 1))) as server:
        tools = FunctionToolset([Tool(look), Tool(fail)])
        at = datetime(2026, 10, 5, tzinfo=UTC)
        task = Task(Agent("a", "Look around."), "Go.", at, "UTC", make(server.url), tools)
        ending = asyncio.run(perform(task, _Rehearsal()))
    assert (ending.outcome, ending.summary, ending.requests) == ("reported", "Fine.", 3)
    bodies = [json.loads(request.body) for request in server.requests]
    told = [read(body) for body in bodies]
    assert all("Look around." in instructions[0] for instructions, _, _ in told)
    assert told[0][2] == ["look", "fail", "report", "nothing_to_report", "needs_attention"]
    wrong, unknown, saw, failed = told[1][1]
    assert "valid integer" in wrong
    assert "Unknown tool name: 'nope'" in unknown
    assert "saw 3" in saw
    assert "it is broken" in failed
    assert told[2][2] == ["report", "nothing_to_report", "needs_attention"]
    assert json.dumps(SUMMARY_REQUEST)[1:-1] in server.requests[2].body
