"""Runs: start, list, watch, cancel, retry."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from lamplighter.accounts import Caller
from lamplighter.engine import manual
from lamplighter.errors import Conflict, Forbidden, NotFound
from lamplighter.roster import SCRIPTED, Roster, id_of
from lamplighter.store.events import Event, list_events
from lamplighter.store.outbox import Entry, list_entries
from lamplighter.store.requests import Request as Repeatable
from lamplighter.store.runs import Run, Status, find_run, list_runs
from lamplighter.web.api.agents import changeable
from lamplighter.web.api.asking import ENABLED, Home, Reader, Runner, wake
from lamplighter.web.api.pages import Page, Paging, Wanted
from lamplighter.web.lookout import Lookout

router = APIRouter(tags=["runs"], dependencies=[ENABLED])
BEAT = ": still here\n\n"
"""A stream that has nothing to say still shows that it lives."""

RunId = Annotated[str, Field(max_length=100)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]


class NewRun(BaseModel):
    """What is special about a run; usually nothing.

    Attributes:
        message: The first message, instead of the agent's own.
        model: Another model than the agent's.
        dry_run: Whether its effects are only recorded, whatever the agent's file says.
    """

    model_config = ConfigDict(extra="forbid")

    message: Annotated[str, Field(max_length=100_000)] = ""
    model: Annotated[str, Field(max_length=500)] | None = None
    dry_run: bool = False


class RunView(BaseModel):
    """One execution of an agent.

    Attributes:
        agent_id: What URLs call the agent.
        label: ``scripted`` or ``small local model``; empty for ordinary models.
        due_at: When its schedule said; null for a manual run.
        chat: The chat of which it is a turn; null: it is a background run.
        dry_run: Whether its effects are only recorded.
        cost_microusd: In millionths of a US dollar; null: nobody knows.
        stopped_by: The limit that stopped it, such as ``run:cost`` or ``fleet_day:input_tokens``.
    """

    id: str
    agent: str
    agent_id: str
    version: str
    trigger: str
    status: Status
    outcome: str | None
    summary: str | None
    error: str | None
    message: str
    dry_run: bool
    model: str | None
    label: str | None
    due_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    requests: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cost_microusd: int | None
    stopped_by: str | None
    chat: str | None


class EventView(BaseModel):
    """One entry of a run's record; ``data`` depends on ``kind``."""

    seq: int
    at: datetime
    kind: str
    data: dict[str, Any]


@router.post("/agents/{agent}/runs", status_code=202)
def start_run(
    agent: str,
    caller: Runner,
    home: Home,
    body: NewRun | None = None,
    idempotency_key: IdempotencyKey = None,
) -> RunView:
    """Start a run of an agent; with the same Idempotency-Key, only once."""
    entry = changeable(home, caller, agent)
    return start(home, caller, entry.name, body or NewRun(), idempotency_key)


@router.get("/agents/{agent}/runs")
def list_agents_runs(
    agent: str, caller: Reader, home: Home, paging: Paging, status: Status | None = None
) -> Page[RunView]:
    """List the runs of an agent, newest first."""
    name = home.find(caller, agent).name
    if not home.may_see_runs(caller, name):
        raise NotFound("there are no runs of this agent")
    return _list(home, caller, paging, name, status)


@router.get("/runs")
def list_all_runs(
    caller: Reader,
    home: Home,
    paging: Paging,
    agent: Annotated[str | None, Query(max_length=500)] = None,
    status: Status | None = None,
) -> Page[RunView]:
    """List the runs that you may see, newest first."""
    name = home.find(caller, agent).name if agent else None
    return _list(home, caller, paging, name, status)


@router.get("/runs/{run_id}")
def show_run(run_id: RunId, caller: Reader, home: Home) -> RunView:
    """Show a run."""
    return view_run(find_run(home.engine, run_id, home.sight(caller)))


