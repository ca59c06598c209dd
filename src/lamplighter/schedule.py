"""When something is due. Pure: the time comes in as an argument.

A schedule is a timing in a time zone. Three timings exist:

- ``Cron``: what the wall clock and the calendar of the zone say.
- ``Interval``: elapsed time since an anchor; clock changes do not touch it.
- ``Once``: one moment.

When the clocks change, cron follows Debian's rule, as cronsim does. A fixed time (minute and
hour both begin with something else than ``*``) fires exactly once: in the first pass of a
repeated hour, and at the first moment after a gap that swallowed it. Everything else fires
whenever the wall clock shows a matching time: in both passes of a repeated hour, and not at
all inside a gap.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, available_timezones

import pytimeparse2  # type: ignore[import-untyped]  # it has no annotations
from cronsim import CronSim, CronSimError

from lamplighter.errors import InvalidSchedule, Place


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression: five fields, or six when it begins with seconds."""

    expression: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A whole number of seconds of elapsed time."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Once:
    """One moment, aware, in UTC."""

    at: datetime


Timing = Cron | Interval | Once


@dataclass(frozen=True, slots=True)
class Schedule:
    """A timing in an IANA time zone."""

    timing: Timing
    timezone: str


MAX_SECONDS = 3650 * 24 * 3600
"""The longest interval: ten years."""

FORMS = '"0 9 * * 1-5", "every 6 hours" or "at 2030-01-31 09:00"'

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = {  # cronsim's names -> what may stand there, and the largest step that makes sense
    "second": ("0 to 59", 60),
    "minute": ("0 to 59", 60),
    "hour": ("0 to 23", 24),
    "day-of-month": ("1 to 31, L (the last day) or LW (the last weekday)", 31),
    "month": ("1 to 12 or JAN to DEC", 12),
    "day-of-week": ("0 to 7 (0 and 7 are Sunday) or SUN to SAT, like MON-FRI, MON#1 or 5L", 7),
}
_SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  # a wall clock's time has no zone
_MAX_LENGTH = 1000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)
_UNIT = r"(?:w|wks?|weeks?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)"
_DURATION = re.compile(rf"(?:\d+(?:\.\d+)?\s*{_UNIT}[\s,]*)+", re.IGNORECASE | re.ASCII)
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


# Reading what somebody wrote


def parse(value: object, *, timezone: str) -> Schedule:
    """Read a schedule as it stands in an agent file.

    Args:
        value: Cron text (``0 9 * * 1-5``, ``@daily``), an interval (``every 6 hours``, ``90m``,
            or a number of seconds), a date-time (``at 2030-01-31 09:00``), or a mapping with one
            of ``cron``, ``every``, ``at``, ``once`` and perhaps ``timezone``. Rowboat's
            ``{type: cron, expression}`` and ``{type: once, runAt}`` are read too.
        timezone: The IANA zone that holds where ``value`` names none.

    Raises:
        InvalidSchedule: It cannot be understood, or would never fire; ``place.field`` is
            ``schedule``, ``schedule.KEY`` or ``timezone``.
    """
    if isinstance(value, Mapping):
        return _parse_mapping(value, timezone)
    zone = read_zone(timezone)
    return Schedule(_parse_timing(value, zone), timezone)


