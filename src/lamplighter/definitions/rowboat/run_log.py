"""``runs/<id>.jsonl``: a run's record as Rowboat keeps it. Pure.

What is read keeps each line as it was, so that it is written again exactly so.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

RAW = "rowboat"
"""The key under which the data of an event holds the line that it was read from."""

OWN = "lamplighterRun"
"""The key of the first line that names the run of ours that was written."""

MAX_SUMMARY_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One entry of a record.

    Attributes:
        kind: As ours are called.
        data: As ours have it.
        at: Aware; ``None`` if the line does not say.
    """

    kind: str
    data: Mapping[str, Any]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RunLog:
    """What a file says of a run.

    Attributes:
        id: Rowboat's id, from the file's name.
        own: The run of ours that it was written from; empty for Rowboat's own.
        outcome: How it ended.
    """

    id: str
    agent: str
    model: str
    own: str
    message: str
    summary: str
    outcome: str
    started_at: datetime
    finished_at: datetime
    events: tuple[LoggedEvent, ...]


def read_run_log(text: str, name: str) -> RunLog:
    """Read a file; ``name`` is its name without ``.jsonl``."""
    events = tuple(_read_line(line) for line in text.split("\n") if line.strip())
    start: Mapping[str, Any] = next(
        (each.data[RAW] for each in events if each.kind == "started"), {}
    )
    moments = [each.at for each in events if each.at] or [_moment_of(name)]
    said = [each.data["content"] for each in events if _is_from(each, "assistant")]
    asked = [each.data["content"] for each in events if _is_from(each, "user")]
    provider, model = start.get("provider"), start.get("model")
    return RunLog(
        id=name,
        agent=str(start.get("agentName") or "unknown"),
        model=f"{provider}:{model}" if provider else str(model or ""),
        own=str(start.get(OWN) or ""),
        message=asked[0] if asked else "",
        summary=next((text for text in reversed(said) if text), "")[:MAX_SUMMARY_CHARACTERS],
        outcome=_outcome(events),
        started_at=moments[0],
        finished_at=moments[-1],
        events=events,
    )


def name_run_log(run_id: str, at: datetime) -> str:
    """The name, without ``.jsonl``, of the file of one of our runs."""
    number = int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:4], "big") % 10_000_000
    return f"{at.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}-{number:07}-000"


def write_run_log(
    events: Iterable[LoggedEvent], name: str, *, own: str, agent: str, model: str
) -> str:
    """The lines of a record; those that were read stand as they were."""
    lines = []
    kept = list(events)
    for position, event in enumerate(kept):
        if RAW in event.data:
            raw = event.data[RAW]
            lines.append(raw if isinstance(raw, str) else _dump(raw))
            continue
        for given in _write_event(event, kept[position + 1 :], own, agent, model):
            subflow = given.pop("subflow", list(event.data.get("subflow", ())))
            ts = {"ts": _stamp(event.at)} if event.at else {}
            lines.append(_dump({"runId": name, **given, "subflow": subflow, **ts}))
    return "".join(f"{line}\n" for line in lines)


# Reading


def _read_line(line: str) -> LoggedEvent:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        return LoggedEvent("unreadable", {RAW: line}, None)
    if not isinstance(given, dict):
        return LoggedEvent("unreadable", {RAW: line}, None)
    kind, data = _understand(given)
    subflow = given.get("subflow")
    nested = {"subflow": subflow} if isinstance(subflow, list) and subflow else {}
    return LoggedEvent(kind, {**nested, **data, RAW: given}, _read_stamp(given.get("ts")))


