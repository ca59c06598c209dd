"""A Temporal dev server, taking the steps of ``steps``. A program; ``throughput`` starts it.

Usage: PEERS/bin/python bench/temporal_dev.py FOLDER WORKFLOWS AT_ONCE

FOLDER holds the documents. Each step is an activity. The server keeps its SQLite file on disk and
with the settings of the others (WAL, synchronous=NORMAL; its own default takes four times as
long), and listens on the loopback device only.
"""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import steps

QUEUE = "bench"
PATIENCE_SECONDS = 60


@activity.defn
async def take_step(number: int, folder: str) -> dict[str, Any]:
    """One entry in the history."""
    return steps.take(number, folder)


@workflow.defn
class TakeSteps:
    """All of them, one after the other."""

    @workflow.run
    async def run(self, folder: str) -> None:
        """Take them."""
        for number in range(steps.STEPS):
            await workflow.execute_activity(
                take_step,
                args=[number, folder],
                start_to_close_timeout=timedelta(minutes=1),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )


async def time_workflows(client: Client, folder: str, workflows: int, at_once: int) -> float:
    """Seconds for all of them."""
    room = asyncio.Semaphore(at_once)

    async def one(name: str) -> None:
        async with room:
            await client.execute_workflow(TakeSteps.run, folder, id=name, task_queue=QUEUE)

    await one("first")  # what the first one imports is not measured
    started = time.perf_counter()
    await asyncio.gather(*(one(str(number)) for number in range(workflows)))
    return time.perf_counter() - started


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """The address of a server that runs while the block does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    program = Path(sys.executable).with_name("temporal")
    place = ["--ip", "127.0.0.1", "--port", port, "--db-filename", str(file)]
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
        place += ["--sqlite-pragma", pragma]
    process = subprocess.Popen(
        [program, "server", "start-dev", "--headless", "--log-level", "never", *place],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


async def _connect(address: str) -> Client:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await Client.connect(address)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


async def main(folder: str, workflows: int, at_once: int) -> None:
    """Serve, measure, print."""
    with (
        tempfile.TemporaryDirectory(prefix="lamplighter-bench-") as place,
        serving(Path(place, "temporal.db")) as address,
    ):
        client = await _connect(address)
        async with Worker(client, task_queue=QUEUE, workflows=[TakeSteps], activities=[take_step]):
            seconds = await time_workflows(client, folder, workflows, at_once)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
