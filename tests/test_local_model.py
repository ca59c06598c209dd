import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent as Loop
from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    RetryFeedbackPart,
    RetryInfo,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.function import AgentInfo
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import FunctionToolset

from lamplighter.agent.loop import Task, perform
from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.engine.preparation import _Rehearsal
from lamplighter.errors import ModelUnavailable
from lamplighter.models import guide, local
from lamplighter.models.local import Answer
from lamplighter.models.weights import find_weights

CITY = ToolDefinition(
    name="weather",
    description="How the weather is.",
    parameters_json_schema={
        "type": "object",
        "properties": {"city": {"$ref": "#/$defs/City"}},
        "$defs": {"City": {"type": "string"}},
    },
)
PLACE = ToolDefinition(
    name="map",
    parameters_json_schema={
        "type": "object",
        "properties": {"city": {"$ref": "#/$defs/City"}},
        "$defs": {"City": {"type": "integer"}},
    },
)
REPORT = ToolDefinition(
    name="report",
    parameters_json_schema={"type": "object", "properties": {"summary": {"type": "string"}}},
)
LED = [ToolDefinition(name=name) for name in ("list_documents", "read_document", "write_file")]


def info(
    *tools: ToolDefinition, reports: tuple[ToolDefinition, ...] = (), instructions: str = "Help."
) -> AgentInfo:
    return AgentInfo(
        function_tools=list(tools),
        allow_text_output=True,
        output_tools=list(reports),
        model_settings=None,
        model_request_parameters=ModelRequestParameters(),
        instructions=instructions,
    )


def asked(text: str = "Go.") -> list[ModelMessage]:
    return [ModelRequest(parts=[UserPromptPart(text)], instructions="Help.")]


def did(tool: str, result: object, number: int = 1, **arguments: Any) -> list[ModelMessage]:
    call = ToolCallPart(tool, arguments, tool_call_id=f"local_{number}")
    answer = ToolReturnPart(tool, result, tool_call_id=call.tool_call_id)
    return [ModelResponse(parts=[call]), ModelRequest(parts=[answer], instructions="Help.")]


def answer(text: str, *, finished: bool = True) -> Answer:
    return Answer(text, finished, input_tokens=9, cached_tokens=4, output_tokens=3)


def schema_of(grammar: str) -> dict[str, Any]:
    head, _, schema = grammar.partition("%json ")
    assert head == "%llguidance {}\nstart: "
    found: dict[str, Any] = json.loads(schema)
    return found


# What it may say


def test_several_actions_are_told_apart_by_their_tool() -> None:
    actions = local.choose_actions(info(CITY, PLACE, reports=(REPORT,)), asked())
    choices = schema_of(local.action_grammar(actions))["anyOf"]

    assert [choice["properties"]["tool"]["const"] for choice in choices] == [
        "weather",
        "map",
        "report",
    ]


def test_definitions_of_one_name_do_not_get_into_each_others_way() -> None:
    schema = schema_of(local.action_grammar(local.choose_actions(info(CITY, PLACE), asked())))
    city = schema["anyOf"][0]["properties"]["arguments"]["properties"]["city"]

    assert city == {"$ref": "#/$defs/weather.City"}
    assert schema["$defs"] == {"weather.City": {"type": "string"}, "map.City": {"type": "integer"}}


def test_the_only_action_needs_no_name() -> None:
    schema = schema_of(local.action_grammar(local.choose_actions(info(*LED), asked())))

    assert list(schema["properties"]) == ["since"]
    assert schema["additionalProperties"] is False


def test_without_reports_it_may_end_in_words() -> None:
    actions = local.choose_actions(info(CITY), asked())
    said = answer('{"tool": "final_answer", "arguments": {"text": "Sunny."}}')

    [part] = local.read_answer(said, actions, asked()).parts

    assert part == TextPart("Sunny.")


def test_with_nothing_to_call_it_just_talks() -> None:
    assert local.choose_actions(info(), asked()) == []
    assert local.read_answer(answer("Hi."), [], asked()).parts == [TextPart("Hi.")]


def test_a_call_is_numbered_by_its_place_in_the_conversation() -> None:
    messages = [*asked(), *did("weather", "sun", city="Rome")]
    actions = local.choose_actions(info(CITY, PLACE), messages)
    said = answer('{"tool": "map", "arguments": {"city": 3}}')

    response = local.read_answer(said, actions, messages)

    assert response.parts == [ToolCallPart("map", {"city": 3}, tool_call_id="local_2")]
    assert response.model_name == "local"
    assert response.usage.input_tokens == 9
    assert response.usage.cache_read_tokens == 4
    assert response.usage.output_tokens == 3


def test_a_note_is_said_beside_the_call() -> None:
    found = [{"id": "notes:a.md"}, {"id": "notes:b.md"}]
    messages = [*asked(), *did("list_documents", found)]
    messages += did("read_document", "Text", 2, id="notes:a.md")
    actions = local.choose_actions(info(*LED), messages)

    text, call = local.read_answer(
        answer('{"points": ["It rains."], "id": "notes:b.md"}'), actions, messages
    ).parts

    assert text == TextPart("It rains.")
    assert call == ToolCallPart("read_document", {"id": "notes:b.md"}, tool_call_id="local_3")


def test_an_answer_without_an_end_is_an_error() -> None:
    with pytest.raises(UnexpectedModelBehavior, match="without coming to an end"):
        local.read_answer(answer('{"tool": "wea', finished=False), [], asked())


