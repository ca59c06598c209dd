"""From what stands in an agent file to a ``Schedule``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

from lamplighter.schedule.crontab import FORMS, days_of, read_cron
from lamplighter.schedule.due import next_due, quiet_until
from lamplighter.schedule.phrases import read_days, read_phrase
from lamplighter.schedule.times import (
    MAX_LENGTH,
    TIME,
    is_duration,
    localise,
    quote,
    read_moment,
    read_seconds,
    read_span,
    read_zone,
    refuse,
)
from lamplighter.schedule.timing import (
    CatchUp,
    Cron,
    Interval,
    Once,
    Overlap,
    Policy,
    Quiet,
    Schedule,
    Timing,
    Window,
)

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)
_TRIES = 400
"""How many nights of quiet hours a schedule may meet before we say that it never fires."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse(value: object, *, timezone: str) -> Schedule:
    """Read a schedule as it stands in an agent file.

    Args:
        value: Plain words (``every weekday at 8:30``, ``mondays between 8 and 10``), cron text
            (``0 9 * * 1-5``, ``@daily``), an interval (``every 6 hours``, ``90m``, or a number
            of seconds), a date-time (``at 2030-01-31 09:00``), or a mapping with one of
            ``when``, ``cron``, ``every``, ``window`` (perhaps with ``on``), ``at``, ``once``,
            and options: ``timezone``, ``start``, ``end``, ``jitter``, ``quiet``, ``catch_up``,
            ``within``, ``overlap``. Rowboat's ``{type: cron, expression}``,
            ``{type: window, cron, startTime, endTime}`` and ``{type: once, runAt}`` are read too.
        timezone: The IANA zone that holds where ``value`` names none.

    Raises:
        InvalidSchedule: It cannot be understood, or would never fire; ``place.field`` is
            ``schedule``, ``schedule.KEY`` or ``timezone``.
    """
    if isinstance(value, Mapping):
        return _parse_mapping(value, timezone)
    zone = read_zone(timezone)
    return Schedule(_parse_timing(value, zone, "schedule"), timezone)


# Timings


def _parse_timing(value: object, zone: ZoneInfo, field: str) -> Timing:
    if isinstance(value, int) and not isinstance(value, bool):
        return _parse_interval(value, zone, field)
    if not isinstance(value, str):
        kind = "nothing" if value is None else type(value).__name__
        refuse(f"a schedule is a text, a number or a mapping, not {kind}", f"like {FORMS}", field)
    if len(value) > MAX_LENGTH:
        refuse(f"the schedule has more than {MAX_LENGTH} characters", f"like {FORMS}", field)
    text = value.strip()
    if phrase := read_phrase(text, field):
        return phrase
    first, _, rest = text.partition(" ")
    if first.lower() == "every":
        return _parse_interval(rest, zone, field)
    if first.lower() in ("once", "at") or _DATE.match(first):
        return _parse_once(text, zone, field)
    if is_duration(text):
        return _parse_interval(text, zone, field)
    return _parse_cron(text, zone, field)


def _parse_once(value: object, zone: ZoneInfo, field: str) -> Once:
    text = re.sub(r"^\s*(once\s+at|once|at)\b", "", str(value), flags=re.IGNORECASE)
    if re.fullmatch(TIME, text.strip().lower()):
        hint = 'write "daily at 9:00", or the date as well, like "at 2030-01-31 09:00"'
        refuse(f"{quote(text.strip())} is on no day", hint, field)
    return Once(read_moment(text, zone, field=field))


def _parse_interval(value: object, _zone: ZoneInfo, field: str) -> Interval:
    text = re.sub(r"^every\s+", "", str(value).strip(), flags=re.IGNORECASE)
    if re.fullmatch("(week|day|hour|minute|second)", text, re.IGNORECASE):
        text = f"1 {text}"
    return Interval(read_seconds(text, field=field))


def _parse_cron(value: object, _zone: ZoneInfo, field: str) -> Cron:
    return Cron(read_cron(value, field))


def _read_window(given: dict[str, Any]) -> Window:
    """``{window: "08:00-10:00", on: weekdays}``; takes its keys away."""
    field = "schedule.window"
    first, last = _split_span(_text(given.pop("window"), field), field)
    start, end = read_span(first, last, field=field)
    days = _text(given.pop("on", "* * * * *"), "schedule.on")
    if found := read_days(" ".join(days.lower().split())):
        days = f"0 0 {found}"
    return Window(days_of(read_cron(days, "schedule.on")), start, end)


