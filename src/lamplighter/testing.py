r"""Fakes that ship with Lamplighter, for its own tests and for yours.

``temporary_workspace`` makes a real workspace with a real database in a temporary folder,
``scripted`` writes a model's part, ``HeldClock`` holds the time::

    def test_digest_cites_its_note():
        with temporary_workspace(
            {
                "notes/hello.md": "# Hello",
                "agents/digest.md": "---\nsources: [notes]\n---\nWrite a digest.",
            },
            sources={"notes": {"path": "notes"}},
        ) as workspace:
            run = workspace.run(
                "digest",
                [
                    turn(call("list_documents")),
                    turn(call("read_document", id="notes:hello.md"), expect=["notes:hello.md"]),
                    turn(call("report", summary="One note."), expect=["# Hello"]),
                ],
            )
            assert run.status == "completed"
"""

import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from lamplighter.config import Settings
from lamplighter.engine.holder import hold, making_rounds
from lamplighter.engine.manual import request_run
from lamplighter.models.resolve import SCRIPTED
from lamplighter.store.database import open_database
from lamplighter.store.events import Event, list_events
from lamplighter.store.runs import Run, get_run
from lamplighter.sync import sync_source
from lamplighter.workspace import load_settings


@dataclass
class HeldClock:
    """A clock that stands still until it is moved; put it in place with ``clock.using``.

    Attributes:
        moment: What it shows; aware, in UTC.
    """

    moment: datetime

    def now(self) -> datetime:
        """What it shows."""
        return self.moment

    def advance(self, **duration: float) -> None:
        """Move it on, by the arguments of ``timedelta``: ``advance(minutes=5)``."""
        self.moment += timedelta(**duration)


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    """A tool call of a scripted model."""
    return {"tool": tool, "arguments": arguments}


def turn(
    *calls: dict[str, Any],
    text: str = "",
    expect: Sequence[str] = (),
    sleep: float = 0,
    error: str = "",
    overloaded: int = 0,
    pace: float = 0,
) -> dict[str, Any]:
    """One turn of a scripted model; see ``lamplighter.models.scripted``."""
    return {
        "calls": list(calls),
        "text": text,
        "expect": list(expect),
        "sleep": sleep,
        "error": error,
        "overloaded": overloaded,
        "pace": pace,
    }


@dataclass(frozen=True)
class Workspace:
    """A real workspace in a temporary folder.

    Attributes:
        path: The folder.
        settings: Its settings.
        engine: Its database.
    """

    path: Path
    settings: Settings
    engine: Engine = field(repr=False)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the workspace."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def script(self, turns: Sequence[Mapping[str, Any]], name: str = "script.yaml") -> str:
        """Write a script; gives the model name that plays it."""
        # JSON is YAML.
        self.write(name, json.dumps({"turns": list(turns)}, ensure_ascii=False))
        return f"{SCRIPTED}{self.path / name}"

    def sync(self) -> None:
        """Bring the sources into the index."""
        for name in self.settings.sources:
            sync_source(self.engine, self.settings, name)

    def run(self, agent: str, turns: Sequence[Mapping[str, Any]], *, message: str = "") -> Run:
        """Run an agent on a scripted model, to its end, on what the sources hold now."""
        self.sync()
        return asyncio.run(self.run_async(agent, self.script(turns), message=message))

    async def run_async(self, agent: str, model: str, *, message: str = "") -> Run:
        """Run an agent on the model of that name, to its end."""
        run = request_run(self.settings, self.engine, agent, message=message, model=model)
        async with hold(self.settings, fires=False) as holder, making_rounds(holder):
            await holder.worker.wait_for_end(run.id)
        return get_run(self.engine, run.id)

    def events(self, run: Run) -> list[Event]:
        """The record of a run."""
        return list_events(self.engine, run.id)


@contextmanager
def temporary_workspace(
    files: Mapping[str, str] | None = None, **settings: Any
) -> Iterator[Workspace]:
    """A workspace with ``files``, gone at the end; ``settings`` as in ``lamplighter.toml``."""
    with tempfile.TemporaryDirectory(prefix="lamplighter-") as folder:
        path = Path(folder)
        loaded = load_settings(path, **{"timezone": "UTC", **settings})
        engine = open_database(loaded.database)
        workspace = Workspace(path, loaded, engine)
        for name, text in (files or {}).items():
            workspace.write(name, text)
        try:
            yield workspace
        finally:
            engine.dispose()
