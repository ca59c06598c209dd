"""A run's journal: its finished steps and its events, which all runs write together."""

import asyncio
import json
import logging
import os
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.engine.threads import transact
from lamplighter.errors import Conflict
from lamplighter.secrets import known
from lamplighter.store.events import Event, add_events
from lamplighter.store.runs import owned_runs
from lamplighter.store.steps import Step, add_steps

log = logging.getLogger(__name__)

Change = Callable[[sa.Connection], object]

SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSPHRASE", re.IGNORECASE)
SHORTEST_SECRET = 8
"""Characters; shorter values would redact ordinary words."""

RETRY_SECONDS = 1.0
"""How long to wait for a database that is away, or a disk that is full."""


@dataclass(eq=False, slots=True)
class Entries:
    """What a run has to write next: all of it in one transaction.

    Attributes:
        changes: What else is to be changed with it.
        written: Done when it is committed.
    """

    written: asyncio.Future[None]
    events: list[Event] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


class RecordWriter:
    """Writes what the runs of this process have to write, of as many at a time as have gathered.

    While one transaction commits, the next group gathers; so the busier a process is, the more
    runs share a commit. Nothing is written to a run that this process does not have any more.
    """

    def __init__(self, engine: sa.Engine, worker_id: str) -> None:
        self.engine = engine
        self.worker_id = worker_id
        self.waiting: dict[str, Entries] = {}
        self.writing: asyncio.Task[None] | None = None

    def next_of(self, run_id: str) -> Entries:
        """What a run has to write next, to be added to at once: it is written soon."""
        if run_id not in self.waiting:
            self.waiting[run_id] = Entries(asyncio.get_running_loop().create_future())
        if self.writing is None or self.writing.done():
            self.writing = asyncio.create_task(self._write())
        return self.waiting[run_id]

    async def flush(self) -> None:
        """Wait until everything that was added is written."""
        while self.writing and not self.writing.done():
            await asyncio.shield(self.writing)

    async def _write(self) -> None:
        while self.waiting:
            group, self.waiting = self.waiting, {}
            await self._commit(group)

    async def _commit(self, group: Mapping[str, Entries]) -> None:
        """Write a group; what cannot be written of one run keeps no other from writing."""
        try:
            mine = await self._commit_when_possible(group)
        except Exception as error:  # noqa: BLE001 - it is the concern of one run, which gets it
            if len(group) == 1:
                for entries in group.values():
                    _fail(entries.written, error)
                return
            for run_id, entries in group.items():
                await self._commit({run_id: entries})
            return
        for run_id, entries in group.items():
            if run_id in mine:
                entries.written.set_result(None)
            else:
                _fail(entries.written, Conflict(f"{run_id} is carried out by another process"))

    async def _commit_when_possible(self, group: Mapping[str, Entries]) -> set[str]:
        """Write a group, waiting for a database that is away or a disk that is full."""
        while True:
            try:
                return await transact(self._commit_at_once, group)
            except sa.exc.OperationalError as error:
                log.warning("cannot write, trying again: %s", error.orig)
            await asyncio.sleep(RETRY_SECONDS)

    def _commit_at_once(self, group: Mapping[str, Entries]) -> set[str]:
        """Write what belongs to runs of this process; gives which those are."""
        with self.engine.begin() as connection:
            mine = owned_runs(connection, group.keys(), self.worker_id)
            written = [entries for run_id, entries in group.items() if run_id in mine]
            add_events(connection, [event for entries in written for event in entries.events])
            add_steps(connection, [step for entries in written for step in entries.steps])
            for change in chain.from_iterable(entries.changes for entries in written):
                change(connection)
        return mine


def _fail(written: asyncio.Future[None], error: Exception) -> None:
    written.set_exception(error)
    written.exception()  # whoever waits gets it; that nobody waits for an event is no fault


def find_secrets() -> dict[str, str]:
    """The secrets that this process knows from its environment, by name."""
    return {
        name: value
        for name, value in os.environ.items()
        if SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET
    }


@dataclass
class RunJournal:
    """The ``Journal`` of one run.

    Attributes:
        written: The keys of what its record holds, from earlier attempts too.
        kept: The steps that earlier attempts have finished, and this one has not come to yet.
        taken: How many steps have begun.
        secrets: What its record must not hold; looked for once, because that takes a while.
    """

    run_id: str
    writer: RecordWriter
    written: set[str]
    kept: dict[int, Step] = field(default_factory=dict)
    taken: int = 0
    secrets: dict[str, str] = field(default_factory=find_secrets)

    async def step(self, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run ``call`` and keep its JSON value, or give the value that was kept.

        Raises:
            Conflict: An earlier attempt has taken another step here, or another process has taken
                the run.
        """
        self.taken += 1
        number = self.taken
        if kept := self.kept.pop(number, None):
            if kept.name != name:
                raise Conflict(
                    f"step {number} of {self.run_id} was {kept.name!r}, now it is {name!r}"
                )
            return json.loads(kept.value)
        value = await call()
        step = Step(self.run_id, number, name, json.dumps(value))
        entries = self.writer.next_of(self.run_id)
        entries.steps.append(step)
        await asyncio.shield(entries.written)
        return value

    async def patched(self, name: str) -> bool:
        """Whether this run takes the steps that a release has added under ``name``.

        A run that had gone past this point before takes none of them.
        """
        following, patch = self.kept.get(self.taken + 1), f"patch:{name}"
        if self.kept and (following is None or following.name != patch):
            return False
        await self.step(patch, _nothing)
        return True

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        """Add to the record, unless an earlier attempt at this run has done so."""
        if key in self.written:
            return
        self.written.add(key)
        clean = redact_data(data, self.secrets)
        event = Event(self.run_id, len(self.written), key, clock.now(), kind, clean)
        self.writer.next_of(self.run_id).events.append(event)

    def change(self, change: Change) -> asyncio.Future[None]:
        """Change something else in the database with what is told; gives when it is committed."""
        entries = self.writer.next_of(self.run_id)
        entries.changes.append(change)
        return asyncio.shield(entries.written)


async def _nothing() -> None:
    pass


def redact_data(data: Any, secrets: Mapping[str, str] | None = None) -> Any:
    """Data as JSON has it, with each of its texts as ``redact`` leaves it.

    What JSON does not know becomes a text. Not the JSON text as a whole: there a secret with a
    quotation mark looks different.
    """
    return _hide_in(data, _shown_as(secrets))


def redact(text: str, secrets: Mapping[str, str] | None = None) -> str:
    """``text`` without the values of secrets, by default of all that this process knows.

    Those that stood in files are always among them; they become known while a run is under way.
    """
    return _hide(text, _shown_as(secrets))


def _shown_as(secrets: Mapping[str, str] | None) -> dict[str, str]:
    """What to show in the place of each value that is hidden."""
    found = find_secrets() if secrets is None else secrets
    hidden = {name: value for name, value in known.items() if len(value) >= SHORTEST_SECRET}
    return {value: f"[{name}]" for name, value in {**found, **hidden}.items()}


def _hide_in(data: Any, shown: Mapping[str, str]) -> Any:
    match data:
        case str():
            return _hide(data, shown)
        case None | bool() | int() | float():
            return data
        case list() | tuple():
            return [_hide_in(item, shown) for item in data]
        case dict():
            return {_hide(str(key), shown): _hide_in(item, shown) for key, item in data.items()}
    return _hide(str(data), shown)


def _hide(text: str, shown: Mapping[str, str]) -> str:
    for value, name in shown.items():
        text = text.replace(value, name)
    return text
