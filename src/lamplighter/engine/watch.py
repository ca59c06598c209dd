"""Follow the workspace's files: agents and sources take effect when they are saved."""

import asyncio

from lamplighter.definitions.catalogue import FOLDER
from lamplighter.definitions.rowboat import CONFIG
from lamplighter.engine.holder import Holder
from lamplighter.engine.syncing import follow, follow_later, keep_synced, log_report


async def follow_workspace(holder: Holder) -> None:
    """Read agents and sources now, and again whenever their files change or they are due."""
    settings = holder.settings
    agents = settings.workspace / FOLDER
    async with asyncio.TaskGroup() as group:
        if not settings.team:  # where the database says which agents there are
            agents.mkdir(exist_ok=True)
            group.create_task(follow(agents, holder.read_agents))
            group.create_task(follow_later(settings.workspace / CONFIG, holder.read_agents))
        sources = settings.sources
        group.create_task(keep_synced(holder.engine, settings, sources, log_report, holder.asked))
