"""Schedules in plain words: ``every weekday at 8:30``, ``monday between 8 and 10``.

A phrase is some days and either times of day or a span, in any order. No maintained library
reads such phrases without asking the clock, so this small grammar does.
"""

import re
from collections.abc import Iterable
from datetime import time

from lamplighter.schedule.crontab import read_cron
from lamplighter.schedule.times import TIME, quote, read_span, read_time, refuse
from lamplighter.schedule.timing import Cron, Window

_AND = r"(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s*&\s*)"
_TO = r"(?:\s*[-\u2013]\s*|\s+(?:and|to|until|till)\s+)"
_TIMES = rf"(?P<times>{TIME}(?:{_AND}{TIME})*)(?:\s+o'clock)?"
_SPAN = (
    rf"(?:(?:once|sometime|anytime|somewhere)\s+)?(?P<between>between\s+|from\s+)?"
    rf"(?P<first>{TIME}){_TO}(?P<last>{TIME}|24:00)"
)
_SHAPES = tuple(
    re.compile(shape, re.ASCII)
    for shape in (
        rf"(?P<days>.+?),?\s+at\s+{_TIMES}",
        rf"at\s+{_TIMES},?\s+(?P<days>.+)",
        rf"(?:(?!between|from|once|some|any)(?P<days>.+?),?\s+)?{_SPAN}",
        rf"{_SPAN},?\s+(?P<days>.+)",
    )
)
_ALONE = ("hourly", "daily", "weekly", "monthly", "yearly", "annually")

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?)s?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_RANKS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_RANK = r"first|second|third|fourth|fifth|last|\d{1,2}(?:st|nd|rd|th)"
_OF_MONTH = r"\s+of\s+(?:every|each|the|a)\s+month"
_NEAREST = (
    r"(?:nearest\s+weekday|weekday\s+nearest)\s+(?:to\s+)?(?:the\s+)?"
    rf"(\d{{1,2}})(?:st|nd|rd|th){_OF_MONTH}"
)
_NAMED_DAYS = {
    "day": "* * *",
    "days": "* * *",
    "daily": "* * *",
    "night": "* * *",
    "weekday": "* * 1-5",
    "weekdays": "* * 1-5",
    "workday": "* * 1-5",
    "workdays": "* * 1-5",
    "working day": "* * 1-5",
    "weekend": "* * 6,0",
    "weekends": "* * 6,0",
    "month": "1 * *",
    "monthly": "1 * *",
    f"last weekday{_OF_MONTH}": "LW * *",
}


def read_phrase(text: str, field: str) -> Cron | Window | None:
    """What plain words say; ``None`` if they are no phrase of this kind.

    Raises:
        InvalidSchedule: They are one, but something in it is impossible or missing.
    """
    words = " ".join(text.lower().split())
    if words in _ALONE:
        return Cron(read_cron(f"@{words}", field))
    for shape in _SHAPES:
        found = shape.fullmatch(words)
        days = _read_phrase_days(found, field) if found else None
        if found and days and "times" in found.groupdict():
            return Cron(read_cron(f"{_read_times(found['times'], text, field)} {days}", field))
        if found and days:
            start, end = read_span(found["first"], found["last"], field=field)
            return Window(read_cron(f"0 0 {days}", field), start, end)
    if words not in ("every day", "day", "month", "every month") and read_days(words):
        hint = f'like "{words} at 9:00" or "{words} between 8:00 and 10:00"'
        refuse(f"{quote(text)} has no time of day", hint, field)
    return None


def read_days(words: str) -> str | None:
    """The last three fields of cron for ``weekdays``, ``mon, wed and fri``, ``the 15th of ...``."""
    monthly = words.startswith("monthly")
    words = re.sub(r"^(?:(?:on|every|each|the|weekly|monthly)\s+)+", "", words)
    words += " of the month" if monthly and words != "monthly" else ""
    for pattern, days in _NAMED_DAYS.items():
        if re.fullmatch(pattern, words):
            return days
    if found := re.fullmatch(_NEAREST, words):
        return f"{int(found[1])}W * *"
    return _read_weekdays(words) or _read_days_of_month(words) or _read_date(words)


def _read_phrase_days(found: re.Match[str], field: str) -> str | None:
    words = found["days"]
    if words is None:  # "between 8 and 10": every day
        return "* * *" if found["between"] else None
    return read_days(words)


def _read_times(text: str, phrase: str, field: str) -> str:
    """The first two fields of cron: times that share their minutes, or cross with hours."""
    times = {read_time(each, field=field) for each in re.split(_AND, text)}
    minutes, hours = {each.minute for each in times}, {each.hour for each in times}
    if {time(hour, minute) for hour in hours for minute in minutes} != times:
        hint = "write one schedule for each time, in a list under `schedules`"
        refuse(f"{quote(phrase)} has times with different minutes", hint, field)
    return f"{_listed(minutes)} {_listed(hours)}"


def _read_weekdays(words: str) -> str | None:
    ranked = re.fullmatch(rf"({_RANK})\s+({_WEEKDAY}){_OF_MONTH}", words)
    if ranked:
        rank = _rank(ranked[1])
        return f"* * {_weekday(ranked[2])}{'L' if rank == 'L' else f'#{rank}'}"
    numbers: list[int] = []
    for part in re.split(_AND, words):
        found = re.fullmatch(
            rf"({_WEEKDAY})(?:\s*(?:-|to|through|thru|until)\s*({_WEEKDAY}))?", part
        )
        if not found:
            return None
        first, last = _weekday(found[1]), _weekday(found[2] or found[1])
        numbers += [number % 7 for number in range(first, last + 1 + 7 * (last < first))]
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))) and len(numbers) > 2:
        return f"* * {numbers[0]}-{numbers[-1]}"
    return f"* * {','.join(map(str, dict.fromkeys(numbers)))}"


def _read_days_of_month(words: str) -> str | None:
    rank = rf"(?:the\s+)?(?:{_RANK}|day\s+\d{{1,2}})"
    found = re.fullmatch(rf"({rank}(?:{_AND}{rank})*)(?:\s+days?)?{_OF_MONTH}", words)
    if not found:
        return None
    days = [_rank(re.sub(r"the\s+|day\s+", "", each)) for each in re.split(_AND, found[1])]
    return f"{','.join(days)} * *"


def _read_date(words: str) -> str | None:
    day = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    words = re.sub(r"^year(?:ly)?\s+on\s+(?:the\s+)?", "", words)
    for shape in (rf"{_MONTH}\s+(?:the\s+)?{day}", rf"{day}\s+(?:of\s+)?{_MONTH}"):
        if found := re.fullmatch(shape, words):
            return f"{int(found['day'])} {_MONTHS.index(found['month'][:3]) + 1} *"
    return None


def _rank(word: str) -> str:
    """``first`` -> ``1``, ``15th`` -> ``15``, ``last`` -> ``L``."""
    number = _RANKS.get(word) or int("".join(re.findall(r"\d", word)) or 0)
    return str(number) if number else "L"


def _weekday(word: str) -> int:
    return _WEEKDAYS.index(word[:3])


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(map(str, sorted(numbers)))
