"""What runs the engine: the one process that holds a workspace, or one of a fleet."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.engine import control
from lamplighter.engine.durable import Durable
from lamplighter.engine.fleet import Membership
from lamplighter.engine.scheduler import Scheduler
from lamplighter.engine.worker import Worker
from lamplighter.errors import WorkspaceHeld
from lamplighter.store.agents import save_agents
from lamplighter.store.database import is_shared, open_database
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
        self.durable = Durable(settings.database, self.worker.id, self.worker.carry_out)
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
                await asyncio.to_thread(self._go_round)
                await self.scheduler.wait(self.woken)
            except Exception:  # the loop goes on, whatever one round met
                log.exception("a round failed; trying again")
                await asyncio.sleep(RETRY_SECONDS)

    async def drain(self, seconds: float) -> None:
        """Give the runs that are under way some time to end."""
        if self.worker.under_way:
            await asyncio.wait(self.worker.under_way.values(), timeout=seconds)
        await self.worker.writer.flush()

    def _go_round(self) -> None:
        admitted = self.scheduler.tick(clock.now())
        if admitted or is_shared(self.engine):
            self.durable.start_queued()
        if admitted and is_shared(self.engine):
            control.wake_engine(self.engine, self.settings.state_dir)  # others may have room

    def _read_agents(self) -> None:
        catalogue = read_catalogue(self.settings)
        for problem in catalogue.problems:
            log.warning("%s", problem)
        with self.engine.begin() as connection:
            save_agents(connection, catalogue, self.settings.timezone, clock.now())


@asynccontextmanager
async def hold(settings: Settings, *, fires: bool) -> AsyncIterator[Holder]:
    """Run the engine in the workspace; ``making_rounds`` is the caller's to enter.

    On SQLite this process then holds the workspace alone; on PostgreSQL it is one of a fleet.

    Raises:
        WorkspaceHeld: Another process holds it.
    """
    async with AsyncExitStack() as stack:
        if not settings.database_url:
            stack.enter_context(_locked(settings.state_dir))
        engine = open_database(settings.database)
        stack.callback(engine.dispose)
        holder = Holder(settings, engine, fires=fires)
        membership = Membership(engine, holder.worker.id, holder.durable.take_over)
        if is_shared(engine):
            stack.callback(membership.leave)
        await holder.durable.launch()
        stack.push_async_callback(asyncio.to_thread, holder.durable.close)
        if is_shared(engine):
            membership.join()
        await stack.enter_async_context(
            control.listening(engine, settings.state_dir, holder.woken.set)
        )
        yield holder


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
