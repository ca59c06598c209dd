"""Due schedules become runs; pending runs go to the queue. A transaction for some at a time."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.engine.firing import fire
from lamplighter.engine.threads import transact
from lamplighter.schedule import describe_seconds
from lamplighter.store.database import decide_alone
from lamplighter.store.runs import Run, take_admissible, take_admissible_turns
from lamplighter.store.schedules import bring_forward, earliest_due, take_due

log = logging.getLogger(__name__)

BATCH = 100
"""Due schedules handled in one transaction."""

TURNS_AT_ONCE = 3
"""Turns of one person's chats that are under way at once; no background run holds them up."""

JUMP = timedelta(seconds=5)
"""By how much the clock may differ from the time that passed before that is a jump."""

Enqueue = Callable[[sa.Connection, Run], None]
"""Puts a run into the durable queue within the caller's transaction."""


@dataclass
class Scheduler:
    """Turns due schedules into queued runs.

    Attributes:
        engine: The workspace's database.
        enqueue: Puts a run into the durable queue.
        max_concurrent_runs: Runs under way at once, at most.
        fires: Whether schedules fire; otherwise only runs that somebody asked for are admitted.
        poll_interval: Seconds after which to look again even if nobody woke it.
    """

    engine: sa.Engine
    enqueue: Enqueue
    max_concurrent_runs: int
    fires: bool
    poll_interval: float
    _last_round: tuple[datetime, float] | None = field(default=None, init=False, repr=False)
    _busy_seconds: float = field(default=0, init=False, repr=False)

    def tick(self, now: datetime) -> int:
        """Do what is to be done at ``now``; the number of runs that went to the queue.

        Of what is due at most ``BATCH``, so that the first can start, and others can write, while
        the rest waits for the next tick.
        """
        self._notice_jump(now)
        began = clock.monotonic()
        with self.engine.begin() as connection:
            decide_alone(connection)
            if self.fires:
                fire(connection, take_due(connection, now, BATCH), now)
            admitted = take_admissible(connection, self.max_concurrent_runs, now)
            admitted += take_admissible_turns(connection, TURNS_AT_ONCE, now)
            for run in admitted:
                self.enqueue(connection, run)
        self._busy_seconds = clock.monotonic() - began
        return len(admitted)

    async def wait(self, woken: asyncio.Event) -> None:
        """Until a schedule is due, somebody wakes us, or the poll interval is over.

        When more is due already, for as long as the last tick took: whoever waits for SQLite looks
        for a gap now and then, and finds none between transactions that follow at once.
        """
        seconds = self.poll_interval
        if self.fires and (due := await transact(earliest_due, self.engine)):
            seconds = min(seconds, (due - clock.now()).total_seconds())
        if seconds <= 0:
            await asyncio.sleep(self._busy_seconds)
            return
        # Not wait_for: up to Python 3.11 it swallows a cancel that comes as the event is set.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken.wait()
        woken.clear()

    def _notice_jump(self, now: datetime) -> None:
        """Compare how far the clock went with how much time passed, and act on a difference.

        After a jump forward (a sleep, too) whatever has become due is dealt with as always. After
        a jump backward nothing that fired fires again, and what is due earlier now is found.
        """
        passed = clock.monotonic()
        before, self._last_round = self._last_round, (now, passed)
        if before is None:
            return
        jump = now - before[0] - timedelta(seconds=passed - before[1])
        if abs(jump) < JUMP:
            return
        words = describe_seconds(round(abs(jump).total_seconds()))
        if jump > JUMP:
            log.warning("the clock went forward by %s: it was set, or the machine slept", words)
            return
        earlier = bring_forward(self.engine, now) if self.fires else 0
        log.warning("the clock was put back by %s; %d schedules are due earlier", words, earlier)
