"""Agents: who there are, what they may do, how they have changed."""

import difflib
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict

from lamplighter import clock
from lamplighter.access import owner_of, short_name
from lamplighter.accounts import Caller
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.catalogue import Entry
from lamplighter.definitions.effects import Mode
from lamplighter.definitions.writing import write_fields
from lamplighter.engine import manual
from lamplighter.engine.purse import foresee
from lamplighter.errors import Forbidden, InvalidInput, NotFound
from lamplighter.roster import Roster, id_of
from lamplighter.schedule import describe
from lamplighter.store.agents import next_due_times
from lamplighter.store.audit import note
from lamplighter.store.pauses import Pause, list_pauses
from lamplighter.store.versions import (
    Change,
    get_change,
    list_changes,
    share_history,
    shared_histories,
)
from lamplighter.web.api.agent_fields import EmailModel, Fields, NewAgent
from lamplighter.web.api.asking import ENABLED, Home, Reader, Writer, wake
from lamplighter.web.api.pages import Page, Paging

router = APIRouter(prefix="/agents", tags=["agents"], dependencies=[ENABLED])
IfMatch = Annotated[str | None, Header(max_length=200)]


class PauseView(BaseModel):
    """Since when and why schedules do not fire."""

    at: datetime
    reason: str


class ProblemView(BaseModel):
    """Something to tell the author."""

    level: Literal["error", "warning"]
    message: str
    line: int | None
    field: str | None
    hint: str


class ScopeView(BaseModel):
    """What a background run of the agent may see.

    Attributes:
        acts_as: A user, or ``organisation``.
        sources: Of these sources.
    """

    acts_as: str
    sources: list[str]


class AgentView(BaseModel):
    """An agent.

    Attributes:
        id: What URLs call it.
        owner: A user; null: the organisation's, or that of the workspace's only owner.
        may_change: Whether you may change and start it. If not, instructions and text are null.
        tools: All that it can call, as it is.
        effects: Whether what it does to the world happens, waits for you, or is only recorded.
        email: To whom it may write.
        version: What its text is known by; also the ETag.
        history_shared: Whether everybody may see the runs of this org agent.
    """

    id: str
    name: str
    owner: str | None
    may_change: bool
    type: Literal["user", "org"] | None
    description: str
    model: str | None
    schedules: list[str]
    next_due_at: datetime | None
    enabled: bool
    paused: PauseView | None
    tools: list[str]
    effects: Mode
    email: EmailModel | None
    scope: ScopeView | None
    iterations: int | None
    timeout_seconds: float | None
    message: str | None
    instructions: str | None
    text: str | None
    problems: list[ProblemView]
    version: str
    history_shared: bool


class VersionView(BaseModel):
    """A change of an agent's text."""

    number: int
    version: str
    author: str
    at: datetime


class VersionText(VersionView):
    """A change, with the text that it made."""

    text: str


class Difference(BaseModel):
    """What changed from one version to another, as a unified diff."""

    diff: str


class Sharing(BaseModel):
    """Whether everybody may see an org agent's runs."""

    model_config = ConfigDict(extra="forbid")

    history_shared: bool


@router.get("")
def list_agents(
    caller: Reader,
    home: Home,
    paging: Paging,
    type: Literal["user", "org"] | None = None,
    everybodys: Annotated[bool, Query(description="Those of other people, too.")] = False,
) -> Page[AgentView]:
    """List your agents and the organisation's."""
    entries = home.read(None if everybodys else caller.user).entries
    if type is not None:
        entries = tuple(each for each in entries if each.agent and each.agent.type == type)
    page = paging.cut(entries, lambda entry: entry.name)
    known = _Known(home)
    views = [known.view(caller, entry) for entry in page.items]
    return Page(items=views, next=page.next)


@router.post("", status_code=201)
def create_agent(body: NewAgent, caller: Writer, home: Home, response: Response) -> AgentView:
    """Make an agent; only admins make those of the organisation."""
    entry = home.create(caller, draft_agent(body, caller, home))
    wake(home)
    return _answer(home, caller, entry, response)


@router.post("/preview")
def preview_agent(body: NewAgent, caller: Writer, home: Home) -> AgentView:
    """Show what an agent would be, with its tools and its scope; nothing is kept."""
    return _Known(home).view(caller, draft_agent(body, caller, home))


@router.get("/{agent}")
def show_agent(agent: str, caller: Reader, home: Home, response: Response) -> AgentView:
    """Show an agent, by its id or its name."""
    return _answer(home, caller, home.find(caller, agent), response)


