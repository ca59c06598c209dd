"""Due schedules become runs, each due moment once, and every one is accounted for."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from rounds import START, Rounds, recording

from lamplighter.engine.firing import MOMENTS, WAITING, occurrence_run_id
from lamplighter.engine.manual import pause, request_run, resume
from lamplighter.errors import AgentAlreadyActive
from lamplighter.store.agents import next_due_times
from lamplighter.store.notices import list_notices
from lamplighter.store.runs import list_runs
from lamplighter.store.schedules import list_occurrences
from lamplighter.store.tables import schedules
from lamplighter.testing import HeldClock, Workspace

HOUR = timedelta(hours=1)


def test_nothing_fires_before_it_is_due(rounds: Rounds) -> None:
    rounds.save("a", 'schedule: "30 12 * * *"')
    rounds.pass_time(minutes=29, seconds=59)
    assert rounds.queued == []
    rounds.pass_time(seconds=1)
    assert len(rounds.queued) == 1
    assert rounds.next_due("a") == START + timedelta(days=1, minutes=30)


def test_the_run_of_an_occurrence_has_an_id_that_can_be_told_beforehand(rounds: Rounds) -> None:
    rounds.save("a", 'schedule: "30 12 * * *"')
    rounds.pass_time(minutes=30)
    due = START + timedelta(minutes=30)
    assert rounds.queued == [occurrence_run_id("a#1", due)]
    [run] = list_runs(rounds.workspace.engine)
    assert (run.trigger, run.due_at, run.agent) == ("scheduled", due, "a")


def test_ids_of_occurrences_sort_by_due_time() -> None:
    ids = [occurrence_run_id(f"x#{n % 3}", START + n * HOUR) for n in range(20)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 20


def test_a_tick_again_at_the_same_moment_does_nothing(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 10 minutes")
    rounds.pass_time(minutes=10)
    rounds.scheduler.tick(rounds.clock.now())
    assert len(rounds.queued) == 1


def test_an_occurrence_during_the_agents_run_is_skipped_with_the_reason(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 10 minutes")
    rounds.pass_time(minutes=10)
    rounds.pass_time(minutes=10)
    skipped, ran = list_occurrences(rounds.workspace.engine, "a")
    assert (ran.result, skipped.result) == ("ran", "skipped")
    assert rounds.queued[0] in skipped.reason
    rounds.finish_all()
    rounds.pass_time(minutes=10)
    assert rounds.results("a") == ["ran", "skipped", "ran"]


def test_after_a_sleep_only_the_last_occurrence_runs_and_the_others_are_recorded(
    rounds: Rounds,
) -> None:
    rounds.save("a", "schedule: every 1 hour")
    rounds.pass_time(hours=5, minutes=20)
    assert rounds.results("a") == ["missed"] * 4 + ["ran"]
    [run] = list_runs(rounds.workspace.engine)
    assert run.due_at == START + 5 * HOUR
    assert rounds.next_due("a") == START + 6 * HOUR


def test_what_is_more_than_a_day_late_does_not_run(rounds: Rounds) -> None:
    rounds.save("a", 'schedule: "0 0 1 * *"')
    rounds.pass_time(days=31)
    assert rounds.results("a") == ["missed"]
    assert rounds.queued == []


def test_a_long_sleep_of_a_frequent_schedule_stays_bounded(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 10 seconds")
    rounds.pass_time(days=30)
    found = list_occurrences(rounds.workspace.engine, "a", limit=5000)
    assert len(found) == MOMENTS + WAITING
    assert "all others before" in found[WAITING].reason
    assert [each.result for each in found] == ["ran"] + ["missed"] * (len(found) - 1)
    assert found[0].due_at == rounds.clock.now()
    due = rounds.next_due("a")
    assert due is not None
    assert due > rounds.clock.now()


def test_a_past_once_fires_once_and_never_again(rounds: Rounds) -> None:
    rounds.save("a", "schedule: 2026-01-05T09:00:00")
    rounds.pass_time(seconds=1)
    assert len(rounds.queued) == 1
    rounds.finish_all()
    rounds.save("a", "schedule: 2026-01-05T09:00:00\nenabled: false")
    rounds.save("a", "schedule: 2026-01-05T09:00:00\nenabled: true")
    rounds.pass_time(days=1)
    assert len(rounds.queued) == 1


def test_an_edit_of_the_schedule_recomputes_and_any_other_edit_does_not(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 1 hour")
    rounds.clock.advance(minutes=50)
    rounds.save("a", "schedule: every 1 hour\ndescription: better")
    assert rounds.next_due("a") == START + HOUR
    rounds.save("a", "schedule: every 2 hours")
    assert rounds.next_due("a") == START + timedelta(hours=2, minutes=50)


def test_toggling_an_agent_neither_fires_at_once_nor_moves_its_rhythm(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 1 hour")
    rounds.save("a", "schedule: every 1 hour\nenabled: false")
    rounds.pass_time(hours=3, minutes=30)
    assert rounds.next_due("a") is None
    rounds.save("a", "schedule: every 1 hour")
    rounds.pass_time(minutes=29)
    assert rounds.queued == []
    assert rounds.next_due("a") == START + 4 * HOUR


def test_a_broken_file_stops_its_own_agent_only(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 1 hour")
    rounds.save("b", "schedule: every 1 hour")
    rounds.save("a", "schedule: every blue moon")
    rounds.pass_time(hours=1)
    assert rounds.results("a") == []
    assert rounds.results("b") == ["ran"]


def test_a_once_that_passed_while_its_agent_was_disabled_does_not_fire_when_it_is_enabled(
    rounds: Rounds,
) -> None:
    once = f"schedule: at {(START + HOUR).isoformat()}"
    rounds.save("a", once)
    rounds.save("a", f"{once}\nenabled: false")
    rounds.pass_time(hours=2)
    rounds.save("a", once)
    rounds.pass_time(minutes=1)
    assert rounds.queued == []
    [missed] = list_occurrences(rounds.workspace.engine, "a")
    assert (missed.result, missed.reason) == ("missed", "the agent was not enabled")


@pytest.mark.parametrize("damage", [{"type": "lunar"}, {"timezone": "Moon/Copernicus"}])
def test_a_stored_schedule_that_cannot_be_read_stops_no_other(
    rounds: Rounds, damage: dict[str, str]
) -> None:
    rounds.save("bad", "schedule: every 6 hours")
    rounds.save("good", "schedule: every 6 hours")
    with rounds.workspace.engine.begin() as connection:
        bad = schedules.c.agent == "bad"
        spec = connection.execute(sa.select(schedules.c.spec).where(bad)).scalar_one()
        connection.execute(schedules.update().where(bad).values(spec={**spec, **damage}))
    rounds.pass_time(hours=6)
    assert [run.agent for run in list_runs(rounds.workspace.engine)] == ["good"]
    [notice] = list_notices(rounds.workspace.engine)
    assert notice.agent == "bad"
    assert "cannot be read and does not fire" in notice.message
    rounds.read()
    rounds.pass_time(hours=6)
    assert {run.agent for run in list_runs(rounds.workspace.engine)} == {"good", "bad"}


def test_a_removed_file_takes_its_schedules_along(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 1 hour")
    (rounds.workspace.path / "agents" / "a.md").unlink()
    rounds.read()
    rounds.pass_time(hours=2)
    assert rounds.queued == []


def test_many_files_are_saved_together_and_the_unchanged_cost_no_statement(
    rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcde":
        rounds.save(name, "schedule: every 1 hour")
    with recording(rounds.workspace.engine) as for_five:
        rounds.read()
    kinds = [statement.split()[0] for statement, _ in for_five]
    assert kinds == ["BEGIN", "SELECT", "SELECT", "SELECT", "SELECT"]
    monkeypatch.setattr("lamplighter.store.agents.BATCH", 2)
    agents = rounds.workspace.path / "agents"
    (agents / "a.md").unlink()
    (agents / "b.md").write_text("---\nschedule: every blue moon\n---\nGo.")
    (agents / "c.md").write_text("---\nschedule: every 2 hours\n---\nGo.")
    (agents / "f.md").write_text("---\nschedule: every 3 hours\n---\nGo.")
    rounds.read()
    dues = {name: due - START for name, due in next_due_times(rounds.workspace.engine).items()}
    assert dues == {"c": 2 * HOUR, "d": HOUR, "e": HOUR, "f": 3 * HOUR}


def test_what_was_due_when_its_file_was_deleted_is_accounted_for(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 1 hour")
    rounds.clock.advance(hours=1)
    (rounds.workspace.path / "agents" / "a.md").unlink()
    rounds.read()
    [missed] = rounds.history("a")
    assert (missed.result, missed.reason) == ("missed", "the agent's file was deleted")


def test_several_schedules_of_an_agent_each_fire(rounds: Rounds) -> None:
    rounds.save("a", 'schedules: ["0 13 * * *", "0 14 * * *"]')
    rounds.pass_time(hours=1)
    rounds.finish_all()
    rounds.pass_time(hours=1)
    assert len(rounds.queued) == 2


def test_runs_beyond_the_limit_wait_and_manual_ones_go_first(
    workspace: Workspace, held: HeldClock
) -> None:
    rounds = Rounds(workspace, held, at_most=1)
    rounds.save("a", "schedule: every 1 hour")
    rounds.save("b", "schedule: every 1 hour")
    rounds.pass_time(hours=1)
    assert len(rounds.queued) == 1
    manual = request_run(workspace.settings, workspace.engine, "digest")
    rounds.finish_all()
    rounds.pass_time(seconds=1)
    assert rounds.queued[1:] == [manual.id]
    rounds.finish_all()
    rounds.pass_time(seconds=1)
    assert len(rounds.queued) == 3


def test_an_agent_that_is_active_cannot_be_started_again(workspace: Workspace) -> None:
    first = request_run(workspace.settings, workspace.engine, "digest")
    with pytest.raises(AgentAlreadyActive) as caught:
        request_run(workspace.settings, workspace.engine, "digest")
    assert (caught.value.run_id, caught.value.run_status) == (first.id, "pending")


def test_a_manual_run_does_not_move_the_schedule(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 1 hour")
    rounds.clock.advance(minutes=30)
    request_run(rounds.workspace.settings, rounds.workspace.engine, "a")
    rounds.scheduler.tick(rounds.clock.now())
    rounds.finish_all()
    assert rounds.next_due("a") == START + HOUR
    rounds.pass_time(minutes=30)
    assert rounds.results("a") == ["ran"]


def test_a_scheduler_that_does_not_fire_still_admits_what_was_asked_for(rounds: Rounds) -> None:
    rounds.scheduler.fires = False
    rounds.save("a", "schedule: every 1 hour")
    manual = request_run(rounds.workspace.settings, rounds.workspace.engine, "digest")
    rounds.pass_time(hours=1)
    assert rounds.queued == [manual.id]


def test_a_paused_agent_does_not_fire_and_each_due_moment_says_so(rounds: Rounds) -> None:
    rounds.save("a", "schedule: every 1 hour")
    engine = rounds.workspace.engine
    pause(rounds.workspace.settings, engine, "a")
    rounds.pass_time(hours=1)
    rounds.pass_time(hours=1)
    [latest, _earlier] = list_occurrences(engine, "a")
    assert (latest.result, latest.reason) == ("skipped", "paused: by hand")
    resume(rounds.workspace.settings, engine, "a")
    assert rounds.queued == []
    rounds.pass_time(hours=1)
    assert rounds.results("a") == ["skipped", "skipped", "ran"]
