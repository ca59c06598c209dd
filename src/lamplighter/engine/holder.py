"""What runs the engine: the one process that holds a workspace, or one of a fleet."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from filelock import FileLock, Timeout

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.engine import control
from lamplighter.engine.approvals import expire
from lamplighter.engine.approved import Approved
from lamplighter.engine.durable import Durable
from lamplighter.engine.fleet import Membership
from lamplighter.engine.rowboat import StateFile
from lamplighter.engine.scheduler import Scheduler
from lamplighter.engine.threads import transact
from lamplighter.engine.upkeep import LOOK_SECONDS, LOOKS_PER_PRUNING, Upkeep
from lamplighter.engine.worker import Worker
from lamplighter.errors import WorkspaceHeld
from lamplighter.store.agents import save_agents
from lamplighter.store.database import is_shared, open_database
from lamplighter.workspace import is_rowboat, read_catalogue

T = TypeVar("T")
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
        self.asked = asyncio.Event()
        self.state_file = (
            None if settings.database_url or not fires else StateFile(settings, engine)
        )
        self.worker = Worker(engine, settings, on_end=self.woken.set)
        self.approved = Approved(engine, settings, self.worker.id)
        self.durable = Durable(settings.database, self.worker.id, self.worker.carry_out)
        self.upkeep = Upkeep(settings, engine, self.durable.forget)
        self.scheduler = Scheduler(
            engine=engine,
            enqueue=self.durable.enqueue,
            max_concurrent_runs=settings.max_concurrent_runs,
            fires=fires,
            poll_interval=settings.scheduler_poll_interval,
        )

    def wake(self) -> None:
        """Somebody asks for something: rounds and syncs look for what it is."""
        self.woken.set()
        self.asked.set()

    async def read_agents(self) -> None:
        """Make the schedules what the agent files say."""
        await asyncio.to_thread(self._read_agents)
        self.woken.set()

    async def make_rounds(self) -> None:
        """For ever: start what is due, stop what was cancelled, sleep until there is more."""
        while True:
            try:
                await transact(self._go_round)
                await self.worker.stop_cancelled()  # also what gave way to that which is due now
                await self.approved.begin()
                await self.scheduler.wait(self.woken)
            except Exception:  # the loop goes on, whatever one round met
                log.exception("a round failed; trying again")
                await asyncio.sleep(RETRY_SECONDS)

    async def keep_up(self) -> None:
        """For ever: notice silence and prune what is old, apart from the rounds."""
        for look in count():
            try:
                await _in_thread(partial(self.upkeep.note_silence, clock.now()))
                await _in_thread(partial(self.upkeep.note_expiries, clock.now()))
                await _in_thread(partial(expire, self.engine, clock.now()))
                if look % LOOKS_PER_PRUNING == 0:
                    await self._go_through(self.upkeep.prune(clock.now()), "pruned %d old rows")
                await self._go_through(self.upkeep.embed(), "embedded %d documents")
            except Exception:  # the runs go on, whatever became of this
                log.exception("the upkeep failed; trying again")
            await asyncio.sleep(LOOK_SECONDS)

    async def _go_through(self, steps: Iterator[int], message: str) -> None:
        """Do something in steps, so that the process can stop in between."""
        total = 0
        while (done := await _in_thread(partial(next, steps, None))) is not None:
            total += done
        if total:
            log.info(message, total)

    async def drain(self, seconds: float) -> None:
        """Give the runs that are under way some time to end."""
        if self.worker.under_way:
            await asyncio.wait(self.worker.under_way.values(), timeout=seconds)
        await self.approved.end(seconds)
        await self.worker.writer.flush()

    def _go_round(self) -> None:
        state_file = self.state_file if is_rowboat(self.settings.workspace) else None
        if state_file and state_file.is_foreign():
            self.scheduler.fires, self.state_file = False, None
            state_file.note_foreign(clock.now())
            state_file = None
        admitted = self.scheduler.tick(clock.now())
        if state_file:
            state_file.write()
        if admitted or is_shared(self.engine):
            self.durable.start_queued()
        if admitted and is_shared(self.engine):
            control.wake_engine(self.engine, self.settings.state_dir)  # others may have room

    def _read_agents(self) -> None:
        catalogue = read_catalogue(self.settings)
        for problem in catalogue.problems:
            log.warning("%s", problem)
        with self.engine.begin() as connection:
            now = clock.now()
            state_file = self.state_file if is_rowboat(self.settings.workspace) else None
            if state_file and not state_file.taken_over:
                state_file.take_over(connection, catalogue)
            save_agents(connection, catalogue, self.settings.timezone, now)
            if state_file and not state_file.taken_over:
                state_file.go_on(connection, catalogue, now)


@asynccontextmanager
async def hold(
    settings: Settings, *, fires: bool, reads_agents: bool = True
) -> AsyncIterator[Holder]:
    """Run the engine in the workspace; ``making_rounds`` is the caller's to enter.

    On SQLite this process then holds the workspace alone; on PostgreSQL it is one of a fleet.

    Args:
        settings: The workspace's settings.
        fires: Whether schedules fire here.
        reads_agents: Whether this workspace's agent files are those that count.

    Raises:
        WorkspaceHeld: Another process holds it.
    """
    async with AsyncExitStack() as stack:
        if not settings.database_url:
            stack.enter_context(locked(settings.state_dir))
        engine = open_database(settings.database)
        stack.callback(engine.dispose)
        holder = Holder(settings, engine, fires=fires)
        stack.push_async_callback(holder.approved.stop)
        if reads_agents and not settings.team:
            # Before anything fires by what the files said last time.
            await holder.read_agents()
        membership = Membership(engine, holder.worker.id, holder.durable.take_over)
        if is_shared(engine):
            stack.callback(membership.leave)
            membership.join()  # before it takes any run, or nobody would know whose that was
        await holder.durable.launch()
        stack.push_async_callback(asyncio.to_thread, holder.durable.close)
        await stack.enter_async_context(control.listening(engine, settings.state_dir, holder.wake))
        yield holder


@asynccontextmanager
async def making_rounds(holder: Holder) -> AsyncIterator[None]:
    """Make the rounds while the block runs, and look after the workspace."""
    # Before the first round accounts for what was due meanwhile.
    await asyncio.to_thread(holder.upkeep.note_silence, clock.now())
    tasks = [asyncio.create_task(each()) for each in (holder.make_rounds, holder.keep_up)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _in_thread(call: Callable[[], T]) -> T:
    """``call`` in a thread, and to its end: also when this task is cancelled meanwhile."""
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def is_held(state_dir: Path) -> bool:
    """Whether some process holds the workspace."""
    if not (state_dir / LOCK).exists():
        return False
    try:
        with locked(state_dir):
            return False
    except WorkspaceHeld:
        return True


@contextmanager
def locked(state_dir: Path) -> Iterator[None]:
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
