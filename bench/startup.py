"""How long it takes to start, and what an idle server costs."""

import shutil
import statistics
import subprocess
import sys
import time

import psutil
from figures import Figure
from served import environment, serving

from lamplighter.testing import Workspace, temporary_workspace

HELPS = 10
STARTS = 5
AGENTS = 10
SETTLE_SECONDS = 3
IDLE_SECONDS = 10
AGENT = "---\nschedule: every 6 hours\n---\nLook around.\n"


def measure() -> list[Figure]:
    """Start everything a few times, then watch one server do nothing."""
    files = {f"agents/agent-{number}.md": AGENT for number in range(AGENTS)}
    with temporary_workspace(files) as workspace:
        return [*_time_help(), *_time_serve(workspace), *_watch_idle(workspace)]


def _time_help() -> list[Figure]:
    python = [_time_command("-c", "pass") for _ in range(HELPS)]
    _time_command("-m", "lamplighter", "--help")  # bytecode, disk cache
    ours = [_time_command("-m", "lamplighter", "--help") for _ in range(HELPS)]
    return [
        Figure(f"python alone, median of {HELPS}", statistics.median(python), "s"),
        Figure(f"lamplighter --help, median of {HELPS}", statistics.median(ours), "s", target=0.2),
    ]


def _time_command(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], env=environment(), stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - started


def _time_serve(workspace: Workspace) -> list[Figure]:
    _time_ready(workspace)  # bytecode, disk cache
    workspace.engine.dispose()
    shutil.rmtree(workspace.settings.state_dir)
    first = _time_ready(workspace)
    again = statistics.median(_time_ready(workspace) for _ in range(STARTS))
    return [
        Figure("serve ready, in a new workspace", first, "s"),
        Figure(f"serve ready, median of {STARTS}", again, "s", target=2.5),
    ]


def _time_ready(workspace: Workspace) -> float:
    with serving(workspace) as served:
        return served.ready_seconds


def _watch_idle(workspace: Workspace) -> list[Figure]:
    with serving(workspace) as served:
        process = psutil.Process(served.process.pid)
        time.sleep(SETTLE_SECONDS)
        process.cpu_percent()  # from here on
        time.sleep(IDLE_SECONDS)
        busy = process.cpu_percent()
        family = [process, *process.children(recursive=True)]
        resident = sum(member.memory_info().rss for member in family)
    return [
        Figure(f"serve idle, {AGENTS} agents, resident", resident / 1e6, "MB", target=150),
        Figure(f"serve idle, CPU over {IDLE_SECONDS} s", busy, "% of a core"),
    ]