@router.patch("/{agent}")
def change_agent(
    agent: str,
    body: Fields,
    caller: Writer,
    home: Home,
    response: Response,
    if_match: IfMatch = None,
) -> AgentView:
    """Change some fields of an agent, or its whole text."""
    old = home.find(caller, agent)
    fields = body.given()
    text = body.text or home.edit(caller, old, fields)
    new = home.change(caller, old, text, seen=_seen(if_match))
    wake(home)
    return _answer(home, caller, new, response)


@router.delete("/{agent}", status_code=204)
def delete_agent(agent: str, caller: Writer, home: Home, if_match: IfMatch = None) -> None:
    """Take an agent away; its active runs end, its history stays."""
    home.delete(caller, home.find(caller, agent), seen=_seen(if_match))
    wake(home)


@router.post("/{agent}/pause")
def pause_agent(agent: str, caller: Writer, home: Home) -> AgentView:
    """Let an agent's schedules not fire until it is resumed."""
    entry = changeable(home, caller, agent)
    manual.pause(home.settings, home.engine, entry.name, by=caller.user)
    return _Known(home, entry.name).view(caller, entry)


@router.post("/{agent}/resume")
def resume_agent(agent: str, caller: Writer, home: Home) -> AgentView:
    """Let a paused agent's schedules fire again, from their next times on."""
    entry = changeable(home, caller, agent)
    manual.resume(home.settings, home.engine, entry.name, by=caller.user)
    wake(home)
    return _Known(home, entry.name).view(caller, entry)


@router.post("/{agent}/promote")
def promote_agent(agent: str, caller: Writer, home: Home, response: Response) -> AgentView:
    """Let what an agent does to the world happen from now on."""
    entry = home.promote(caller, changeable(home, caller, agent))
    wake(home)
    return _answer(home, caller, entry, response)


@router.put("/{agent}/sharing")
def share_agent(agent: str, body: Sharing, caller: Writer, home: Home) -> AgentView:
    """Let everybody see the runs of an agent of the organisation, or not."""
    entry = changeable(home, caller, agent)
    if entry.agent is None or entry.agent.type != "org":
        raise InvalidInput("only the history of an agent of the organisation can be shared")
    with home.engine.begin() as connection:
        share_history(connection, entry.name, body.history_shared)
        detail = {"history_shared": body.history_shared}
        now = clock.now()
        note(connection, caller.user, "agent.share", entry.name, now=now, detail=detail)
    return _Known(home, entry.name).view(caller, entry)


@router.get("/{agent}/versions")
def list_versions(agent: str, caller: Reader, home: Home, paging: Paging) -> Page[VersionView]:
    """List the changes of an agent, by their number."""
    changes = list_changes(home.engine, readable(home, caller, agent).name)
    page = paging.cut(changes, lambda change: f"{change.number:09}")
    return Page(items=[_version(change) for change in page.items], next=page.next)


@router.get("/{agent}/versions/{number}")
def show_version(agent: str, number: int, caller: Reader, home: Home) -> VersionText:
    """Show what an agent was."""
    change = get_change(home.engine, readable(home, caller, agent).name, _number(number))
    return VersionText(**_version(change).model_dump(), text=change.text)


@router.get("/{agent}/versions/{number}/diff")
def compare_versions(
    agent: str, number: int, caller: Reader, home: Home, against: int | None = None
) -> Difference:
    """Show what a change has changed, or what differs from the version ``against``."""
    name = readable(home, caller, agent).name
    new = get_change(home.engine, name, _number(number))
    before = new.number - 1 if against is None else _number(against)
    old = get_change(home.engine, name, before).text if before else ""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.text.splitlines(keepends=True),
        f"version {before}",
        f"version {number}",
    )
    return Difference(diff="".join(lines))


@router.post("/{agent}/versions/{number}/restore")
def restore_version(
    agent: str,
    number: int,
    caller: Writer,
    home: Home,
    response: Response,
    if_match: IfMatch = None,
) -> AgentView:
    """Make an agent what it was; that is a change, too."""
    old = changeable(home, caller, agent)
    text = get_change(home.engine, old.name, _number(number)).text
    new = home.change(caller, old, text, seen=_seen(if_match))
    wake(home)
    return _answer(home, caller, new, response)


def changeable(home: Roster, caller: Caller, agent: str) -> Entry:
    """An agent that the caller may change and start.

    Raises:
        NotFound: There is no such agent.
        Forbidden: It is not theirs.
    """
    entry = home.find(caller, agent)
    if not home.may_change(caller, entry.name):
        raise Forbidden("this agent belongs to somebody else")
    return entry


