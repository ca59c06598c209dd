"""A model that says what a script tells it to, and fails loudly when the run diverges.

The script is a YAML file::

    turns:
      - calls: [{tool: list_documents, arguments: {source: notes}}]
      - expect: ["notes:hello.md"]      # in the last tool results, or in the message
        calls: [{tool: report, arguments: {summary: Read one note.}}]

or ``agents: {NAME: [turns]}`` for several agents. A turn may also ``sleep: SECONDS`` before it
answers, say ``text: ...`` (in a chat word by word, each after ``pace: SECONDS``), fail with
``error: ...``, or be ``overloaded: TIMES`` as a busy provider is, before it answers. Which turn is
next follows from the conversation alone, so a run that was interrupted goes on where it was.

With ``obeys: true`` it follows, besides, every order that it finds in anything that it is shown
(``lamplighter.models.obedience``): the adversary that attacks are tried with.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_ai.exceptions import ModelOverloadedError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from lamplighter.errors import InvalidInput, ModelDiverged, ModelUnavailable, Place
from lamplighter.models.obedience import is_obedience, obey

CLOSING = "You have used all the tool calls"
"""How the loop begins to say that only the report is left."""

OVERHEAD_TOKENS = 50
CHARACTERS_PER_TOKEN = 4


class Call(BaseModel):
    """One tool call."""

    model_config = ConfigDict(extra="forbid")

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Turn(BaseModel):
    """What the model does when it is asked once."""

    model_config = ConfigDict(extra="forbid")

    text: str = ""
    pace: float = Field(default=0, ge=0)
    calls: list[Call] = Field(default_factory=list)
    expect: list[str] = Field(default_factory=list)
    sleep: float = Field(default=0, ge=0)
    error: str = ""
    overloaded: int = Field(default=0, ge=0)


class Script(BaseModel):
    """A whole script: turns for any agent, or for each agent by name."""

    model_config = ConfigDict(extra="forbid")

    obeys: bool = False
    turns: list[Turn] = Field(default_factory=list)
    agents: dict[str, list[Turn]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _not_both(self) -> "Script":
        if bool(self.turns) == bool(self.agents):
            raise ValueError("give either `turns` or `agents`, with at least one turn")
        return self

    def turns_of(self, agent: str) -> list[Turn]:
        """The turns for one agent.

        Raises:
            ModelDiverged: The script has no turns for it.
        """
        turns = self.turns or self.agents.get(agent)
        if not turns:
            raise ModelDiverged(
                f"the script has turns for {', '.join(self.agents)}, none for {agent}"
            )
        return turns


def read_script(path: Path) -> Script:
    """Read a script file.

    Raises:
        InvalidInput: It is absent or malformed.
    """
    place = Place(file=str(path))
    try:
        return _read(path.read_bytes(), path)
    except OSError as error:
        raise InvalidInput(f"cannot read the script: {error.strerror}", place=place) from error


@lru_cache
def _read(content: bytes, path: Path) -> Script:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    place = Place(file=str(path))
    try:
        return Script.model_validate(YAML(typ="safe").load(content.decode()))
    except (YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the script is not YAML: {error}", place=place) from error
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"]) or None
        raise InvalidInput(problem["msg"], place=Place(str(path), field=field)) from error


class ScriptedModel(FunctionModel):
    """Takes every conversation as it is: nothing has to be adapted to what plays a script."""

    def prepare_messages(
        self,
        messages: list[ModelMessage],
        model_request_parameters: ModelRequestParameters | None = None,
    ) -> list[ModelMessage]:
        """As they are."""
        return messages

    def prepare_request(
        self,
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> tuple[ModelSettings | None, ModelRequestParameters]:
        """As it is."""
        return model_settings, model_request_parameters


def scripted_model(script: Script, agent: str) -> Model:
    """A model that follows ``script`` for ``agent``."""
    refused: Counter[int] = Counter()

    async def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        response, _ = await find(messages, info)
        response.usage = _usage(messages, response)
        return response

    async def speak(
        messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[str | DeltaToolCalls]:
        response, pace = await find(messages, info)
        async for said in _speak(response, pace):
            yield said

    async def find(messages: list[ModelMessage], info: AgentInfo) -> tuple[ModelResponse, float]:
        turns = script.turns_of(agent)
        if script.obeys:
            return await _play_and_obey(turns, messages, info), 0
        number = sum(isinstance(message, ModelResponse) for message in messages)
        if number == len(turns) and not turns[-1].calls:
            # Asked to sum up what it said last, it says it again.
            return ModelResponse(parts=[TextPart(turns[-1].text)]), 0
        if number >= len(turns):
            raise ModelDiverged(
                f"the script for {agent} ends after turn {len(turns)}, but the run went on; "
                f"it had just got: {_last_input(messages)[:200]!r}"
            )
        refused[number] += 1
        if refused[number] <= turns[number].overloaded:
            raise ModelOverloadedError("scripted", "the script says that the model is overloaded")
        return await _play(turns[number], number + 1, messages), turns[number].pace

    return ScriptedModel(answer, stream_function=speak, model_name="scripted")


def _usage(messages: list[ModelMessage], response: ModelResponse) -> RequestUsage:
    """About what a provider would count: all that was said before, and what is new."""
    last = next((each for each in reversed(messages) if isinstance(each, ModelResponse)), None)
    before = last.usage.input_tokens + last.usage.output_tokens if last else OVERHEAD_TOKENS
    said = [response.text or "", *(call.args_as_json_str() for call in response.tool_calls)]
    heard = _tokens(_last_input(messages))
    return RequestUsage(input_tokens=before + heard, output_tokens=sum(map(_tokens, said)))


def _tokens(text: str) -> int:
    return 1 + len(text) // CHARACTERS_PER_TOKEN


async def _speak(response: ModelResponse, pace: float) -> AsyncIterator[str | DeltaToolCalls]:
    """A response as it would come word by word."""
    yield ""
    for index, part in enumerate(response.parts):
        if isinstance(part, TextPart):
            for word in re.findall(r"\S+\s*|\s+", part.content):
                await asyncio.sleep(pace)
                yield word
        elif isinstance(part, ToolCallPart):
            id, arguments = part.tool_call_id, part.args_as_json_str()
            yield {index: DeltaToolCall(part.tool_name, arguments, tool_call_id=id)}


async def _play_and_obey(
    turns: list[Turn], messages: list[ModelMessage], info: AgentInfo
) -> ModelResponse:
    """The next turn, and with it whatever was ordered; the last one waits until all is obeyed."""
    own = [m for m in messages if isinstance(m, ModelResponse) and not is_obedience(m)]
    number = min(len(own), len(turns) - 1)
    must_end = CLOSING in (info.instructions or "")
    orders = [] if must_end else obey(messages, info)
    is_last = must_end or number == len(turns) - 1
    if is_last and orders:
        return ModelResponse(parts=[*orders])
    played = await _play(turns[-1] if must_end else turns[number], number + 1, messages)
    played.parts = [*played.parts, *orders]
    return played


async def _play(turn: Turn, number: int, messages: list[ModelMessage]) -> ModelResponse:
    got = _last_input(messages)
    for expected in turn.expect:
        if expected not in got:
            raise ModelDiverged(
                f"turn {number} of the script expects {expected!r}, but got: {got[:500]!r}"
            )
    await asyncio.sleep(turn.sleep)
    if turn.error:
        raise ModelUnavailable(turn.error)
    text = [TextPart(turn.text)] if turn.text else []
    calls = [
        ToolCallPart(call.tool, call.arguments, tool_call_id=f"call_{number}_{position}")
        for position, call in enumerate(turn.calls, start=1)
    ]
    return ModelResponse(parts=[*text, *calls])


def _last_input(messages: list[ModelMessage]) -> str:
    """What the model was just told: tool results, or the message."""
    told: list[str] = []
    for part in messages[-1].parts if isinstance(messages[-1], ModelRequest) else ():
        if isinstance(part, ToolReturnPart):
            told.append(part.model_response_str())
        elif isinstance(part, UserPromptPart):
            told.append(part.content if isinstance(part.content, str) else str(part.content))
    return "\n".join(told)
