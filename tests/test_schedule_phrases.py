"""Schedules in plain words, and what is said back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.errors import InvalidSchedule
from lamplighter.schedule import (
    Policy,
    Schedule,
    describe,
    from_data,
    parse,
    to_data,
)


def read(value: object) -> Schedule:
    return parse(value, timezone="UTC")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("daily at 9am", "At 09:00 every day"),
        ("every weekday at 8:30", "At 08:30 on Monday through Friday"),
        ("Monday at 9", "At 09:00 on Monday"),
        ("at 8:30 on mondays", "At 08:30 on Monday"),
        ("hourly", "At the start of every hour"),
        ("daily", "At 00:00 every day"),
        ("first day of every month at 6:00", "At 06:00 on the first day of every month"),
        ("monthly on the 15th at noon", "At 12:00 on the 15th day of every month"),
        ("monthly at 9", "At 09:00 on the first day of every month"),
        ("1st and 15th of every month at 7", "At 07:00 on the first and the 15th day of month"),
        ("last day of the month at 23:59", "At 23:59 on the last day of every month"),
        ("last weekday of every month at 5 p.m.", "At 17:00 on the last weekday of every month"),
        (
            "weekday nearest to the 15th of the month at 9",
            "At 09:00 on the weekday nearest to the 15th of the month",
        ),
        (
            "on the nearest weekday to the 1st of every month between 8 and 10",
            "Once between 08:00 and 10:00, on the weekday nearest to the first of the month",
        ),
        ("second tuesday of the month at 10", "At 10:00 on the second Tuesday of the month"),
        ("last friday of the month at 4pm", "At 16:00 on the last Friday of the month"),
        ("mon, wed and fri at 9 and 17", "At 09:00 and 17:00 on Monday, Wednesday, and Friday"),
        ("saturday to monday at 9", "At 09:00 on Saturday, Sunday, and Monday"),
        ("weekends at midnight", "At 00:00 on Saturday and Sunday"),
        ("24 december at 18:00", "At 18:00 on December 24"),
        ("every year on january 1 at 12am", "At 00:00 on January 1"),
        ("weekdays between 8 and 10", "Once between 08:00 and 10:00, on Monday through Friday"),
        ("between 10pm and 2am", "Once between 22:00 and 02:00, every day"),
        ("every sunday between noon and 5pm", "Once between 12:00 and 17:00, on Sunday"),
        ("sometime between 9:00 and 9:30 on tuesdays", "Once between 09:00 and 09:30, on Tuesday"),
        ("monday to friday 8:00-10:00", "Once between 08:00 and 10:00, on Monday through Friday"),
    ],
)
def test_reads_plain_words_and_says_them_back(words: str, said: str) -> None:
    assert describe(read(words)) == f"{said} (UTC)"
    assert read({"when": words}) == read(words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("every weekday", "no time of day"),
        ("first day of every month", "no time of day"),
        ("monday at 25", "no time of day"),
        ("monday at 13pm", "no time of day"),
        ("monday at 0am", "no time of day"),
        ("every day at 9:00 and 17:30", "different minutes"),
        ("daily between 8 and 10pm", "am or pm"),
        ("daily between 8 and 8", "no time between"),
        ("30 february at 9", "never comes"),
        ("day 32 of every month at 9", "bad day-of-month"),
        ("every 2nd day at 9", "no length of time"),
        ("weekly at 9", "is no schedule"),
        ("tomorrow at 9", "is no schedule"),
        ("every morning", "no length of time"),
        ("monday, at", "is no schedule"),
    ],
)
def test_refuses_words_that_leave_something_open(words: str, says: str) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        read(words)
    assert says in str(caught.value)
    assert caught.value.hint


VOCABULARY = (
    "every each on the at and to between from , - mon friday sundays weekday weekends day daily "
    "monthly first last 15th of month 9 9:30 5pm noon 24:00 every_6_hours january hourly"
)


@given(st.lists(st.sampled_from(VOCABULARY.split()), max_size=9))
@settings(max_examples=300, deadline=None)
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    try:
        schedule = read(" ".join(words).replace("_", " "))
    except InvalidSchedule:
        return
    assert from_data(json.loads(json.dumps(to_data(schedule)))) == schedule
    assert describe(schedule)


@pytest.mark.parametrize("text", ["at 9 and " * 100, "mon, " * 190, "1 " * 480, "9-" * 480])
def test_long_nonsense_is_refused_quickly(text: str) -> None:
    with pytest.raises(InvalidSchedule):
        read(text)


FULL = {
    "window": "22:00-02:00",
    "on": "weekdays",
    "timezone": "Asia/Kolkata",
    "start": "2026-06-01",
    "end": "2026-12-31",
    "quiet": {"hours": "00:00-01:00", "then": "wait"},
    "catch_up": "all",
    "within": "6 hours",
    "overlap": "queue",
}


def test_all_that_was_asked_for_is_said_back() -> None:
    assert describe(read(FULL)) == (
        "Once between 22:00 and 02:00, on Monday through Friday (Asia/Kolkata); "
        "from 2026-06-01 00:00; until 2026-12-31 23:59:59; not from 00:00 to 01:00, but then; "
        "of missed ones: all if at most 6 hours late; waits for a run that is under way"
    )
    jittery = read({"every": "6 hours", "jitter": "5m", "overlap": "cancel_running"})
    assert describe(jittery) == (
        "Every 6 hours; up to 5 minutes later; ends a run that is under way"
    )


def test_a_full_schedule_round_trips_as_json() -> None:
    schedule = read(FULL)
    assert schedule.policy == Policy("all", 6 * 3600, "queue")
    assert from_data(json.loads(json.dumps(to_data(schedule)))) == schedule


def test_only_what_is_unusual_is_stored() -> None:
    assert to_data(read("daily at 9")) == {
        "type": "cron",
        "expression": "0 9 * * *",
        "timezone": "UTC",
    }


def test_a_policy_is_no_part_of_the_rhythm() -> None:
    assert read({"every": "1h", "overlap": "queue"}).rhythm == read("every 1h").rhythm
