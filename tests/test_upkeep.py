"""What the holder does besides runs."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from processes import serving, wait_until

from lamplighter import clock
from lamplighter.engine.holder import hold
from lamplighter.engine.manual import pause, request_run
from lamplighter.engine.upkeep import GRACE, MOST_NOTICES, VERSIONS_KEPT, Upkeep
from lamplighter.store.agents import current_versions, get_version, save_agents
from lamplighter.store.database import pruning_alone
from lamplighter.store.notices import list_notices, read_all_notices
from lamplighter.store.runs import list_runs
from lamplighter.store.schedules import (
    Occurrence,
    list_occurrences,
    record_occurrences,
    set_next_due,
)
from lamplighter.store.tables import runs
from lamplighter.testing import HeldClock, Workspace, call, temporary_workspace, turn
from lamplighter.workspace import read_catalogue

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOURLY = "---\nschedule: every 1 hour\n---\nGo."


@pytest.fixture
def hourly() -> Iterator[Workspace]:
    with temporary_workspace({"agents/a.md": HOURLY}, agents_enabled=True) as made:
        save(made)
        yield made


def save(workspace: Workspace, now: datetime = START) -> None:
    with clock.using(HeldClock(now)), workspace.engine.begin() as connection:
        save_agents(connection, read_catalogue(workspace.settings), "UTC", now)


def forget(_run_ids: list[str]) -> None:
    """Where no durable engine runs, there is nothing to forget."""


def look(workspace: Workspace, **later: float) -> int:
    upkeep = Upkeep(workspace.settings, workspace.engine, forget=forget)
    return upkeep.note_silence(START + timedelta(**later))


# Silence


def test_a_schedule_that_is_a_little_late_is_not_silent(hourly: Workspace) -> None:
    assert look(hourly, hours=1) == 0
    assert look(hourly, hours=1, seconds=GRACE.total_seconds()) == 0
    assert list_notices(hourly.engine) == []


def test_a_silence_is_told_once_however_long_it_lasts(hourly: Workspace) -> None:
    assert look(hourly, hours=4) == 1
    assert look(hourly, hours=5) == 0
    [notice] = list_notices(hourly.engine)
    assert (notice.kind, notice.agent) == ("silent", "a")
    assert "due at 2026-03-02 13:00 UTC" in notice.message
    assert "180 minutes" not in notice.message
    assert "for 3 hours" in notice.message
    assert "not served" in notice.message


def test_a_past_moment_that_was_just_written_down_is_no_silence(hourly: Workspace) -> None:
    hourly.write("agents/a.md", "---\nschedule: at 2020-01-01 09:00\n---\nGo.")
    save(hourly)
    assert look(hourly, seconds=1) == 0
    assert look(hourly, minutes=6) == 1  # it should have fired at once


def test_the_next_silence_is_told_again(hourly: Workspace) -> None:
    look(hourly, hours=4)
    with hourly.engine.begin() as connection:
        set_next_due(connection, {"a#1": START + timedelta(hours=5)})
    assert look(hourly, hours=5, minutes=1) == 0
    assert look(hourly, hours=6) == 1


def test_schedules_that_do_not_fire_by_setting_are_told_with_that_reason() -> None:
    with temporary_workspace({"agents/a.md": HOURLY}, agents_enabled=False) as workspace:
        save(workspace)
        look(workspace, hours=2)
        [notice] = list_notices(workspace.engine)
    assert "AGENTS_ENABLED" in notice.message


def test_nothing_is_expected_of_paused_and_disabled_agents(hourly: Workspace) -> None:
    hourly.write("agents/b.md", HOURLY.replace("---\nGo", "enabled: false\n---\nGo"))
    save(hourly)
    pause(hourly.settings, hourly.engine, "a")
    assert look(hourly, hours=4) == 0


def test_very_many_silences_share_a_notice(hourly: Workspace) -> None:
    for number in range(MOST_NOTICES):
        hourly.write(f"agents/more/{number}.md", HOURLY)
    save(hourly)
    assert look(hourly, hours=4) == 1
    assert look(hourly, hours=5) == 0
    [notice] = list_notices(hourly.engine)
    assert notice.agent is None
    assert f"more than {MOST_NOTICES} schedules" in notice.message


def test_a_server_that_comes_back_tells_what_was_due_while_it_was_off(hourly: Workspace) -> None:
    save(hourly, clock.now() - timedelta(days=3))
    with hourly.engine.begin() as connection:
        set_next_due(connection, {"a#1": clock.now() - timedelta(days=2)})
    with serving(hourly):
        [notice] = wait_until(lambda: list_notices(hourly.engine), "a notice")
    assert "for 2 days" in notice.message


# Retention

REPORT = [turn(call("write_file", path="a.txt", content="A."), call("deliver_file", path="a.txt"))]
REPORT += [turn(call("report", summary="Done."))]


def ended_runs(workspace: Workspace, number: int) -> list[str]:
    return [workspace.run("a", REPORT).id for _ in range(number)]


def age(workspace: Workspace, run_ids: list[str], **ago: float) -> None:
    """Let runs have ended that long ago."""
    ended = clock.now() - timedelta(**ago)
    with workspace.engine.begin() as connection:
        connection.execute(runs.update().where(runs.c.id.in_(run_ids)).values(finished_at=ended))


def prune(workspace: Workspace) -> None:
    async def hold_once() -> None:
        async with hold(workspace.settings, fires=False) as holder:
            await asyncio.to_thread(lambda: list(holder.upkeep.prune(clock.now())))

    asyncio.run(hold_once())


def rows(workspace: Workspace, table: str) -> int:
    with workspace.engine.begin() as connection:
        return connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0


def kept(workspace: Workspace) -> list[str]:
    return sorted(run.id for run in list_runs(workspace.engine))


def test_old_runs_go_with_everything_but_what_they_delivered() -> None:
    with temporary_workspace({"agents/a.md": "Go."}) as workspace:
        old, new = ended_runs(workspace, 2)
        age(workspace, [old], days=91)
        age(workspace, [new], days=89)
        prune(workspace)
        assert kept(workspace) == [new]
        assert rows(workspace, "contents") == 1
        assert (workspace.path / "delivered" / "a" / old / "a.txt").exists()
        for table in ("workflow_status", "workflow_input", "workflow_output"):
            assert rows(workspace, table) == 1, table
        for table in ("events", "steps"):
            assert rows(workspace, f"{table} WHERE run_id != {new!r}") == 0
            assert rows(workspace, table) > 0


def test_only_so_many_runs_of_each_agent_stay() -> None:
    files = {"agents/a.md": "Go.", "agents/b.md": "Go."}
    with temporary_workspace(files, run_retention_count=2) as workspace:
        other = workspace.run("b", REPORT).id
        ran = ended_runs(workspace, 4)
        prune(workspace)
        assert kept(workspace) == sorted([other, *ran[2:]])


def test_zero_keeps_everything() -> None:
    with temporary_workspace(
        {"agents/a.md": "Go."}, run_retention_count=0, run_retention_days=0
    ) as workspace:
        ran = ended_runs(workspace, 2)
        age(workspace, ran, days=10_000)
        prune(workspace)
        assert kept(workspace) == ran


def test_an_active_run_never_goes() -> None:
    with temporary_workspace({"agents/a.md": "Go."}, run_retention_count=1) as workspace:
        with clock.using(HeldClock(START - timedelta(days=1000))):
            run = request_run(workspace.settings, workspace.engine, "a")
        upkeep = Upkeep(workspace.settings, workspace.engine, forget=forget)
        list(upkeep.prune(START))
        assert kept(workspace) == [run.id]


@pytest.mark.parametrize("at_a_time", [1, 10_000])
def test_old_occurrences_go_but_the_last_of_each_schedule(
    hourly: Workspace, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamplighter.engine.upkeep.AT_A_TIME", at_a_time)
    moments = [START - timedelta(days=days) for days in (1, 89, 91, 200, 300)]
    with hourly.engine.begin() as connection:
        for due in moments:
            record_occurrences(connection, [Occurrence("a#1", due, "a", "missed")])
        record_occurrences(connection, [Occurrence("a#2", moments[-1], "a", "ran")])
    upkeep = Upkeep(hourly.settings, hourly.engine, forget=forget)
    assert sum(upkeep.prune(START)) == 3
    left = {(each.schedule_id, each.due_at) for each in list_occurrences(hourly.engine, "a")}
    assert left == {("a#1", moments[0]), ("a#1", moments[1]), ("a#2", moments[4])}


def test_only_so_many_occurrences_of_each_agent_stay() -> None:
    with temporary_workspace({"agents/a.md": "Go."}, run_retention_count=2) as workspace:
        with workspace.engine.begin() as connection:
            dues = [START - timedelta(hours=hours) for hours in range(5)]
            found = [Occurrence("a#1", due, "a", "missed") for due in dues]
            found += [Occurrence(f"{name}#2", dues[-1], name, "ran") for name in "ab"]
            record_occurrences(connection, found)
        assert sum(Upkeep(workspace.settings, workspace.engine, forget).prune(START)) == 3
        left = [each.schedule_id for each in list_occurrences(workspace.engine, "a")]
        assert left == ["a#1", "a#1", "a#2"]
        assert len(list_occurrences(workspace.engine, "b")) == 1


def edit(workspace: Workspace, times: int) -> None:
    for number in range(times):
        workspace.write("agents/a.md", f"{HOURLY} {number}")
        save(workspace, clock.now() + timedelta(minutes=number))


def test_old_texts_of_an_agent_go_but_those_that_runs_were_made_with() -> None:
    with temporary_workspace({"agents/a.md": HOURLY}) as workspace:
        run = workspace.run("a", REPORT)
        edit(workspace, VERSIONS_KEPT + 5)
        assert rows(workspace, "agent_versions") == VERSIONS_KEPT + 6
        upkeep = Upkeep(workspace.settings, workspace.engine, forget=forget)
        assert sum(upkeep.prune(clock.now())) == 5
        assert rows(workspace, "agent_versions") == VERSIONS_KEPT + 1
        assert get_version(workspace.engine, run.version).instructions == "Go."
        assert sum(upkeep.prune(clock.now())) == 0


def test_the_current_text_stays_however_old(hourly: Workspace) -> None:
    edit(hourly, VERSIONS_KEPT + 2)
    hourly.write("agents/a.md", HOURLY)  # as it was at first
    save(hourly, clock.now())
    upkeep = Upkeep(hourly.settings, hourly.engine, forget=forget)
    assert sum(upkeep.prune(clock.now())) == 2
    with hourly.engine.begin() as connection:
        current, _message = current_versions(connection, ["a"])["a"]
    assert get_version(hourly.engine, current).instructions == "Go."


def test_on_postgresql_one_process_prunes_and_leaves_nothing_in_the_journal(
    postgresql: str,
) -> None:
    with temporary_workspace({"agents/a.md": "Go."}, database_url=postgresql) as workspace:
        ran = ended_runs(workspace, 2)
        age(workspace, ran, days=91)
        with pruning_alone(workspace.engine) as alone:
            assert alone
            prune(workspace)
            assert kept(workspace) == ran
        prune(workspace)
        assert kept(workspace) == []
        for table in ("workflow_status", "workflow_input", "workflow_output"):
            assert rows(workspace, f"dbos.{table}") == 0, table
        assert rows(workspace, "steps") == 0


def test_notices_go_when_they_were_read(hourly: Workspace) -> None:
    look(hourly, hours=4)
    upkeep = Upkeep(hourly.settings, hourly.engine, forget=forget)
    list(upkeep.prune(START + timedelta(days=1000)))
    assert len(list_notices(hourly.engine, unread=False)) == 1
    with hourly.engine.begin() as connection:
        read_all_notices(connection, START)
    list(upkeep.prune(START + timedelta(days=1000)))
    assert list_notices(hourly.engine, unread=False) == []


def test_a_served_workspace_is_pruned_from_the_start() -> None:
    with temporary_workspace({"agents/a.md": "Go."}) as workspace:
        old, new = ended_runs(workspace, 2)
        age(workspace, [old], days=91)
        with serving(workspace):
            wait_until(lambda: kept(workspace) == [new], "the pruning")
