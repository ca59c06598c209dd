"""Schedules as JSON data, for the database."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from lamplighter.schedule.times import read_zone, refuse
from lamplighter.schedule.timing import (
    Cron,
    Interval,
    Once,
    Policy,
    Quiet,
    Schedule,
    Timing,
    Window,
)


def to_data(schedule: Schedule) -> dict[str, object]:
    """The schedule as JSON data; ``from_data`` reads it back. What is as usual is left out."""
    data = {**_timing_data(schedule.timing), "timezone": schedule.timezone}
    if schedule.start:
        data["start"] = schedule.start.isoformat()
    if schedule.end:
        data["end"] = schedule.end.isoformat()
    if schedule.jitter_seconds:
        data["jitter_seconds"] = schedule.jitter_seconds
    if quiet := schedule.quiet:
        data["quiet"] = [_show(quiet.start), _show(quiet.end), quiet.then]
    if (policy := schedule.policy) != Policy():
        data["policy"] = [policy.catch_up, policy.within_seconds, policy.overlap]
    return data


def from_data(data: Mapping[str, Any]) -> Schedule:
    """The schedule that ``to_data`` wrote.

    Raises:
        InvalidSchedule: It was not written by ``to_data``, or its zone is not known here.
    """
    try:
        read_zone(data["timezone"])
        return Schedule(
            timing=_read_timing(data),
            timezone=data["timezone"],
            start=_moment(data.get("start")),
            end=_moment(data.get("end")),
            jitter_seconds=data.get("jitter_seconds", 0),
            quiet=_read_quiet(data["quiet"]) if "quiet" in data else None,
            policy=Policy(*data.get("policy", ())),
        )
    except (KeyError, TypeError, ValueError):
        refuse("stored data that is no schedule", "save the schedule again", "schedule")


def _timing_data(timing: Timing) -> dict[str, object]:
    match timing:
        case Cron(expression):
            return {"type": "cron", "expression": expression}
        case Interval(seconds):
            return {"type": "interval", "seconds": seconds}
        case Window(days, start, end):
            return {"type": "window", "days": days, "opens": _show(start), "closes": _show(end)}
        case Once(at):
            return {"type": "once", "at": at.isoformat()}


def _read_timing(data: Mapping[str, Any]) -> Timing:
    match data:
        case {"type": "cron", "expression": str(expression)}:
            return Cron(expression)
        case {"type": "interval", "seconds": int(seconds)}:
            return Interval(seconds)
        case {"type": "window", "days": str(days), "opens": str(start), "closes": str(end)}:
            return Window(days, time.fromisoformat(start), time.fromisoformat(end))
        case {"type": "once", "at": str(at)}:
            return Once(datetime.fromisoformat(at))
    raise ValueError(f"no timing: {data}")


def _read_quiet(data: Any) -> Quiet:
    start, end, then = data
    return Quiet(time.fromisoformat(start), time.fromisoformat(end), then)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _show(moment: time) -> str:
    return moment.isoformat("minutes")
