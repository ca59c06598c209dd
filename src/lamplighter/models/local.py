"""The embedded model: llama.cpp in this process, kept to one JSON action at a time.

Nothing is reachable from outside: the library's server gets a socket file that is removed as soon
as it has started, and requests are plain calls into it.
"""

import asyncio
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequestPart,
    ModelResponse,
    RetryFeedbackPart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RequestUsage

from lamplighter.config import Settings
from lamplighter.errors import ModelUnavailable
from lamplighter.models import guide
from lamplighter.models.guide import Action
from lamplighter.models.weights import require_weights

NAME = "local"
CONTEXT_TOKENS = 8_192
BATCH_TOKENS = 64
"""Read between two looks at whether to stop: about two seconds on a slow core."""

MAX_ANSWER_TOKENS = 1_500
IDLE_SECONDS = 300
"""After which the model leaves the memory, until it is asked again."""


LED_RULES = (
    "You work in small steps. Each of your answers is one JSON object. State only what the "
    "documents state."
)
FREE_RULES = (
    'Always reply with exactly one JSON object: {"tool": NAME, "arguments": {...}}. '
    "Do one step at a time. Do not repeat a call that already has a result."
)
FINAL = "final_answer"
_FINAL_ACTION = Action(
    FINAL,
    {
        "type": "object",
        "properties": {"text": {"type": "string", "maxLength": 1500}},
        "required": ["text"],
        "additionalProperties": False,
    },
)

_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-model")
"""Loads the model and answers, one request at a time: there is one copy in memory."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote.

    Attributes:
        text: All of it.
        finished: Whether it came to its end by itself.
        input_tokens: Tokens of the conversation.
        cached_tokens: Those of them that it still knew from the request before.
        output_tokens: Tokens that it wrote.
    """

    text: str
    finished: bool
    input_tokens: int
    cached_tokens: int
    output_tokens: int


def local_model(settings: Settings) -> Model:
    """The embedded model; it is loaded when it is first asked.

    Raises:
        ModelUnavailable: The extra is not installed, or there are no weights.
    """
    if find_spec("xllamacpp") is None:
        raise ModelUnavailable(
            'the local model needs a further package: pip install "lamplighter[local]"'
        )
    weights = require_weights(settings)

    async def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        actions = choose_actions(info, messages)
        request = {"messages": render(messages, info), "max_tokens": MAX_ANSWER_TOKENS}
        if actions:
            request["grammar"] = action_grammar(actions)
        return read_answer(await _ask(weights, request), actions, messages)

    profile = ModelProfile(context_window=CONTEXT_TOKENS, supports_thinking=False)
    return FunctionModel(answer, model_name=NAME, profile=profile)


def choose_actions(info: AgentInfo, messages: Sequence[ModelMessage]) -> list[Action]:
    """What the model may do next; nothing if all that is wanted is text."""
    if guide.is_led(info.function_tools):
        return guide.next_actions(info.function_tools, info.output_tools, messages)
    tools = [*info.function_tools, *info.output_tools]
    actions = [Action(tool.name, tool.parameters_json_schema) for tool in tools]
    # Where there are reports, they are how to end; a small model is confused by two ways.
    text_ends = actions and info.allow_text_output and not info.output_tools
    return [*actions, _FINAL_ACTION] if text_ends else actions


def action_grammar(actions: Sequence[Action]) -> str:
    """The grammar of one JSON object, on one line: the only action, or one of several, named."""
    definitions: dict[str, Any] = {}
    schemas = [_qualify(action, definitions) for action in actions]
    if len(actions) == 1:
        schema = schemas[0]
    else:
        named = zip(actions, schemas, strict=True)
        schema = {"anyOf": [_named(action.tool, form) for action, form in named]}
    # Without this it writes indented JSON, and each blank costs time.
    layout = {"whitespace_flexible": False, "key_separator": ": ", "item_separator": ", "}
    schema = {**schema, "$defs": definitions, "x-guidance": layout}
    return f"%llguidance {{}}\nstart: %json {json.dumps(schema)}"


