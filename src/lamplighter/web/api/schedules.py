"""Schedules: when agents are due, when they would be, and what became of it."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from lamplighter import clock
from lamplighter.errors import NotFound
from lamplighter.roster import Roster, id_of
from lamplighter.schedule import Schedule, describe, parse, read_zone, to_data, upcoming
from lamplighter.store.schedules import SavedSchedule, list_history, list_schedules
from lamplighter.web.api.asking import ENABLED, Home, Reader
from lamplighter.web.api.pages import MOST, Page, Paging

router = APIRouter(tags=["schedules"], dependencies=[ENABLED])
Count = Annotated[int, Query(ge=1, le=50)]


class Draft(BaseModel):
    """A schedule that somebody thinks about: cron, an interval, plain words, or a mapping."""

    model_config = ConfigDict(extra="forbid")

    schedule: Annotated[str, Field(max_length=1000)] | dict[str, Any]
    timezone: Annotated[str, Field(max_length=100)] | None = None
    count: Annotated[int, Field(ge=1, le=50)] = 5


class Due(BaseModel):
    """A due moment, and how it reads on the wall clock of the schedule's zone."""

    utc: datetime
    local: str


class Preview(BaseModel):
    """What a schedule means."""

    words: str
    timezone: str
    upcoming: list[Due]


class ScheduleView(Preview):
    """A schedule of an agent."""

    id: str
    agent: str
    agent_id: str
    enabled: bool
    spec: dict[str, Any]


class OccurrenceView(BaseModel):
    """A due moment, and what became of it.

    Attributes:
        result: ``ran``, ``skipped`` or ``missed``.
    """

    schedule_id: str
    due_at: datetime
    result: str
    reason: str
    run_id: str | None
    run_status: str | None
    lateness_seconds: float | None


@router.post("/schedules/preview")
def preview_schedule(body: Draft, _caller: Reader, home: Home) -> Preview:
    """Say when a schedule would be due, if it were saved now."""
    zone = read_zone(body.timezone, field="timezone").key if body.timezone else None
    schedule = parse(body.schedule, timezone=zone or home.settings.timezone)
    return _preview(schedule, body.count, clock.now(), "preview")


@router.get("/schedules")
def list_all_schedules(caller: Reader, home: Home, paging: Paging) -> Page[ScheduleView]:
    """List the schedules of your agents and of the organisation's."""
    names = [entry.name for entry in home.read(caller.user).entries]
    page = paging.cut(names, lambda name: name)
    views = [view for name in page.items for view in schedules_of(home, name, 1)]
    return Page(items=views, next=page.next)


@router.get("/agents/{agent}/schedules")
def list_agents_schedules(
    agent: str, caller: Reader, home: Home, count: Count = 5
) -> list[ScheduleView]:
    """List the schedules of an agent, with when they are due next."""
    return schedules_of(home, home.find(caller, agent).name, count)


@router.get("/agents/{agent}/occurrences")
def list_agents_occurrences(
    agent: str, caller: Reader, home: Home, limit: Annotated[int, Query(ge=1, le=MOST)] = 50
) -> list[OccurrenceView]:
    """Show what became of an agent's due moments, newest first."""
    name = home.find(caller, agent).name
    if not home.may_see_runs(caller, name):
        raise NotFound("there is no history of this agent")
    return [
        OccurrenceView(
            schedule_id=each.occurrence.schedule_id,
            due_at=each.occurrence.due_at,
            result=each.occurrence.result,
            reason=each.occurrence.reason,
            run_id=each.occurrence.run_id,
            run_status=each.run_status,
            lateness_seconds=each.lateness_seconds,
        )
        for each in list_history(home.engine, name, home.settings.timezone, limit=limit)
    ]


def schedules_of(home: Roster, agent: str, count: int) -> list[ScheduleView]:
    """The schedules of an agent that was found, each with its next due times."""
    now = clock.now()
    return [_view(agent, saved, count, now) for saved in list_schedules(home.engine, agent)]


def _view(agent: str, saved: SavedSchedule, count: int, now: datetime) -> ScheduleView:
    preview = _preview(saved.schedule, count, now, saved.id, saved.anchor_at)
    return ScheduleView(
        id=saved.id,
        agent=agent,
        agent_id=id_of(agent),
        enabled=saved.enabled,
        spec=to_data(saved.schedule),
        **preview.model_dump(),
    )


def _preview(
    schedule: Schedule, count: int, now: datetime, seed: str, anchor: datetime | None = None
) -> Preview:
    zone = ZoneInfo(schedule.timezone)
    moments = upcoming(schedule, now, anchor=anchor or now, seed=seed, count=count)
    return Preview(
        words=describe(schedule),
        timezone=schedule.timezone,
        upcoming=[Due(utc=due, local=due.astimezone(zone).isoformat()) for due in moments],
    )
