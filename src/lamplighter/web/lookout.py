"""Looks at runs under way for all who watch them: once for each run, however many watch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

from lamplighter import clock
from lamplighter.accounts import Caller, is_current
from lamplighter.errors import NotFound
from lamplighter.roster import Roster
from lamplighter.store.events import Event, list_events
from lamplighter.store.runs import Run, get_run

LOOK_SECONDS = 0.2
"""How often a run is looked at; another process may carry it out."""

BEAT_SECONDS = 15
"""Who has heard nothing for so long is told that we are still here."""

RIGHTS_SECONDS = 1
"""How often it is asked whether somebody still may watch; and always before they are told more."""


@dataclass
class Watched:
    """A run that somebody watches.

    Attributes:
        run: As it was at the last look; ``None`` before the first, and when it is gone.
        record: Its events, from the first.
        over: Whether there is nothing more to come.
        memo: For what many viewers are shown alike; emptied when something is new.
    """

    run: Run | None = None
    record: list[Event] = field(default_factory=list)
    over: bool = False
    viewers: int = 0
    memo: dict[object, str] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None


class Lookout:
    """The runs that are watched in this process.

    Args:
        home: The workspace.
    """

    def __init__(self, home: Roster) -> None:
        self.home = home
        self.watched: dict[str, Watched] = {}

    async def follow(
        self, caller: Caller, run_id: str, after: int
    ) -> AsyncIterator[tuple[Watched, list[Event]]]:
        """What is new in a run after an event's number, until it has ended or they may not.

        Gives the run with its new events, or with none when nothing has happened for
        ``BEAT_SECONDS``.
        """
        watched = self._join(run_id)
        asked, silent = clock.monotonic(), 0
        try:
            while True:
                changed = watched.changed  # taken before looking, so that nothing is missed
                new = watched.record[after:]
                if new or clock.monotonic() - asked >= RIGHTS_SECONDS:
                    asked = clock.monotonic()
                    if not await asyncio.to_thread(self._may, caller, watched.run):
                        return
                if new:
                    after = new[-1].seq
                    yield watched, new
                if watched.over:
                    return
                silent = 0 if await _heard(changed) else silent + RIGHTS_SECONDS
                if silent >= BEAT_SECONDS:
                    silent = 0
                    yield watched, []
        finally:
            self._leave(run_id, watched)

    def _join(self, run_id: str) -> Watched:
        watched = self.watched.setdefault(run_id, Watched())
        watched.viewers += 1
        if watched.task is None:
            watched.task = asyncio.create_task(self._watch(run_id, watched))
        return watched

    def _leave(self, run_id: str, watched: Watched) -> None:
        watched.viewers -= 1
        if not watched.viewers:
            if watched.task:
                watched.task.cancel()
            if self.watched.get(run_id) is watched:
                del self.watched[run_id]

    async def _watch(self, run_id: str, watched: Watched) -> None:
        while not watched.over:
            await asyncio.to_thread(self._look, run_id, watched)
            watched.changed.set()
            watched.changed = asyncio.Event()
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self, run_id: str, watched: Watched) -> None:
        try:
            run = get_run(self.home.engine, run_id)  # before its events: none is missed at the end
        except NotFound:
            watched.over = True
            return
        new = list_events(self.home.engine, run_id, after=len(watched.record))
        if new or run != watched.run:
            watched.memo.clear()
        watched.run = run
        watched.record.extend(new)
        watched.over = run.ended and not new

    def _may(self, caller: Caller, run: Run | None) -> bool:
        if not is_current(self.home.settings, self.home.engine, caller):
            return False
        return run is None or self.home.sight(caller).admits(run.agent)


async def _heard(changed: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(RIGHTS_SECONDS):
            return await changed.wait()
    return False
