"""Runs that another program has made, as part of the history."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa

from lamplighter.store.events import Event
from lamplighter.store.runs import Run, add_runs
from lamplighter.store.tables import agent_versions, events, runs

UNKNOWN = "(Another program has made this run; what its agent was told is not known.)"


def knows_run(connection: sa.Connection, run_id: str) -> bool:
    """Whether there is a run of that very id."""
    return bool(connection.scalar(sa.select(sa.exists().where(runs.c.id == run_id))))


def imported_version(agent: str) -> str:
    """The version that imported runs of an agent have."""
    return hashlib.sha256(f"imported\0{agent}".encode()).hexdigest()


def save_imported(connection: sa.Connection, run: Run, record: Sequence[Event]) -> None:
    """Write a run that has ended, with its record."""
    known = sa.exists().where(agent_versions.c.id == run.version)
    if not connection.scalar(sa.select(known)):
        values = {
            "id": run.version,
            "agent": run.agent,
            "text": UNKNOWN,
            "timezone": "UTC",
            "created_at": run.created_at,
        }
        connection.execute(agent_versions.insert().values(values))
    add_runs(connection, [run])
    if record:
        connection.execute(events.insert(), [asdict(event) for event in record])
