"""Performs what people have approved: once, or it is known to be uncertain."""

import asyncio
import logging
from typing import TYPE_CHECKING

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.engine.failures import note_after_approval
from lamplighter.engine.threads import transact
from lamplighter.errors import LamplighterError
from lamplighter.outbox import INTERRUPTED, go_on
from lamplighter.roster import Roster
from lamplighter.store.approvals import take_abandoned, take_approved
from lamplighter.store.database import is_shared
from lamplighter.store.outbox import Entry, State, settle
from lamplighter.store.runs import get_run
from lamplighter.store.workers import list_members

if TYPE_CHECKING:
    from lamplighter.outbox import Effect
    from lamplighter.tools.mcp import Servers

log = logging.getLogger(__name__)

ACT_SECONDS = 300.0
"""How long one effect may take."""
STOP_SECONDS = 5.0
"""How long a process that ends waits for one."""


class Approved:
    """What was approved and is being performed in this process.

    Args:
        engine: The workspace's database.
        settings: Its settings.
        worker: What this process is known by.
    """

    def __init__(self, engine: sa.Engine, settings: Settings, worker: str) -> None:
        self.engine = engine
        self.worker = worker
        self.home = Roster(settings, engine)
        self.under_way: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Begin to perform what has been approved, and settle what others have left behind."""
        for entry, is_new in await transact(self._take):
            task = asyncio.create_task(self._perform(entry, is_new=is_new))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)

    async def end(self, seconds: float | None) -> None:
        """Wait for what is under way."""
        if self.under_way:
            await asyncio.wait(self.under_way, timeout=seconds)

    async def stop(self) -> None:
        """Wait a little, and leave the rest to whoever comes next: as uncertain, where it is."""
        await self.end(STOP_SECONDS)
        for task in (left := list(self.under_way)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _take(self) -> list[tuple[Entry, bool]]:
        """What is this process's now, and whether nobody can have performed it yet."""
        now = clock.now()
        living = {self.worker}
        if is_shared(self.engine):
            living |= {member.id for member in list_members(self.engine) if not member.gone}
        approved = [(each, True) for each in take_approved(self.engine, self.worker, now)]
        left = take_abandoned(self.engine, self.worker, living, now)
        return approved + [(each, False) for each in left]

    async def _perform(self, entry: Entry, *, is_new: bool) -> None:
        try:
            async with asyncio.timeout(ACT_SECONDS):
                done = await self._act(entry, is_new=is_new)
        except Exception as error:  # the other effects go on, whatever became of this one
            unforeseen = not isinstance(error, LamplighterError)
            log.info("effect %s: %s", entry.id, error, exc_info=unforeseen)
            done = await self._settle(entry, "uncertain", str(error) or INTERRUPTED)
        await asyncio.to_thread(self._tell, done)

    async def _act(self, entry: Entry, *, is_new: bool) -> Entry:
        servers = await asyncio.to_thread(self._servers)
        async with servers:
            try:
                effect = await asyncio.to_thread(self._revive, entry, servers)
            except LamplighterError as error:
                in_doubt = not is_new or entry.again_after == "uncertain"
                state: State = "uncertain" if in_doubt else "refused"
                return await self._settle(entry, state, str(error))
            return await go_on(self.engine, entry, effect, is_new=is_new)

    def _servers(self) -> "Servers":
        from lamplighter.tools.mcp import Servers  # takes a while, so in a thread

        return Servers(self.home.settings, self.home.engine)

    def _revive(self, entry: Entry, servers: "Servers") -> "Effect":
        from lamplighter.engine.revival import revive

        return revive(entry, self.home, servers)

    async def _settle(self, entry: Entry, state: State, error: str) -> Entry:
        return await asyncio.to_thread(settle, self.engine, entry.id, state, error=error)

    def _tell(self, entry: Entry) -> None:
        log.info("%s to %s: %s", entry.kind, entry.destination, entry.state)
        with self.engine.begin() as connection:
            run = get_run(self.engine, entry.run_id)
            note_after_approval(connection, run, entry, clock.now())
