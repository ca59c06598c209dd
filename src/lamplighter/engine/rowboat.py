"""Keeps a Rowboat folder's state file: what others have left in it, and what they read there.

Only one program may fire a folder's schedules, or all is done twice. So if anybody else writes to
the file while we do, we stop.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from lamplighter.config import Settings
from lamplighter.definitions.catalogue import Catalogue, Entry
from lamplighter.definitions.rowboat import STATE_FILE
from lamplighter.definitions.rowboat.schedules import NOT_FOUND, Scheduled
from lamplighter.definitions.rowboat.state import AgentState, Status, read_states, write_states
from lamplighter.schedule import Once
from lamplighter.store.agent_records import (
    AgentRecord,
    ScheduleState,
    go_on_from,
    list_records,
    list_schedule_states,
    note_earlier_run,
    take_record,
)
from lamplighter.store.agents import schedule_id_of
from lamplighter.store.notices import add_notice
from lamplighter.workspace import read_catalogue, read_scheduled

log = logging.getLogger(__name__)

OURS = "agent-schedule-state.sha256"
"""In the state folder: hashes of the last two states that we wrote, the older one first."""

CHOOSE = (
    "Another program writes to config/agent-schedule-state.json, so Lamplighter has stopped firing "
    "the schedules of this folder: two programs would run everything twice. Choose one: quit the "
    "other and start `lamplighter serve` again, or let the other run and watch with `lamplighter "
    "serve --observe`."
)
EARLIER = "by another program"


class StateFile:
    """The state file of one workspace, while this process fires its schedules.

    Args:
        settings: The workspace's settings.
        engine: Its database.
    """

    def __init__(self, settings: Settings, engine: sa.Engine) -> None:
        self.settings = settings
        self.engine = engine
        self.zone = ZoneInfo(settings.timezone)
        self.path = settings.workspace / STATE_FILE
        self.ours = settings.state_dir / OURS
        self.taken_over = False

    def take_over(self, connection: sa.Connection, catalogue: Catalogue) -> None:
        """Before our first firing: account for what another program has run meanwhile."""
        for name, state, entry in self._left(catalogue):
            record = AgentRecord(state.run_count, state.last_run_at, state.last_error)
            take_record(connection, name, record)
            if entry and entry.agent and entry.agent.schedules:
                for at in _moments(entry, state):
                    note_earlier_run(connection, schedule_id_of(name, 1), name, at, EARLIER)

    def go_on(self, connection: sa.Connection, catalogue: Catalogue, now: datetime) -> None:
        """After the schedules are saved: make them due as the other program has left them."""
        for name, state, _entry in self._left(catalogue):
            next_run_at = state.next_run_at
            missed = next_run_at if next_run_at and next_run_at <= now else None
            go_on_from(connection, schedule_id_of(name, 1), state.last_run_at, missed)
        self._remember(self._read() or "")
        self.taken_over = True

    def is_foreign(self) -> bool:
        """Whether somebody else has written to the file since we took it over."""
        return self._is_foreign(self._read())

    def write(self) -> None:
        """Say how the agents fare, if the file does not say so yet; never over a foreign word."""
        if not self.taken_over:
            return
        states = self.states()
        before = self._read()
        after = write_states(before or "", states, self.zone)
        if after != before and not self._is_foreign(before):
            self._remember(after)
            # Looked at once more at the last moment: preparing this takes a while.
            _replace(self.path, after, if_still=lambda: self._read() == before)

    def states(self) -> dict[str, AgentState]:
        """How the scheduled agents fare."""
        scheduled = read_scheduled(self.settings)
        catalogue = read_catalogue(self.settings)
        records = list_records(self.engine)
        ids = {each.name: schedule_id_of(each.name, 1) for each in scheduled}
        states = list_schedule_states(self.engine, ids)
        return {
            each.name: _state(
                each,
                catalogue.find(each.name),
                records.get(each.name, AgentRecord()),
                states[each.name],
            )
            for each in scheduled
        }

    def note_foreign(self, now: datetime) -> None:
        """Tell people to choose."""
        log.warning("%s", CHOOSE)
        with self.engine.begin() as connection:
            add_notice(
                connection, "foreign", f"foreign:{_hash(self._read() or '')}", CHOOSE, now=now
            )

    def _left(self, catalogue: Catalogue) -> list[tuple[str, AgentState, Entry | None]]:
        """What another program has left for us, if the file is not as we left it."""
        text = self._read()
        if self.taken_over or not text or _hash(text) in self._known():
            return []
        found = read_states(text, self.zone)
        return [(name, state, catalogue.find(name)) for name, state in found.items()]

    def _is_foreign(self, text: str | None) -> bool:
        """Whether this is somebody else's, such as the empty file of one who is just writing."""
        return self.taken_over and text is not None and _hash(text) not in self._known()

    def _read(self) -> str | None:
        with suppress(OSError):
            return self.path.read_bytes().decode("utf-8", errors="replace")
        return None

    def _known(self) -> list[str]:
        with suppress(OSError):
            return self.ours.read_text("utf-8").split()
        return []

    def _remember(self, text: str) -> None:
        """Before the file is replaced: should we die in between, either content is ours."""
        _replace(self.ours, "\n".join([*self._known()[-1:], _hash(text)]))


def _state(
    scheduled: Scheduled, entry: Entry | None, record: AgentRecord, schedule: ScheduleState
) -> AgentState:
    errors = entry.errors if entry else ()
    error = record.last_error
    status: Status = "failed" if error else "finished" if record.run_count else "scheduled"
    if entry is None or entry.agent is None:
        status, error = "failed", errors[0].message if errors else NOT_FOUND
    elif schedule.started_at:
        status = "running"
    elif status == "finished" and _is_over(entry, schedule):
        status = "triggered"
    return AgentState(
        status=status,
        started_at=schedule.started_at,
        last_run_at=record.last_run_at,
        next_run_at=schedule.next_due_at,
        last_error=error,
        run_count=record.run_count,
    )


def _is_over(entry: Entry, schedule: ScheduleState) -> bool:
    """Whether it is to run once, and has."""
    timing = entry.agent.schedules[0].timing if entry.agent and entry.agent.schedules else None
    return isinstance(timing, Once) and schedule.next_due_at is None and schedule.has_run


def _moments(entry: Entry, state: AgentState) -> list[datetime]:
    """The moments of its schedule that an agent has had."""
    assert entry.agent is not None
    timing = entry.agent.schedules[0].timing
    if isinstance(timing, Once):
        has_run = state.last_run_at is not None and state.last_run_at >= timing.at
        return [timing.at] if state.status == "triggered" or has_run else []
    return [state.last_run_at] if state.last_run_at else []


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _replace(path: Path, text: str, if_still: Callable[[], bool] = lambda: True) -> None:
    """Write a file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)  # not synced: what a power cut takes is written again
    os.chmod(name, 0o644)  # as others write it; they have to read it
    if if_still():
        os.replace(name, path)
    else:
        os.unlink(name)