def readable(home: Roster, caller: Caller, agent: str) -> Entry:
    """An agent whose text is for this caller's eyes; of others there seem to be no versions."""
    entry = home.find(caller, agent)
    if not home.may_change(caller, entry.name):
        raise NotFound("there are no versions of this agent")
    return entry


def draft_agent(body: NewAgent, caller: Caller, home: Roster) -> Entry:
    """The agent that is asked for, if the caller may make it; nothing is kept."""
    text = write_fields("", body.given()) if body.text is None else body.text
    return home.draft(caller, body.name, text, of_organisation=_says_org(body, text, home))


def _says_org(body: NewAgent, text: str, home: Roster) -> bool:
    """Whether an agent of the organisation is asked for, by a field or in the text itself."""
    if body.text is None:
        return body.type == "org"
    entry = home.parse(body.name, text)
    return entry.agent is not None and entry.agent.type == "org"


def _answer(home: Roster, caller: Caller, entry: Entry, response: Response) -> AgentView:
    response.headers["ETag"] = f'"{home.version(entry)}"'
    return view_agent(home, caller, entry)


def view_agent(home: Roster, caller: Caller, entry: Entry, *, foreseen: bool = True) -> AgentView:
    """An agent with all that is known of it, and perhaps what its past runs let expect."""
    view = _Known(home, entry.name).view(caller, entry)
    if foreseen and entry.agent is not None and view.may_change:
        view.problems += _foreseen(home, entry.agent)
    return view


def _foreseen(home: Roster, agent: Agent) -> list[ProblemView]:
    """Limits that the agent's past runs come close to."""
    warnings = foresee(home.engine, agent, home.settings).warnings
    line = agent.lines.get("limits")
    return [
        ProblemView(level="warning", message=each, line=line, field="limits", hint="")
        for each in warnings
    ]


def _seen(if_match: str | None) -> str | None:
    if if_match is None or if_match.strip() == "*":
        return None
    return if_match.strip().removeprefix("W/").strip('"')


def _number(number: int) -> int:
    if not 1 <= number <= 1_000_000_000:
        raise NotFound(f"there is no version {number}")
    return number


def _version(change: Change) -> VersionView:
    return VersionView(
        number=change.number, version=change.version, author=change.author, at=change.at
    )


class _Known:
    """What the database knows beside the texts, of all agents or of one."""

    def __init__(self, home: Roster, agent: str | None = None) -> None:
        self.home = home
        self.dues = next_due_times(home.engine, agent)
        self.pauses = list_pauses(home.engine)
        self.shared = shared_histories(home.engine)

    def view(self, caller: Caller, entry: Entry) -> AgentView:
        agent = entry.agent
        may_change = self.home.may_change(caller, entry.name)
        pause = self.pauses.get(entry.name)
        return AgentView(
            id=id_of(entry.name),
            name=short_name(entry.name),
            owner=owner_of(entry.name),
            may_change=may_change,
            next_due_at=None if pause else self.dues.get(entry.name),
            paused=_pause(pause),
            instructions=agent.instructions if agent and may_change else None,
            text=entry.text if may_change else None,
            email=EmailModel(**agent.email.as_data()) if agent and may_change else None,
            problems=_problems(entry) if may_change else [],
            version=self.home.version(entry),
            history_shared=entry.name in self.shared,
            **_about(agent, entry.name, self.home),
        )


def _about(agent: Agent | None, name: str, home: Roster) -> dict[str, Any]:
    sources = list(agent.sources) if agent else []
    if agent and agent.all_sources:
        sources = list(home.settings.sources)
    of_organisation = agent is not None and agent.type == "org"
    acts_as = "organisation" if of_organisation else owner_of(name) or "owner"
    return {
        "type": agent and agent.type,
        "description": agent.description if agent else "",
        "model": agent and agent.model,
        "schedules": [describe(each) for each in agent.schedules] if agent else [],
        "enabled": agent.enabled if agent else False,
        "tools": list(agent.allowed_tools) if agent else [],
        "effects": agent.effects if agent else "send",
        "scope": agent and ScopeView(acts_as=acts_as, sources=sources),
        "iterations": agent and agent.limits.iterations,
        "timeout_seconds": agent and agent.limits.timeout_seconds,
        "message": agent and agent.message,
    }


def _pause(pause: Pause | None) -> PauseView | None:
    return PauseView(at=pause.at, reason=pause.reason) if pause else None


def _problems(entry: Entry) -> list[ProblemView]:
    return [
        ProblemView(
            level=each.level,
            message=each.message,
            line=each.place.line,
            field=each.place.field,
            hint=each.hint,
        )
        for each in entry.problems
    ]