def read_zone(name: str, *, field: str = "timezone") -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        InvalidSchedule: There is no such zone; the hint names the nearest one.
    """
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # what zoneinfo raises depends on the name
        _refuse(f"unknown time zone {_quote(name)}", _zone_hint(name), field)


def _zone_hint(name: str) -> str:
    zones = sorted(available_timezones())
    cities = {zone.lower().rpartition("/")[2]: zone for zone in zones}
    known = cities | {zone.lower(): zone for zone in zones}
    close = difflib.get_close_matches(name.lower().replace(" ", "_"), known, n=1, cutoff=0.75)
    return f"did you mean {known[close[0]]}?" if close else "use a name like Europe/Berlin"


def read_moment(text: str, zone: ZoneInfo, *, field: str = "schedule") -> datetime:
    """An ISO 8601 date and time, as UTC.

    Without an offset it is local time in ``zone``: of a repeated hour the first pass, and of a
    time that the clocks skip the first moment after the gap.

    Raises:
        InvalidSchedule: It is no date and time.
    """
    text = text.strip().upper()
    try:
        moment = datetime.fromisoformat(text)
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:?\d\d", text):
            _refuse(f"{_quote(text)} has no time of day", "write it like 2030-01-31 09:00", field)
        return moment.astimezone(UTC) if moment.tzinfo else _localise(moment, zone)
    except (ValueError, OverflowError):
        _refuse(f"{_quote(text)} is no date and time", "write it like 2030-01-31 09:00", field)


def read_seconds(text: str, *, field: str) -> int:
    """A length of time, such as ``90m``, ``1 hour 30 minutes`` or ``5400``, in seconds.

    Raises:
        InvalidSchedule: It is none, or not between one second and ten years.
    """
    seconds = None
    if len(text) <= _MAX_LENGTH and (_NUMBER.fullmatch(text) or _DURATION.fullmatch(text)):
        seconds = pytimeparse2.parse(text)
    if seconds is None:
        hint = 'like "90 minutes"; for a time of day, or for months, use cron, like "0 9 1 * *"'
        _refuse(f"{_quote(text)} is no length of time", hint, field)
    if seconds != int(seconds):
        _refuse(f"{_quote(text)} is no whole number of seconds", 'like "90 minutes"', field)
    if not 1 <= seconds <= MAX_SECONDS:
        hint = f"between 1 second and 10 years ({MAX_SECONDS} seconds)"
        _refuse(f"a time of {_quote(text)} is out of range", hint, field)
    return int(seconds)


def _parse_timing(value: object, zone: ZoneInfo, field: str = "schedule") -> Timing:
    if isinstance(value, int) and not isinstance(value, bool):
        return _parse_interval(value, zone, field)
    if not isinstance(value, str):
        kind = "nothing" if value is None else type(value).__name__
        _refuse(f"a schedule is a text, a number or a mapping, not {kind}", f"like {FORMS}", field)
    if len(value) > _MAX_LENGTH:
        _refuse(f"the schedule has more than {_MAX_LENGTH} characters", f"like {FORMS}", field)
    first, _, rest = value.strip().partition(" ")
    if first.lower() == "every":
        return _parse_interval(rest, zone, field)
    if first.lower() in ("once", "at") or _MOMENT.match(first):
        return _parse_once(value, zone, field)
    if _NUMBER.fullmatch(value.strip()) or _DURATION.fullmatch(value.strip()):
        return _parse_interval(value, zone, field)
    return _parse_cron(value, zone, field)


def _parse_once(value: object, zone: ZoneInfo, field: str) -> Once:
    text = re.sub(r"^\s*(once\s+at|once|at)\b", "", str(value), flags=re.IGNORECASE)
    return Once(read_moment(text, zone, field=field))


def _parse_interval(value: object, _zone: ZoneInfo, field: str) -> Interval:
    text = re.sub(r"^every\s+", "", str(value).strip(), flags=re.IGNORECASE)
    if re.fullmatch("(week|day|hour|minute|second)", text, re.IGNORECASE):
        text = f"1 {text}"
    return Interval(read_seconds(text, field=field))


def _parse_cron(value: object, _zone: ZoneInfo, field: str) -> Cron:
    text = str(value).strip()
    if not text:
        _refuse("the schedule is empty", f"like {FORMS}", field)
    if not re.match(r"@|[\d*]\S*\s", text):
        _refuse(f"{_quote(text)} is no schedule", f"like {FORMS}", field)
    expression = " ".join(_ALIASES.get(text.lower(), text).split())
    if expression.startswith("@"):
        _refuse(f"unknown cron alias {_quote(text)}", "use " + ", ".join(_ALIASES), field)
    _check_cron(expression, field)
    return Cron(expression)


def _check_cron(expression: str, field: str) -> None:
    parts = expression.split()
    if len(parts) not in (5, 6):
        hint = "minute hour day month weekday, or six with seconds in front"
        _refuse(f"cron has five fields, and {_quote(expression)} has {len(parts)}", hint, field)
    by_name = dict(zip(list(_FIELDS)[-len(parts) :], parts, strict=True))
    try:
        simulation = CronSim(expression, _SOME_DAY)
    except CronSimError as error:
        _explain_refusal(str(error).removeprefix("Bad "), by_name, field)
    except ValueError:  # a number with thousands of digits
        _refuse(f"{_quote(expression)} is no cron expression", f"like {FORMS}", field)
    for name, part in by_name.items():
        _check_steps(name, part, field)
    if next(simulation, None) is None:
        _refuse_empty_date(expression, field)


def _check_steps(name: str, part: str, field: str) -> None:
    """Refuse ``*/90`` minutes, which cron would read as "once an hour"."""
    largest = _FIELDS[name][1]
    for step in re.findall(r"/(\d+)", part):
        if int(step) > largest:
            hint = f'at most {largest}; for longer times use an interval, like "every 90 minutes"'
            _refuse(f"the step in the {name} {_quote(part)} is too large", hint, field)


def _explain_refusal(name: str, by_name: Mapping[str, str], field: str) -> NoReturn:
    expression = " ".join(by_name.values())
    if name == "day-of-month" and _is_cron(" ".join({**by_name, "month": "*"}.values())):
        _refuse_empty_date(expression, field)
    part = by_name[name]
    hint = f"a {name} is {_FIELDS[name][0]}, *, a list or a range like 1-5"
    _refuse(f"bad {name} {_quote(part)} in the cron expression {_quote(expression)}", hint, field)


def _refuse_empty_date(expression: str, field: str) -> NoReturn:
    hint = "no such month has that many days; for the last day of a month write L"
    _refuse(f"the date of {_quote(expression)} never comes", hint, field)


def _is_cron(expression: str) -> bool:
    try:
        CronSim(expression, _SOME_DAY)
    except CronSimError:
        return False
    return True


_Parser = Callable[[object, ZoneInfo, str], Timing]
_KEYS: dict[str, _Parser] = {
    "cron": _parse_cron,
    "every": _parse_interval,
    "at": _parse_once,
    "once": _parse_once,
}
_TYPES: dict[str, dict[str, str]] = {  # Rowboat's shape: type -> its key -> ours
    "cron": {"expression": "cron"},
    "once": {"runAt": "at"},
}


def _parse_mapping(value: Mapping[Any, Any], timezone: str) -> Schedule:
    rest = dict(value)
    name = rest.pop("timezone", None)
    if name is not None and not isinstance(name, str):
        _refuse("a time zone is a name", "like Europe/Berlin", "schedule.timezone")
    zone = read_zone(name, field="schedule.timezone") if name is not None else read_zone(timezone)
    allowed = _keys_of_type(rest)
    if len(rest) != 1 or not rest.keys() <= allowed.keys():
        keys = ", ".join(map(str, rest)) or "none"
        hint = f"give one of {', '.join(allowed)}, and perhaps timezone"
        _refuse(f"a schedule has exactly one timing, and this one has {keys}", hint, "schedule")
    ((key, given),) = rest.items()
    field = f"schedule.{key}"
    if isinstance(given, bool) or not isinstance(given, str | int):
        _refuse(f"{key} is a text", f"like {FORMS}", field)
    if len(str(given)) > _MAX_LENGTH:
        _refuse(f"{key} has more than {_MAX_LENGTH} characters", f"like {FORMS}", field)
    return Schedule(_KEYS[allowed[key]](given, zone, field), zone.key)


def _keys_of_type(rest: dict[Any, Any]) -> Mapping[str, str]:
    """The keys that may stand in a mapping; takes its ``type`` away."""
    if "type" not in rest:
        return {key: key for key in _KEYS}
    kind = rest.pop("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        hint = f"types are {' and '.join(_TYPES)}"
        _refuse(f"unknown type of schedule {_quote(str(kind))}", hint, "schedule.type")
    return _TYPES[kind]


def _refuse(message: str, hint: str, field: str) -> NoReturn:
    raise InvalidSchedule(message, place=Place(field=field), hint=hint)


def _quote(text: str) -> str:
    """``text`` in quotes, shortened, with nothing in it that upsets a terminal."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