# What it reads


def test_a_turn_only_adds_to_the_turn_before() -> None:
    before = asked()
    after = [*before, *did("weather", "sun", city="Rome")]

    first, second = (local.render(messages, info(CITY)) for messages in (before, after))

    assert second[: len(first)] == first
    assert second[len(first) :] == [
        {"role": "assistant", "content": '{"tool": "weather", "arguments": {"city": "Rome"}}'},
        {"role": "user", "content": "Result of weather:\nsun"},
    ]


def test_it_is_told_all_tools_and_how_to_call_them() -> None:
    system = local.render(asked(), info(CITY, reports=(REPORT,)))[0]["content"]

    assert system.startswith("Help.")
    assert "- weather(city): How the weather is." in system
    assert "- report(summary)" in system


def test_instructions_that_came_later_stand_at_the_end() -> None:
    messages = [*asked(), *did("weather", "sun", city="Rome")]
    turns = local.render(messages, info(CITY, instructions="Help.\n\nStop now."))

    assert turns[0] == local.render(messages, info(CITY))[0]
    assert turns[-1]["content"] == "Result of weather:\nsun\n\nStop now."


def test_a_mistake_is_told() -> None:
    mistake = RetryFeedbackPart("No such city.", retry=RetryInfo("model_retry"))
    messages = [*asked(), ModelRequest(parts=[mistake])]

    assert "No such city." in local.render(messages, info(CITY))[-1]["content"]


def test_a_long_result_is_cut_and_says_so() -> None:
    long = "x" * (guide.MOST_CHARACTERS + 1)
    told = local.render([*asked(), *did("weather", long)], info(CITY))[-1]["content"]

    assert len(told) < guide.MOST_CHARACTERS + 100
    assert told.endswith("[The rest of 6,001 characters is left out.]")


def test_a_led_model_has_one_document_before_it_and_a_hint() -> None:
    found = [{"id": f"notes:{name}.md", "title": name} for name in "ab"]
    messages = [*asked(), *did("list_documents", found)]
    listed = local.render(messages, info(*LED))
    messages += did("read_document", "Text of A", 2, id="notes:a.md")
    messages += did("read_document", "Text of B", 3, id="notes:b.md")

    turns = local.render(messages, info(*LED))

    assert turns[:3] == listed[:3]
    assert listed[3]["content"].startswith(turns[3]["content"])
    assert "- notes:a.md: a" in turns[3]["content"]
    assert [turn["content"] for turn in turns if "Text of" in turn["content"]] == [
        f"Result of read_document:\nText of B\n\n{guide.next_hint(LED, messages)}"
    ]


# The model itself


def test_without_weights_it_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xllamacpp", reason='needs the extra "local"')
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)

    with pytest.raises(ModelUnavailable, match="lamplighter model pull local"):
        local.local_model(Settings(workspace=tmp_path))


def test_a_file_that_is_no_model_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason='needs the extra "local"')
    (tmp_path / "own.gguf").write_bytes(b"GGUF, but nothing else")
    model = local.local_model(Settings(workspace=tmp_path, local_model_path="own.gguf"))

    with pytest.raises(ModelUnavailable, match=r"cannot be loaded: .*own\.gguf"):
        asyncio.run(Loop(model).run("Hello?"))


@pytest.fixture
def real_model(tmp_path: Path) -> Any:
    pytest.importorskip("xllamacpp", reason='needs the extra "local"')
    settings = Settings(workspace=tmp_path)
    if not find_weights(settings):
        pytest.skip("the weights are not in the cache: lamplighter model pull local")
    return local.local_model(settings)


@pytest.mark.weights
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("weights")
def test_the_real_model_reads_all_documents_and_cites_each_in_its_digest(real_model: Any) -> None:
    documents = {
        "notes:bakery.md": "The bakery in Mill Lane closes on Friday. The oven is broken.",
        "notes:bridge.md": "The old bridge opens again on Monday, after repairs of ten weeks.",
    }
    read: list[str] = []
    files: dict[str, str] = {}

    def list_documents(after: str | None = None, before: str | None = None) -> list[dict[str, str]]:
        """List the documents."""
        assert (after, before) == ("2026-10-05", "2026-10-11")
        return [{"id": id, "title": id.removeprefix("notes:")} for id in documents]

    def read_document(id: str) -> str:
        """Read one document."""
        read.append(id)
        return documents[id]

    def write_file(path: str, content: str) -> str:
        """Write a file."""
        files[path] = content
        return "Written."

    task = Task(
        agent=Agent("digest", "Digest the notes dated from 2026-10-05 to 2026-10-11 into week.md."),
        message="Do your task now.",
        at=datetime(2026, 10, 12, tzinfo=UTC),
        timezone="UTC",
        model=real_model,
        tools=FunctionToolset([list_documents, read_document, write_file]),
    )
    ending = asyncio.run(perform(task, _Rehearsal()))

    assert sorted(read) == sorted(documents)
    bakery, bridge = sorted(re.findall(r"^- .*$", files["week.md"], re.MULTILINE))
    assert bakery.endswith("[notes:bakery.md]")
    assert "Friday" in bakery
    assert bridge.endswith("[notes:bridge.md]")
    assert "Monday" in bridge
    assert ending.outcome == "reported"
    assert ending.output_tokens > 0
