"""One agent: what it may do, what it has done, and when it was expected to."""

from collections import Counter
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from lamplighter import clock
from lamplighter.access import owner_of, short_name
from lamplighter.accounts import Caller
from lamplighter.definitions.catalogue import Entry
from lamplighter.errors import NotFound
from lamplighter.roster import Roster
from lamplighter.store.overview import find_rows, list_days
from lamplighter.web.api import agents as api
from lamplighter.web.api import schedules
from lamplighter.web.api.asking import ENABLED, Home, Reader, Writer, wake
from lamplighter.web.pages.budget import make_budget
from lamplighter.web.pages.capabilities import explain_tools
from lamplighter.web.pages.places import agent_url
from lamplighter.web.pages.rendering import go_to, is_piece, render
from lamplighter.web.pages.runs import Wanted, find_runs

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])
CHART_DAYS = 60
OCCURRENCES = 100
DUE_TIMES = 5
DONE = {
    "created": "Created. It runs when it is due, or with “Run now”.",
    "saved": "Saved.",
    "restored": "Restored.",
}
"""What the page says after a form, by the word in its address."""


@router.get("/agents/{agent}")
def show_agent(
    request: Request, agent: str, caller: Reader, home: Home, wanted: Wanted, done: str = ""
) -> Response:
    """What an agent may do, and its runs."""
    entry = home.find(caller, agent)
    url = agent_url(home, entry.name)
    sees = home.may_see_runs(caller, entry.name)
    runs = find_runs(home, caller, wanted, entry.name, url) if sees else {"wanted": wanted}
    if is_piece(request) and sees:
        return render(request, "_runs.html", **runs)
    network = [str(host) for host in entry.agent.network] if entry.agent else []
    view = api.view_agent(home, caller, entry, foreseen=False)  # the budget says it
    return render(
        request,
        "agent.html",
        **about(home, caller, entry),
        **runs,
        view=view,
        settings=home.settings,
        done=DONE.get(done, ""),
        can=explain_tools(view.tools, network=bool(network)),
        network=network,
        budget=make_budget(home, entry.agent) if sees and entry.agent else None,
        due=schedules.schedules_of(home, entry.name, DUE_TIMES),
    )


@router.get("/agents/{agent}/days")
def show_days(agent: str, caller: Reader, home: Home) -> Response:
    """Runs, durations and tokens by day, for the chart."""
    entry = home.find(caller, agent)
    if not home.may_see_runs(caller, entry.name):
        raise NotFound("there are no runs of this agent")
    days = list_days(home.engine, entry.name, clock.now(), CHART_DAYS)
    return JSONResponse({name: [getattr(day, name) for day in days] for name in days[0].__slots__})


@router.get("/agents/{agent}/schedule")
def show_schedule(request: Request, agent: str, caller: Reader, home: Home) -> Response:
    """When an agent is due, and what became of its due moments."""
    entry = home.find(caller, agent)
    past = schedules.list_agents_occurrences(agent, caller, home, OCCURRENCES)
    return render(
        request,
        "schedule.html",
        **about(home, caller, entry),
        due=schedules.schedules_of(home, entry.name, DUE_TIMES),
        past=past,
        counts=Counter(each.result for each in past),
    )


@router.post("/agents/{agent}/delete")
def delete_agent(request: Request, agent: str, caller: Writer, home: Home) -> Response:
    """Take an agent away; its history stays."""
    home.delete(caller, home.find(caller, agent))
    wake(home)
    return go_to(request, "/agents")


def about(home: Roster, caller: Caller, entry: Entry) -> dict[str, Any]:
    """What all pages about an agent have in their heads."""
    rows = find_rows(home.engine, [entry.name])
    return {
        "name": short_name(entry.name),
        "owner": owner_of(entry.name),
        "url": agent_url(home, entry.name),
        "entry": entry,
        "agent": entry.agent,
        "known": rows[0] if rows else None,
        "may_change": home.may_change(caller, entry.name),
        "sees": home.may_see_runs(caller, entry.name),
    }
