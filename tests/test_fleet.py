"""Several real processes on a real PostgreSQL: raced, killed, stopped and woken."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from processes import (
    begun_run,
    ended_run,
    lamplighter,
    script,
    serving,
    wait_until,
    working,
)
from sqlalchemy import event

from lamplighter import clock
from lamplighter.engine.control import wake_engine
from lamplighter.engine.fleet import FENCED
from lamplighter.engine.holder import hold
from lamplighter.engine.manual import request_run
from lamplighter.store.runs import get_run, list_runs
from lamplighter.store.schedules import list_occurrences
from lamplighter.store.workers import list_members
from lamplighter.testing import Workspace, call, temporary_workspace, turn

READ = turn(call("read_document", id="notes:hello.md"))
REPORT = turn(call("report", summary="All is well."))
AGENT = "---\nsources: [notes]\nmodel: scripted:{script}.yaml\n{more}---\nRead."


@pytest.fixture
def workspace(postgresql: str) -> Iterator[Workspace]:
    files = {
        ".env": f"LAMPLIGHTER_DATABASE_URL={postgresql}\n",
        "lamplighter.toml": '[sources.notes]\npath = "notes"\n',
        "notes/hello.md": "# Hello\n\nThe lamp is lit at dusk.",
        "agents/digest.md": AGENT.format(script="slow", more=""),
        "quick.yaml": script(READ, REPORT),
        "slow.yaml": script(READ, turn(text="slow", sleep=300)),
    }
    sources = {"notes": {"path": "notes"}}
    with temporary_workspace(files, sources=sources, database_url=postgresql) as made:
        made.sync()
        yield made


def check_record(workspace: Workspace, run_id: str) -> None:
    """Whole, without gaps, and every step told once."""
    run = get_run(workspace.engine, run_id)
    assert (run.status, run.tool_calls, run.requests) == ("completed", 1, 2)
    events = workspace.events(run)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    kinds = Counter(event.kind for event in events)
    assert (kinds["tool_result"], kinds["finished"]) == (1, 1)


def test_a_run_is_carried_out_on_postgresql(workspace: Workspace) -> None:
    report = call("report", summary="All is\0 well.")  # a text in PostgreSQL has no such character
    run = workspace.run("digest", [READ, turn(report, expect=["at dusk"])])
    check_record(workspace, run.id)
    assert run.summary == "All is? well."


def test_a_worker_takes_what_was_asked_for_elsewhere(workspace: Workspace) -> None:
    workspace.write("slow.yaml", script(READ, REPORT))
    with working(workspace) as worker:
        done = lamplighter(workspace, "run", "start", "digest", "--wait")
        assert done.returncode == 0, done.stderr
        run = ended_run(workspace, "digest")
    assert run.worker == worker.name


def test_a_killed_workers_run_goes_on_in_another(workspace: Workspace) -> None:
    with working(workspace) as first:
        lamplighter(workspace, "run", "start", "digest")
        run_id = begun_run(workspace)
        with working(workspace) as second:
            workspace.write("slow.yaml", script(turn(error="asked twice"), REPORT))
            first.kill()
            run = ended_run(workspace, "digest")
    assert (run.id, run.worker) == (run_id, second.name)
    check_record(workspace, run_id)


def test_whoever_takes_a_run_is_known_to_the_others_before(workspace: Workspace) -> None:
    workspace.write("slow.yaml", script(READ, REPORT))
    run = request_run(workspace.settings, workspace.engine, "digest")
    living: list[set[str]] = []

    def look(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE") and "workflow_status SET status=" in statement:
            living.append({m.id for m in list_members(workspace.engine) if not m.gone})

    async def queue() -> None:
        async with hold(workspace.settings, fires=False) as holder:
            await asyncio.to_thread(holder.scheduler.tick, clock.now())

    async def take() -> str:
        async with hold(workspace.settings, fires=False) as holder:
            await holder.worker.wait_for_end(run.id)
            return holder.worker.id

    asyncio.run(queue())
    event.listen(sa.Engine, "before_cursor_execute", look)
    try:
        taker = asyncio.run(take())
    finally:
        event.remove(sa.Engine, "before_cursor_execute", look)
    assert living
    assert all(taker in members for members in living)


def test_a_worker_that_leaves_hands_its_run_over_at_once(workspace: Workspace) -> None:
    with working(workspace) as first:
        lamplighter(workspace, "run", "start", "digest")
        run_id = begun_run(workspace)
        with working(workspace) as second:
            workspace.write("slow.yaml", script(READ, REPORT))
            assert first.stop() == 0
            run = ended_run(workspace, "digest")
    assert (run.id, run.worker) == (run_id, second.name)
    check_record(workspace, run_id)


def test_a_worker_that_was_stopped_and_woken_ends_and_writes_nothing_more(
    workspace: Workspace,
) -> None:
    # The first worker's model answers while it is stopped, so it has much to say when it wakes.
    workspace.write("slow.yaml", script(READ, turn(text="the dead speak", sleep=3)))
    with working(workspace) as first:
        lamplighter(workspace, "run", "start", "digest")
        run_id = begun_run(workspace)
        first.process.send_signal(signal.SIGSTOP)
        workspace.write("slow.yaml", script(READ, REPORT))
        with working(workspace):
            assert ended_run(workspace, "digest").id == run_id
            before = len(workspace.events(get_run(workspace.engine, run_id)))
            first.process.send_signal(signal.SIGCONT)
            assert first.process.wait(60) == FENCED
    check_record(workspace, run_id)
    run = get_run(workspace.engine, run_id)
    assert len(workspace.events(run)) == before
    assert run.summary == "All is well."


def test_racing_schedulers_fire_each_due_moment_once_though_one_is_killed(
    workspace: Workspace,
) -> None:
    names = [f"agent-{number}" for number in range(20)]
    for name in names:
        more = "schedule: every 2 seconds\n"
        workspace.write(f"agents/{name}.md", AGENT.format(script="quick", more=more))
    enough = {"AGENT_MAX_CONCURRENT_RUNS": "10"}
    with serving(workspace, **enough), working(workspace, **enough) as killed:

        def half_done() -> bool | None:
            return len(list_runs(workspace.engine, limit=1000)) >= 40 or None

        wait_until(half_done, "forty runs")
        killed.kill()

        def all_done() -> bool | None:
            ended = list_runs(workspace.engine, status="completed", limit=1000)
            return len(ended) >= 100 or None

        wait_until(all_done, "a hundred finished runs")
    runs = list_runs(workspace.engine, limit=1000)
    fired = Counter((run.agent, run.due_at) for run in runs)
    assert set(fired.values()) == {1}
    occurrences = [each for name in names for each in list_occurrences(workspace.engine, name)]
    ran = [each.run_id for each in occurrences if each.result == "ran"]
    assert sorted(ran, key=str) == sorted(run.id for run in runs)


def test_the_fleets_limit_holds_over_all_workers(workspace: Workspace) -> None:
    for number in range(6):
        workspace.write(f"agents/slow-{number}.md", AGENT.format(script="slow", more=""))
    limit = {"AGENT_MAX_CONCURRENT_RUNS": "2"}
    with working(workspace, **limit), working(workspace, **limit):
        for number in range(6):
            request_run(workspace.settings, workspace.engine, f"slow-{number}")
        wake_engine(workspace.engine, workspace.settings.state_dir)

        def full() -> list[str] | None:
            running = list_runs(workspace.engine, status="running")
            told = [run.id for run in running if len(workspace.events(run)) >= 5]
            return told if len(told) >= 2 else None

        wait_until(full, "two runs that have called a tool")
        running = list_runs(workspace.engine, status="running")
        pending = list_runs(workspace.engine, status="pending")
    assert (len(running), len(pending)) == (2, 4)


def test_members_of_the_fleet_are_known(workspace: Workspace) -> None:
    with working(workspace) as worker:
        assert worker.name in {member.id for member in list_members(workspace.engine)}
        worker.stop()
        assert all(member.gone for member in list_members(workspace.engine))


def test_on_sqlite_a_worker_is_refused() -> None:
    with temporary_workspace({"lamplighter.toml": ""}) as sqlite:
        done = lamplighter(sqlite, "worker")
    assert done.returncode == 2
    assert "LAMPLIGHTER_DATABASE_URL" in done.stderr
