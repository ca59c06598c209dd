"""A run's record as lines for people."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamplighter.allowance import describe_cost
from lamplighter.cli.output import printable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.store.events import Event
    from lamplighter.store.runs import Run

WIDTH = 160
"""Characters of one line of the timeline; the whole is in ``run show --events --json``."""

MARKS = {"completed": "✓", "failed": "✗", "cancelled": "■", "running": "…", "pending": "·"}

EFFECT_MARKS = {
    "sent": "✓",
    "failed": "✗",
    "uncertain": "?",
    "held": "⏸",
    "refused": "✗",
    "staged": "○",
}


def run_data(run: "Run", workspace: Path) -> dict[str, Any]:
    """A run as JSON data, with the paths of what it delivered."""
    hidden = {"version", "admitted_at", "model_override", "watermark"}
    data = {field: getattr(run, field) for field in run.__slots__ if field not in hidden}
    for field, value in data.items():
        if isinstance(value, datetime):
            data[field] = iso(value)
    data["duration_seconds"] = run.duration_seconds
    data["delivered"] = [str(path) for path in delivered(run, workspace)]
    return data


def event_data(event: "Event") -> dict[str, Any]:
    """An event as JSON data."""
    return {"seq": event.seq, "at": iso(event.at), "kind": event.kind, **event.data}


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def delivered(run: "Run", workspace: Path) -> list[Path]:
    """The files that a run has published, relative to the workspace."""
    folder = workspace / "delivered" / run.agent / run.id
    return sorted(path.relative_to(workspace) for path in folder.rglob("*") if path.is_file())


def describe_event(event: "Event") -> str:
    """One line: number, local time, what happened."""
    what = printable(_nesting(event.data) + _what(event.kind, event.data))
    return f"{event.seq:4}  {event.at.astimezone():%H:%M:%S}  {what}"


def describe_run(run: "Run") -> str:
    """One line: status, label, duration, tool calls, tokens."""
    parts = [f"{MARKS[run.status]} {run.status}"]
    if run.outcome and run.outcome != run.status:
        parts[0] += f" ({run.outcome})"
    if run.duration_seconds is not None:
        parts.append(f"{run.duration_seconds:.1f} s")
    parts.append("1 tool call" if run.tool_calls == 1 else f"{run.tool_calls} tool calls")
    parts.append(f"{run.input_tokens + run.output_tokens:,} tokens")
    if cost := describe_run_cost(run):
        parts.append(cost)
    if run.label:
        parts.append(f"[{run.label}]")
    if run.dry_run:
        parts.append("dry run")
    return " · ".join(parts)


def describe_run_cost(run: "Run") -> str:
    """What it cost, such as ``$0.0123``; nothing for what is free or has not asked a model."""
    if run.cost_microusd is None:
        return "cost unknown" if run.ended and run.requests else ""
    return describe_cost(run.cost_microusd) if run.cost_microusd else ""


def describe_effect(data: dict[str, Any]) -> str:
    """One line: state, kind, destination, and why it is not sent."""
    mark = EFFECT_MARKS.get(data["state"], "·")
    line = f"{mark} {data['state']}: {data['effect']} to {data['destination']}"
    judged = data["state"] in ("held", "refused", "staged")
    why = data.get("error") or (data.get("reason") if judged else None)
    return " ".join(printable(f"{line} ({why})" if why else line).split("\n"))


def follow(engine: "Engine", run_id: str) -> Iterator["Event"]:
    """The events of a run as they come, until it has ended."""
    import time

    from lamplighter.store.events import list_events
    from lamplighter.store.runs import get_run

    seen = 0
    while True:
        ended = get_run(engine, run_id).ended  # asked first, so that the last events are not lost
        for event in list_events(engine, run_id, after=seen):
            seen = event.seq
            yield event
        if ended:
            return
        time.sleep(0.1)


def show_live(engine: "Engine", run_id: str) -> None:
    """Print the events of a run as they come; a terminal also shows what is being waited for."""
    import click
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("it begins") as waiting:
        for event in follow(engine, run_id):
            waiting.stop()  # or the two would write into each other's lines
            click.echo(describe_event(event))
            waiting.update(Text(printable(_next(event))))
            waiting.start()


def _next(event: "Event") -> str:
    """What a run is doing after this."""
    return f"{event.data['tool']} works" if event.kind == "tool_call" else "the model answers"


def _nesting(data: dict[str, Any]) -> str:
    """What happened in an agent that was called is indented."""
    return "    " * len(data.get("subflow", ()))


def _what(kind: str, data: dict[str, Any]) -> str:
    match kind:
        case "started":
            text = _started(data)
        case "message" if data["role"] == "assistant":
            said = data["content"] or data.get("thinking", "")
            text = f"model ({data['seconds']:.1f} s, {data['output_tokens']} tokens) {said}"
        case "message":
            text = f"asked: {data['content']}"
        case "tool_call":
            text = f"  → {data['tool']} {brief(data['arguments'])}"
        case "tool_result":
            text = f"  {_result(data)}"
        case "effect" | "label":
            text = f"  {describe_effect(data) if kind == 'effect' else _label(data)}"
        case "network" | "retry":
            text = _network(data) if kind == "network" else _retry(data)
        case "compaction" | "budget" | "resumed":
            text = _of_the_run(kind, data)
        case "finished":
            text = f"{MARKS[data['status']]} {data['outcome']}: {data['summary']}"
        case _:
            text = f"{kind}: {brief(data)}"
    return " ".join(text.split("\n")) if kind == "finished" else _one_line(text)


def _of_the_run(kind: str, data: dict[str, Any]) -> str:
    """What neither the model nor a tool has done."""
    if kind == "resumed":
        return "went on after an interruption"
    if kind == "budget":
        return f"  ! {data['message']}"
    before, after = data["tokens_before"], data["tokens"]
    return f"  made room: {data['results']} results out, {before:,} → {after:,} tokens"


def _started(data: dict[str, Any]) -> str:
    text = f"started on {data['model']}" + (f" [{data['label']}]" if data["label"] else "")
    if missing := data.get("missing"):
        text += f", without {', '.join(missing)}: {next(iter(missing.values()))}"
    return text


def _label(data: dict[str, Any]) -> str:
    return f"⚑ {data['label']} from now on: {data['source']}"


def _network(data: dict[str, Any]) -> str:
    why = f" refused: {data['refused']}" if "refused" in data else ""
    return f"  ⇄ {data['method']} {data['host']}:{data['port']}{why}"


def _retry(data: dict[str, Any]) -> str:
    wait = f"{data['wait_seconds']:g} s"
    return f"  ↻ attempt {data['attempt']} in {wait}: {data['error']}"


def _result(data: dict[str, Any]) -> str:
    if "error" in data:
        return f"✗ {data['tool']}: {data['error']}"
    return f"← {data['tool']} ({data['seconds']:.2f} s) {brief(data['result'])}"


def _one_line(text: str) -> str:
    line = text.replace("\n", " ⏎ ").rstrip()
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def brief(value: object) -> str:
    """A value on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
