"""The five steps of a run in ``throughput``, for engines that have neither loop nor tools.

What they give, and so what an engine has to keep, is what the steps of Lamplighter give. Nothing
but the standard library, because peers run in environments of their own.
"""

from pathlib import Path
from typing import Any

CALLS: tuple[tuple[str, dict[str, str]], ...] = (
    ("list_documents", {}),
    ("read_document", {"id": "notes:hello.md"}),
    ("report", {"summary": "One note."}),
)
STEPS = 2 * len(CALLS) - 1


def take(number: int, folder: str) -> dict[str, Any]:
    """Take a step, counted from 0: the model's answer, or the result of the tool that it called."""
    turn, is_call = divmod(number, 2)
    tool, arguments = CALLS[turn]
    if not is_call:
        return _answer(turn, tool, arguments)
    return {"result": _list(folder) if tool == "list_documents" else _read(folder), "seconds": 0.0}


def _answer(turn: int, tool: str, arguments: dict[str, str]) -> dict[str, Any]:
    """As pydantic-ai keeps it."""
    call = {
        "tool_name": tool,
        "args": arguments,
        "tool_call_id": f"call_{turn + 1}_1",
        "id": None,
        "provider_name": None,
        "provider_details": None,
        "part_kind": "tool-call",
    }
    usage = {"input_tokens": 50, "cache_write_tokens": 0, "output_tokens": 5, "details": {}}
    response = {
        "parts": [call],
        "usage": usage,
        "model_name": "scripted",
        "timestamp": "2026-03-02T12:00:00Z",
        "kind": "response",
        "finish_reason": None,
    }
    return {"response": response, "seconds": 0.0}


def _list(folder: str) -> list[dict[str, Any]]:
    return [
        {"id": f"notes:{file.name}", "title": file.stem, "size_bytes": file.stat().st_size}
        for file in sorted(Path(folder).iterdir())
    ]


def _read(folder: str) -> str:
    return Path(folder, "hello.md").read_text("utf-8")
