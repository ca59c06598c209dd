"""Windows, jitter, bounds and quiet hours: what is random stays put, and within its bounds."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.errors import InvalidSchedule
from lamplighter.schedule import (
    Cron,
    Interval,
    Quiet,
    Schedule,
    Window,
    latest,
    next_due,
    parse,
    quiet_until,
    upcoming,
    window_at,
)

BERLIN = "Europe/Berlin"
ZONES = [BERLIN, "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata", "UTC"]
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
days = st.sampled_from(["0 0 * * *", "0 0 * * 1-5", "0 0 1,15 * *", "0 0 * * 6,0"])


@st.composite
def windows(draw: st.DrawFn) -> Schedule:
    start, end = draw(times), draw(times)
    if start == end:
        end = time((start.hour + 2) % 24, start.minute)
    return Schedule(Window(draw(days), start, end), draw(st.sampled_from(ZONES)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(moment: datetime, zone: str = BERLIN) -> str:
    return moment.astimezone(ZoneInfo(zone)).isoformat(" ", "minutes")[:16]


def read(value: object, zone: str = BERLIN) -> Schedule:
    return parse(value, timezone=zone)


# Windows


@given(windows(), moments, st.text(max_size=5))
@settings(deadline=None)
def test_a_drawn_moment_is_in_the_future_and_inside_a_window_of_a_named_day(
    schedule: Schedule, now: datetime, seed: str
) -> None:
    due = next_due(schedule, now, anchor=now, seed=seed)
    assert due is not None
    assert due > now
    window = window_at(schedule, due)
    assert window is not None
    start, end = window
    assert start <= due < end or start == due == end
    local = start.astimezone(ZoneInfo(schedule.timezone))
    assert isinstance(schedule.timing, Window)
    if schedule.timing.days == "0 0 * * 1-5" and schedule.timing.start >= time(4):
        assert local.isoweekday() <= 5


@given(windows(), moments)
@settings(max_examples=50, deadline=None)
def test_there_is_one_drawn_moment_in_each_window_and_asking_later_does_not_move_it(
    schedule: Schedule, now: datetime
) -> None:
    found = upcoming(schedule, now, anchor=now, seed="a#1", count=12)
    starts = [window_at(schedule, due) for due in found]
    assert len(set(starts)) == 12
    assert found == sorted(found)
    for before, due in zip([now, *found], found, strict=False):
        between = before + (due - before) / 2
        assert next_due(schedule, between, anchor=now, seed="a#1") == due


@given(windows(), moments)
@settings(max_examples=50, deadline=None)
def test_no_window_is_left_out(schedule: Schedule, now: datetime) -> None:
    """Watch the clock on the wall: each start that it shows on a named day has its moment."""
    assert isinstance(schedule.timing, Window)
    zone = ZoneInfo(schedule.timezone)
    found = upcoming(schedule, now, anchor=LONG_AGO, seed="a#1", count=4)
    days_seen = [window_at(schedule, due) for due in found]
    first, last = days_seen[0], days_seen[-1]
    assert first is not None
    assert last is not None
    opening = upcoming(
        Schedule(
            Cron(f"{schedule.timing.start:%-M %-H} {schedule.timing.days[4:]}"), schedule.timezone
        ),
        first[0] - MINUTE,
        anchor=now,
        count=4,
    )
    assert [wall(each[0], zone.key) for each in days_seen if each] == [
        wall(each, zone.key) for each in opening
    ]


def test_different_agents_draw_different_moments_that_fill_the_window() -> None:
    schedule, now = read({"window": "08:00-10:00"}), utc("2026-06-01T00:00")
    drawn = [next_due(schedule, now, anchor=now, seed=f"agent-{n}#1") for n in range(300)]
    into = [(due - utc("2026-06-01T06:00")) / MINUTE for due in drawn if due]
    assert 0 <= min(into) < 5
    assert 115 < max(into) < 120
    assert 50 < sum(into) / len(into) < 70


def test_an_overnight_window_belongs_to_the_day_on_which_it_begins() -> None:
    schedule, now = read({"window": "22:00-02:00", "on": "fri"}), utc("2026-06-01T00:00")
    for seed in "abcdefghij":
        due = next_due(schedule, now, anchor=now, seed=seed)
        assert due is not None
        assert "2026-06-05 22:00" <= wall(due) < "2026-06-06 02:00"
    inside = utc("2026-06-05T23:30")  # 01:30 on Saturday, in Friday's window
    due = next_due(schedule, inside, anchor=inside, seed="a")
    assert due is not None
    assert "2026-06-06 01:30" < wall(due) < "2026-06-06 02:00"


@given(st.integers(0, 119 * 60), st.text(max_size=5))
def test_a_schedule_saved_before_or_during_todays_window_runs_today(into: int, seed: str) -> None:
    schedule = read({"window": "08:00-10:00"}, "UTC")
    for saved in (utc("2026-06-01T07:00"), utc("2026-06-01T08:00") + timedelta(seconds=into)):
        due = next_due(schedule, saved, anchor=saved, seed=seed)
        assert due is not None
        assert max(saved, utc("2026-06-01T08:00")) < due + timedelta(seconds=1)
        assert saved < due < utc("2026-06-01T10:00")


def test_a_schedule_saved_after_todays_window_runs_tomorrow() -> None:
    saved = utc("2026-06-01T10:00")
    due = next_due(read({"window": "08:00-10:00"}, "UTC"), saved, anchor=saved, seed="a")
    assert due is not None
    assert due.date().isoformat() == "2026-06-02"


def test_rowboats_window_takes_only_the_days_of_its_cron() -> None:
    noon = {"type": "window", "cron": "0 12 * * 1-5", "startTime": "08:00", "endTime": "10:00"}
    assert read(noon) == read({"window": "08:00-10:00", "on": "weekdays"})
    saved = utc("2026-06-01T00:00")
    due = next_due(read(noon), saved, anchor=saved, seed="a")
    assert due is not None
    assert "2026-06-01 08:00" <= wall(due) < "2026-06-01 10:00"


def test_a_window_that_the_clocks_swallow_is_due_after_the_gap() -> None:
    schedule, now = read({"window": "02:10-02:40"}), utc("2026-03-28T12:00")
    assert next_due(schedule, now, anchor=now, seed="a") == utc("2026-03-29T01:00")


def test_a_whole_day_is_a_window() -> None:
    schedule, now = read({"window": "00:00-24:00"}, "UTC"), utc("2026-06-01T12:00")
    found = upcoming(schedule, now, anchor=now, seed="a", count=5)
    assert [due.day for due in found] == [1, 2, 3, 4, 5]


# Jitter


@given(
    st.sampled_from([Cron("*/10 * * * *"), Cron("0 9 * * *"), Interval(600), Interval(97)]),
    st.integers(1, 3600),
    moments,
    st.sampled_from(ZONES),
)
@settings(deadline=None)
def test_jitter_puts_each_moment_off_and_never_past_the_next(
    timing: Cron | Interval, jitter: int, now: datetime, zone: str
) -> None:
    plain, anchor = Schedule(timing, zone), now - DAY
    steady = upcoming(plain, now - timedelta(seconds=jitter), anchor=anchor, count=60)
    schedule = Schedule(timing, zone, jitter_seconds=jitter)
    found = upcoming(schedule, now, anchor=anchor, seed="a", count=5)
    assert now < found[0]
    assert found == sorted(set(found))
    for due in found:
        before = max(at for at in steady if at <= due)
        following = min(at for at in steady if at > due)
        assert due - before < timedelta(seconds=jitter)
        assert due < following
    bases = [max(at for at in steady if at <= due) for due in found]
    first = steady.index(bases[0])
    assert bases == steady[first : first + 5]  # none is left out, none comes twice


# Bounds


def test_nothing_is_due_before_start_or_after_end() -> None:
    schedule = read({"cron": "0 9 * * *", "start": "2026-06-03", "end": "2026-06-04"})
    found = upcoming(schedule, utc("2026-06-01T00:00"), anchor=LONG_AGO, count=9)
    assert [wall(due) for due in found] == ["2026-06-03 09:00", "2026-06-04 09:00"]


def test_bounds_with_a_time_include_it() -> None:
    bounds = {"start": "2026-06-03 09:00", "end": "2026-06-04 09:00"}
    schedule = read({"cron": "0 9 * * *", **bounds})
    assert len(upcoming(schedule, utc("2026-06-01T00:00"), anchor=LONG_AGO, count=9)) == 2


def test_an_interval_with_a_start_is_counted_from_it() -> None:
    schedule = read({"every": "2 days", "start": "2026-06-03 09:00"}, "UTC")
    found = upcoming(schedule, utc("2026-06-01T00:00"), anchor=utc("2026-05-30T13:37"), count=2)
    assert found == [utc("2026-06-03T09:00"), utc("2026-06-05T09:00")]


# Quiet hours

quiet_schedules = st.builds(
    Schedule,
    st.sampled_from([Cron("*/15 * * * *"), Cron("0 */2 * * *"), Interval(5400)]),
    st.sampled_from(ZONES),
    jitter_seconds=st.sampled_from([0, 600]),
    quiet=st.builds(
        Quiet,
        st.sampled_from([time(22), time(0, 30)]),
        st.sampled_from([time(7), time(6, 30)]),
        st.just("wait"),
    ),
)


@given(quiet_schedules, moments)
@settings(deadline=None)
def test_what_waits_is_due_at_the_end_of_the_quiet_hours_once(
    schedule: Schedule, now: datetime
) -> None:
    found = upcoming(schedule, now, anchor=LONG_AGO, seed="a", count=20)
    assert found == sorted(set(found))
    assert now < found[0]
    assert not any(quiet_until(schedule, due) for due in found)
    loud = Schedule(schedule.timing, schedule.timezone, jitter_seconds=schedule.jitter_seconds)
    plain = latest(loud, now - DAY, found[-1], anchor=LONG_AGO, seed="a", count=1000)
    expected = {quiet_until(schedule, due) or due for due in plain}
    assert found == sorted(due for due in expected if now < due <= found[-1])


@given(moments, st.sampled_from(["every 7 seconds", "0 9 * * *", "*/20 * * * *", "0 0 29 2 *"]))
@settings(max_examples=40, deadline=None)
def test_the_latest_moments_are_those_that_counting_from_the_beginning_finds(
    now: datetime, text: str
) -> None:
    schedule = read(text)
    since = now - (timedelta(hours=1) if "seconds" in text else timedelta(days=30))
    counted = []
    due = next_due(schedule, since, anchor=LONG_AGO)
    while due is not None and due <= now:
        counted.append(due)
        due = next_due(schedule, due, anchor=LONG_AGO)
    assert latest(schedule, since, now, anchor=LONG_AGO, count=24) == counted[-24:]


# Strictness


@pytest.mark.parametrize(
    ("value", "field", "says"),
    [
        ({"window": "08:00-08:00"}, "schedule.window", "no time between"),
        ({"window": "08:00"}, "schedule.window", "no span"),
        ({"window": "25:00-26:00"}, "schedule.window", "no time of day"),
        ({"window": "08:00-10:00", "on": "0 9 31 2 *"}, "schedule.on", "never comes"),
        ({"window": "08:00-10:00", "on": "blue moons"}, "schedule.on", "is no schedule"),
        ({"window": "08:00-10:00", "cron": "@daily"}, "schedule", "window, cron"),
        ({"cron": "@daily", "on": "weekdays"}, "schedule", "cron, on"),
        ({"type": "window", "cron": "@daily"}, "schedule.startTime", "no startTime"),
        (
            {"type": "window", "cron": "@daily", "startTime": "8", "endTime": "8"},
            "schedule.endTime",
            "no time between",
        ),
        ({"cron": "@daily", "start": "soon"}, "schedule.start", "no date and time"),
        (
            {"cron": "@daily", "start": "2026-06-02", "end": "2026-06-01"},
            "schedule.end",
            "not after the start",
        ),
        (
            {"cron": "0 9 1 * *", "start": "2026-06-02", "end": "2026-06-20"},
            "schedule.end",
            "nothing is due between",
        ),
        ({"at": "2026-06-01 09:00", "end": "2026-05-31"}, "schedule.end", "nothing is due"),
        ({"at": "2026-06-01 09:00", "start": "2026-06-02"}, "schedule.start", "nothing is due"),
        ({"cron": "@daily", "jitter": "2 days"}, "schedule.jitter", "longer than a day"),
        ({"cron": "@daily", "jitter": "a bit"}, "schedule.jitter", "no length of time"),
        ({"window": "08:00-10:00", "jitter": "5m"}, "schedule.jitter", "cron and intervals"),
        ({"cron": "0 23 * * *", "quiet": "22:00-07:00"}, "schedule.quiet", "lies in the quiet"),
        ({"window": "23:00-01:00", "quiet": "22:00-07:00"}, "schedule.quiet", "lies in the quiet"),
        ({"cron": "@daily", "quiet": "00:00-24:00"}, "schedule.quiet", "never not quiet"),
        ({"cron": "@daily", "quiet": "at night"}, "schedule.quiet", "no span"),
        ({"cron": "@daily", "quiet": {"then": "wait"}}, "schedule.quiet", "quiet has hours"),
        (
            {"cron": "@daily", "quiet": {"hours": "22-7", "then": "sleep"}},
            "schedule.quiet.then",
            "skip or wait",
        ),
        ({"cron": "@daily", "catch_up": "some"}, "schedule.catch_up", "skip, last, all"),
        ({"cron": "@daily", "overlap": "both"}, "schedule.overlap", "skip, queue, cancel_running"),
        ({"cron": "@daily", "within": "a while"}, "schedule.within", "no length of time"),
        (
            {"cron": "@daily", "within": "1h", "catch_up": "skip"},
            "schedule.within",
            "leave one of them out",
        ),
        (
            {"cron": "@daily", "catch_up": "all", "overlap": "cancel_running"},
            "schedule.catch_up",
            "does not go with",
        ),
    ],
)
def test_refuses_what_can_never_fire_and_names_the_field(
    value: object, field: str, says: str
) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        read(value)
    assert caught.value.place.field == field
    assert says in str(caught.value)


def test_what_is_not_always_quiet_is_accepted() -> None:
    for value in ("*/1 * * * *", "0 21,23 * * *", "every 5 hours"):
        schedule = read({"when": value, "quiet": "22:00-07:00"})
        assert schedule.quiet == Quiet(time(22), time(7))
    waiting = read({"cron": "0 23 * * *", "quiet": {"hours": "22:00-07:00", "then": "wait"}})
    due = next_due(waiting, utc("2026-06-01T12:00"), anchor=LONG_AGO)
    assert due is not None
    assert wall(due) == "2026-06-02 07:00"
