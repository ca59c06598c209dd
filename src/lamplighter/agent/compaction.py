"""Keeps a long conversation within the model's context: old results of tools make room.

What is taken out follows from the conversation and the room alone, so a restart takes out the
same. It happens in big steps, because each one makes a provider's cache of the prompt useless.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pydantic_ai.messages import ModelMessage, ModelRequest, ToolReturnPart

BYTES_PER_TOKEN = 4
"""Of most texts; of those where it is more, more is taken out than has to be."""

KEPT = 0.4
"""The part of the room that the newest messages, which stay as they are, may take after a step."""

SHORTEST = 600
"""Bytes of a result that is worth taking out."""

FOLDER = "results"
"""Where in the run's files a result is kept that was taken out."""

_LINE = 1_000
"""Characters of a line of such a file, so that it can be read in parts."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """A conversation that fits.

    Attributes:
        messages: As they are sent.
        before: How many of the first messages have lost their results.
        fresh: Results that are taken out just now: the name of their file -> the whole.
        tokens: What the conversation is thought to take.
        saved: How many tokens less than without what was taken out just now.
    """

    messages: list[ModelMessage]
    before: int = 0
    fresh: dict[str, str] = field(default_factory=dict)
    tokens: int = 0
    saved: int = 0


def compact(
    messages: list[ModelMessage], room: int, *, overhead: int = 0, is_kept: bool = False
) -> Compacted:
    """Take old results out of a conversation that is too long.

    Args:
        messages: The conversation, with the newest request at its end.
        room: Tokens that it may take.
        overhead: Tokens of instructions and tools, which go with it.
        is_kept: Whether the model can read again what was taken out from a file.
    """
    whole = [_size(message) for message in messages]
    if overhead + sum(whole) <= room:  # as nearly always
        return Compacted(messages, tokens=overhead + sum(whole))
    short = [_size(_shorten(message, i, is_kept)) for i, message in enumerate(messages)]
    cut, earlier, saved = 0, 0, 0
    for last, message in enumerate(messages):
        if not isinstance(message, ModelRequest):
            continue
        earlier = cut
        tokens = overhead + sum(short[:cut]) + sum(whole[cut : last + 1])
        if tokens > room:
            cut = _find_cut(whole, last, cut, int((room - overhead) * KEPT))
            saved = sum(whole[earlier:cut]) - sum(short[earlier:cut])
        else:
            saved = 0
    sent = [_shorten(m, i, is_kept) if i < cut else m for i, m in enumerate(messages)]
    fresh = dict(found for i in range(earlier, cut) for found in _results(messages[i], i))
    tokens = overhead + sum(short[:cut]) + sum(whole[cut:])
    return Compacted(sent, cut, fresh, tokens, saved)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def _find_cut(whole: list[int], last: int, cut: int, kept: int) -> int:
    """Where the newest messages begin that fit into ``kept``; the last one is among them anyway."""
    found, size = last, whole[last]
    while found > cut and size + whole[found - 1] <= kept:
        found -= 1
        size += whole[found]
    return found


def _shorten(message: ModelMessage, number: int, is_kept: bool) -> ModelMessage:
    if not isinstance(message, ModelRequest) or not any(_worth(part) for part in message.parts):
        return message
    parts: list[Any] = [
        replace(cast("Any", part), content=_stub(part, number, is_kept)) if _worth(part) else part
        for part in message.parts
    ]
    return replace(message, parts=parts)


def _worth(part: Any) -> bool:
    if not isinstance(part, ToolReturnPart):
        return False
    return len(part.model_response_str().encode(errors="replace")) >= SHORTEST


def _stub(part: Any, number: int, is_kept: bool) -> str:
    size = f"{len(part.model_response_str()):,} characters"
    again = "call the tool again if you need it and that changes nothing."
    if is_kept:
        again = f"it is in /workspace/{_file(part, number)}; read that file if you need it."
    return f"[This result of {part.tool_name} ({size}) was taken out to make room: {again}]"


def _results(message: ModelMessage, number: int) -> Iterator[tuple[str, str]]:
    for part in message.parts if isinstance(message, ModelRequest) else ():
        if _worth(part):
            assert isinstance(part, ToolReturnPart)
            yield _file(part, number), _as_lines(part.content)


def _file(part: Any, number: int) -> str:
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in part.tool_call_id)
    return f"{FOLDER}/{number}-{safe[:60]}.txt"


def _as_lines(content: Any) -> str:
    text = content if isinstance(content, str) else _written(content)
    lines = text.splitlines()
    parts = (line[i : i + _LINE] for line in lines for i in range(0, len(line) or 1, _LINE))
    return "\n".join(parts) + "\n"


def _written(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1, default=str)


def _size(message: ModelMessage) -> int:
    return sum(estimate_tokens(text) for text in _texts(message))


def _texts(message: ModelMessage) -> Iterator[str]:
    for part in message.parts:
        if isinstance(part, ToolReturnPart):
            yield part.model_response_str()
            continue
        for name in ("content", "args"):
            value = getattr(part, name, None)
            if value is not None:
                yield value if isinstance(value, str) else _written(value)
