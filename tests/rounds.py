"""A scheduler to move through time by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from lamplighter.engine.scheduler import Scheduler
from lamplighter.store.agents import next_due_times, save_agents
from lamplighter.store.runs import Run, finish_run, start_run
from lamplighter.store.schedules import Occurrence, earliest_due, list_occurrences
from lamplighter.store.tables import occurrences, runs, schedules
from lamplighter.testing import HeldClock, Workspace
from lamplighter.workspace import read_catalogue

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday."""


class Rounds:
    """A scheduler whose queue is a list, on a held clock."""

    def __init__(self, workspace: Workspace, clock: HeldClock, *, at_most: int = 3) -> None:
        self.workspace = workspace
        self.clock = clock
        self.queued: list[str] = []
        self.scheduler = Scheduler(
            engine=workspace.engine,
            enqueue=self._enqueue,
            max_concurrent_runs=at_most,
            fires=True,
            poll_interval=30,
        )

    def _enqueue(self, connection: sa.Connection, run: Run) -> None:
        self.queued.append(run.id)

    def save(self, agent: str, frontmatter: str) -> None:
        self.workspace.write(f"agents/{agent}.md", f"---\n{frontmatter}\n---\nGo.")
        self.read()

    def read(self) -> None:
        catalogue = read_catalogue(self.workspace.settings)
        with self.workspace.engine.begin() as connection:
            save_agents(connection, catalogue, "UTC", self.clock.now())

    def pass_time(self, **duration: float) -> None:
        """Move on, and do all that is due then."""
        self.clock.advance(**duration)
        self.scheduler.tick(self.clock.now())
        while self.scheduler.fires and self._is_due():
            self.scheduler.tick(self.clock.now())

    def _is_due(self) -> bool:
        due = earliest_due(self.workspace.engine)
        return due is not None and due <= self.clock.now()

    def finish_all(self) -> None:
        with self.workspace.engine.begin() as connection:
            for run_id in self.queued:
                start_run(connection, run_id, "worker", self.clock.now())
                finish_run(connection, run_id, "worker", status="completed", outcome="reported")

    def results(self, agent: str) -> list[str]:
        return [each.result for each in reversed(list_occurrences(self.workspace.engine, agent))]

    def next_due(self, agent: str) -> datetime | None:
        return next_due_times(self.workspace.engine).get(agent)

    def history(self, agent: str) -> list[Occurrence]:
        """What became of the due moments, the oldest first."""
        return list(reversed(list_occurrences(self.workspace.engine, agent, limit=10_000)))

    def forget(self) -> None:
        """Begin again with an empty record."""
        self.queued.clear()
        with self.workspace.engine.begin() as connection:
            for table in (occurrences, runs, schedules):
                connection.execute(table.delete())


@contextmanager
def recording(engine: sa.Engine) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are executed meanwhile; one for many rows counts once."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