def _understand(given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    call = {"tool_call_id": given.get("toolCallId"), "tool": given.get("toolName")}
    match given.get("type"):
        case "start" if not given.get("subflow"):
            return "started", {
                "agent": given.get("agentName"),
                "model": given.get("model"),
                "label": "imported",
            }
        case "message" if isinstance(given.get("message"), dict):
            return "message", _read_message(given["message"])
        case "tool-invocation":
            return "tool_call", {**call, "arguments": given.get("input")}
        case "tool-result":
            return "tool_result", {**call, "result": given.get("result"), "seconds": 0.0}
        case "error":
            return "error", {"error": str(given.get("error")), "type": ""}
        case kind:
            return str(kind).replace("-", "_"), {}


def _read_message(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    data: dict[str, Any] = {"role": message.get("role"), "content": _text_of(content, "text")}
    if thinking := _text_of(content, "reasoning") if isinstance(content, list) else "":
        data["thinking"] = thinking
    if data["role"] == "assistant":
        data |= {"seconds": 0.0, "input_tokens": 0, "output_tokens": 0}
    return data


def _text_of(content: Any, kind: str) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [
        part["text"]
        for part in parts
        if isinstance(part, dict) and part.get("type") == kind and isinstance(part.get("text"), str)
    ]
    return "\n".join(texts)


def _is_from(event: LoggedEvent, role: str) -> bool:
    mine = event.kind == "message" and event.data.get("role") == role
    return mine and "subflow" not in event.data


def _outcome(events: tuple[LoggedEvent, ...]) -> str:
    kinds = [event.kind for event in events if "subflow" not in event.data]
    if "error" in kinds:
        return "error"
    return "cancelled" if "run_stopped" in kinds else "reported"


def _moment_of(name: str) -> datetime:
    try:
        return datetime.strptime(name[:20], "%Y-%m-%dT%H-%M-%SZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime(2026, 1, 1, tzinfo=UTC)


def _read_stamp(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


# Writing


def _write_event(
    event: LoggedEvent, following: list[LoggedEvent], own: str, agent: str, model: str
) -> Iterator[dict[str, Any]]:
    data = event.data
    call = {"toolCallId": data.get("tool_call_id"), "toolName": data.get("tool")}
    match event.kind:
        case "started" if subflow := data.get("subflow"):
            spawned = {"agentName": data["agent"], "toolCallId": subflow[-1]}
            yield {"type": "spawn-subflow", **spawned, "subflow": subflow[:-1]}
        case "started":
            provider, _, bare = model.partition(":")
            named = {"model": bare or provider, "provider": provider if bare else ""}
            yield {"type": "start", "agentName": agent, **named, OWN: own}
            yield {"type": "run-processing-start"}
        case "message":
            yield {"type": "message", "messageId": _message_id(event), "message": _message(
                data, following)}  # fmt: skip
        case "tool_call":
            yield {"type": "tool-invocation", **call, "input": _dump(data.get("arguments"))}
        case "tool_result":
            result = data["result"] if "result" in data else {"error": data.get("error")}
            yield {"type": "tool-result", **call, "result": result}
        case "error":
            yield {"type": "error", "error": data.get("error")}
        case "finished" if "subflow" not in data:
            if data.get("outcome") == "cancelled":
                yield {"type": "run-stopped", "reason": data.get("summary")}
            yield {"type": "run-processing-end"}


def _message(data: Mapping[str, Any], following: list[LoggedEvent]) -> dict[str, Any]:
    if data["role"] != "assistant":
        return {"role": data["role"], "content": data["content"]}
    parts = [{"type": "reasoning", "text": data["thinking"]}] if data.get("thinking") else []
    parts += [{"type": "text", "text": data["content"]}] if data["content"] else []
    for event in following:
        if event.kind != "tool_call":
            break
        named = {"toolCallId": event.data["tool_call_id"], "toolName": event.data["tool"]}
        parts.append({"type": "tool-call", **named, "arguments": event.data["arguments"]})
    return {"role": "assistant", "content": parts}


def _message_id(event: LoggedEvent) -> str:
    digest = hashlib.sha256(_dump([event.data, event.at and _stamp(event.at)]).encode())
    return digest.hexdigest()[:24]


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
