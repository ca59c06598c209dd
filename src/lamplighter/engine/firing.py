"""What becomes of due moments: they run, wait, are skipped or were missed; all are recorded.

All that is due is decided together, and the deciding is pure: ``fire`` loads what it depends on,
``decide`` decides, ``fire`` writes. So a tick costs as many statements for one due schedule as
for hundreds.
"""

import hashlib
from bisect import insort
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter

import sqlalchemy as sa
from ulid import ULID

from lamplighter.schedule import Once, Policy, describe_seconds, latest, next_due, quiet_until
from lamplighter.store.agents import current_versions
from lamplighter.store.pauses import Pause, find_pauses
from lamplighter.store.runs import Run, add_runs, list_active, request_cancels
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


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision about due schedules depends on.

    Attributes:
        versions: The current versions of their agents; an agent without a file has none.
        messages: The first messages of their runs.
        pauses: Of those agents that are paused.
        active: The agents' pending and running runs, of each the oldest first.
        recorded: By schedule, the due moments that are accounted for already.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    active: Mapping[str, Sequence[Run]] = field(default_factory=dict)
    recorded: Mapping[str, AbstractSet[datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be written.

    Attributes:
        occurrences: Of every due moment, what became of it.
        runs: New ones.
        cancelled: Ids of runs, new ones too, whose end is to be asked for.
        dues: When each schedule is due next; ``None`` if never again.
    """

    occurrences: list[Occurrence] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    dues: dict[str, datetime | None] = field(default_factory=dict)


def occurrence_run_id(schedule_id: str, due_at: datetime) -> str:
    """The id of the one run that an occurrence can become.

    A ULID whose time is the due time and whose random part is a hash of schedule and due time:
    nothing can fire twice.
    """
    milliseconds = int(due_at.timestamp() * 1000)
    digest = hashlib.sha256(f"{schedule_id}@{milliseconds}".encode()).digest()
    return str(ULID(milliseconds.to_bytes(6, "big") + digest[:10]))


def fire(connection: sa.Connection, due: Sequence[DueSchedule], now: datetime) -> None:
    """Account for every due moment up to ``now``, make the runs, and move the schedules on."""
    if not due:
        return
    decision = decide(due, _load(connection, due, now), now)
    add_runs(connection, decision.runs)
    request_cancels(connection, decision.cancelled, now)
    record_occurrences(connection, decision.occurrences)
    set_next_due(connection, decision.dues)


def decide(due: Sequence[DueSchedule], known: Known, now: datetime) -> Decision:
    """What becomes of schedules that are due, one after the other. Pure.

    A later one sees the runs that an earlier one makes of the same agent. A moment that is
    accounted for already (the clock was put back) is passed over.
    """
    decision = Decision()
    active = {each.agent: list(known.active.get(each.agent, ())) for each in due}
    for each in due:
        _Firing(each, known, active[each.agent], decision, now).carry_out()
    return decision


def _load(connection: sa.Connection, due: Sequence[DueSchedule], now: datetime) -> Known:
    agents = {each.agent for each in due}
    current = current_versions(connection, agents)
    return Known(
        versions={name: version for name, (version, _message) in current.items()},
        messages={name: message for name, (_version, message) in current.items()},
        pauses=find_pauses(connection, agents),
        active=list_active(connection, agents),
        recorded=recorded_moments(connection, [each.id for each in due], now),
    )


@dataclass(frozen=True, slots=True)
class _Firing:
    """One schedule whose time has come.

    Attributes:
        active: Its agent's active runs, the oldest first; what is made here is added.
        decision: Grows by what is decided here.
    """

    due: DueSchedule
    known: Known
    active: list[Run]
    decision: Decision
    now: datetime

    @property
    def policy(self) -> Policy:
        return self.due.schedule.policy

    def carry_out(self) -> None:
        moments, notes, ahead = self.moments()
        candidates = moments[-(WAITING if self.policy.catch_up == "all" else 1) :]
        chosen = [at for at in candidates if self.is_in_time(at)]
        awake_at = self.awake_at() if chosen else None
        for at in moments:
            if at not in chosen:
                reason = self.missed_because(at, is_candidate=at in candidates)
                self.account(at, "missed", reason + notes.get(at, ""))
            elif reason := self.quiet_because(at, awake_at):
                self.account(at, "skipped", reason)
            else:
                self.start(at, waits=self.waits(at, chosen))
        self.decision.dues[self.due.id] = awake_at or ahead

    def moments(self) -> tuple[list[datetime], dict[datetime, str], datetime | None]:
        """The due moments up to now that are not accounted for; and what to add about some.

        Third, the first one after now.
        """
        found, notes = [self.due.due_at], {}
        ahead = self.following(self.due.due_at)
        while ahead and ahead <= self.now and len(found) < MOMENTS:
            found.append(ahead)
            ahead = self.following(ahead)
        if ahead and ahead <= self.now:
            last = found[-1]
            found += self.latest(last)
            if found[MOMENTS] != ahead:
                notes[last] = f", as were all others before {found[MOMENTS]:%Y-%m-%d %H:%M:%S} UTC"
            ahead = self.following(self.now)
        recorded = self.known.recorded.get(self.due.id, ())
        return [at for at in found if at not in recorded], notes, ahead

    def latest(self, since: datetime) -> list[datetime]:
        due = self.due
        return latest(
            due.schedule, since, self.now, anchor=due.anchor_at, seed=due.id, count=WAITING
        )

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

    def start(self, at: datetime, *, waits: bool) -> None:
        """Make a run of it, or say why not."""
        version = self.known.versions.get(self.due.agent)
        if version is None:
            self.account(at, "skipped", "the agent's file is gone")
        elif pause := self.known.pauses.get(self.due.agent):
            self.account(at, "skipped", f"paused: {pause.reason}")
        elif self.active and not waits and self.policy.overlap == "skip":
            first = self.active[0]
            self.account(at, "skipped", f"the agent's run {first.id} is {first.status}", first.id)
        elif self.active and self.policy.overlap == "cancel_running":
            first = self.active[0]
            self.give_way()
            self.run(at, version, f"in place of run {first.id}, which was {first.status}")
        elif sum(run.admitted_at is None for run in self.active) >= WAITING:
            self.account(at, "skipped", f"{WAITING} runs of the agent wait already")
        else:
            self.run(at, version, f"after run {self.active[-1].id}" if self.active else "")

    def give_way(self) -> None:
        """Ask for the end of the agent's runs; those that were never admitted end at once."""
        self.decision.cancelled.extend(run.id for run in self.active)
        self.active[:] = [run for run in self.active if run.admitted_at is not None]

    def run(self, at: datetime, version: str, reason: str) -> None:
        run = Run(
            id=occurrence_run_id(self.due.id, at),
            agent=self.due.agent,
            version=version,
            trigger="scheduled",
            message=self.known.messages.get(self.due.agent, ""),
            status="pending",
            created_at=self.now,
            due_at=at,
        )
        self.decision.runs.append(run)
        insort(self.active, run, key=attrgetter("id"))
        self.account(at, "ran", reason, run.id)

    def account(self, at: datetime, result: Result, reason: str, run_id: str | None = None) -> None:
        occurrence = Occurrence(self.due.id, at, self.due.agent, result, reason, run_id)
        self.decision.occurrences.append(occurrence)
