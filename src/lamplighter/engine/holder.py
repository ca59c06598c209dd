"""The one process that holds a workspace: it alone runs DBOS, scheduler and worker."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.engine import control
from lamplighter.engine.durable import Durable
from lamplighter.engine.scheduler import Scheduler
from lamplighter.engine.worker import Worker
from lamplighter.errors import WorkspaceHeld
from lamplighter.store.agents import save_agents
from lamplighter.store.database import open_database
from lamplighter.workspace import read_catalogue

log = logging.getLogger(__name__)

LOCK = "lock"
RETRY_SECONDS = 1.0
"""How long to wait after a round that failed, say because the disk is full."""


class Holder:
    """Scheduler, queue and worker of one workspace, in this process.

    Args:
        settings: The workspace's settings.
        engine: The workspace's database.
        fires: Whether schedules fire here; otherwise only runs that were asked for.
    """

    def __init__(self, settings: Settings, engine: sa.Engine, *, fires: bool) -> None:
        self.settings = settings
        self.engine = engine
        self.woken = asyncio.Event()
        self.worker = Worker(engine, settings, on_end=self.woken.set)
        self.durable = Durable(settings.state_dir, self.worker.carry_out)
        self.scheduler = Scheduler(
            engine=engine,
            enqueue=self.durable.enqueue,
            max_concurrent_runs=settings.max_concurrent_runs,
            fires=fires,
            poll_interval=settings.scheduler_poll_interval,
        )

    async def read_agents(self) -> None:
        """Make the schedules what the agent files say."""
        await asyncio.to_thread(self._read_agents)
        self.woken.set()

    async def make_rounds(self) -> None:
        """For ever: stop what was cancelled, start what is due, sleep until there is more."""
        while True:
            try:
                await self.worker.stop_cancelled()
                if await asyncio.to_thread(self.scheduler.tick, clock.now()):
                    await asyncio.to_thread(self.durable.start_queued)
                await self.worker.stop_cancelled()  # those that gave way to what is due now
                await self.scheduler.wait(self.woken)
            except Exception:  # the loop goes on, whatever one round met
                log.exception("a round failed; trying again")
                await asyncio.sleep(RETRY_SECONDS)

    async def drain(self, seconds: float) -> None:
        """Give the runs that are under way some time to end."""
        if self.worker.under_way:
            await asyncio.wait(self.worker.under_way.values(), timeout=seconds)
        await self.worker.writer.flush()

    def _read_agents(self) -> None:
        catalogue = read_catalogue(self.settings)
        for problem in catalogue.problems:
            log.warning("%s", problem)
        with self.engine.begin() as connection:
            save_agents(connection, catalogue, self.settings.timezone, clock.now())


@asynccontextmanager
async def hold(settings: Settings, *, fires: bool) -> AsyncIterator[Holder]:
    """Hold the workspace and run the engine in it; ``make_rounds`` is the caller's to start.

    Raises:
        WorkspaceHeld: Another process holds it.
    """
    with _locked(settings.state_dir):
        engine = open_database(settings.state_dir)
        holder = Holder(settings, engine, fires=fires)
        await holder.read_agents()
        await holder.durable.launch()
        server = await control.listen(settings.state_dir, holder.woken.set)
        try:
            yield holder
        finally:
            server.close()
            await asyncio.to_thread(holder.durable.close)
            engine.dispose()


@asynccontextmanager
async def making_rounds(holder: Holder) -> AsyncIterator[None]:
    """Make the rounds while the block runs."""
    rounds = asyncio.create_task(holder.make_rounds())
    try:
        yield
    finally:
        rounds.cancel()
        with suppress(asyncio.CancelledError):
            await rounds


@contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    """The workspace's lock; the system lets go of it when the process dies, however it dies."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(state_dir / LOCK, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise WorkspaceHeld(
            f"{state_dir.parent} is held by another process of Lamplighter. "
            "One process at a time runs a workspace; the other commands work beside it."
        ) from error
    try:
        yield
    finally:
        lock.release()
