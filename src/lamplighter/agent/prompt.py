"""What a model was asked, short enough to be kept, so that a replay can tell where it differs."""

import hashlib
import json
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any, NamedTuple

from pydantic_ai.messages import ModelMessage, ModelResponse, ToolReturnPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from lamplighter.agent.compaction import estimate_tokens

MOST_KNOWN = 1_000
"""Tools whose definitions are remembered."""

SHOWN = 300
"""Characters of each side of a difference that has no lines to compare."""


class Definition(NamedTuple):
    """What a model is told about a tool.

    Attributes:
        hash: Of the text.
        tokens: What it takes, about.
    """

    hash: str
    tokens: int


_known: dict[int, tuple[Any, Any, Definition]] = {}


def describe_prompt(
    messages: list[ModelMessage], parameters: ModelRequestParameters, cut: int
) -> dict[str, Any]:
    """What is new in a request, as JSON: texts of people whole, those of tools by their hashes.

    The first request of a conversation has the whole instructions and every tool besides.

    Args:
        messages: As they are sent, before they are adapted to a provider.
        parameters: With the tools.
        cut: How many of the first messages have lost their results.
    """
    last = messages[-1]
    instructions = getattr(last, "instructions", None) or ""
    is_first = not any(isinstance(message, ModelResponse) for message in messages)
    tools: Any = [tool.name for tool in parameters.function_tools]
    if is_first:
        tools = {tool.name: definition_of(tool).hash for tool in parameters.function_tools}
    return {
        "instructions": instructions if is_first else _hash(instructions),
        "tools": tools,
        "new": [_part(part) for part in last.parts],
        "cut": cut,
    }


def find_drift(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The first difference between two prompts, as a diff; ``None`` if there is none."""
    for name in ("instructions", "tools", "cut"):
        if recorded.get(name) != now[name]:
            return _diff(name, recorded.get(name), now[name])
    before, after = recorded.get("new", []), now["new"]
    for number in range(max(len(before), len(after))):
        old, new = (side[number] if number < len(side) else None for side in (before, after))
        if old != new:
            return _diff(f"part {number + 1}", old, new)
    return None


def _part(part: Any) -> dict[str, str]:
    kind = str(part.part_kind)
    if isinstance(part, ToolReturnPart):
        text = part.model_response_str()
        return {"kind": kind, "id": part.tool_call_id, "tool": part.tool_name, "hash": _hash(text)}
    content = getattr(part, "content", "")
    return {"kind": kind, "text": content if isinstance(content, str) else json.dumps(content)}


def definition_of(tool: ToolDefinition) -> Definition:
    """What a model is told about a tool; found once for each, as most are made once and stay."""
    schema = tool.parameters_json_schema
    known = _known.get(id(schema))
    if known is None or known[0] is not tool.description or known[1] is not schema:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        text = json.dumps([tool.description, schema], sort_keys=True)
        found = Definition(_hash(text), estimate_tokens(f"{tool.name}{text}"))
        known = _known[id(schema)] = (tool.description, schema, found)
    return known[2]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def _diff(name: str, old: Any, new: Any) -> str:
    titles = {"fromfile": f"recorded {name}", "tofile": f"{name} now"}
    lines = unified_diff(_lines(old), _lines(new), **titles, lineterm="", n=2)
    return "\n".join(line[:SHOWN] for line in lines)


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict) and set(value) == {"kind", "text"}:
        value = value["text"]
    if isinstance(value, str):
        return value.splitlines()
    return json.dumps(value, indent=1, ensure_ascii=False).splitlines()
