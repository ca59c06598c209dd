"""A run's journal: its steps are DBOS steps, its events go to the store in groups."""

import asyncio
import json
import os
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from dbos import DBOS

from lamplighter import clock
from lamplighter.secrets import known
from lamplighter.store.events import Event, append_events

SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSPHRASE", re.IGNORECASE)
SHORTEST_SECRET = 8
"""Characters; shorter values would redact ordinary words."""


class EventWriter:
    """Writes the events of all runs of this process, as many at a time as have gathered.

    While one transaction commits, the next group gathers; so a busy process commits less often,
    and no run waits for its events to be written.
    """

    def __init__(self, engine: sa.Engine, worker_id: str) -> None:
        self.engine = engine
        self.worker_id = worker_id
        self.waiting: list[Event] = []
        self.writing: asyncio.Task[None] | None = None

    def add(self, event: Event) -> None:
        """Take an event; it is written at once if nothing else is being written."""
        self.waiting.append(event)
        if self.writing is None or self.writing.done():
            self.writing = asyncio.create_task(self._write())

    async def flush(self) -> None:
        """Wait until everything that was added is written."""
        while self.waiting or (self.writing and not self.writing.done()):
            if self.writing is None or self.writing.done():
                self.writing = asyncio.create_task(self._write())
            await asyncio.shield(self.writing)

    async def _write(self) -> None:
        while self.waiting:
            group, self.waiting = self.waiting, []
            try:
                await asyncio.to_thread(append_events, self.engine, self.worker_id, group)
            except BaseException:
                self.waiting = group + self.waiting
                raise


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
        secrets: What its record must not hold; looked for once, because that takes a while.
    """

    run_id: str
    writer: EventWriter
    written: set[str]
    secrets: dict[str, str] = field(default_factory=find_secrets)

    async def step(self, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run ``call`` and keep its JSON value, or give the value that was kept."""
        return await DBOS.run_step_async({"name": name}, call)

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        """Add to the record, unless an earlier attempt at this run has done so."""
        if key in self.written:
            return
        self.written.add(key)
        clean = redact_data(json.loads(json.dumps(data, default=str)), self.secrets)
        self.writer.add(Event(self.run_id, len(self.written), key, clock.now(), kind, clean))


def redact_data(data: Any, secrets: Mapping[str, str] | None = None) -> Any:
    """JSON data, with each of its texts as ``redact`` leaves it.

    Not the JSON text as a whole: there a secret with a quotation mark looks different.
    """
    match data:
        case str():
            return redact(data, secrets)
        case list():
            return [redact_data(item, secrets) for item in data]
        case dict():
            return {redact(key, secrets): redact_data(item, secrets) for key, item in data.items()}
    return data


def redact(text: str, secrets: Mapping[str, str] | None = None) -> str:
    """``text`` without the values of secrets, by default of all that this process knows.

    Those that stood in files are always among them; they become known while a run is under way.
    """
    found = find_secrets() if secrets is None else secrets
    hidden = {name: value for name, value in known.items() if len(value) >= SHORTEST_SECRET}
    for name, value in {**found, **hidden}.items():
        text = text.replace(value, f"[{name}]")
    return text
