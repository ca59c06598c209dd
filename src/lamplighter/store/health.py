"""The state of the database file, seen without changing it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from lamplighter.errors import Unreadable
from lamplighter.store.database import FILE, reading
from lamplighter.store.server import ServerHealth, examine_server
from lamplighter.store.tables import agent_versions, notices, runs


@dataclass(frozen=True, slots=True)
class Health:
    """What a database file is like.

    Attributes:
        version: Its schema's; ``None`` if it has none yet.
        problem: What SQLite's quick check complains about; empty if nothing.
        journal_mode: ``wal``, as it should be, or another.
        size_bytes: Of the file, without its journal.
    """

    version: str | None
    problem: str
    journal_mode: str
    size_bytes: int


def examine_file(file: Path) -> Health:
    """The health of a database file, whoever uses it meanwhile.

    Raises:
        Unreadable: It cannot be opened, or is no database.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            [(mode,)] = database.execute("PRAGMA journal_mode")
            return Health(
                version=_version(database),
                problem=_problem(database),
                journal_mode=mode,
                size_bytes=file.stat().st_size,
            )
    except (sqlite3.Error, OSError) as error:
        raise Unreadable(f"{file.name} cannot be read: {error}") from error


def examine_database(place: Path | str) -> Health | ServerHealth | None:
    """The health of a workspace's database; ``None`` if it has none yet.

    Args:
        place: The folder of the SQLite file, or a PostgreSQL URL.

    Raises:
        Unreadable: The file cannot be opened, or is no database.
        DatabaseUnavailable: The server cannot be reached.
    """
    if isinstance(place, str):
        return examine_server(place)
    file = place / FILE
    return examine_file(file) if file.exists() else None


def newest_record(engine: sa.Engine) -> datetime | None:
    """The latest moment that anything in the database has happened at."""
    moments = (runs.c.created_at, runs.c.finished_at, notices.c.created_at)
    with reading(engine) as connection:
        latest = [
            connection.scalar(sa.select(sa.func.max(column, type_=column.type)))
            for column in (*moments, agent_versions.c.created_at)
        ]
    return max((moment for moment in latest if moment), default=None)


def _problem(database: sqlite3.Connection) -> str:
    try:
        rows = database.execute("PRAGMA quick_check(3)").fetchall()
    except sqlite3.DatabaseError as error:  # so damaged that the check itself cannot go on
        return str(error)
    said = "; ".join(str(row[0]) for row in rows)
    return "" if said == "ok" else said


def _version(database: sqlite3.Connection) -> str | None:
    tables = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
    if not database.execute(tables).fetchone()[0]:
        return None
    row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None
