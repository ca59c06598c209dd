"""The agents' API of Omni on top of ours, so that a client that was written for it works."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from lamplighter.access import owner_of, short_name
from lamplighter.accounts import Caller
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.catalogue import Entry
from lamplighter.definitions.writing import write_fields
from lamplighter.engine import chat as chats
from lamplighter.errors import NotFound
from lamplighter.roster import Roster, id_of
from lamplighter.schedule import Cron, Interval, Schedule
from lamplighter.store.events import list_events
from lamplighter.store.runs import Run, Trigger, find_run, list_runs
from lamplighter.web.api.agents import changeable
from lamplighter.web.api.asking import ENABLED, Home, Reader, Runner, Writer, wake
from lamplighter.web.api.runs import NewRun, follow, start
from lamplighter.web.problems import OMNI_PROBLEMS

router = APIRouter(
    prefix="/api/agents", tags=["omni"], dependencies=[ENABLED], responses=OMNI_PROBLEMS
)
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
Words = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=500)]
THEIR_STATUS = {"cancelled": "failed"}
"""What Omni calls those of our statuses that it does not know."""


class Source(BaseModel):
    """A source that an agent may use."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    source_id: Annotated[str, Field(max_length=200)]
    modes: list[Literal["read", "write"]] = ["read"]


class Draft(BaseModel):
    """An agent, as Omni's page writes it; what it cannot say stays as it is."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    instructions: str | None = None
    agent_type: Annotated[Literal["user", "org"] | None, Field(alias="agentType")] = None
    schedule_type: Annotated[Literal["cron", "interval"] | None, Field(alias="scheduleType")] = None
    schedule_value: Annotated[str | int | None, Field(alias="scheduleValue")] = None
    model_id: Annotated[str | None, Field(alias="modelId")] = None
    allowed_sources: Annotated[list[Source] | None, Field(alias="allowedSources")] = None
    allowed_actions: Annotated[Words | None, Field(alias="allowedActions")] = None
    is_enabled: Annotated[bool | None, Field(alias="isEnabled")] = None

    def fields(self) -> dict[str, Any]:
        """What it changes in an agent's file."""
        found: dict[str, Any] = {
            "instructions": self.instructions,
            "schedule": self._schedule(),
            "model": self.model_id,
            "sources": self.allowed_sources
            and [each.source_id for each in self.allowed_sources if "read" in each.modes],
            "actions": self.allowed_actions,
            "enabled": self.is_enabled,
        }
        given = {key: value for key, value in found.items() if value is not None}
        return given | ({"sources": []} if self.allowed_sources == [] else {})

    def _schedule(self) -> str | None:
        if self.schedule_value is None:
            return None
        value = str(self.schedule_value)
        seconds = self.schedule_type == "interval" or value.isdecimal()
        return f"every {value} seconds" if seconds else value


class NewDraft(Draft):
    """A new agent."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


class OmniAgent(BaseModel):
    """An agent, as Omni shows it."""

    id: str
    user_id: str
    name: str
    instructions: str
    agent_type: Literal["user", "org"]
    schedule_type: Literal["cron", "interval"] | None
    schedule_value: str | None
    model_id: str | None
    allowed_sources: list[Source]
    allowed_actions: list[str]
    is_enabled: bool
    is_deleted: bool = False


class OmniRun(BaseModel):
    """A run, as Omni shows it."""

    id: str
    agent_id: str
    status: Literal["pending", "running", "completed", "failed"]
    trigger: Trigger
    started_at: datetime | None
    completed_at: datetime | None
    summary: str | None
    error_message: str | None
    created_at: datetime


class OmniRunLog(OmniRun):
    """A run with its messages, in order."""

    execution_log: list[dict[str, Any]]


class Begun(BaseModel):
    """A chat that was begun."""

    chatId: str


class Queued(BaseModel):
    """A run that was asked for."""

    status: Literal["queued"] = "queued"
    run_id: str


@router.get("")
def list_agents(
    caller: Reader, home: Home, type: Literal["user", "org"] | None = None
) -> list[OmniAgent]:
    """List your agents, or the organisation's."""
    entries = home.read(caller.user).entries
    mine = [each for each in entries if each.agent and each.agent.type == (type or "user")]
    return [_agent(home, caller, entry) for entry in mine]


@router.post("", status_code=201)
def create_agent(body: NewDraft, caller: Writer, home: Home) -> OmniAgent:
    """Make an agent."""
    of_organisation = body.agent_type == "org"
    fields = {"type": "org"} if of_organisation else {}
    text = write_fields("", {**fields, **body.fields()})
    entry = home.draft(caller, _named(body.name), text, of_organisation=of_organisation)
    made = home.create(caller, entry)
    wake(home)
    return _agent(home, caller, made)


