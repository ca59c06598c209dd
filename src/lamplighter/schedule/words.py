"""Schedules in words, for people to check."""

import re
from collections.abc import Generator
from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim.explain import Day, Expression, Field, Sequence, ordinal

from lamplighter.schedule.crontab import SOME_DAY, Crontab, nearest_of
from lamplighter.schedule.times import strip_zone
from lamplighter.schedule.timing import Cron, Interval, Once, Policy, Quiet, Schedule, Window

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def describe(schedule: Schedule) -> str:
    """The schedule in words, with its zone where it matters, and what was asked for beyond."""
    words = [_describe_timing(schedule), *_describe_bounds(schedule)]
    if schedule.jitter_seconds:
        words.append(f"up to {describe_seconds(schedule.jitter_seconds)} later")
    if schedule.quiet:
        words.append(_describe_quiet(schedule.quiet))
    return "; ".join([*words, *_describe_policy(schedule.policy)])


def describe_seconds(seconds: int) -> str:
    """``21600`` -> ``6 hours``, ``5400`` -> ``1 hour 30 minutes``."""
    words = []
    for unit, size in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            words.append(f"{number} {unit}{'s' if number > 1 else ''}")
    return " ".join(words)


def _describe_timing(schedule: Schedule) -> str:
    match schedule.timing:
        case Cron(expression):
            return f"{_explain(expression)} ({schedule.timezone})"
        case Interval(seconds):
            words = describe_seconds(seconds)
            return f"Every {words.removeprefix('1 ') if words.count(' ') == 1 else words}"
        case Window(days, start, end):
            on = _explain(days).removeprefix("At 00:00 ")
            return f"Once between {start:%H:%M} and {end:%H:%M}, {on} ({schedule.timezone})"
        case Once(at):
            return f"Once, at {_show(at, schedule)} ({schedule.timezone})"


def _describe_bounds(schedule: Schedule) -> list[str]:
    bounds = (("from", schedule.start), ("until", schedule.end))
    return [f"{word} {_show(moment, schedule)}" for word, moment in bounds if moment]


def _describe_quiet(quiet: Quiet) -> str:
    hours = f"{quiet.start:%H:%M} to {quiet.end:%H:%M}"
    return f"not from {hours}" + (", but then" if quiet.then == "wait" else "")


def _describe_policy(policy: Policy) -> list[str]:
    """Only what is not as usual."""
    words = []
    within = policy.within_seconds
    if policy.catch_up != "last" or within:
        late = f" if at most {describe_seconds(within)} late" if within else ""
        words.append(f"of missed ones: {_CAUGHT_UP[policy.catch_up]}{late}")
    if policy.overlap != "skip":
        words.append(_OVERLAPPING[policy.overlap])
    return words


_CAUGHT_UP = {"skip": "none", "last": "the last", "all": "all"}
_OVERLAPPING = {
    "queue": "waits for a run that is under way",
    "cancel_running": "ends a run that is under way",
}


class _Days(Day):
    """Days of the month in words, among them the weekdays nearest to one."""

    def parse(self, value: str) -> Generator[Sequence, None, None]:
        for term in value.split(","):
            if day := nearest_of(term):
                yield Sequence(day, day, nth=day)
            else:
                yield from super().parse(term)

    def format_nth(self, value: int, nth: int) -> str:
        if nth < 0:
            return super().format_nth(value, nth)
        return f"the weekday nearest to the {ordinal(value)} of the month"

    def format(self) -> str:
        return Field.format(self)  # each day by itself, not "the first and the 15th day"


def _explain(expression: str) -> str:
    crontab = Crontab(expression, SOME_DAY)
    sentence = Expression(crontab.parts)
    if crontab.nearest:
        sentence.day = _Days(expression.upper().split()[-3])
        sentence.day.single_value = None  # a single plain day has words of its own
    return _ORDINAL.sub(lambda found: found[1] + _ENDINGS[found[2]], sentence.explain())


_ORDINAL = re.compile(r"\b([2-9])([123])th\b")  # cronsim says "22th"
_ENDINGS = {"1": "1st", "2": "2nd", "3": "3rd"}


def _show(moment: datetime, schedule: Schedule) -> str:
    local = strip_zone(moment.astimezone(ZoneInfo(schedule.timezone)))
    return local.replace(microsecond=0).isoformat(" ").removesuffix(":00")