def _qualify(action: Action, definitions: dict[str, Any]) -> dict[str, Any]:
    """The action's schema; its definitions move to ``definitions``, under the tool's name."""
    text = json.dumps(action.schema).replace('"#/$defs/', f'"#/$defs/{action.tool}.')
    # Left open, an object would be where it talks and talks.
    schema: dict[str, Any] = {"additionalProperties": False, **json.loads(text)}
    for name, definition in schema.pop("$defs", {}).items():
        definitions[f"{action.tool}.{name}"] = definition
    return schema


def _named(tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"tool": {"const": tool}, "arguments": arguments},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }


def render(messages: Sequence[ModelMessage], info: AgentInfo) -> list[dict[str, str]]:
    """The conversation as the model reads it.

    What it has read it need not read again, as long as the beginning stays what it was: so hints
    come last, and only in the present turn.
    """
    led = guide.is_led(info.function_tools)
    opening, later = _instructions(messages, info)
    turns = [_turn("system", _paragraphs(opening, _rules(info)))]
    for message in guide.in_view(messages) if led else messages:
        if isinstance(message, ModelResponse):
            turns.append(_turn("assistant", _said(message, led)))
        else:
            turns.append(_turn("user", _paragraphs(*map(_told, message.parts))))
    hint = guide.next_hint(info.function_tools, messages) if led else ""
    turns[-1]["content"] = _paragraphs(turns[-1]["content"], later, hint)
    return turns


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _instructions(messages: Sequence[ModelMessage], info: AgentInfo) -> tuple[str, str]:
    """The instructions at the beginning, and what has been added to them since."""
    now = info.instructions or ""
    opening = next((m.instructions for m in messages if not isinstance(m, ModelResponse)), None)
    if opening and now.startswith(opening):
        return opening, now.removeprefix(opening).strip()
    return now, ""


def _rules(info: AgentInfo) -> str:
    if guide.is_led(info.function_tools):
        return LED_RULES
    tools = [*info.function_tools, *info.output_tools]
    if not tools:
        return ""
    lines = [_describe_tool(tool) for tool in tools]
    if info.allow_text_output and not info.output_tools:
        lines.append(f"- {FINAL}(text): finish with a short answer")
    return "\n".join(["Available tools:", *lines, FREE_RULES])


def _describe_tool(tool: ToolDefinition) -> str:
    arguments = ", ".join(tool.parameters_json_schema.get("properties", {}))
    return f"- {tool.name}({arguments}): {tool.description or ''}"


def _said(message: ModelResponse, led: bool) -> str:
    """What the model said, in the form in which it says it."""
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    if not calls:
        return "\n".join(part.content for part in message.parts if isinstance(part, TextPart))
    actions = [
        call.args_as_dict() if led else {"tool": call.tool_name, "arguments": call.args_as_dict()}
        for call in calls
    ]
    return "\n".join(json.dumps(action, ensure_ascii=False) for action in actions)


def _told(part: ModelRequestPart) -> str:
    """What the model is told by one part of a message."""
    match part:
        case SystemPromptPart(content=text):
            return text
        case UserPromptPart(content=content):
            return content if isinstance(content, str) else "\n".join(map(str, content))
        case ToolReturnPart(outcome="success", tool_name=name) if name in guide.FINDERS:
            return f"Result of {name}:\n{guide.describe_found(part.content)}"
        case ToolReturnPart(tool_name=name):
            return f"Result of {name}:\n{_shorten(part.model_response_str())}"
        case RetryFeedbackPart():
            return part.model_response()
    return ""


def _shorten(text: str) -> str:
    if len(text) <= guide.MOST_CHARACTERS:
        return text
    return f"{text[: guide.MOST_CHARACTERS]}\n[The rest of {len(text):,} characters is left out.]"