# Telling the time


def next_due(schedule: Schedule, after: datetime, *, anchor: datetime) -> datetime | None:
    """The first due moment strictly after ``after``, in UTC; ``None`` when there is none.

    Args:
        schedule: As ``parse`` read it.
        after: Aware.
        anchor: Aware; an interval is due at ``anchor`` and every so many seconds later.
    """
    after = after.astimezone(UTC)
    try:
        match schedule.timing:
            case Cron(expression):
                return _next_cron(expression, ZoneInfo(schedule.timezone), after)
            case Interval(seconds):
                return _next_interval(seconds, anchor.astimezone(UTC), after)
            case Once(at):
                return at if at > after else None
    except OverflowError:  # beyond the year 9999
        return None


def upcoming(
    schedule: Schedule, after: datetime, *, anchor: datetime, count: int
) -> list[datetime]:
    """The next ``count`` due moments after ``after``, in UTC; fewer when there are fewer."""
    moments: list[datetime] = []
    while len(moments) < count:
        due = next_due(schedule, after, anchor=anchor)
        if due is None:
            break
        moments.append(due)
        after = due
    return moments


def _next_interval(seconds: int, anchor: datetime, after: datetime) -> datetime:
    if after < anchor:
        return anchor
    step = timedelta(seconds=seconds)
    return anchor + ((after - anchor) // step + 1) * step


def _next_cron(expression: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Let cronsim run on the bare wall clock, and deal with its changes here.

    (Left to itself, cronsim 2.8 misses times on the days when the clocks of
    Australia/Lord_Howe change by half an hour, and skips a six-field time inside a gap.)
    """
    local = after.astimezone(zone)
    if _is_fixed_time(expression):
        dues = (_localise(due, zone) for due in CronSim(expression, _bare(local)))
        return next((due for due in dues if due > after), None)
    # Zero, except in the first pass of an hour that will be repeated: the second pass shows
    # times that the clock has shown before, so look for those from so much earlier on.
    repeated = _offset(local) - _offset(local.replace(fold=1))
    passes = [
        _first_showing(expression, _bare(local), zone, fold=0, after=after),
        _first_showing(expression, _bare(local) - repeated, zone, fold=1, after=after),
    ]
    return min((due for due in passes if due), default=None)


def _first_showing(
    expression: str, start: datetime, zone: ZoneInfo, *, fold: int, after: datetime
) -> datetime | None:
    """The first moment after ``after`` when the clock really shows a matching time."""
    for due in CronSim(expression, start):
        moment = due.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if moment > after and _bare(moment.astimezone(zone)) == due:
            return moment
    return None


def _localise(bare: datetime, zone: ZoneInfo) -> datetime:
    """The moment when the clock first shows ``bare``, or first shows anything later."""
    moment = bare.replace(tzinfo=zone).astimezone(UTC)
    while _bare(moment.astimezone(zone)) != bare:  # inside a gap, which ends at a full minute
        bare = bare.replace(second=0, microsecond=0) + timedelta(minutes=1)
        moment = bare.replace(tzinfo=zone).astimezone(UTC)
    return moment


def _is_fixed_time(expression: str) -> bool:
    minute, hour = expression.split()[-5:-3]
    return not minute.startswith("*") and not hour.startswith("*")


def _bare(local: datetime) -> datetime:
    return local.replace(tzinfo=None, fold=0)


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


# In words and as data


def describe(schedule: Schedule) -> str:
    """The schedule in words, with its zone where it matters."""
    match schedule.timing:
        case Cron(expression):
            words = CronSim(expression, _SOME_DAY).explain()
            return f"{words} ({schedule.timezone})"
        case Interval(seconds):
            return f"Every {_in_words(seconds)}"
        case Once(at):
            local = _bare(at.astimezone(ZoneInfo(schedule.timezone)))
            words = local.isoformat(" ").removesuffix(":00")
            return f"Once, at {words} ({schedule.timezone})"


def _in_words(seconds: int) -> str:
    """``21600`` -> ``6 hours``, ``5400`` -> ``1 hour 30 minutes``, ``3600`` -> ``hour``."""
    words = []
    for unit, size in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            words.append(f"{number} {unit}{'s' if number > 1 else ''}")
    return words[0].removeprefix("1 ") if len(words) == 1 else " ".join(words)


def to_data(schedule: Schedule) -> dict[str, object]:
    """The schedule as JSON data; ``from_data`` reads it back."""
    return {**_timing_data(schedule.timing), "timezone": schedule.timezone}


def _timing_data(timing: Timing) -> dict[str, object]:
    match timing:
        case Cron(expression):
            return {"type": "cron", "expression": expression}
        case Interval(seconds):
            return {"type": "interval", "seconds": seconds}
        case Once(at):
            return {"type": "once", "at": at.isoformat()}


def from_data(data: Mapping[str, Any]) -> Schedule:
    """The schedule that ``to_data`` wrote.

    Raises:
        InvalidSchedule: It was not written by ``to_data``.
    """
    match data:
        case {"type": "cron", "expression": str(expression), "timezone": str(timezone)}:
            return Schedule(Cron(expression), timezone)
        case {"type": "interval", "seconds": int(seconds), "timezone": str(timezone)}:
            return Schedule(Interval(seconds), timezone)
        case {"type": "once", "at": str(at), "timezone": str(timezone)}:
            return Schedule(Once(datetime.fromisoformat(at)), timezone)
    _refuse("stored data that is no schedule", "save the schedule again", "schedule")
