"""Zones, moments, durations and times of day, as people write them."""

import difflib
import re
from datetime import UTC, datetime, time, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo, available_timezones

import pytimeparse2  # type: ignore[import-untyped]  # it has no annotations

from lamplighter.errors import InvalidSchedule, Place
from lamplighter.schedule.timing import MAX_SECONDS

MAX_LENGTH = 1000
"""The longest text that is read."""

_UNIT = r"(?:w|wks?|weeks?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)"
_DURATION = re.compile(rf"(?:\d+(?:\.\d+)?\s*{_UNIT}[\s,]*)+", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)
TIME = r"(?:\d{1,2}(?:[:.]\d\d)?(?:\s*[ap]\.?m\b\.?)?|noon|midnight)"
"""What ``read_time`` reads, as a pattern; in lower case."""
_TIME = re.compile(r"(\d{1,2})(?:[:.](\d\d))?\s*(?:([ap])\.?m\.?)?", re.ASCII)


def refuse(message: str, hint: str, field: str) -> NoReturn:
    """Say what is wrong, and what to do about it.

    Raises:
        InvalidSchedule: Always.
    """
    raise InvalidSchedule(message, place=Place(field=field), hint=hint)


def quote(text: str) -> str:
    """``text`` in quotes, shortened, with nothing in it that upsets a terminal."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def read_zone(name: str, *, field: str = "timezone") -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        InvalidSchedule: There is no such zone; the hint names the nearest one.
    """
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # what zoneinfo raises depends on the name
        refuse(f"unknown time zone {quote(name)}", _zone_hint(name), field)


def _zone_hint(name: str) -> str:
    zones = sorted(available_timezones())
    cities = {zone.lower().rpartition("/")[2]: zone for zone in zones}
    known = cities | {zone.lower(): zone for zone in zones}
    close = difflib.get_close_matches(name.lower().replace(" ", "_"), known, n=1, cutoff=0.75)
    return f"did you mean {known[close[0]]}?" if close else "use a name like Europe/Berlin"


def read_moment(text: str, zone: ZoneInfo, *, field: str = "schedule") -> datetime:
    """An ISO 8601 date and time, as UTC.

    Without an offset it is local time in ``zone``: of a repeated hour the first pass, and of a
    time that the clocks skip the first moment after the gap. What is finer than milliseconds is
    dropped, as it would be where moments are stored.

    Raises:
        InvalidSchedule: It is no date and time.
    """
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text.upper())
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:?\d\d", text.upper()):
            refuse(f"{quote(text)} has no time of day", "write it like 2030-01-31 09:00", field)
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        return moment.astimezone(UTC) if moment.tzinfo else localise(moment, zone)
    except (ValueError, OverflowError):
        refuse(f"{quote(text)} is no date and time", "write it like 2030-01-31 09:00", field)


def read_seconds(text: str, *, field: str) -> int:
    """A length of time, such as ``90m``, ``1 hour 30 minutes`` or ``5400``, in seconds.

    Raises:
        InvalidSchedule: It is none, or not between one second and ten years.
    """
    seconds = pytimeparse2.parse(text) if is_duration(text) else None
    if seconds is None:
        hint = 'like "90 minutes"; for a time of day, or for months, use cron, like "0 9 1 * *"'
        refuse(f"{quote(text)} is no length of time", hint, field)
    if seconds != int(seconds):
        refuse(f"{quote(text)} is no whole number of seconds", 'like "90 minutes"', field)
    if not 1 <= seconds <= MAX_SECONDS:
        hint = f"between 1 second and 10 years ({MAX_SECONDS} seconds)"
        refuse(f"a time of {quote(text)} is out of range", hint, field)
    return int(seconds)


def is_duration(text: str) -> bool:
    """Whether ``text`` has the shape of a length of time."""
    fits = _NUMBER.fullmatch(text) or _DURATION.fullmatch(text)
    return len(text) <= MAX_LENGTH and fits is not None


def read_time(text: str, *, field: str) -> time:
    """A time of day: ``9``, ``09:30``, ``9.30pm``, ``noon``, ``midnight`` or ``24:00``.

    Raises:
        InvalidSchedule: It is none.
    """
    text = {"noon": "12:00", "midnight": "0:00"}.get(text.strip().lower(), text.strip().lower())
    found = _TIME.fullmatch(text)
    hour, minute = (int(found[1]), int(found[2] or 0)) if found else (99, 0)
    if found and found[3]:
        hour = hour % 12 + (12 if found[3] == "p" else 0) if 1 <= hour <= 12 else 99
    if hour == 24 and minute == 0:
        hour = 0
    if hour > 23 or minute > 59:
        refuse(f"{quote(text)} is no time of day", "write it like 09:30 or 9:30pm", field)
    return time(hour, minute)


def read_span(first: str, last: str, *, field: str) -> tuple[time, time]:
    """Two times of day; the second is on the next day if it is not later than the first.

    Raises:
        InvalidSchedule: One of them is none, they are the same, or only one has am or pm.
    """
    given = [text.strip().lower() for text in (first, last)]
    if len({text.endswith(("m", "m.")) for text in given if not text.isalpha()}) > 1:
        refuse(f"{quote(first)} and {quote(last)} differ", "write both with am or pm", field)
    start, end = read_time(first, field=field), read_time(last, field=field)
    if start == end and not last.strip().startswith("24"):
        refuse(f"there is no time between {quote(first)} and {quote(last)}",
               "like 08:00-10:00; 00:00-24:00 is a whole day", field)  # fmt: skip
    return start, end


# The wall clock


def localise(bare: datetime, zone: ZoneInfo) -> datetime:
    """The moment when the clock first shows ``bare``, or first shows anything later."""
    moment = bare.replace(tzinfo=zone).astimezone(UTC)
    while strip_zone(moment.astimezone(zone)) != bare:  # in a gap, which ends at a full minute
        bare = bare.replace(second=0, microsecond=0) + timedelta(minutes=1)
        moment = bare.replace(tzinfo=zone).astimezone(UTC)
    return moment


def strip_zone(local: datetime) -> datetime:
    """What the clock on the wall shows."""
    return local.replace(tzinfo=None, fold=0)
