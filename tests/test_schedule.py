import json
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count, islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lamplighter.errors import InvalidSchedule
from lamplighter.schedule import (
    Cron,
    Interval,
    Once,
    Schedule,
    describe,
    from_data,
    next_due,
    parse,
    to_data,
    upcoming,
)

BERLIN = "Europe/Berlin"
ZONES = [
    BERLIN,
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kolkata",
    "UTC",
]
CLOCK_CHANGES = [  # days before a change of the clocks, of each zone that has them
    datetime(2026, 3, 28, tzinfo=UTC),
    datetime(2026, 10, 24, tzinfo=UTC),
    datetime(2026, 3, 7, tzinfo=UTC),
    datetime(2026, 10, 31, tzinfo=UTC),
    datetime(2026, 4, 4, tzinfo=UTC),
    datetime(2026, 10, 3, tzinfo=UTC),
    datetime(2026, 2, 14, tzinfo=UTC),
    datetime(2026, 3, 21, tzinfo=UTC),
    datetime(2011, 12, 29, tzinfo=UTC),  # Apia left out a whole day
]
MINUTE = timedelta(minutes=1)
MOST_DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
NEAREST_DAYS = frozenset({1, 15, 25, 29, 31})
NEAREST = f"{','.join(f'{day}W' for day in sorted(NEAREST_DAYS))} * *"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def read(value: object, zone: str = BERLIN) -> Schedule:
    return parse(value, timezone=zone)


def due_times(value: object, zone: str, after: str, count: int) -> list[str]:
    """The next due moments on the zone's own clock, with its offset."""
    moments = upcoming(read(value, zone), utc(after), anchor=utc(after), count=count)
    return [moment.astimezone(ZoneInfo(zone)).isoformat(" ", "minutes") for moment in moments]


# Reading


@pytest.mark.parametrize(
    ("value", "timing"),
    [
        ("0 9 * * 1-5", Cron("0 9 * * 1-5")),
        ("  0   9 * * mon-fri ", Cron("0 9 * * mon-fri")),
        ("30 0 9 * * *", Cron("30 0 9 * * *")),
        ("0 9 L * *", Cron("0 9 L * *")),
        ("0 9 15w * *", Cron("0 9 15w * *")),
        ("0 9 1W,15,LW * *", Cron("0 9 1W,15,LW * *")),
        ("@daily", Cron("0 0 * * *")),
        ("@Hourly", Cron("0 * * * *")),
        ("every 6 hours", Interval(21600)),
        ("Every hour", Interval(3600)),
        ("every 1 hour 30 minutes", Interval(5400)),
        ("90m", Interval(5400)),
        ("1h, 30m", Interval(5400)),
        ("every 1.5 hours", Interval(5400)),
        (21600, Interval(21600)),
        ("21600", Interval(21600)),
        ("2030-01-31T09:00", Once(utc("2030-01-31T08:00"))),
        ("2030-01-31 09:00", Once(utc("2030-01-31T08:00"))),
        ("2030-01-31T09:00:30z", Once(utc("2030-01-31T09:00:30"))),
        ("at 2030-01-31 09:00+05:30", Once(utc("2030-01-31T03:30"))),
        ("once 2030-01-31T09:00", Once(utc("2030-01-31T08:00"))),
        ("once at 2030-01-31T09:00", Once(utc("2030-01-31T08:00"))),
        ({"cron": "@daily"}, Cron("0 0 * * *")),
        ({"every": "2h"}, Interval(7200)),
        ({"every": 90}, Interval(90)),
        ({"at": "2030-01-31 09:00"}, Once(utc("2030-01-31T08:00"))),
        ({"once": "2030-01-31 09:00"}, Once(utc("2030-01-31T08:00"))),
        ({"type": "cron", "expression": "*/5 8 * * *"}, Cron("*/5 8 * * *")),
        ({"type": "once", "runAt": "2024-02-05T10:30:00"}, Once(utc("2024-02-05T09:30"))),
    ],
)
def test_reads_every_form(value: object, timing: object) -> None:
    assert read(value) == Schedule(timing, BERLIN)  # type: ignore[arg-type]


def test_a_mapping_may_name_its_own_zone() -> None:
    schedule = read({"at": "2030-01-31 09:00", "timezone": "Asia/Kolkata"})
    assert schedule == Schedule(Once(utc("2030-01-31T03:30")), "Asia/Kolkata")


