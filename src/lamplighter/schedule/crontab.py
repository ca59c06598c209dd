"""Cron expressions: what they may look like, and what is wrong with those that cannot be."""

import re
from calendar import SATURDAY, SUNDAY, monthrange
from collections.abc import Mapping
from datetime import date, datetime
from typing import NoReturn

from cronsim import CronSim, CronSimError

from lamplighter.schedule.times import quote, refuse

FORMS = '"0 9 * * 1-5", "weekdays at 9:00", "every 6 hours" or "at 2030-01-31 09:00"'
SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  # a wall clock's time has no zone

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
    "day-of-month": (
        "1 to 31, L (the last day), LW (the last weekday), 15W (the weekday nearest to the 15th)",
        31,
    ),
    "month": ("1 to 12 or JAN to DEC", 12),
    "day-of-week": ("0 to 7 (0 and 7 are Sunday) or SUN to SAT, like MON-FRI, MON#1 or 5L", 7),
}
_NEAREST = re.compile(r"(\d{1,2})W", re.ASCII)


class Crontab(CronSim):
    """The times of a cron expression: cronsim's, and ``15W``.

    That is the weekday nearest to the 15th, within its month, as Quartz has it: the Friday before
    a Saturday, the Monday after a Sunday, the third if the first is a Saturday, the 29th if the
    31st is a Sunday. A month that has no such day has none.

    Args:
        expression: Five or six fields.
        start: Only times after it; of the wall clock.

    Raises:
        CronSimError: It is no cron expression.
    """

    def __init__(self, expression: str, start: datetime) -> None:
        *times, days, month, weekday = expression.upper().split()
        terms = days.split(",")
        self.nearest = {day for each in terms if (day := nearest_of(each))}
        # To cronsim, whose checks are right for it, 15W is the 15th; and then it is not.
        bare = ",".join(each.removesuffix("W") if nearest_of(each) else each for each in terms)
        super().__init__(" ".join([*times, bare, month, weekday]), start)
        if self.nearest:
            plain = ",".join(each for each in terms if not nearest_of(each))
            self.days = CronSim(f"0 0 {plain} * *", start).days if plain else set()

    def match_dom(self, d: date) -> bool:
        """Whether it is one of the days of the month."""
        return super().match_dom(d) or any(d.day == _nearest(d, day) for day in self.nearest)


def nearest_of(term: str) -> int | None:
    """``15W`` -> 15; ``None`` for any other term of a day of the month."""
    found = _NEAREST.fullmatch(term)
    return int(found[1]) if found else None


def _nearest(month: date, day: int) -> int | None:
    """The weekday nearest to a day of the month; ``None`` if the month has no such day."""
    _, last = monthrange(month.year, month.month)
    if day > last:
        return None
    weekday = month.replace(day=day).weekday()
    if weekday == SATURDAY:
        return day - 1 if day > 1 else 3
    if weekday == SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def read_cron(value: object, field: str) -> str:
    """The cron expression that somebody wrote, without aliases and spare blanks.

    Raises:
        InvalidSchedule: It is none, or no day fits it.
    """
    text = str(value).strip()
    if not text:
        refuse("the schedule is empty", f"like {FORMS}", field)
    if not re.match(r"@|[\d*][^a-z\s]*\s", text, re.IGNORECASE):
        refuse(f"{quote(text)} is no schedule", f"like {FORMS}", field)
    expression = " ".join(_ALIASES.get(text.lower(), text).split())
    if expression.startswith("@"):
        refuse(f"unknown cron alias {quote(text)}", "use " + ", ".join(_ALIASES), field)
    _check(expression, field)
    return expression


def days_of(expression: str) -> str:
    """The days of a cron expression, as one for their midnights."""
    return " ".join(("0 0", *expression.split()[-3:]))


def _check(expression: str, field: str) -> None:
    parts = expression.split()
    if len(parts) not in (5, 6):
        hint = "minute hour day month weekday, or six with seconds in front"
        refuse(f"cron has five fields, and {quote(expression)} has {len(parts)}", hint, field)
    by_name = dict(zip(list(_FIELDS)[-len(parts) :], parts, strict=True))
    try:
        simulation = Crontab(expression, SOME_DAY)
    except CronSimError as error:
        _explain_refusal(str(error).removeprefix("Bad "), by_name, field)
    except ValueError:  # a number with thousands of digits
        refuse(f"{quote(expression)} is no cron expression", f"like {FORMS}", field)
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
            refuse(f"the step in the {name} {quote(part)} is too large", hint, field)


def _explain_refusal(name: str, by_name: Mapping[str, str], field: str) -> NoReturn:
    expression = " ".join(by_name.values())
    if name == "day-of-month" and _is_cron(" ".join({**by_name, "month": "*"}.values())):
        _refuse_empty_date(expression, field)
    part = by_name[name]
    hint = f"a {name} is {_FIELDS[name][0]}, *, a list or a range like 1-5"
    refuse(f"bad {name} {quote(part)} in the cron expression {quote(expression)}", hint, field)


def _refuse_empty_date(expression: str, field: str) -> NoReturn:
    hint = "no such month has that many days; for the last day of a month write L"
    refuse(f"the date of {quote(expression)} never comes", hint, field)


def _is_cron(expression: str) -> bool:
    try:
        Crontab(expression, SOME_DAY)
    except CronSimError:
        return False
    return True
