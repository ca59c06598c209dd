"""Keep the sources synced: each as often as its settings say, and folders as they change."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from watchfiles import awatch

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.errors import Conflict, LamplighterError
from lamplighter.source_config import is_local
from lamplighter.store.sources import list_begun, note_progress
from lamplighter.sync import Progress, SyncReport, sync_source

log = logging.getLogger(__name__)

SETTLE_MILLISECONDS = 100
"""How long changes may go on before we act on the first of them."""

RETRY_SECONDS = 5.0
"""After this long we try again to watch a folder that cannot be watched."""

LONGEST_SECONDS = 60.0
"""So often we look whether something is due: another process may have synced it meanwhile."""

TELL_SECONDS = 1.0
"""So often it is recorded how far a sync is, and seen whether somebody asks for one."""

Tell = Callable[[str, SyncReport | LamplighterError], None]


async def keep_synced(
    engine: sa.Engine,
    settings: Settings,
    names: Collection[str],
    tell: Tell,
    woken: asyncio.Event | None = None,
) -> None:
    """Sync these sources for ever.

    Args:
        engine: The workspace's database.
        settings: Where the sources are named.
        names: Which of them.
        tell: Told what each sync did, or why it did nothing.
        woken: Set when something may have been asked for; cleared here.
    """
    async with asyncio.TaskGroup() as group:
        found = [_Source(engine, settings, name, tell) for name in names]
        for source in found:
            if folder := source.folder():
                group.create_task(follow(folder, source.sync))
            group.create_task(source.sync_when_due())
        if woken and found:
            group.create_task(_hear(engine, found, woken))


async def _hear(engine: sa.Engine, sources: "Collection[_Source]", woken: asyncio.Event) -> None:
    """For ever: let those be synced that somebody asks for."""
    while True:
        await woken.wait()
        woken.clear()
        begun = await asyncio.to_thread(list_begun, engine)
        for source in sources:
            if source.name not in begun:
                source.asked.set()
        await asyncio.sleep(TELL_SECONDS)  # whoever wakes an engine often, means something else


def list_far(settings: Settings) -> list[str]:
    """The sources that every machine of a fleet can read: those that are no files or programs."""
    return [name for name, each in settings.sources.items() if not is_local(each)]


async def follow(folder: Path, act: Callable[[], Awaitable[None]]) -> None:
    """Call ``act`` now, and again after each change below ``folder``."""
    while True:
        try:
            watcher = awatch(folder, debounce=SETTLE_MILLISECONDS, step=20)
            upcoming = asyncio.ensure_future(anext(watcher))
            await asyncio.sleep(0)  # now it watches, so that nothing is missed while we act
            while True:
                await act()
                await upcoming
                upcoming = asyncio.ensure_future(anext(watcher))
        except OSError as error:
            log.warning("cannot watch %s: %s", folder, error)
            await asyncio.sleep(RETRY_SECONDS)


async def follow_later(folder: Path, act: Callable[[], Awaitable[None]]) -> None:
    """As ``follow``, once the folder is there."""
    watcher = awatch(folder.parent, recursive=False, debounce=SETTLE_MILLISECONDS, step=20)
    upcoming = asyncio.ensure_future(anext(watcher))
    await asyncio.sleep(0)  # now it watches
    while not await asyncio.to_thread(folder.is_dir):
        await upcoming
        upcoming = asyncio.ensure_future(anext(watcher))
    upcoming.cancel()
    await asyncio.wait([upcoming])
    await follow(folder, act)


def log_report(name: str, result: SyncReport | LamplighterError) -> None:
    """Say in the log what a sync did, if it did something."""
    if isinstance(result, LamplighterError):
        log.warning("source %s: %s", name, result)
    elif result.added or result.updated or result.deleted:
        counts = (result.added, result.updated, result.deleted, len(result.skipped))
        log.info("source %s: %d added, %d updated, %d deleted, %d skipped", name, *counts)


@dataclass(slots=True)
class _Teller:
    """Records how far a sync is, now and then."""

    engine: sa.Engine
    told_at: float = field(default_factory=clock.monotonic)

    def __call__(self, progress: Progress) -> None:
        now = clock.monotonic()
        if now - self.told_at < TELL_SECONDS:
            return
        self.told_at = now
        with self.engine.begin() as connection:
            note_progress(connection, progress.source, progress.done, progress.total)


@dataclass(frozen=True, slots=True)
class _Source:
    """One source that is kept synced."""

    engine: sa.Engine
    settings: Settings
    name: str
    tell: Tell
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def folder(self) -> Path | None:
        """The local folder whose changes are news; ``None`` for what is elsewhere."""
        config = self.settings.sources[self.name]
        path = getattr(config, "path", "")
        if config.owner or not path or "://" in path or "::" in path:
            return None
        return self.settings.workspace / Path(path).expanduser()

    async def sync_when_due(self) -> None:
        """For ever: sync, once it is so long ago as the settings say."""
        every = self.settings.sources[self.name].every
        while True:
            begun = (await asyncio.to_thread(list_begun, self.engine)).get(self.name)
            ago = (clock.now() - begun).total_seconds() if begun else every
            if 0 <= ago < every:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(every - ago, LONGEST_SECONDS)):
                        await self.asked.wait()
            else:
                await self.sync()
            self.asked.clear()

    async def sync(self) -> None:
        """Sync once; when this is cancelled, the sync stops after the item that it is at."""
        stop = threading.Event()
        call = partial(
            sync_source,
            self.engine,
            self.settings,
            self.name,
            stop=stop.is_set,
            progress=_Teller(self.engine),
        )
        async with self.one_at_a_time:
            work = asyncio.ensure_future(asyncio.to_thread(call))
            try:
                self.tell(self.name, await asyncio.shield(work))
            except asyncio.CancelledError:
                stop.set()
                await asyncio.wait([work])
                raise
            except Conflict:
                await asyncio.sleep(RETRY_SECONDS)  # another process is at it
            except LamplighterError as error:
                self.tell(self.name, error)
