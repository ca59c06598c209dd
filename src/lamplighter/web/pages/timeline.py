"""A run's events as the steps that people see. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from lamplighter.definitions.tool import RESERVED
from lamplighter.store.events import Event

Kind = Literal["asked", "model", "tool", "wait", "effect", "mark", "end"]
State = Literal["open", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of the timeline.

    Attributes:
        seq: The number of the event that it began with; it never changes.
        title: A tool's name, or what happened.
        gist: The rest of the row, in one line.
        depth: How many agents were called to get here.
        begun_at: For a request to a model, when it was sent.
        ended_at: ``None`` while it is under way.
        events: What tells of it, in order.
    """

    seq: int
    kind: Kind
    state: State
    title: str
    gist: Any = ""
    depth: int = 0
    begun_at: datetime
    ended_at: datetime | None
    events: tuple[Event, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it took, or zero while it is under way."""
        if self.ended_at is None:
            return 0
        return (self.ended_at - self.begun_at).total_seconds()

    @property
    def data(self) -> dict[str, Any]:
        """What all of its events say, the last one first."""
        said: dict[str, Any] = {}
        for event in self.events:
            said |= event.data
        return said


@dataclass
class Timeline:
    """The steps of a run, in the order in which they began.

    Attributes:
        steps: By their numbers.
        last: The number of the last event.
    """

    steps: dict[int, Step] = field(default_factory=dict)
    last: int = 0
    _open: dict[tuple[Any, ...], int] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Timeline":
        """The timeline of these events, which begin with the first."""
        made = cls()
        for event in events:
            made.add(event)
        return made

    @property
    def attempt(self) -> int:
        """How often it was begun: once more after each interruption."""
        return 1 + sum(step.title == "resumed" for step in self.steps.values())

    def add(self, event: Event) -> Step | None:
        """Take an event; gives the step that is new or has changed."""
        self.last = event.seq
        match event.kind:
            case "tool_result" | "effect":
                return self._end(event) or self._put(_begin(event))
            case "tool_call":
                step = self._put(_begin(event))
                if step.state == "open":
                    self._open[_call(event)] = step.seq
                return step
        return self._put(_begin(event))

    def _put(self, step: Step) -> Step:
        self.steps[step.seq] = step
        return step

    def _end(self, event: Event) -> Step | None:
        """Add to the call that this is about; an effect is told before its call's result."""
        key = _call(event)
        known = self._open.get(key) if event.kind == "effect" else self._open.pop(key, None)
        if known is None:
            return None
        step = self.steps[known]
        step = replace(step, events=(*step.events, event))
        if event.kind == "tool_result":
            step = _closed(step, event)
        return self._put(step)


def _closed(step: Step, event: Event) -> Step:
    seconds = event.data.get("seconds")
    begun = event.at - timedelta(seconds=seconds) if seconds is not None else step.begun_at
    failed = "error" in event.data
    return replace(
        step,
        state="failed" if failed else "done",
        begun_at=max(begun, step.begun_at),
        ended_at=event.at,
        gist=event.data["error"] if failed else step.gist,
    )


def _call(event: Event) -> tuple[Any, ...]:
    """What a call, its effect and its result have in common."""
    # Effects say REQUEST:CALL, and below agents that were called AGENT'S CALL/REQUEST:CALL.
    id_ = event.data.get("tool_call_id") or str(event.data.get("call", "")).rpartition(":")[2]
    return (*event.data.get("subflow", ()), id_)


def _begin(event: Event) -> Step:
    data = event.data
    step = Step(
        seq=event.seq,
        kind="mark",
        state="done",
        title=event.kind,
        depth=len(data.get("subflow", ())),
        begun_at=event.at,
        ended_at=event.at,
        events=(event,),
    )
    match event.kind:
        case "message" if data.get("role") == "assistant":
            begun = event.at - timedelta(seconds=data.get("seconds") or 0)
            said = data.get("content") or data.get("thinking", "")
            return replace(step, kind="model", title="model", gist=said, begun_at=begun)
        case "message":
            return replace(step, kind="asked", title="asked", gist=data.get("content", ""))
        case "tool_call":
            return _called(step, data)
        case "tool_result":
            failed = "error" in data
            gist = data.get("error") or data.get("result", "")
            state: State = "failed" if failed else "done"
            return replace(step, kind="tool", state=state, title=data["tool"], gist=gist)
        case "effect":
            gist = f"{data['state']}: {data['effect']} to {data['destination']}"
            return replace(step, kind="effect", title="effect", gist=gist)
        case "retry":
            until = event.at + timedelta(seconds=data["wait_seconds"])
            gist = f"attempt {data['attempt']}: {data['error']}"
            return replace(step, kind="wait", title="waiting", gist=gist, ended_at=until)
    return _marked(step, event)


def _called(step: Step, data: dict[str, Any]) -> Step:
    step = replace(step, kind="tool", title=data["tool"], gist=data["arguments"])
    return step if data["tool"] in RESERVED else replace(step, state="open", ended_at=None)


def _marked(step: Step, event: Event) -> Step:
    data = event.data
    match event.kind:
        case "started":
            return replace(step, gist=f"on {data.get('model', 'a model')}")
        case "label":
            gist = f"what follows knows what {data.get('source', '')} gave"
            return replace(step, title=f"{data.get('label', '')} from here on", gist=gist)
        case "resumed":
            return replace(step, gist="after an interruption")
        case "error":
            return replace(step, state="failed", gist=data.get("error", ""))
        case "finished":
            state: State = "failed" if data["status"] == "failed" else "done"
            return replace(step, kind="end", state=state, title=data["outcome"],
                           gist=data.get("summary", ""))  # fmt: skip
    return replace(step, gist={k: v for k, v in data.items() if k != "subflow"})
