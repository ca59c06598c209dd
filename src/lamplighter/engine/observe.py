"""Say what would fire, and fire nothing: for a folder that another program runs."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.schedule import next_due
from lamplighter.store.pauses import list_pauses
from lamplighter.store.schedules import list_enabled

LOOK_SECONDS = 5.0
"""How often to look whether the files have changed."""


async def observe(engine: sa.Engine, timezone: str, say: Callable[[str], None]) -> None:
    """For ever: say what would fire next, and that it would have fired when its time has come."""
    after, told = clock.now(), None
    while True:
        upcoming = await asyncio.to_thread(find_next, engine, after)
        if upcoming and upcoming != told:
            say(f"Next: {_local(upcoming[0], timezone)} {', '.join(upcoming[1])}")
        told = upcoming
        if upcoming and upcoming[0] <= clock.now():
            say(f"{_local(upcoming[0], timezone)} would fire: {', '.join(upcoming[1])}")
            after = upcoming[0]
            continue
        remaining = (upcoming[0] - clock.now()).total_seconds() if upcoming else LOOK_SECONDS
        await asyncio.sleep(max(min(remaining, LOOK_SECONDS), 0))


def find_next(engine: sa.Engine, after: datetime) -> tuple[datetime, list[str]] | None:
    """The next due moment after ``after``, and the agents that are due then."""
    paused = list_pauses(engine)
    dues = [
        (due, each.agent)
        for each in list_enabled(engine)
        if each.agent not in paused
        and (due := next_due(each.schedule, after, anchor=each.anchor_at, seed=each.id))
    ]
    if not dues:
        return None
    first = min(dues)[0]
    return first, sorted(agent for due, agent in dues if due == first)


def _local(moment: datetime, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M:%S}"