@pytest.mark.parametrize(
    ("value", "field", "says"),
    [
        ("", "schedule", "empty"),
        ("   ", "schedule", "empty"),
        ("* *", "schedule", "has 2"),
        ("* * * * * * *", "schedule", "has 7"),
        ("60 * * * *", "schedule", "bad minute '60'"),
        ("0 24 * * *", "schedule", "bad hour '24'"),
        ("0 9 * * FRI-MON", "schedule", "bad day-of-week"),
        ("0 9 31 2 *", "schedule", "never comes"),
        ("0 9 30,31 2 *", "schedule", "never comes"),
        ("0 0 31 4,6,9,11 *", "schedule", "never comes"),
        ("0 9 31W 2,4 *", "schedule", "never comes"),
        ("0 9 0W * *", "schedule", "bad day-of-month '0W'"),
        ("0 9 32W * *", "schedule", "bad day-of-month '32W'"),
        ("0 9 1-5W * *", "schedule", "bad day-of-month '1-5W'"),
        ("0 9 15W-20W * *", "schedule", "bad day-of-month"),
        ("0 9 15W/2 * *", "schedule", "bad day-of-month"),
        ("0 9 W * *", "schedule", "15W (the weekday nearest to the 15th)"),
        ("0 9 * * 5W", "schedule", "bad day-of-week '5W'"),
        ("*/90 * * * *", "schedule", "every 90 minutes"),
        ("@reboot", "schedule", "@daily"),
        ("tomorrow morning", "schedule", "is no schedule"),
        ("9:00", "schedule", "is no schedule"),
        ("0", "schedule", "out of range"),
        (0, "schedule", "out of range"),
        (-5, "schedule", "out of range"),
        ("-5", "schedule", "out of range"),
        ("every -5 minutes", "schedule", "no length of time"),
        ("every 4000 days", "schedule", "10 years"),
        ("every 1 month", "schedule", "use cron"),
        ("every", "schedule", "no length of time"),
        ("5h5h", "schedule", "no length of time"),
        ("0.5s", "schedule", "whole number of seconds"),
        ("2030-01-31", "schedule", "no time of day"),
        ("2030-02-31 09:00", "schedule", "no date and time"),
        ("at", "schedule", "no date and time"),
        ("at noon", "schedule", "'noon' is on no day"),
        ("at Xmas", "schedule", "'Xmas' is no date and time"),
        ("15th at 9", "schedule", "is no schedule"),
        ("0001-01-01T00:00", "schedule", "no date and time"),
        ("9" * 5000, "schedule", "1000 characters"),
        ("9" * 900, "schedule", "no length of time"),
        ("9" * 900 + " * * * *", "schedule", "bad minute"),
        (None, "schedule", "not nothing"),
        (True, "schedule", "not bool"),
        (3.5, "schedule", "not float"),
        (["0 9 * * *"], "schedule", "not list"),
        ({}, "schedule", "exactly one timing"),
        ({"cron": "@daily", "every": "1h"}, "schedule", "cron, every"),
        ({"corn": "@daily"}, "schedule", "give one of when"),
        ({"cron": ["@daily"]}, "schedule.cron", "cron is a text"),
        ({"cron": "60 * * * *"}, "schedule.cron", "bad minute"),
        ({"every": True}, "schedule.every", "every is a text"),
        ({"cron": "@daily", "timezone": "Mars/Olympus"}, "schedule.timezone", "unknown time zone"),
        ({"cron": "@daily", "timezone": 5}, "schedule.timezone", "is a name"),
        ({"type": "weekly"}, "schedule.type", "types are cron, window, once"),
        ({"type": "cron", "runAt": "@daily"}, "schedule", "give one of expression"),
    ],
)
def test_refuses_what_is_no_schedule(value: object, field: str, says: str) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        read(value)
    assert caught.value.place.field == field
    assert says in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("Europe", "Europe/Berlin"),
        ("", "Europe/Berlin"),
        ("../../etc/passwd", "Europe/Berlin"),
        ("a\0b", "Europe/Berlin"),
    ],
)
def test_refuses_an_unknown_zone_and_names_the_nearest(zone: str, hint: str) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        parse("@daily", timezone=zone)
    assert caught.value.place.field == "timezone"
    assert hint in caught.value.hint