@router.get("/runs/{run_id}/events")
def list_run_events(
    run_id: RunId,
    caller: Reader,
    home: Home,
    after: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> list[EventView]:
    """Show the record of a run, or what is new in it after an event's number."""
    run = find_run(home.engine, run_id, home.sight(caller))
    return [_view_event(event) for event in list_events(home.engine, run.id, after=after)]


@router.get("/runs/{run_id}/effects")
def list_run_effects(run_id: RunId, caller: Reader, home: Home) -> list[Entry]:
    """Show what a run did to the world outside."""
    run = find_run(home.engine, run_id, home.sight(caller))
    return list_entries(home.engine, run_id=run.id, limit=10_000)


@router.get(
    "/runs/{run_id}/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def stream_run(
    run_id: RunId,
    request: Request,
    caller: Reader,
    home: Home,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> StreamingResponse:
    """Follow a run: its events as they come, resumed after ``Last-Event-ID``."""
    await asyncio.to_thread(find_run, home.engine, run_id, home.sight(caller))
    after = read_number(last_event_id)
    events = follow(request.app.state.lookout, caller, run_id, after)
    return StreamingResponse(events, media_type="text/event-stream")


@router.post("/runs/{run_id}/cancel", status_code=202)
def cancel_run(run_id: RunId, caller: Runner, home: Home) -> RunView:
    """Ask for a run's end."""
    run = _startable(home, caller, run_id)
    cancelled = manual.cancel_run(home.engine, run, by=caller.user)
    wake(home)
    return view_run(cancelled)


@router.post("/runs/{run_id}/retry", status_code=202)
def retry_run(
    run_id: RunId, caller: Runner, home: Home, idempotency_key: IdempotencyKey = None
) -> RunView:
    """Start another run like this one, of the agent as it is now."""
    run = _startable(home, caller, run_id)
    if run.chat:
        raise Conflict("this is a turn of a chat; say it again there")
    again = NewRun(message=run.message, model=run.model_override, dry_run=run.dry_run)
    return start(home, caller, run.agent, again, idempotency_key)


def start(home: Roster, caller: Caller, agent: str, new: NewRun, key: str | None) -> RunView:
    """Ask for a run, and wake who carries it out.

    Raises:
        Forbidden: The model is not for this caller.
        AgentAlreadyActive: It is running, or about to.
    """
    if new.model and new.model.startswith(SCRIPTED) and not caller.admin:
        raise Forbidden("only admins use scripted models")
    asked = hashlib.sha256(f"{agent}\0{new.model_dump_json()}".encode()).hexdigest()
    run = manual.request_run(
        home.settings,
        home.engine,
        agent,
        message=new.message,
        model=new.model,
        dry_run=new.dry_run,
        by=caller.user,
        request=Repeatable(caller.user, key, asked) if key else None,
    )
    wake(home)
    return view_run(run)


def view_run(run: Run) -> RunView:
    """A run as clients see it."""
    named = {name: getattr(run, name) for name in RunView.model_fields if name != "agent_id"}
    return RunView(agent_id=id_of(run.agent), **named)


async def follow(lookout: Lookout, caller: Caller, run_id: str, after: int) -> AsyncIterator[str]:
    """The events of a run as server-sent events, until it has ended or the caller may not."""
    last = None
    async for watched, events in lookout.follow(caller, run_id, after):
        last = watched
        for event in events:
            yield _say(event.kind, _view_event(event).model_dump_json(), event.seq)
        if not events:
            yield BEAT
    if last and last.over and (run := last.run):
        yield _say("end", json.dumps({"status": run.status, "outcome": run.outcome}))


def read_number(last_event_id: str | None) -> int:
    """After which event a stream goes on; anything that is no number: from the start."""
    known = last_event_id and last_event_id.isdecimal()
    return min(int(last_event_id), 1_000_000_000) if known and last_event_id else 0


def _say(kind: str, data: str, seq: int | None = None) -> str:
    number = "" if seq is None else f"id: {seq}\n"
    return f"{number}event: {kind}\ndata: {data}\n\n"


def _list(
    home: Roster, caller: Caller, paging: Wanted, agent: str | None, status: Status | None
) -> Page[RunView]:
    found = list_runs(
        home.engine,
        agent=agent,
        status=status,
        before=paging.after,
        sight=home.sight(caller),
        limit=paging.limit + 1,
    )
    return paging.page([view_run(run) for run in found], lambda run: run.id)


def _startable(home: Roster, caller: Caller, run_id: str) -> Run:
    run = find_run(home.engine, run_id, home.sight(caller))
    if run.viewer != caller.user and not home.may_change(caller, run.agent):
        raise Forbidden("this run belongs to somebody else")
    return run


def _view_event(event: Event) -> EventView:
    return EventView(seq=event.seq, at=event.at, kind=event.kind, data=event.data)
