"""Due schedules become runs; pending runs go to the queue. One transaction each way."""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from ulid import ULID

from lamplighter import clock
from lamplighter.schedule import Once, next_due
from lamplighter.store.agents import current_version
from lamplighter.store.database import decide_alone
from lamplighter.store.pauses import find_pause
from lamplighter.store.runs import Run, create_run, find_active, take_admissible
from lamplighter.store.schedules import (
    DueSchedule,
    Occurrence,
    earliest_due,
    record_occurrence,
    set_next_due,
    take_due,
)

BATCH = 100
"""Due schedules handled in one transaction."""

CATCH_UP = timedelta(hours=24)
"""How late an occurrence may still run."""

MOMENTS = 1000
"""Due moments of one schedule that are accounted for one by one after a long sleep."""

Enqueue = Callable[[sa.Connection, Run], None]
"""Puts a run into the durable queue within the caller's transaction."""


def occurrence_run_id(schedule_id: str, due_at: datetime) -> str:
    """The id of the one run that an occurrence can become.

    A ULID whose time is the due time and whose random part is a hash of schedule and due time:
    it sorts with all other runs, and nothing can fire twice.
    """
    milliseconds = int(due_at.timestamp() * 1000)
    digest = hashlib.sha256(f"{schedule_id}@{milliseconds}".encode()).digest()
    return str(ULID(milliseconds.to_bytes(6, "big") + digest[:10]))


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

    def tick(self, now: datetime) -> int:
        """Do all that is to be done at ``now``; the number of runs that went to the queue."""
        admitted = 0
        while True:
            with self.engine.begin() as connection:
                decide_alone(connection)
                due = take_due(connection, now, BATCH) if self.fires else []
                for schedule in due:
                    self._fire(connection, schedule, now)
                for run in take_admissible(connection, self.max_concurrent_runs, now):
                    self.enqueue(connection, run)
                    admitted += 1
            if len(due) < BATCH:
                return admitted

    async def wait(self, woken: asyncio.Event) -> None:
        """Until a schedule is due, somebody wakes us, or the poll interval is over."""
        seconds = self.poll_interval
        if self.fires and (due := await asyncio.to_thread(earliest_due, self.engine)):
            seconds = min(seconds, (due - clock.now()).total_seconds())
        # Not wait_for: up to Python 3.11 it swallows a cancel that comes as the event is set.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0)):
                await woken.wait()
        woken.clear()

    def _fire(self, connection: sa.Connection, due: DueSchedule, now: datetime) -> None:
        """Account for every due moment up to ``now``; only the last of them may run."""
        *earlier, last = moments = _moments_due(due, now)
        for at in earlier:
            missed = Occurrence(due.id, at, due.agent, "missed", "a later one was due as well")
            record_occurrence(connection, missed)
        if len(moments) < MOMENTS:
            record_occurrence(connection, self._occur(connection, due, last, now))
        else:
            reason = f"late, with more than {MOMENTS} others until {now:%Y-%m-%d %H:%M} UTC"
            record_occurrence(connection, Occurrence(due.id, last, due.agent, "missed", reason))
        set_next_due(connection, due.id, next_due(due.schedule, now, anchor=due.anchor_at))

    def _occur(
        self, connection: sa.Connection, due: DueSchedule, at: datetime, now: datetime
    ) -> Occurrence:
        """Make a run of one occurrence, or say why not."""
        if now - at > CATCH_UP and not isinstance(due.schedule.timing, Once):
            reason = f"more than {CATCH_UP // timedelta(hours=1)} hours late"
            return Occurrence(due.id, at, due.agent, "missed", reason)
        if pause := find_pause(connection, due.agent):
            return Occurrence(due.id, at, due.agent, "skipped", f"paused: {pause.reason}")
        if active := find_active(connection, due.agent):
            reason = f"the agent's run {active.id} is {active.status}"
            return Occurrence(due.id, at, due.agent, "skipped", reason, active.id)
        version = current_version(connection, due.agent)
        if version is None:
            return Occurrence(due.id, at, due.agent, "skipped", "the agent's file is gone")
        run = Run(
            id=occurrence_run_id(due.id, at),
            agent=due.agent,
            version=version,
            trigger="scheduled",
            message="",
            status="pending",
            created_at=now,
            due_at=at,
        )
        create_run(connection, run)
        return Occurrence(due.id, at, due.agent, "ran", run_id=run.id)


def _moments_due(due: DueSchedule, now: datetime) -> list[datetime]:
    """The due moments up to ``now``, from the first one; at most ``MOMENTS``."""
    moments: list[datetime] = []
    upcoming: datetime | None = due.due_at
    while upcoming is not None and upcoming <= now and len(moments) < MOMENTS:
        moments.append(upcoming)
        upcoming = next_due(due.schedule, upcoming, anchor=due.anchor_at)
    return moments
