"""What a sandbox costs, beside a bare subprocess and ``unshare``."""

import asyncio
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from figures import Figure, percentile

from lamplighter.sandbox.bounds import Bounds
from lamplighter.sandbox.bubblewrap import Bubblewrap
from lamplighter.sandbox.toolbox import INSIDE, find_interpreter, is_built, toolbox_path

OPENS = 100
COMMANDS = 50
FILE_BYTES = 100_000
TARGET_MS = 12


def measure() -> list[Figure]:
    """Open and close many sandboxes, then run commands in one."""
    readiness = asyncio.run(Bubblewrap().probe())
    if not readiness.is_ready:
        raise SystemExit(f"no sandbox here: {readiness.problem} ({readiness.advice})")
    return [*asyncio.run(_time_opening()), *asyncio.run(_time_inside()), *_time_beside()]


async def _time_opening() -> list[Figure]:
    await _open_and_close()  # disk cache
    before = _left()
    opening, closing = zip(*[await _open_and_close() for _ in range(OPENS)], strict=True)
    note = "with" if is_built() else "without"
    return [
        Figure(f"open, median of {OPENS}, {note} toolbox", _ms(opening), "ms", target=100),
        Figure("open, p95", percentile(opening, 95) * 1000, "ms"),
        Figure("close, median", _ms(closing), "ms"),
        Figure(
            "left after them: processes, mounts, files, groups",
            sum(_left()) - sum(before),
            "",
            target=0,
        ),
    ]


async def _open_and_close() -> tuple[float, float]:
    started = time.perf_counter()
    session = await Bubblewrap().open(Bounds())
    opened = time.perf_counter()
    await session.close()
    return opened - started, time.perf_counter() - opened


def _left() -> tuple[int, int, int, int]:
    """Our children, the mounts, our open files, our control groups."""
    own = os.getpid()
    children = sum(
        len(path.read_text().split()) for path in Path(f"/proc/{own}/task").glob("*/children")
    )
    mounts = len(Path("/proc/self/mountinfo").read_text().splitlines())
    groups = len(list(Path("/sys/fs/cgroup").rglob("lamplighter-*")))
    return children, mounts, len(os.listdir("/proc/self/fd")), groups


async def _time_inside() -> list[Figure]:
    session = await Bubblewrap().open(Bounds())
    content = os.urandom(FILE_BYTES)

    async def write_and_read() -> None:
        await session.write("file", content, offset=0, last=True, executable=False)
        assert await session.read("file", 0) == content

    try:
        figures = []
        for name, command in _programs().items():
            took = await _repeat(lambda command=command: session.exec(command))  # type: ignore[misc]
            label = f"{name}, in an open sandbox, median"
            figures.append(Figure(label, took, "ms", target=TARGET_MS))
        took = await _repeat(write_and_read)
        return [*figures, Figure("100 KB written and read, median", took, "ms")]
    finally:
        await session.close()


def _programs(toolbox: str = INSIDE) -> dict[str, list[str]]:
    """What is timed; Python is the one that agents have."""
    python = find_interpreter().program.replace(INSIDE, toolbox)
    return {"true": ["true"], "python -c pass": [python, "-c", "pass"]}


def _time_beside() -> list[Figure]:
    figures = []
    for name, command in _programs(str(toolbox_path())).items():
        figures.append(Figure(f"{name}, a bare subprocess", _time_command(command), "ms"))
        if shutil.which("unshare"):
            apart = ["unshare", "--user", "--pid", "--net", "--ipc", "--mount", "--fork", *command]
            figures.append(Figure(f"{name}, by unshare each time", _time_command(apart), "ms"))
    return figures


def _time_command(command: list[str]) -> float:
    took = []
    for _ in range(COMMANDS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        took.append(time.perf_counter() - started)
    return _ms(took)


async def _repeat(act: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(COMMANDS):
        started = time.perf_counter()
        await act()
        took.append(time.perf_counter() - started)
    return _ms(took)


def _ms(seconds: list[float] | tuple[float, ...]) -> float:
    return statistics.median(seconds) * 1000