@given(st.one_of(st.text(), st.text("0123456789*/,-#LW ?@:TZ.adehimrstuvy", max_size=30)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    now = utc("2026-11-22T07:00")
    try:
        schedule = read(text)
    except InvalidSchedule:
        return
    assert describe(schedule)
    assert from_data(to_data(schedule)) == schedule
    due = next_due(schedule, now, anchor=now)
    assert due is not None or isinstance(schedule.timing, Once)


# Telling the time


def test_daily_cron_follows_the_local_clock_across_both_changes() -> None:
    assert due_times("0 9 * * *", BERLIN, "2026-03-28T00:00", 2) == [
        "2026-03-28 09:00+01:00",
        "2026-03-29 09:00+02:00",
    ]
    assert due_times("0 9 * * *", BERLIN, "2026-10-24T00:00", 2) == [
        "2026-10-24 09:00+02:00",
        "2026-10-25 09:00+01:00",
    ]


def test_weekday_is_judged_on_the_local_calendar() -> None:
    assert due_times("30 0 * * MON", "Asia/Kolkata", "2026-11-22T00:00", 1) == [
        "2026-11-23 00:30+05:30"
    ]


@pytest.mark.parametrize("expression", ["30 2 * * *", "0 30 2 * * *", "15,30 2 * * *"])
def test_fixed_time_inside_a_gap_fires_at_its_end(expression: str) -> None:
    assert due_times(expression, BERLIN, "2026-03-28T12:00", 2)[0] == "2026-03-29 03:00+02:00"
    assert due_times(expression, BERLIN, "2026-03-29T01:00", 1)[0].startswith("2026-03-30 02:")


@pytest.mark.parametrize("expression", ["30 2 * * *", "0 30 2 * * *"])
def test_fixed_time_in_a_repeated_hour_fires_once_in_the_first_pass(expression: str) -> None:
    assert due_times(expression, BERLIN, "2026-10-24T12:00", 2) == [
        "2026-10-25 02:30+02:00",
        "2026-10-26 02:30+01:00",
    ]
    assert due_times(expression, BERLIN, "2026-10-25T01:15", 1) == ["2026-10-26 02:30+01:00"]


def test_repeating_times_fire_in_both_passes_and_never_in_a_gap() -> None:
    assert due_times("*/30 2 * * *", BERLIN, "2026-10-24T12:00", 5) == [
        "2026-10-25 02:00+02:00",
        "2026-10-25 02:30+02:00",
        "2026-10-25 02:00+01:00",
        "2026-10-25 02:30+01:00",
        "2026-10-26 02:00+01:00",
    ]
    assert due_times("*/30 2 * * *", BERLIN, "2026-03-28T12:00", 1) == ["2026-03-30 02:00+02:00"]


def test_clocks_that_change_by_half_an_hour_miss_nothing() -> None:
    assert due_times("0 */2 * * *", "Australia/Lord_Howe", "2026-04-04T12:00", 3) == [
        "2026-04-05 00:00+11:00",
        "2026-04-05 02:00+10:30",
        "2026-04-05 04:00+10:30",
    ]


def test_midnight_that_does_not_exist_becomes_the_first_moment_of_the_day() -> None:
    assert due_times("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00", 2) == [
        "2026-04-24 01:00+03:00",
        "2026-04-25 00:00+03:00",
    ]


def test_interval_counts_elapsed_time_from_its_anchor() -> None:
    schedule, anchor = read("every 6 hours"), utc("2026-03-28T23:10")
    late = utc("2026-03-29T05:17")  # a run that ended late does not move the next one
    assert next_due(schedule, late, anchor=anchor) == utc("2026-03-29T11:10")
    assert next_due(schedule, utc("2026-03-29T11:10"), anchor=anchor) == utc("2026-03-29T17:10")
    assert next_due(schedule, utc("2026-03-01T00:00"), anchor=anchor) == anchor


def test_once_is_due_once() -> None:
    schedule, at = read("2030-01-31T09:00Z"), utc("2030-01-31T09:00")
    assert next_due(schedule, at - MINUTE, anchor=at) == at
    assert next_due(schedule, at, anchor=at) is None
    assert upcoming(schedule, at - MINUTE, anchor=at, count=3) == [at]


def test_once_inside_a_gap_is_due_at_its_end_and_in_a_repeated_hour_in_the_first_pass() -> None:
    assert read("2026-03-29 02:30").timing == Once(utc("2026-03-29T01:00"))
    assert read("2026-03-29 02:30:15").timing == Once(utc("2026-03-29T01:00"))
    assert read("2026-10-25 02:30").timing == Once(utc("2026-10-25T00:30"))
    assert read("2026-10-04 02:15", "Australia/Lord_Howe").timing == Once(utc("2026-10-03T15:30"))


def test_there_is_nothing_due_beyond_the_last_year() -> None:
    end = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    for value in ("0 0 1 1 *", "* 1 1 1 *", "every 6 hours"):
        assert next_due(read(value, "UTC"), end, anchor=end) is None


def some_of(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high).map(str)
    pairs = st.lists(numbers, min_size=1, max_size=3, unique=True).map(",".join)
    return st.one_of(st.just("*"), st.integers(2, 20).map(lambda n: f"*/{n}"), pairs)


@st.composite
def crons(draw: st.DrawFn) -> str:
    days = draw(st.sampled_from(["* * *", "* * *", "* * SUN", "*/2 * *", "1,5,25,29 * *"]))
    return f"{draw(some_of(0, 59))} {draw(some_of(0, 4))} {days}"


nearest_crons = st.builds("{} {} {}".format, some_of(0, 59), some_of(0, 4), st.just(NEAREST))


@cache
def nearest_weekdays(first: date, wanted: frozenset[int]) -> set[date]:
    """Of the month that begins with ``first``: the weekday nearest to each of some days."""
    days = [first + timedelta(days=number) for number in range(31)]
    month = [day for day in days if day.month == first.month]
    weekdays = [day for day in month if day.isoweekday() <= 5]
    return {
        min(weekdays, key=lambda day: abs(day.day - number))
        for number in wanted
        if number <= len(month)
    }


def is_nearest(day: date, wanted: frozenset[int]) -> bool:
    """By looking at the whole month, as a person would."""
    return day in nearest_weekdays(day.replace(day=1), wanted)


def shows(sample: CronSim, local: datetime, nearest: frozenset[int]) -> bool:
    """Whether a wall clock matches, field by field: the oracle knows nothing of time zones."""
    return (
        local.minute in sample.minutes
        and local.hour in sample.hours
        and local.month in sample.months
        and sample.match_day(local.date())
        and (not nearest or is_nearest(local.date(), nearest))
    )


def due_by_brute_force(
    expression: str, zone: ZoneInfo, start: datetime, days: int
) -> set[datetime]:
    """Walk through every minute, as a person would who watches the clock on the wall."""
    sample = CronSim(expression.replace(NEAREST, "* * *"), datetime(2000, 1, 1))  # noqa: DTZ001
    nearest = NEAREST_DAYS if NEAREST in expression else frozenset()
    minute, hour = expression.split()[:2]
    fixed = not minute.startswith("*") and not hour.startswith("*")
    seen: set[datetime] = set()  # wall clock times of the fixed kind that have had their turn
    due: set[datetime] = set()
    before = (start - 2 * 60 * MINUTE).astimezone(zone).replace(tzinfo=None)
    for step in range(-119, days * 24 * 60):
        moment = start + step * MINUTE
        wall = moment.astimezone(zone).replace(tzinfo=None)
        skipped = [before + n * MINUTE for n in range(1, (wall - before) // MINUTE)]
        shown = [wall, *skipped] if fixed else [wall]
        if any(shows(sample, local, nearest) and not (fixed and local in seen) for local in shown):
            due.add(moment)
        seen.update(shown)
        before = wall
    return {moment for moment in due if moment > start}


@given(
    st.one_of(crons(), nearest_crons),
    st.sampled_from(ZONES),
    st.sampled_from(CLOCK_CHANGES),
    st.integers(0, 1500),
)
@settings(max_examples=120, deadline=None)
def test_cron_agrees_with_watching_the_clock(
    expression: str, zone: str, day: datetime, minutes: int
) -> None:
    after = day + minutes * MINUTE
    expected = due_by_brute_force(expression, ZoneInfo(zone), after, days=2)
    schedule, last = Schedule(Cron(expression), zone), after + timedelta(days=2)
    found: list[datetime] = []
    due = next_due(schedule, after, anchor=after)
    while due is not None and due < last:
        found.append(due)
        due = next_due(schedule, due, anchor=after)
    assert found == sorted(expected)


@given(
    st.frozensets(st.integers(1, 31), min_size=1, max_size=4),
    st.sets(st.integers(1, 12), min_size=1),
    st.sampled_from(ZONES),
    st.dates(date(2012, 1, 1), date(2040, 1, 1)),
)
@settings(deadline=None)
def test_the_nearest_weekday_is_the_one_that_a_calendar_shows(
    wanted: frozenset[int], months: set[int], zone: str, first: date
) -> None:
    assume(any(day <= MOST_DAYS[month] for day in wanted for month in months))
    days = (first + timedelta(days=number) for number in count(1))
    expected = (day for day in days if day.month in months and is_nearest(day, wanted))
    expression = f"0 12 {','.join(f'{day}W' for day in wanted)} {','.join(map(str, months))} *"
    after = datetime.combine(first, time(12), ZoneInfo(zone))
    found = upcoming(read(expression, zone), after, anchor=after, count=4)
    local = [moment.astimezone(ZoneInfo(zone)) for moment in found]
    assert [moment.date() for moment in local] == list(islice(expected, 4))
    assert {moment.time() for moment in local} == {time(12)}


def test_the_nearest_weekday_stays_within_its_month_and_stands_beside_other_days() -> None:
    def days(expression: str, after: str) -> list[str]:
        return [due[5:10] for due in due_times(expression, "UTC", after, 4)]

    assert days("0 9 1W * *", "2026-07-31T12:00") == ["08-03", "09-01", "10-01", "11-02"]
    assert days("0 9 31W * *", "2026-05-01T00:00") == ["05-29", "07-31", "08-31", "10-30"]
    assert days("0 9 15W,15,L * *", "2026-08-01T00:00") == ["08-14", "08-15", "08-31", "09-15"]
    assert days("0 9 15W * SUN", "2026-08-10T00:00") == ["08-14", "08-16", "08-23", "08-30"]


@given(crons(), st.sampled_from([BERLIN, "America/New_York", "UTC"]), st.integers(0, 365 * 1440))
@settings(max_examples=150, deadline=None)
def test_cron_agrees_with_cronsim_where_clocks_change_by_an_hour(
    expression: str, zone: str, minutes: int
) -> None:
    after = utc("2026-01-01T00:00") + minutes * MINUTE
    theirs = (due.astimezone(UTC) for due in CronSim(expression, after.astimezone(ZoneInfo(zone))))
    expected = next(due for due in theirs if due > after)
    assert next_due(Schedule(Cron(expression), zone), after, anchor=after) == expected


moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
timings = st.one_of(
    crons().map(Cron),
    st.integers(1, 3650 * 86400).map(Interval),
    moments.map(Once),
)
schedules = st.builds(Schedule, timings, st.sampled_from(ZONES))


@given(schedules, moments, moments)
@settings(deadline=None)
def test_next_due_is_after_and_in_utc(
    schedule: Schedule, after: datetime, anchor: datetime
) -> None:
    due = next_due(schedule, after, anchor=anchor)
    if due is not None:
        assert due > after
        assert due.tzinfo is UTC
    else:
        assert isinstance(schedule.timing, Once)


@given(st.integers(1, 10**7), moments, moments)
def test_interval_is_due_at_whole_steps_from_its_anchor(
    seconds: int, after: datetime, anchor: datetime
) -> None:
    due = next_due(Schedule(Interval(seconds), "UTC"), after, anchor=anchor)
    assert due is not None
    step = timedelta(seconds=seconds)
    assert (due - anchor) % step == timedelta()
    assert due == anchor or due - step <= after


# In words and as data


@given(schedules)
def test_json_round_trip(schedule: Schedule) -> None:
    assert from_data(json.loads(json.dumps(to_data(schedule)))) == schedule


@given(st.integers(1, 3650 * 86400))
def test_an_interval_in_words_reads_back(seconds: int) -> None:
    schedule = Schedule(Interval(seconds), BERLIN)
    assert read(describe(schedule)) == schedule


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0 9 * * 1-5", "At 09:00 on Monday through Friday (Europe/Berlin)"),
        ("every 6 hours", "Every 6 hours"),
        ("90m", "Every 1 hour 30 minutes"),
        ("0 9 22 * *", "At 09:00 on the 22nd day of every month (Europe/Berlin)"),
        (
            "0 9 1,15W,LW 3 *",
            "At 09:00 on the first day of month, the weekday nearest to the 15th of the month, and "
            "the last weekday of the month in March (Europe/Berlin)",
        ),
        ("3600", "Every hour"),
        ("2030-01-31 09:00", "Once, at 2030-01-31 09:00 (Europe/Berlin)"),
    ],
)
def test_describes_in_words(value: str, words: str) -> None:
    assert describe(read(value)) == words


@pytest.mark.parametrize("data", [{}, {"type": "cron"}, {"type": "interval", "seconds": "6"}])
def test_refuses_stored_data_that_it_did_not_write(data: dict[str, object]) -> None:
    with pytest.raises(InvalidSchedule):
        from_data(data)
