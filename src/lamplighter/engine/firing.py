"""What becomes of a due moment: it runs, waits, is skipped or was missed; all are recorded."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from ulid import ULID

from lamplighter.schedule import Once, Policy, describe_seconds, latest, next_due, quiet_until
from lamplighter.store.agents import current_version
from lamplighter.store.pauses import find_pause
from lamplighter.store.runs import Run, add_run, list_active, request_cancel
from lamplighter.store.schedules import (
    DueSchedule,
    Occurrence,
    Result,
    record_occurrences,
    recorded_moments,
    set_next_due,
)

MOMENTS = 100
"""Due moments of one schedule that are accounted for one by one after a long sleep, besides
the last ones."""

WAITING = 24
"""Runs of one agent that wait at most."""

SECOND = timedelta(seconds=1)
DAY = timedelta(hours=24)
ON_TIME = timedelta(minutes=1)
"""A due moment that is looked at within this time was not missed."""


def occurrence_run_id(schedule_id: str, due_at: datetime) -> str:
    """The id of the one run that an occurrence can become.

    A ULID whose time is the due time and whose random part is a hash of schedule and due time:
    it sorts with all other runs, and nothing can fire twice.
    """
    milliseconds = int(due_at.timestamp() * 1000)
    digest = hashlib.sha256(f"{schedule_id}@{milliseconds}".encode()).digest()
    return str(ULID(milliseconds.to_bytes(6, "big") + digest[:10]))


def fire(connection: sa.Connection, due: DueSchedule, now: datetime) -> None:
    """Account for every due moment up to ``now``, make the runs, and move the schedule on.

    A moment that is accounted for already (the clock was put back) is passed over.
    """
    _Firing(connection, due, now).carry_out()


@dataclass(frozen=True, slots=True)
class _Firing:
    """One schedule whose time has come, at one moment, in one transaction."""

    connection: sa.Connection
    due: DueSchedule
    now: datetime

    @property
    def policy(self) -> Policy:
        return self.due.schedule.policy

    def carry_out(self) -> None:
        moments, notes = self.moments()
        candidates = moments[-(WAITING if self.policy.catch_up == "all" else 1) :]
        chosen = [at for at in candidates if self.is_in_time(at)]
        awake_at = self.awake_at() if chosen else None
        found = []
        for at in moments:
            if at not in chosen:
                reason = self.missed_because(at, is_candidate=at in candidates)
                found.append(self.account(at, "missed", reason + notes.get(at, "")))
            elif reason := self.quiet_because(at, awake_at):
                found.append(self.account(at, "skipped", reason))
            else:
                found.append(self.start(at, waits=self.waits(at, chosen)))
        record_occurrences(self.connection, found)
        following = awake_at or self.following(self.now)
        set_next_due(self.connection, self.due.id, following)

    def moments(self) -> tuple[list[datetime], dict[datetime, str]]:
        """The due moments up to now that are not accounted for; and what to add about some."""
        found, notes = [self.due.due_at], {}
        while len(found) < MOMENTS and (at := self.following(found[-1])) and at <= self.now:
            found.append(at)
        if len(found) == MOMENTS:
            last = found[-1]
            found += latest(
                self.due.schedule,
                last,
                self.now,
                anchor=self.due.anchor_at,
                seed=self.due.id,
                count=WAITING,
            )
            if len(found) > MOMENTS and self.following(last) != found[MOMENTS]:
                notes[last] = f", as were all others before {found[MOMENTS]:%Y-%m-%d %H:%M:%S} UTC"
        known = recorded_moments(self.connection, self.due.id, found[0], found[-1])
        return [at for at in found if at not in known], notes

    def following(self, after: datetime) -> datetime | None:
        due = self.due
        return next_due(due.schedule, after, anchor=due.anchor_at, seed=due.id)

    def within(self) -> timedelta | None:
        """How late a moment may run; the last one is less than one period late anyway."""
        if self.policy.catch_up == "skip":
            return ON_TIME
        if self.policy.within_seconds is not None:
            return timedelta(seconds=self.policy.within_seconds)
        return None if isinstance(self.due.schedule.timing, Once) else DAY

    def is_in_time(self, at: datetime) -> bool:
        within = self.within()
        return within is None or self.now - at <= within

    def missed_because(self, at: datetime, *, is_candidate: bool) -> str:
        within = self.within()
        if is_candidate and within is not None:
            return f"more than {describe_seconds(within // SECOND)} late"
        if self.policy.catch_up == "all":
            return f"more than {WAITING} were due"
        return "a later one was due as well"

    def awake_at(self) -> datetime | None:
        """When that is due again which the quiet hours now make wait; ``None`` if nothing does."""
        quiet = self.due.schedule.quiet
        if quiet is None or quiet.then == "skip":
            return None
        return quiet_until(self.due.schedule, self.now)

    def quiet_because(self, at: datetime, awake_at: datetime | None) -> str:
        """Why it may not start now; empty if it may."""
        schedule = self.due.schedule
        if awake_at is not None:
            return f"quiet hours; due again at {awake_at:%Y-%m-%d %H:%M} UTC"
        if quiet_until(schedule, at) or quiet_until(schedule, self.now):
            return "quiet hours"
        return ""

    def waits(self, at: datetime, chosen: list[datetime]) -> bool:
        """Whether it waits for an active run: so does all that is caught up with ``all``."""
        is_backlog = self.policy.catch_up == "all" and (len(chosen) > 1 or self.now - at > ON_TIME)
        return is_backlog or self.policy.overlap == "queue"

    def start(self, at: datetime, *, waits: bool) -> Occurrence:
        """Make a run of it, or say why not."""
        current = current_version(self.connection, self.due.agent)
        if current is None:
            return self.account(at, "skipped", "the agent's file is gone")
        if pause := find_pause(self.connection, self.due.agent):
            return self.account(at, "skipped", f"paused: {pause.reason}")
        active = list_active(self.connection, self.due.agent)
        reason = ""
        if active and not waits and self.policy.overlap == "skip":
            reason = f"the agent's run {active[0].id} is {active[0].status}"
            return self.account(at, "skipped", reason, active[0].id)
        if active and self.policy.overlap == "cancel_running":
            reason = f"in place of run {active[0].id}, which was {active[0].status}"
            for run in active:
                request_cancel(self.connection, run.id, self.now)
        elif sum(run.admitted_at is None for run in active) >= WAITING:
            return self.account(at, "skipped", f"{WAITING} runs of the agent wait already")
        elif active:
            reason = f"after run {active[-1].id}"
        run = self.run(at, *current)
        add_run(self.connection, run)
        return self.account(at, "ran", reason, run.id)

    def run(self, at: datetime, version: str, message: str) -> Run:
        return Run(
            id=occurrence_run_id(self.due.id, at),
            agent=self.due.agent,
            version=version,
            trigger="scheduled",
            message=message,
            status="pending",
            created_at=self.now,
            due_at=at,
        )

    def account(
        self, at: datetime, result: Result, reason: str, run_id: str | None = None
    ) -> Occurrence:
        return Occurrence(self.due.id, at, self.due.agent, result, reason, run_id)