def read_answer(
    answer: Answer, actions: Sequence[Action], messages: Sequence[ModelMessage]
) -> ModelResponse:
    """What the model wrote, as a response of this library.

    Raises:
        UnexpectedModelBehavior: It did not come to an end.
    """
    if not answer.finished:
        raise UnexpectedModelBehavior(
            f"the local model wrote {answer.output_tokens:,} tokens without coming to an end",
            answer.text,
        )
    return ModelResponse(
        parts=_read_parts(answer.text, actions, messages),
        model_name=NAME,
        provider_name="lamplighter",
        usage=RequestUsage(
            input_tokens=answer.input_tokens,
            cache_read_tokens=answer.cached_tokens,
            output_tokens=answer.output_tokens,
        ),
    )


def _read_parts(
    text: str, actions: Sequence[Action], messages: Sequence[ModelMessage]
) -> list[TextPart | ToolCallPart]:
    if not actions:
        return [TextPart(text)]
    written = json.loads(text)
    action = actions[0]
    if len(actions) > 1:
        [action] = [action for action in actions if action.tool == written["tool"]]
        written = written["arguments"]
    if action.tool == FINAL:
        return [TextPart(written["text"])]
    # From the position, so that a run that is resumed has the same ids.
    number = sum(isinstance(message, ModelResponse) for message in messages) + 1
    call = ToolCallPart(action.tool, action.arguments(written), tool_call_id=f"local_{number}")
    remark = action.remark(written)
    return [TextPart(remark), call] if remark else [call]


async def _ask(weights: Path, request: dict[str, Any]) -> Answer:
    """Ask the model, off the event loop; a cancelled request stops after its present batch."""
    stopped = Event()
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_worker, _complete, weights, request, stopped)
    except asyncio.CancelledError:
        stopped.set()
        raise


def _complete(weights: Path, request: dict[str, Any], stopped: Event) -> Answer:
    chunks: list[Mapping[str, Any]] = []

    def take(chunk: Mapping[str, Any]) -> bool:
        chunks.append(chunk)
        return stopped.is_set()

    server = _load(weights)
    try:
        server.handle_chat_completions(
            {
                "temperature": 0,
                "cache_prompt": True,
                "stream": True,
                "stream_options": {"include_usage": True},
                "return_progress": True,  # so that `take` is asked while it reads, too
                **request,
            },
            take,
        )
    except ValueError as error:
        raise ModelUnavailable(f"the local model cannot be asked this: {error}") from error
    return _collect(chunks)


def _collect(chunks: Sequence[Mapping[str, Any]]) -> Answer:
    text, reason = "", None
    usage: Mapping[str, Any] = {"prompt_tokens": 0, "completion_tokens": 0}
    for chunk in chunks:
        if error := chunk.get("error"):
            raise ModelUnavailable(f"the local model failed: {error['message']}")
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            reason = choice["finish_reason"] or reason
    return Answer(
        text,
        reason == "stop",
        usage["prompt_tokens"],
        (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
        usage["completion_tokens"],
    )


@lru_cache(maxsize=1)
def _load(weights: Path) -> Any:
    """The model in memory; called on the worker's thread only."""
    import xllamacpp

    threads = max(1, _cores() - 1)
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    # A copy in memory in the layout that this processor likes, instead of that and the file's.
    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.cache_ram_mib = 0
    params.sleep_idle_seconds = IDLE_SECONDS
    params.n_threads_http = 1
    params.verbosity = -1
    params.warmup = params.ui = params.endpoint_slots = False
    params.offline = True
    params.api_keys = [secrets.token_urlsafe()]
    with TemporaryDirectory() as folder:
        params.hostnames = [f"{folder}/server.sock"]
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelUnavailable(
                f"the local model's weights cannot be loaded: {weights}. Is it a GGUF file that "
                "fits into memory? Remove it and run: lamplighter model pull local"
            ) from error


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
