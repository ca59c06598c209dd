"""Policies: what runs late, what waits, what gives way, and that nothing is left unaccounted."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rounds import START, Rounds, recording

from lamplighter.engine.firing import WAITING, Known, decide, fire
from lamplighter.engine.holder import hold, making_rounds
from lamplighter.engine.manual import request_run
from lamplighter.errors import AgentAlreadyActive
from lamplighter.schedule import next_due, parse
from lamplighter.store.pauses import pause_agent, resume_agent
from lamplighter.store.runs import (
    count_active,
    find_cancelled,
    finish_run,
    get_run,
    list_runs,
    start_run,
)
from lamplighter.store.schedules import (
    DueSchedule,
    earliest_due,
    list_history,
    list_schedules,
    take_due,
)
from lamplighter.store.silences import list_silences
from lamplighter.store.tables import occurrences, runs
from lamplighter.store.tables import schedules as schedules_
from lamplighter.testing import Workspace, call, turn

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def save(rounds: Rounds, schedule: str) -> None:
    rounds.save("a", f"schedule: {{{schedule}}}")


def go_on_until_idle(rounds: Rounds) -> None:
    """Let every run end, one after the other."""
    before = -1
    while len(rounds.queued) > before:
        before = len(rounds.queued)
        rounds.finish_all()
        rounds.pass_time(seconds=1)


# Catching up


def test_skip_catches_nothing_up_but_what_is_on_time_runs(rounds: Rounds) -> None:
    save(rounds, "every: 1 hour, catch_up: skip")
    rounds.pass_time(hours=3, minutes=5)
    assert rounds.results("a") == ["missed"] * 3
    assert rounds.history("a")[-1].reason == "more than 1 minute late"
    rounds.pass_time(minutes=55, seconds=20)
    assert rounds.results("a") == ["missed"] * 3 + ["ran"]


def test_last_runs_once_if_it_is_not_too_late(rounds: Rounds) -> None:
    save(rounds, "every: 1 hour, within: 10 minutes")
    rounds.pass_time(hours=3, minutes=9)
    rounds.finish_all()
    rounds.pass_time(hours=2, minutes=2)
    assert rounds.results("a") == ["missed", "missed", "ran", "missed", "missed"]
    assert rounds.history("a")[-1].reason == "more than 10 minutes late"


def test_all_run_one_after_the_other_the_oldest_first(rounds: Rounds) -> None:
    save(rounds, "every: 1 hour, catch_up: all, within: 4 hours")
    rounds.pass_time(hours=6, minutes=30)
    assert rounds.results("a") == ["missed"] * 2 + ["ran"] * 4
    assert len(rounds.queued) == 1
    go_on_until_idle(rounds)
    ran = [get_run(rounds.workspace.engine, run_id) for run_id in rounds.queued]
    assert [run.due_at for run in ran] == [START + n * HOUR for n in (3, 4, 5, 6)]


def test_all_is_capped_after_a_long_sleep(rounds: Rounds) -> None:
    save(rounds, "every: 1 minute, catch_up: all")
    rounds.pass_time(days=3)
    history = rounds.history("a")
    assert sum(each.result == "ran" for each in history) == WAITING
    assert history[-WAITING].due_at == START + 3 * DAY - (WAITING - 1) * timedelta(minutes=1)
    assert history[0].reason == f"more than {WAITING} were due"
    go_on_until_idle(rounds)
    assert len(rounds.queued) == WAITING


def test_a_catch_up_of_many_agents_is_no_herd(rounds: Rounds) -> None:
    for name in "abcdefgh":
        rounds.save(name, "schedule: {every: 1 hour, catch_up: all}")
    rounds.pass_time(hours=5)
    assert len(rounds.queued) == rounds.scheduler.max_concurrent_runs


# Overlapping


def test_queue_lets_an_occurrence_wait_for_the_run_before(rounds: Rounds) -> None:
    save(rounds, "every: 10 minutes, overlap: queue")
    rounds.pass_time(minutes=10)
    rounds.pass_time(minutes=10)
    rounds.pass_time(minutes=10)
    assert rounds.results("a") == ["ran"] * 3
    assert len(rounds.queued) == 1
    assert rounds.queued[0] in rounds.history("a")[1].reason
    go_on_until_idle(rounds)
    assert len(rounds.queued) == 3


def test_an_endless_run_does_not_queue_without_end(rounds: Rounds) -> None:
    save(rounds, "every: 10 minutes, overlap: queue")
    for _ in range(WAITING + 3):
        rounds.pass_time(minutes=10)
    assert rounds.results("a") == ["ran"] * (WAITING + 1) + ["skipped"] * 2
    assert "wait already" in rounds.history("a")[-1].reason


def test_cancel_running_ends_the_run_before_and_then_starts(rounds: Rounds) -> None:
    save(rounds, "every: 10 minutes, overlap: cancel_running")
    engine = rounds.workspace.engine
    rounds.pass_time(minutes=10)
    with engine.begin() as connection:
        start_run(connection, rounds.queued[0], "worker", rounds.clock.now())
    rounds.pass_time(minutes=10)
    assert get_run(engine, rounds.queued[0]).cancel_requested_at == rounds.clock.now()
    assert len(rounds.queued) == 1  # the new one waits until the old one has ended
    assert rounds.results("a") == ["ran", "ran"]
    with engine.begin() as connection:
        finish_run(connection, rounds.queued[0], "worker", status="cancelled", outcome="cancelled")
    rounds.pass_time(seconds=1)
    assert len(rounds.queued) == 2


def test_cancel_running_replaces_what_has_not_begun(rounds: Rounds) -> None:
    save(rounds, "every: 10 minutes, overlap: cancel_running")
    for _ in range(4):
        rounds.pass_time(minutes=10)
    statuses = [run.status for run in list_runs(rounds.workspace.engine, agent="a")]
    assert statuses == ["pending", "cancelled", "cancelled", "pending"]


def test_a_run_by_hand_is_refused_while_others_wait(rounds: Rounds) -> None:
    save(rounds, "every: 10 minutes, overlap: queue")
    rounds.pass_time(minutes=10)
    rounds.pass_time(minutes=10)
    with pytest.raises(AgentAlreadyActive):
        request_run(rounds.workspace.settings, rounds.workspace.engine, "a")


def test_the_queue_of_one_agent_blocks_no_other(rounds: Rounds) -> None:
    rounds.save("a", "schedule: {every: 1 minute, overlap: queue}")
    rounds.save("b", "schedule: every 5 minutes")
    for _ in range(5):
        rounds.pass_time(minutes=1)
    agents = [get_run(rounds.workspace.engine, run_id).agent for run_id in rounds.queued]
    assert agents == ["a", "b"]


def test_the_holder_ends_the_run_that_gives_way(workspace: Workspace) -> None:
    """On the real clock, with the real loop: the first run would last for an hour."""
    model = workspace.script([turn(call("report", summary="Never."), sleep=3600)])
    options = "{every: 1 second, overlap: cancel_running}"
    workspace.write("agents/a.md", f"---\nschedule: {options}\nmodel: {model}\n---\nGo.")

    async def wait_for_first_end() -> None:
        async with (
            hold(workspace.settings, fires=True) as holder,
            making_rounds(holder),
            holder.worker.one_ended,
        ):
            await holder.worker.one_ended.wait()

    asyncio.run(wait_for_first_end())
    first = list_history(workspace.engine, "a", "UTC")[-1]
    assert (first.occurrence.result, first.run_status) == ("ran", "cancelled")


# Quiet hours


def test_what_is_due_in_quiet_hours_is_skipped_and_says_so(rounds: Rounds) -> None:
    save(rounds, 'every: 1 hour, quiet: "12:30-14:30"')
    for _ in range(3):
        rounds.pass_time(hours=1)
    assert rounds.results("a") == ["skipped", "skipped", "ran"]
    assert rounds.history("a")[0].reason == "quiet hours"


def test_runs_are_listed_by_when_they_were_made_however_long_ago_they_were_due(
    rounds: Rounds,
) -> None:
    rounds.save("hourly", "schedule: every 1 hour")
    rounds.pass_time(hours=1)
    rounds.save("past", "schedule: at 2020-01-01 09:00")
    rounds.pass_time(minutes=1)
    engine = rounds.workspace.engine
    [newest, older] = list_runs(engine)
    assert (newest.agent, older.agent) == ("past", "hourly")
    assert list_runs(engine, before=newest.id) == [older]


def test_what_waits_runs_once_when_the_quiet_hours_are_over(rounds: Rounds) -> None:
    save(rounds, 'every: 1 hour, quiet: {hours: "12:30-14:30", then: wait}')
    rounds.pass_time(hours=2, minutes=29)
    assert rounds.history("a") == []
    rounds.pass_time(minutes=1)
    assert [each.due_at for each in rounds.history("a")] == [START + 2.5 * HOUR]
    assert rounds.results("a") == ["ran"]


def test_what_comes_late_into_quiet_hours_does_not_start_in_them(rounds: Rounds) -> None:
    save(rounds, 'cron: "0 13 * * *", quiet: {hours: "14:00-15:00", then: wait}')
    rounds.pass_time(hours=2, minutes=10)
    assert rounds.queued == []
    rounds.pass_time(minutes=50)
    assert rounds.results("a") == ["skipped", "ran"]
    assert "due again at 2026-03-02 15:00" in rounds.history("a")[0].reason
    assert rounds.next_due("a") == START + DAY + HOUR


# Windows


def test_a_window_runs_once_a_day_at_a_moment_that_restarts_do_not_move(rounds: Rounds) -> None:
    rounds.save("a", "schedule: weekdays between 8 and 10")
    first = rounds.next_due("a")
    rounds.read()  # as a restart does
    assert rounds.next_due("a") == first
    for _ in range(24 * 7):
        rounds.pass_time(hours=1)
        rounds.finish_all()
    moments = [each.due_at for each in rounds.history("a")]
    assert moments[0] == first
    assert [moment.isoweekday() for moment in moments] == [2, 3, 4, 5, 1]
    assert all(8 <= moment.hour < 10 for moment in moments)


def test_an_edit_does_not_run_todays_window_twice(rounds: Rounds) -> None:
    rounds.save("a", "schedule: daily between 11:00 and 20:00")
    due = rounds.next_due("a")
    assert due is not None
    rounds.pass_time(seconds=(due - START).total_seconds())
    rounds.finish_all()
    rounds.save("a", "schedule: daily between 11:00 and 21:00")
    again = rounds.next_due("a")
    assert again is not None
    assert again.date() == START.date() + DAY


def test_an_agent_added_during_the_window_runs_in_what_remains(rounds: Rounds) -> None:
    rounds.save("a", "schedule: daily between 11:00 and 12:10")
    rounds.pass_time(minutes=10)
    assert rounds.results("a") == ["ran"]


# Edits


def test_another_policy_moves_nothing(rounds: Rounds) -> None:
    save(rounds, "every: 1 hour")
    rounds.clock.advance(minutes=30)
    save(rounds, "every: 1 hour, overlap: queue")
    assert rounds.next_due("a") == START + HOUR


def test_what_was_due_when_its_schedule_was_changed_is_accounted_for(rounds: Rounds) -> None:
    save(rounds, "every: 1 hour")
    rounds.clock.advance(hours=1)
    save(rounds, "every: 2 hours")
    [missed] = rounds.history("a")
    assert (missed.due_at, missed.result) == (START + HOUR, "missed")
    assert "changed" in missed.reason


# The clock


def test_a_clock_that_is_put_back_fires_nothing_again_and_finds_what_is_due_earlier(
    rounds: Rounds,
) -> None:
    save(rounds, "every: 1 hour")
    for _ in range(3):
        rounds.pass_time(hours=1)
        rounds.finish_all()
    rounds.pass_time(hours=-2.5)
    assert rounds.next_due("a") == START + HOUR
    for _ in range(4):
        rounds.pass_time(minutes=45)
        rounds.finish_all()
    history = rounds.history("a")
    assert [each.due_at for each in history] == [START + n * HOUR for n in (1, 2, 3)]
    assert len(rounds.queued) == 3
    rounds.pass_time(minutes=30)
    assert rounds.results("a") == ["ran"] * 4


def test_a_clock_that_was_years_ahead_does_not_silence_schedules(rounds: Rounds) -> None:
    save(rounds, 'cron: "0 13 * * *"')
    rounds.pass_time(days=800)
    rounds.finish_all()
    rounds.pass_time(days=-800)
    assert rounds.next_due("a") == START + HOUR


def test_a_jump_is_logged(rounds: Rounds, caplog: pytest.LogCaptureFixture) -> None:
    rounds.pass_time(seconds=1)
    rounds.pass_time(seconds=1)
    assert caplog.messages == []
    rounds.pass_time(hours=3)
    rounds.pass_time(hours=-1)
    assert [message.split(":")[0] for message in caplog.messages] == [
        "the clock went forward by 3 hours",
        "the clock was put back by 1 hour; 0 schedules are due earlier",
    ]


def test_an_occurrence_that_is_already_there_does_not_stop_the_round(rounds: Rounds) -> None:
    save(rounds, "every: 1 hour")
    rounds.save("b", "schedule: every 1 hour")
    rounds.pass_time(hours=1)
    rounds.finish_all()
    rounds.clock.advance(minutes=-30)
    save(rounds, "every: 1 hour, jitter: 1s")  # computed anew: due at a moment that ran
    assert rounds.next_due("a") == START + HOUR
    rounds.pass_time(minutes=90)
    assert rounds.results("a") == ["ran", "ran"]
    assert rounds.results("b") == ["ran", "ran"]


# Whatever happens


schedules = st.sampled_from(
    [
        "every: 1 hour",
        'cron: "*/20 * * * *"',
        "when: daily between 13 and 15",
        "every: 50 minutes, jitter: 10m",
        'cron: "30 * * * *", quiet: {hours: "14:00-16:00", then: wait}',
    ]
)
policies = st.tuples(
    st.sampled_from(["skip", "last", "all"]), st.sampled_from(["skip", "queue", "cancel_running"])
).filter(lambda pair: pair != ("all", "cancel_running"))
steps = st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=12)


@given(schedules, policies, steps)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_due_moment_is_accounted_for_once_and_runs_never_overlap(
    rounds: Rounds, schedule: str, policy: tuple[str, str], steps: list[tuple[int, bool]]
) -> None:
    rounds.clock.moment = START
    rounds.forget()
    catch_up, overlap = policy
    save(rounds, f"{schedule}, catch_up: {catch_up}, overlap: {overlap}")
    for minutes, ends in steps:
        rounds.pass_time(minutes=minutes)
        if ends:
            rounds.finish_all()
        check_that_none_overlap(rounds)
    check_that_all_are_accounted_for(rounds)


def check_that_none_overlap(rounds: Rounds) -> None:
    found = list_runs(rounds.workspace.engine, agent="a", limit=10_000)
    assert sum(run.admitted_at is not None and not run.ended for run in found) <= 1


def check_that_all_are_accounted_for(rounds: Rounds) -> None:
    engine, found = rounds.workspace.engine, rounds.history("a")
    [saved] = list_schedules(engine, "a")
    expected = set[datetime]()
    due = next_due(saved.schedule, START, anchor=START, seed=saved.id)
    while due is not None and due <= rounds.clock.now():
        expected.add(due)
        due = next_due(saved.schedule, due, anchor=START, seed=saved.id)
    recorded = {each.due_at for each in found}
    assert expected <= recorded
    reasons = " ".join(each.reason for each in found)
    assert all(f"due again at {at:%Y-%m-%d %H:%M}" in reasons for at in recorded - expected)
    runs = {run.id: run for run in list_runs(engine, agent="a", limit=10_000)}
    ran = [each for each in found if each.result == "ran"]
    assert {each.run_id for each in ran} == set(runs)
    assert all(runs[str(each.run_id)].due_at == each.due_at for each in ran)
    assert all(each.reason for each in found if each.result != "ran")


def test_history_shows_expected_against_actual(rounds: Rounds) -> None:
    save(rounds, "every: 10 minutes")
    engine = rounds.workspace.engine
    rounds.pass_time(minutes=10)
    with engine.begin() as connection:
        start_run(connection, rounds.queued[0], "worker", rounds.clock.now() + timedelta(seconds=2))
    rounds.pass_time(minutes=10)
    skipped, ran = list_history(engine, "a", "UTC")
    assert (ran.run_status, ran.lateness_seconds) == ("running", 2.0)
    assert (skipped.run_status, skipped.lateness_seconds) == (None, None)


# Many at once


def save_many(rounds: Rounds, count: int) -> None:
    for number in range(count):
        rounds.workspace.write(f"agents/a{number}.md", "---\nschedule: every 1 hour\n---\nGo.")
    rounds.read()


def test_a_tick_takes_as_many_statements_for_many_as_for_one(rounds: Rounds) -> None:
    taken = []
    for count in (1, 60):
        save_many(rounds, count)
        rounds.clock.advance(hours=1)
        with recording(rounds.workspace.engine) as statements:
            rounds.scheduler.tick(rounds.clock.now())
        rounds.finish_all()
        taken.append([statement.split("(")[0] for statement, _ in statements])
    assert taken[0] == taken[1]
    assert len(list_runs(rounds.workspace.engine, limit=100)) == 61


def test_no_round_reads_all_schedules_or_runs(rounds: Rounds, workspace: Workspace) -> None:
    """What a server does again and again finds everything by an index."""
    save_many(rounds, 3)
    rounds.clock.advance(hours=1)
    with recording(workspace.engine) as statements:
        rounds.scheduler.tick(rounds.clock.now())
        earliest_due(workspace.engine)
        find_cancelled(workspace.engine)
        count_active(workspace.engine)
        list_silences(workspace.engine, rounds.clock.now(), 20)
    scans = [
        (step, statement)
        for statement, parameters in statements
        for step in plan_of(workspace, statement, parameters)
        if re.match(r"SCAN (runs|schedules|occurrences|agents)(?! USING (COVERING )?INDEX)", step)
    ]
    assert len(statements) > 10
    assert scans == []


def plan_of(workspace: Workspace, statement: str, parameters: Any) -> list[str]:
    if not statement.startswith(("SELECT", "UPDATE")):
        return []
    some = parameters[0] if isinstance(parameters, list) else parameters
    with workspace.engine.begin() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", some)
        return [row.detail for row in rows]


def test_a_tick_is_bounded_and_the_next_one_follows_at_once(
    rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamplighter.engine.scheduler.BATCH", 2)
    save_many(rounds, 3)
    rounds.clock.advance(hours=1)
    rounds.scheduler.tick(rounds.clock.now())
    assert len(rounds.queued) == 2
    asyncio.run(rounds.scheduler.wait(asyncio.Event()))  # nobody wakes it
    rounds.scheduler.tick(rounds.clock.now())
    assert len(rounds.queued) == 3


@pytest.mark.parametrize(
    ("overlap", "results", "statuses"),
    [
        ("skip", ["ran", "skipped"], ["pending"]),
        ("queue", ["ran", "ran"], ["pending", "pending"]),
        ("cancel_running", ["ran", "ran"], ["pending", "cancelled"]),
    ],
)
def test_schedules_of_one_agent_that_are_due_together_see_each_others_runs(
    rounds: Rounds, overlap: str, results: list[str], statuses: list[str]
) -> None:
    timings = ("every: 1 hour", 'cron: "0 13 * * *"')
    first, second = (f"{{{timing}, overlap: {overlap}}}" for timing in timings)
    rounds.save("a", f"schedules: [{first}, {second}]")
    rounds.pass_time(hours=1)
    assert sorted(rounds.results("a")) == results
    found = list_runs(rounds.workspace.engine, agent="a")
    assert sorted((run.status for run in found), reverse=True) == statuses
    assert sum(run.admitted_at is not None for run in found) == 1


def test_deciding_needs_no_database() -> None:
    schedule = parse("every 1 hour", timezone="UTC")
    due = [DueSchedule(f"{name}#1", name, schedule, START, START + HOUR) for name in "ab"]
    decision = decide(due, Known(versions={"a": "v1"}), START + HOUR)
    assert [(run.agent, run.version) for run in decision.runs] == [("a", "v1")]
    assert [each.result for each in decision.occurrences] == ["ran", "skipped"]
    assert decision.dues == {"a#1": START + 2 * HOUR, "b#1": START + 2 * HOUR}


together = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["every: 1 hour", "every: 30 minutes", 'cron: "*/20 * * * *"']),
        policies,
    ),
    min_size=2,
    max_size=6,
)
moves = st.lists(
    st.tuples(st.integers(1, 200), st.sampled_from(["", "end", "begin", "pause", "resume"])),
    min_size=1,
    max_size=6,
)


@given(together, moves)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_deciding_all_together_is_the_same_as_one_by_one(
    rounds: Rounds,
    together: list[tuple[str, str, tuple[str, str]]],
    moves: list[tuple[int, str]],
) -> None:
    rounds.clock.moment = START
    rounds.forget()
    save_together(rounds, together)
    for minutes, what in moves:
        rounds.clock.advance(minutes=minutes)
        assert written(rounds, each_time=1000) == written(rounds, each_time=1)
        rounds.pass_time()
        move(rounds, what)


def save_together(rounds: Rounds, together: list[tuple[str, str, tuple[str, str]]]) -> None:
    for agent in "ab":
        schedules = [
            f"{{{timing}, catch_up: {catch_up}, overlap: {overlap}}}"
            for name, timing, (catch_up, overlap) in together
            if name == agent
        ]
        resume_by_name(rounds, agent)
        rounds.save(agent, f"schedules: [{', '.join(schedules)}]")


def written(rounds: Rounds, *, each_time: int) -> list[list[Any]]:
    """What all tables hold after firing so many each time; it is then undone."""
    now = rounds.clock.now()
    with rounds.workspace.engine.connect() as connection, connection.begin() as transaction:
        due = take_due(connection, now, 1000)
        for start in range(0, len(due), each_time):
            fire(connection, due[start : start + each_time], now)
        tables = (runs, occurrences, schedules_)
        found = [
            connection.execute(sa.select(table).order_by(*table.primary_key)).all()
            for table in tables
        ]
        transaction.rollback()
    return [list(rows) for rows in found]


def move(rounds: Rounds, what: str) -> None:
    engine = rounds.workspace.engine
    if what == "end":
        rounds.finish_all()
    elif what == "resume":
        resume_by_name(rounds, "b")
    else:
        with engine.begin() as connection:
            if what == "pause":
                pause_agent(connection, "b", "a test", rounds.clock.now())
            elif what == "begin" and rounds.queued:
                start_run(connection, rounds.queued[-1], "worker", rounds.clock.now())


def resume_by_name(rounds: Rounds, agent: str) -> None:
    with rounds.workspace.engine.begin() as connection:
        resume_agent(connection, agent)