def _read_rowboat_window(given: dict[str, Any]) -> Window:
    """``{cron, startTime, endTime}``; only the days of the cron count."""
    for key in ("cron", "startTime", "endTime"):
        if key not in given:
            hint = "a window has cron, startTime and endTime"
            refuse(f"the window has no {key}", hint, f"schedule.{key}")
    days = read_cron(_text(given.pop("cron"), "schedule.cron"), "schedule.cron")
    first = _text(given.pop("startTime"), "schedule.startTime")
    last = _text(given.pop("endTime"), "schedule.endTime")
    start, end = read_span(first, last, field="schedule.endTime")
    return Window(days_of(days), start, end)


def _split_span(text: str, field: str) -> tuple[str, str]:
    parts = re.split(r"\s*[-\u2013]\s*|\s+(?:and|to|until)\s+", text.strip())
    if len(parts) != 2:
        refuse(f"{quote(text)} is no span of time", "like 08:00-10:00", field)
    return parts[0], parts[1]


# Mappings

_Parser = Callable[[object, ZoneInfo, str], Timing]
_KEYS: dict[str, _Parser] = {
    "when": _parse_timing,
    "cron": _parse_cron,
    "every": _parse_interval,
    "at": _parse_once,
    "once": _parse_once,
}
_TYPES: dict[str, dict[str, str]] = {  # Rowboat's shapes: type -> its key -> ours
    "cron": {"expression": "cron"},
    "window": {},
    "once": {"runAt": "at"},
}
_OPTIONS = (
    "timezone", "start", "end", "jitter", "quiet", "catch_up", "within", "overlap",
)  # fmt: skip


def _parse_mapping(value: Mapping[Any, Any], timezone: str) -> Schedule:
    rest = dict(value)
    options = {key: rest.pop(key) for key in _OPTIONS if key in rest}
    name = options.pop("timezone", timezone)
    if not isinstance(name, str):
        refuse("a time zone is a name", "like Europe/Berlin", "schedule.timezone")
    zone = read_zone(name, field="schedule.timezone" if "timezone" in value else "timezone")
    schedule = Schedule(_read_mapped_timing(rest, zone), zone.key)
    schedule = _with_bounds(schedule, options, zone)
    schedule = _with_jitter_and_quiet(schedule, options)
    _check_that_it_fires(schedule)
    return replace(schedule, policy=_read_policy(options))


def _read_mapped_timing(rest: dict[Any, Any], zone: ZoneInfo) -> Timing:
    kind = rest.pop("type", None)
    if kind is not None and (not isinstance(kind, str) or kind not in _TYPES):
        refuse(
            f"unknown type of schedule {quote(str(kind))}",
            f"types are {', '.join(_TYPES)}",
            "schedule.type",
        )
    timing: Timing | None = None
    if kind == "window":
        timing = _read_rowboat_window(rest)
    elif kind is None and "window" in rest:
        timing = _read_window(rest)
    allowed = {key: key for key in _KEYS} if kind is None else _TYPES[kind]
    if timing is None and len(rest) == 1 and rest.keys() <= allowed.keys():
        ((key, given),) = rest.items()
        return _KEYS[allowed[key]](_text(given, f"schedule.{key}"), zone, f"schedule.{key}")
    if timing is None or rest:
        keys = ", ".join(map(str, [*(["window"] if timing else []), *rest])) or "none"
        hint = f"give one of {', '.join(allowed) or 'these types'}"
        hint += f"{' or window' if kind is None else ''}, and perhaps {', '.join(_OPTIONS)}"
        refuse(f"a schedule has exactly one timing, and this one has {keys}", hint, "schedule")
    return timing


def _text(given: object, field: str) -> str:
    key = field.rpartition(".")[2]
    if isinstance(given, bool) or not isinstance(given, str | int):
        refuse(f"{key} is a text", f"like {FORMS}", field)
    if len(str(given)) > MAX_LENGTH:
        refuse(f"{key} has more than {MAX_LENGTH} characters", f"like {FORMS}", field)
    return str(given)


# Options


def _with_bounds(schedule: Schedule, options: Mapping[str, Any], zone: ZoneInfo) -> Schedule:
    start = _read_bound(options["start"], zone, "start") if "start" in options else None
    end = _read_bound(options["end"], zone, "end") if "end" in options else None
    if start and end and end <= start:
        refuse("the end is not after the start", "give a later end", "schedule.end")
    return replace(schedule, start=start, end=end)


