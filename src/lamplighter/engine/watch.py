"""Follow the workspace's files: agents and sources take effect when they are saved."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from watchfiles import awatch

from lamplighter.definitions.catalogue import FOLDER
from lamplighter.definitions.rowboat import CONFIG
from lamplighter.engine.holder import Holder
from lamplighter.errors import LamplighterError
from lamplighter.sync import sync_source

log = logging.getLogger(__name__)

SETTLE_MILLISECONDS = 100
"""How long changes may go on before we act on the first of them."""

RETRY_SECONDS = 5.0
"""After this long we try again to watch a folder that cannot be watched."""


async def follow_workspace(holder: Holder) -> None:
    """Read agents and sources now, and again whenever their files change."""
    settings = holder.settings
    agents = settings.workspace / FOLDER
    agents.mkdir(exist_ok=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(_keep_current(agents, holder.read_agents))
        if (settings.workspace / CONFIG).is_dir():
            group.create_task(_keep_current(settings.workspace / CONFIG, holder.read_agents))
        for name, source in settings.sources.items():
            folder = settings.workspace / source.path
            group.create_task(_keep_current(folder, partial(_sync, holder, name)))


async def _keep_current(folder: Path, act: Callable[[], Awaitable[None]]) -> None:
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


async def _sync(holder: Holder, name: str) -> None:
    settings = holder.settings
    try:
        report = await asyncio.to_thread(
            sync_source, holder.engine, name, settings.sources[name], settings.workspace
        )
    except LamplighterError as error:
        log.warning("source %s: %s", name, error)
    else:
        if report.added or report.updated or report.deleted:
            log.info(
                "source %s: %d added, %d updated, %d deleted, %d skipped",
                name,
                report.added,
                report.updated,
                report.deleted,
                len(report.skipped),
            )
