"""A Rowboat folder's ``runs/*.jsonl``: read into the history, and written from it."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from ulid import ULID

from lamplighter.config import Settings
from lamplighter.definitions.rowboat.run_log import (
    LoggedEvent,
    RunLog,
    name_run_log,
    read_run_log,
    write_run_log,
)
from lamplighter.engine.record import find_secrets, redact, redact_data
from lamplighter.store.events import Event, list_events
from lamplighter.store.imported_runs import imported_version, knows_run, save_imported
from lamplighter.store.runs import SUCCESSES, Run, Status

FOLDER = "runs"
SUFFIX = ".jsonl"
MAX_SIZE_BYTES = 50_000_000
IMPORTED = "imported"
MOST_DAYS = 36_500
"""When runs are kept for ever."""


@dataclass(frozen=True, slots=True)
class ImportedLog:
    """What became of a file.

    Attributes:
        run_id: The run that it has become, or was already; empty if it was not read.
        is_new: Whether it was not known before.
        error: Why it was not read.
    """

    file: Path
    run_id: str = ""
    is_new: bool = False
    error: str = ""


def import_logs(engine: sa.Engine, files: list[Path], since: datetime) -> Iterator[ImportedLog]:
    """Take files into the history, each once; those of runs before ``since`` are left out."""
    for file in files:
        try:
            if file.stat().st_size > MAX_SIZE_BYTES:
                raise OSError(None, f"more than {MAX_SIZE_BYTES:,} bytes")
            text = file.read_text("utf-8", errors="replace")
        except OSError as error:
            yield ImportedLog(file, error=str(error.strerror))
            continue
        log = read_run_log(text, file.name.removesuffix(SUFFIX))
        if log.started_at < since:
            yield ImportedLog(file, error="older than what is kept")
        else:
            yield _import(engine, file, log)


def export_run(engine: sa.Engine, run: Run) -> tuple[str, str]:
    """A run as a file of Rowboat: its name, and its text."""
    record = list_events(engine, run.id)
    name = next((str(e.data["rowboat_id"]) for e in record if "rowboat_id" in e.data), "")
    name = name or name_run_log(run.id, run.created_at)
    events = [
        LoggedEvent(event.kind, event.data, event.at)
        for event in record
        if "rowboat_id" not in event.data
    ]
    text = write_run_log(events, name, own=run.id, agent=run.agent, model=run.model or "")
    return f"{name}{SUFFIX}", text


def write_run(settings: Settings, engine: sa.Engine, run: Run) -> Path:
    """Write a run's file into the folder of runs, whole or not at all."""
    name, text = export_run(engine, run)
    folder = settings.workspace / FOLDER
    folder.mkdir(exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(temporary, folder / name)
    return folder / name


def import_history(engine: sa.Engine, settings: Settings, now: datetime) -> int:
    """Take all files of runs that are kept so long into the history; how many were new."""
    since = now - timedelta(days=settings.run_retention_days or MOST_DAYS)
    found = import_logs(engine, find_logs(settings.workspace), since)
    return sum(each.is_new for each in found)


def find_logs(workspace: Path) -> list[Path]:
    """All files of runs, the oldest first."""
    return sorted((workspace / FOLDER).glob(f"*{SUFFIX}"))


def _import(engine: sa.Engine, file: Path, log: RunLog) -> ImportedLog:
    run_id = log.own or _run_id(log)
    with engine.begin() as connection:
        if knows_run(connection, run_id):
            return ImportedLog(file, run_id)
        run = _run(log, run_id)
        save_imported(connection, run, list(_events(log, run_id)))
    return ImportedLog(file, run_id, is_new=True)


def _run_id(log: RunLog) -> str:
    """A ULID whose time is the run's, so that it sorts with the others."""
    milliseconds = int(log.started_at.timestamp() * 1000)
    digest = hashlib.sha256(log.id.encode()).digest()
    return str(ULID(milliseconds.to_bytes(6, "big") + digest[:10]))


def _run(log: RunLog, run_id: str) -> Run:
    status: Status = "completed" if log.outcome in SUCCESSES else "failed"
    if log.outcome == "cancelled":
        status = "cancelled"
    return Run(
        id=run_id,
        agent=log.agent,
        version=imported_version(log.agent),
        trigger="imported",
        message=redact(log.message),
        status=status,
        created_at=log.started_at,
        outcome=log.outcome,
        summary=redact(log.summary),
        model=log.model,
        label=IMPORTED,
        started_at=log.started_at,
        finished_at=log.finished_at,
        tool_calls=sum(event.kind == "tool_call" for event in log.events),
    )


def _events(log: RunLog, run_id: str) -> Iterator[Event]:
    at = log.started_at
    yield Event(run_id, 1, "imported", at, IMPORTED, {"rowboat_id": log.id})
    for seq, event in enumerate(log.events, start=2):
        at = event.at or at
        clean = redact_data(dict(event.data), find_secrets())
        yield Event(run_id, seq, f"line:{seq}", at, event.kind, clean)
