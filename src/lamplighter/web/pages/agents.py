"""The list of agents."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from lamplighter.access import owner_of, short_name
from lamplighter.accounts import Caller
from lamplighter.definitions.agent import Agent
from lamplighter.roster import Roster
from lamplighter.schedule import Schedule, describe
from lamplighter.store.overview import (
    ORDERS,
    STATES,
    AgentRow,
    LatestRun,
    Wanted,
    count_rows,
    find_rows,
    list_latest,
    list_rows,
    list_schedules_of,
)
from lamplighter.store.sight import Sight
from lamplighter.web.api import agents as api
from lamplighter.web.api.agent_fields import Fields
from lamplighter.web.api.asking import ENABLED, Home, Reader, Runner, Writer
from lamplighter.web.api.runs import NewRun, start
from lamplighter.web.pages.forms import Sent
from lamplighter.web.pages.places import agent_url, run_url
from lamplighter.web.pages.rendering import go_to, is_piece, render, say

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])
PAGE = 30
STRIP = 20
"""Runs that a row has marks of."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which agents are shown, and in which order; as it stands in the URL."""

    q: Annotated[str, Query(max_length=200)] = ""
    state: Annotated[str, Query(max_length=20)] = ""
    sort: Annotated[str, Query(max_length=20)] = ""
    page: Annotated[int, Query(ge=1, le=100_000)] = 1

    @property
    def given(self) -> dict[str, str]:
        """What is not as usual, but for the page."""
        return {name: value for name in ("q", "state", "sort") if (value := getattr(self, name))}

    def wanted(self, user: str | None, sight: Sight) -> Wanted:
        """The same for the database; words that it does not know mean nothing."""
        state = next((known for known in STATES if known == self.state), None)
        order = next((known for known in ORDERS if known == self.sort), ORDERS[0])
        return Wanted(user=user, sight=sight, called=self.q.strip(), state=state, order=order)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the list.

    Attributes:
        rhythm: When it is due, in words; empty: only when asked.
        runs: The latest, the oldest first; ``None``: not for this viewer.
    """

    name: str
    owner: str | None
    url: str
    agent: Agent | None
    known: AgentRow
    rhythm: tuple[str, ...]
    runs: list[LatestRun] | None
    may_change: bool

    @property
    def last(self) -> LatestRun | None:
        """The newest run."""
        return self.runs[-1] if self.runs else None

    @property
    def is_working(self) -> bool:
        """Whether a run is pending or under way."""
        return self.last is not None and self.last.status in ("pending", "running")


front = APIRouter(include_in_schema=False)


@front.get("/")
def show_front(_caller: Reader) -> Response:
    """The first page is that of the agents."""
    return RedirectResponse("/agents", 303)


@front.get("/waiting")
def show_waiting(request: Request, _caller: Reader) -> Response:
    """How much waits for the viewer, for the sidebar."""
    return render(request, "_waiting.html")


@router.get("/agents")
def show_agents(
    request: Request, caller: Reader, home: Home, choice: Annotated[Choice, Depends()]
) -> Response:
    """Your agents and the organisation's."""
    wanted = choice.wanted(caller.user if home.settings.team else None, home.sight(caller))
    skipped = (choice.page - 1) * PAGE
    rows = list_rows(home.engine, wanted, limit=PAGE + 1, offset=skipped)
    more = choice.given | {"page": str(choice.page + 1)}
    return render(
        request,
        "_agents.html" if is_piece(request) else "agents.html",
        lines=make_lines(home, caller, rows[:PAGE]),
        total=count_rows(home.engine, wanted),
        choice=choice,
        is_filtered=bool(wanted.called or wanted.state),
        newer=_url(choice.given) if choice.page > 1 else None,
        older=_url(more) if len(rows) > PAGE else None,
    )


@router.get("/agents/problems")
def show_problems(request: Request, caller: Reader, home: Home) -> Response:
    """What is wrong in agent files; of a team's agents the database keeps only sound ones."""
    entries = () if home.settings.team else home.read(caller.user).entries
    broken = [(entry, agent_url(home, entry.name)) for entry in entries if entry.errors]
    return render(request, "_problems.html", broken=broken)


@router.post("/agents/{agent}/enabled")
def switch_agent(
    request: Request, agent: str, caller: Writer, home: Home, form: Sent, response: Response
) -> Response:
    """Let an agent's schedules fire, or not."""
    fields = Fields(enabled=form.has("enabled"))
    api.change_agent(agent, fields, caller, home, response)
    return _answer(request, caller, home, agent)


@router.post("/agents/{agent}/resume")
def resume_agent(request: Request, agent: str, caller: Writer, home: Home) -> Response:
    """Let a paused agent go on."""
    api.resume_agent(agent, caller, home)
    return _answer(request, caller, home, agent)


@router.post("/agents/{agent}/pause")
def pause_agent(request: Request, agent: str, caller: Writer, home: Home) -> Response:
    """Let an agent's schedules not fire for a while; its file stays as it is."""
    api.pause_agent(agent, caller, home)
    return _answer(request, caller, home, agent)


@router.post("/agents/{agent}/run")
def run_agent(request: Request, agent: str, caller: Runner, home: Home, form: Sent) -> Response:
    """Start a run: within the list the row shows it, elsewhere its page is next."""
    new = NewRun(message=form.get("message"), dry_run=form.has("dry_run"))
    run = start(home, caller, api.changeable(home, caller, agent).name, new, None)
    if is_piece(request) and not form.has("watch"):
        return say(_answer(request, caller, home, agent), "Started.")
    return go_to(request, run_url(run.id))


def _answer(request: Request, caller: Caller, home: Roster, agent: str) -> Response:
    """The row as it is now, or the page where the form was."""
    entry = home.find(caller, agent)
    url = agent_url(home, entry.name)
    if not is_piece(request):
        return go_to(request, url)
    rows = find_rows(home.engine, [entry.name])
    return render(request, "_agent.html", line=make_lines(home, caller, rows)[0])


def make_lines(home: Roster, caller: Caller, rows: list[AgentRow]) -> list[Line]:
    """What the list shows of some agents."""
    sight = home.sight(caller)
    names = [row.name for row in rows]
    latest = list_latest(home.engine, [name for name in names if sight.admits(name)], most=STRIP)
    due = list_schedules_of(home.engine, names)
    zone = f" ({home.settings.timezone})"  # which need not be said in each row
    return [
        Line(
            name=short_name(row.name),
            owner=owner_of(row.name),
            url=agent_url(home, row.name),
            agent=home.recall(row.name, row.text).agent,
            known=row,
            rhythm=tuple(say_schedule(each).replace(zone, "") for _, each in due.get(row.name, ())),
            runs=latest.get(row.name, []) if sight.admits(row.name) else None,
            may_change=home.may_change(caller, row.name),
        )
        for row in rows
    ]


@lru_cache(10_000)
def say_schedule(schedule: Schedule) -> str:
    """A schedule in words."""
    return describe(schedule)


def _url(query: dict[str, str]) -> str:
    return f"/agents?{urlencode(query)}" if query else "/agents"
