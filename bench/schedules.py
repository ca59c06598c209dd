"""What a million schedules cost: memory, idle CPU, lateness; and a burst of them due at once.

The engine runs without a folder of agents (``engine_alone``) on a database that was filled by
``crowd``, on SQLite and on PostgreSQL; on SQLite without a crowd as well, for comparison.
"""

import random
import time
from datetime import datetime, timedelta

import psutil
from burst import measure_burst
from crowd import fill, make_due
from figures import Figure, percentile
from lateness import GAP_SECONDS, lateness_ms
from served import ended_runs, engine_alone, postgresql

from lamplighter import clock
from lamplighter.engine.control import wake_engine
from lamplighter.testing import Workspace, temporary_workspace

SCHEDULES = 1_000_000
FIRINGS = 100
BURST = 10_000
SETTLE_SECONDS = 15
"""Until what is looked after at a start has been."""
IDLE_SECONDS = 60
"""So long that the upkeep looks once."""
AT_ONCE = 20


def measure() -> list[Figure]:
    """Few schedules, a million on SQLite, a million on PostgreSQL."""
    found = []
    with temporary_workspace() as workspace:
        found += _measure(workspace, "SQLite", FIRINGS)
    with temporary_workspace() as workspace:
        found += _measure(workspace, "SQLite", SCHEDULES)
        found += measure_burst(workspace, "SQLite", SCHEDULES, BURST)
    with postgresql() as url, temporary_workspace(database_url=url) as workspace:
        found += _measure(workspace, "PostgreSQL", SCHEDULES)
        found += measure_burst(workspace, "PostgreSQL", SCHEDULES, BURST)
    return found


def _measure(workspace: Workspace, database: str, schedules: int) -> list[Figure]:
    fill(workspace, schedules, clock.now() + timedelta(hours=1))
    with engine_alone(workspace, max_concurrent_runs=AT_ONCE) as served:
        process = psutil.Process(served.process.pid)
        time.sleep(SETTLE_SECONDS)
        process.cpu_percent()  # from here on
        time.sleep(IDLE_SECONDS)
        idle = process.cpu_percent()
        late = _fire(workspace)
        resident = process.memory_info().rss
    where = f"{schedules:,} on {database}"
    many = schedules == SCHEDULES
    return [
        Figure(f"{where}: resident", resident / 1e6, "MB", target=200 if many else None),
        Figure(f"{where}: CPU while idle", idle, "% of a core", target=3 if many else None),
        Figure(f"{where}: lateness, p50 of {FIRINGS}", percentile(late, 50), "ms"),
        Figure(f"{where}: lateness, p99", percentile(late, 99), "ms", target=500 if many else 100),
    ]


def _fire(workspace: Workspace) -> list[float]:
    """The lateness, in milliseconds, of agents that are due one after the other."""
    gaps = random.Random(1)
    due: list[datetime] = [clock.now() + timedelta(seconds=1)]
    while len(due) < FIRINGS:
        due.append(due[-1] + timedelta(seconds=gaps.uniform(*GAP_SECONDS)))
    make_due(workspace, due)
    wake_engine(workspace.engine, workspace.settings.state_dir)
    runs = ended_runs(workspace, FIRINGS, patience_seconds=FIRINGS * max(GAP_SECONDS) + 60)
    return [lateness_ms(run, workspace.events(run)) for run in runs]
