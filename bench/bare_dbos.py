"""DBOS alone: workflows of steps that do nothing. A program; ``throughput`` starts it.

Usage: python bench/bare_dbos.py WORKFLOWS STEPS AT_ONCE

It opens its database as Lamplighter does (SQLite, WAL, synchronous=NORMAL).
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from dbos import DBOS

from lamplighter.store.database import open_journal


@DBOS.step()
async def do_nothing() -> None:
    """One entry in the journal."""


@DBOS.workflow()
async def take_steps(steps: int) -> None:
    """As many entries one after the other."""
    for _ in range(steps):
        await do_nothing()


async def time_workflows(workflows: int, steps: int, at_once: int) -> float:
    """Seconds for all of them."""
    room = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with room:
            handle = await DBOS.start_workflow_async(take_steps, steps)
            await handle.get_result()

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(workflows)))
    return time.perf_counter() - started


async def main(folder: Path, workflows: int, steps: int, at_once: int) -> None:
    """Launch, measure, print."""
    engine = open_journal(folder)
    url = engine.url.render_as_string(hide_password=False)
    DBOS(
        config={
            "name": "bare",
            "system_database_url": url,
            "system_database_engine": engine,
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    try:
        seconds = await time_workflows(workflows, steps, at_once)
    finally:
        DBOS.destroy()
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="lamplighter-bench-") as name:
        asyncio.run(main(Path(name), *(int(argument) for argument in sys.argv[1:4])))
