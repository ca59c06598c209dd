"""DBOS alone, taking the steps of ``steps``. A program; ``throughput`` starts it.

Usage: python bench/bare_dbos.py FOLDER WORKFLOWS AT_ONCE

FOLDER holds the documents. It opens its database as Lamplighter does (SQLite, WAL,
synchronous=NORMAL).
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import steps
from dbos import DBOS

from lamplighter.store.database import open_journal

Workflow = Callable[[str], Coroutine[Any, Any, None]]


@DBOS.step()
async def take_step(number: int, folder: str) -> dict[str, Any]:
    """One entry in the journal."""
    return steps.take(number, folder)


@DBOS.workflow()
async def take_steps(folder: str) -> None:
    """All of them, one after the other."""
    for number in range(steps.STEPS):
        await take_step(number, folder)


async def time_workflows(workflow: Workflow, folder: str, workflows: int, at_once: int) -> float:
    """Seconds for all of them."""
    room = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with room:
            handle = await DBOS.start_workflow_async(workflow, folder)
            await handle.get_result()

    await one()  # what the first one imports is not measured
    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(workflows)))
    return time.perf_counter() - started


async def main(workflow: Workflow, folder: str, workflows: int, at_once: int) -> None:
    """Launch, measure, print."""
    with tempfile.TemporaryDirectory(prefix="lamplighter-bench-") as place:
        engine = open_journal(Path(place))
        DBOS(
            config={
                "name": "bare",
                "system_database_url": engine.url.render_as_string(hide_password=False),
                "system_database_engine": engine,
                "log_level": "ERROR",
            }
        )
        DBOS.launch()
        try:
            seconds = await time_workflows(workflow, folder, workflows, at_once)
        finally:
            DBOS.destroy()
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    asyncio.run(main(take_steps, sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