@router.get("/{agent}")
def show_agent(agent: str, caller: Reader, home: Home) -> OmniAgent:
    """Show an agent."""
    return _agent(home, caller, home.find(caller, agent))


@router.put("/{agent}")
def change_agent(agent: str, body: Draft, caller: Writer, home: Home) -> OmniAgent:
    """Change what is given of an agent; whose it is, and its type, stay."""
    old = home.find(caller, agent)
    fields = body.fields()
    if body.agent_type is not None and old.agent and body.agent_type != old.agent.type:
        fields["type"] = body.agent_type
    if "schedule" in fields:
        fields["schedules"] = None
    new = home.change(caller, old, home.edit(caller, old, fields))
    wake(home)
    return _agent(home, caller, new)


@router.delete("/{agent}", status_code=204)
def delete_agent(agent: str, caller: Writer, home: Home) -> None:
    """Take an agent away."""
    home.delete(caller, home.find(caller, agent))
    wake(home)


@router.post("/{agent}/trigger", status_code=202)
def trigger_agent(agent: str, caller: Runner, home: Home, key: Key = None) -> Queued:
    """Start a run now."""
    entry = changeable(home, caller, agent)
    return Queued(run_id=start(home, caller, entry.name, NewRun(), key).id)


@router.post("/{agent}/chat")
def begin_chat(agent: str, caller: Runner, home: Home) -> Begun:
    """Begin a chat with an agent; `/api/v1/chats` goes on with it."""
    return Begun(chatId=chats.begin_chat(home, caller, agent).chat.id)


@router.get("/{agent}/runs")
def list_agents_runs(
    agent: str, caller: Reader, home: Home, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[OmniRun]:
    """List the runs of an agent, newest first."""
    name = _with_history(home, caller, agent)
    return [_run(run) for run in list_runs(home.engine, agent=name, limit=limit)]


@router.get("/{agent}/runs/{run_id}")
def show_run(agent: str, run_id: str, caller: Reader, home: Home) -> OmniRunLog:
    """Show a run with its messages."""
    run = _run_of(home, caller, agent, run_id)
    log = [
        {"type": event.kind, "created_at": event.at.isoformat(), **event.data}
        for event in list_events(home.engine, run.id)
    ]
    return OmniRunLog(**_run(run).model_dump(), execution_log=log)


@router.get(
    "/{agent}/runs/{run_id}/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
def stream_run(
    agent: str, run_id: str, request: Request, caller: Reader, home: Home
) -> StreamingResponse:
    """Follow a run."""
    run = _run_of(home, caller, agent, run_id)
    events = follow(request.app.state.lookout, caller, run.id, 0)
    return StreamingResponse(events, media_type="text/event-stream")


def _named(name: str) -> str:
    """A name for people as a name for a file."""
    plain = re.sub(r"[^\w .-]+", "-", name).strip(" .-")
    return re.sub(r"\s+", " ", plain) or name


def _with_history(home: Roster, caller: Caller, agent: str) -> str:
    name = home.find(caller, agent).name
    if not home.may_see_runs(caller, name):
        raise NotFound("there are no runs of this agent")
    return name


def _run_of(home: Roster, caller: Caller, agent: str, run_id: str) -> Run:
    name = _with_history(home, caller, agent)
    run = find_run(home.engine, run_id, home.sight(caller))
    if run.agent != name:
        raise NotFound(f"no run {run_id!r} of this agent")
    return run


def _agent(home: Roster, caller: Caller, entry: Entry) -> OmniAgent:
    agent = entry.agent or Agent(name=entry.name, instructions="", enabled=False)
    kind, value = _schedule(agent.schedules[0]) if agent.schedules else (None, None)
    readable = home.may_change(caller, entry.name)
    sources = list(home.settings.sources) if agent.all_sources else agent.sources
    return OmniAgent(
        id=id_of(entry.name),
        user_id=owner_of(entry.name) or "",
        name=short_name(entry.name),
        instructions=agent.instructions if readable else "",
        agent_type=agent.type,
        schedule_type=kind,
        schedule_value=value,
        model_id=agent.model,
        allowed_sources=[Source(source_id=name) for name in sources],
        allowed_actions=list(agent.actions),
        is_enabled=agent.enabled,
    )


def _schedule(schedule: Schedule) -> tuple[Literal["cron", "interval"] | None, str | None]:
    match schedule.timing:
        case Cron(expression):
            return "cron", expression
        case Interval(seconds):
            return "interval", str(seconds)
    return None, None


def _run(run: Run) -> OmniRun:
    return OmniRun(
        id=run.id,
        agent_id=id_of(run.agent),
        status=THEIR_STATUS.get(run.status, run.status),  # type: ignore[arg-type]  # by now Omni's
        trigger=run.trigger,
        started_at=run.started_at,
        completed_at=run.finished_at,
        summary=run.summary,
        error_message=run.error,
        created_at=run.created_at,
    )
