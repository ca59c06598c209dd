"""Runs of all agents, or of one, as lists with filters in the URL."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, get_args
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from lamplighter.access import short_name
from lamplighter.accounts import Caller
from lamplighter.errors import InvalidInput, Place
from lamplighter.roster import Roster
from lamplighter.store.overview import find_rows
from lamplighter.store.runs import Run, Status, Trigger, list_runs
from lamplighter.web.api.asking import ENABLED, Home, Reader
from lamplighter.web.pages.places import agent_url
from lamplighter.web.pages.rendering import is_piece, render

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])
PAGE = 30


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs are shown; as it stands in the URL.

    Attributes:
        since: The first day, and ``until`` the last one, in the workspace's zone; empty: all.
        before: The run after which the list goes on.
    """

    status: Annotated[str, Query(max_length=20)] = ""
    trigger: Annotated[str, Query(max_length=20)] = ""
    since: Annotated[str, Query(max_length=10)] = ""
    until: Annotated[str, Query(max_length=10)] = ""
    before: Annotated[str, Query(max_length=100)] = ""

    @property
    def given(self) -> dict[str, str]:
        """What is not as usual, but for where the list goes on."""
        names = ("status", "trigger", "since", "until")
        return {name: value for name in names if (value := getattr(self, name))}


Wanted = Annotated[Filter, Depends()]


@router.get("/runs")
def show_runs(request: Request, caller: Reader, home: Home, wanted: Wanted) -> Response:
    """The runs that you may see, newest first."""
    found = find_runs(home, caller, wanted, None, "/runs")
    names = {run.agent for run in found["runs"]}
    known = {row.name for row in find_rows(home.engine, names)}
    agents = {
        name: (short_name(name), agent_url(home, name) if name in known else "") for name in names
    }
    return render(
        request, "_runs.html" if is_piece(request) else "runs.html", agents=agents, **found
    )


def find_runs(
    home: Roster, caller: Caller, wanted: Filter, agent: str | None, url: str
) -> dict[str, Any]:
    """What a list of runs shows."""
    found = list_runs(
        home.engine,
        agent=agent,
        status=_one_of(wanted.status, get_args(Status)),
        trigger=_one_of(wanted.trigger, get_args(Trigger)),
        since=_day(wanted.since, "since", home.settings.timezone),
        until=_day(wanted.until, "until", home.settings.timezone, after=1),
        before=wanted.before or None,
        sight=home.sight(caller),
        limit=PAGE + 1,
    )
    runs = found[:PAGE]
    more = wanted.given | {"before": runs[-1].id} if len(found) > PAGE else None
    return {
        "runs": runs,
        "longest": max((run.duration_seconds or 0 for run in runs), default=0) or 1,
        "wanted": wanted,
        "newer": _url(url, wanted.given) if wanted.before else None,
        "older": _url(url, more) if more else None,
        "is_working": any(not run.ended for run in runs),
        "with_agent": agent is None,
    }


def _one_of(value: str, known: tuple[str, ...]) -> str | None:
    return value if value in known else None


def _day(text: str, field: str, zone: str, *, after: int = 0) -> datetime | None:
    """The beginning of a day, or of one so many days after it."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=after)
    except (ValueError, OverflowError) as error:
        hint = "write it like 2026-10-05"
        raise InvalidInput("this is no day", place=Place(field=field), hint=hint) from error
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _url(url: str, query: dict[str, str]) -> str:
    return f"{url}?{urlencode(query)}" if query else url


def last_runs(home: Roster, caller: Caller, agent: str, limit: int) -> list[Run]:
    """The newest runs of an agent."""
    return list_runs(home.engine, agent=agent, sight=home.sight(caller), limit=limit)
