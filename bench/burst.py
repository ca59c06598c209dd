"""Ten thousand schedules due at once: how soon the first starts, and all are accounted for.

And how long anybody else who writes to the database has to wait meanwhile.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psutil
import sqlalchemy as sa
from crowd import TEMPLATE, fill, make_due
from figures import Figure, percentile
from served import engine_alone, wait_until

from lamplighter import clock
from lamplighter.engine.control import wake_engine
from lamplighter.store.database import reading
from lamplighter.store.pauses import pause_agent, resume_agent
from lamplighter.store.tables import occurrences, runs
from lamplighter.testing import Workspace, temporary_workspace

DUE = 10_000
LEAD_SECONDS = 3
AT_ONCE = 20
PATIENCE_SECONDS = 180
WRITE_EVERY_SECONDS = 0.05


def measure() -> list[Figure]:
    """Nobody but those that are due, on SQLite."""
    with temporary_workspace() as workspace:
        fill(workspace, DUE, clock.now() + timedelta(hours=1))
        return measure_burst(workspace, "SQLite", DUE, DUE)


def measure_burst(workspace: Workspace, database: str, schedules: int, due: int) -> list[Figure]:
    """Let ``due`` of the crowd in the workspace's database be due at once."""
    with engine_alone(workspace, max_concurrent_runs=AT_ONCE) as served:
        at = clock.now() + timedelta(seconds=LEAD_SECONDS)
        at = at.replace(microsecond=0)
        make_due(workspace, [at] * due)
        wake_engine(workspace.engine, workspace.settings.state_dir)
        process = psutil.Process(served.process.pid)
        before = _busy_seconds(process)
        with _writing(workspace.engine) as waits:
            wait_until(lambda: _count_recorded(workspace, at) == due, PATIENCE_SECONDS)
        busy = _busy_seconds(process) - before
        with reading(workspace.engine) as connection:
            last, first, ended = connection.execute(
                sa.select(
                    sa.func.max(runs.c.created_at, type_=runs.c.created_at.type),
                    sa.func.min(runs.c.started_at, type_=runs.c.started_at.type),
                    sa.func.count(runs.c.finished_at),
                ).where(runs.c.due_at == at)
            ).one()
    where = f"{due:,} due at once of {schedules:,} on {database}"
    return [
        Figure(f"{where}: all are runs", (last - at).total_seconds(), "s"),
        Figure("CPU of the engine until then, with the first runs", busy, "s"),
        Figure("runs that have ended meanwhile", ended, "runs"),
        Figure("the first starts", (first - at).total_seconds() * 1000, "ms"),
        Figure("somebody else writes, p50", percentile(waits, 50), "ms"),
        Figure("somebody else writes, worst", max(waits), "ms"),
    ]


def _count_recorded(workspace: Workspace, at: object) -> int:
    with reading(workspace.engine) as connection:
        query = sa.select(sa.func.count()).select_from(occurrences)
        return connection.scalar(query.where(occurrences.c.due_at == at)) or 0


def _busy_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@contextmanager
def _writing(engine: sa.Engine) -> Iterator[list[float]]:
    """Write as another command would, again and again; how many milliseconds each took."""
    took: list[float] = []
    over = threading.Event()

    def write() -> None:
        while not over.wait(WRITE_EVERY_SECONDS):
            started = time.perf_counter()
            with engine.begin() as connection:
                if not pause_agent(connection, TEMPLATE, "bench", clock.now()):
                    resume_agent(connection, TEMPLATE)
            took.append((time.perf_counter() - started) * 1000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield took
    finally:
        over.set()
        writer.join()