def _read_bound(given: object, zone: ZoneInfo, key: str) -> datetime:
    """A date or date-time; a date alone means its first moment, or as the end its last."""
    field = f"schedule.{key}"
    text = _text(given, field).strip()
    if not _DATE.fullmatch(text):
        return read_moment(text, zone, field=field)
    first = read_moment(f"{text} 00:00", zone, field=field)
    if key == "start":
        return first
    if text.startswith("9999"):
        refuse(f"{text} is too far away", "leave the end out", field)
    following = datetime.fromisoformat(text) + timedelta(days=1)
    return localise(following, zone) - timedelta(milliseconds=1)


def _with_jitter_and_quiet(schedule: Schedule, options: Mapping[str, Any]) -> Schedule:
    if "jitter" in options:
        field = "schedule.jitter"
        if not isinstance(schedule.timing, Cron | Interval):
            refuse("jitter is for cron and intervals", "leave it out", field)
        seconds = read_seconds(_text(options["jitter"], field).strip(), field=field)
        if seconds > 24 * 3600:
            refuse("the jitter is longer than a day", 'like "5 minutes"', field)
        schedule = replace(schedule, jitter_seconds=seconds)
    if "quiet" in options:
        schedule = replace(schedule, quiet=_read_quiet(options["quiet"]))
    return schedule


def _read_quiet(given: object) -> Quiet:
    field, then = "schedule.quiet", "skip"
    if isinstance(given, Mapping):
        if not {"hours"} <= given.keys() <= {"hours", "then"}:
            refuse("quiet has hours, and perhaps then", 'like {hours: "22:00-07:00"}', field)
        then, given = given.get("then", "skip"), given["hours"]
        if then not in ("skip", "wait"):
            refuse(
                f"{quote(str(then))} is no way to be quiet", "then: skip or wait", f"{field}.then"
            )
        field += ".hours"
    start, end = read_span(*_split_span(_text(given, field), field), field=field)
    if start == end:
        refuse("it is never not quiet", "give hours like 22:00-07:00", field)
    return Quiet(start, end, "wait" if then == "wait" else "skip")


def _read_policy(options: Mapping[str, Any]) -> Policy:
    catch_up: CatchUp = _choose(options, "catch_up", get_args(CatchUp), "last")
    overlap: Overlap = _choose(options, "overlap", get_args(Overlap), "skip")
    if (catch_up, overlap) == ("all", "cancel_running"):
        hint = "each run would end the one before it; use catch_up: last"
        refuse("catch_up: all does not go with overlap: cancel_running", hint, "schedule.catch_up")
    if "within" not in options:
        return Policy(catch_up, None, overlap)
    field = "schedule.within"
    if catch_up == "skip":
        refuse("within says how late a run may be caught up, and catch_up is skip",
               "leave one of them out", field)  # fmt: skip
    seconds = read_seconds(_text(options["within"], field).strip(), field=field)
    return Policy(catch_up, seconds, overlap)


def _choose(options: Mapping[str, Any], key: str, known: tuple[Any, ...], default: str) -> Any:
    given = options.get(key, default)
    if given not in known:
        hint = f"one of {', '.join(known)}"
        refuse(f"{quote(str(given))} is no value of {key}", hint, f"schedule.{key}")
    return given


def _check_that_it_fires(schedule: Schedule) -> None:
    """Refuse what is never due within its bounds, or only in hours in which it is skipped.

    An interval without a start is counted from when it is saved: nothing can be said of it.
    """
    if isinstance(schedule.timing, Interval) and schedule.start is None:
        return
    since = schedule.start or _LONG_AGO
    if isinstance(schedule.timing, Once):
        since = min(since, schedule.timing.at)
    due = next_due(schedule, since - _INSTANT, anchor=since - _INSTANT)
    if due is None:
        key = "end" if schedule.end else "start"
        refuse("nothing is due between start and end", "give other bounds", f"schedule.{key}")
    if schedule.quiet is not None and schedule.quiet.then == "skip":
        _check_that_it_wakes(schedule, due)


def _check_that_it_wakes(schedule: Schedule, due: datetime | None) -> None:
    for _ in range(_TRIES):
        end = quiet_until(schedule, due) if due else None
        if end is None:
            break
        due = next_due(schedule, end - _INSTANT, anchor=end)
    if due is None or quiet_until(schedule, due):
        hint = "give other hours, or say then: wait"
        refuse("everything that is due lies in the quiet hours", hint, "schedule.quiet")
