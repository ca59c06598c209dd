"""Copies of a PostgreSQL database, made and put back by the command."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from processes import lamplighter, script, serving

from lamplighter.store.database import SCHEMA_VERSION, connect_postgresql, open_database
from lamplighter.store.runs import list_runs
from lamplighter.testing import Workspace, call, temporary_workspace, turn

REPORT = [turn(call("report", summary="All is well."))]


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch, postgresql: str) -> None:
    """The server's own pg_dump, pg_restore and psql."""
    with connected(postgresql) as connection:
        folder = connection.scalar(sa.text("SELECT setting FROM pg_config() WHERE name = 'BINDIR'"))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def workspace(postgresql: str) -> Iterator[Workspace]:
    files = {
        ".env": f"LAMPLIGHTER_DATABASE_URL={postgresql}\n",
        "agents/a.md": "---\nmodel: scripted:ok.yaml\n---\nGo.",
        "ok.yaml": script(*REPORT),
    }
    with temporary_workspace(files, database_url=postgresql) as made:
        yield made
        made.engine.dispose()


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """One connection to a database, and none when the block ends."""
    engine = connect_postgresql(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def clear(url: str) -> None:
    with connected(url) as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))


def run_ids(workspace: Workspace) -> list[str]:
    engine = open_database(workspace.settings.database)
    try:
        return sorted(run.id for run in list_runs(engine))
    finally:
        engine.dispose()


def back_up(workspace: Workspace, target: Path) -> None:
    done = lamplighter(workspace, "db", "backup", str(target))
    assert done.returncode == 0, done.stderr


def refused_restore(workspace: Workspace, file: Path, *options: str) -> str:
    workspace.engine.dispose()
    refused = lamplighter(workspace, "db", "restore", str(file), *options)
    assert refused.returncode != 0
    return refused.stderr


def test_a_restored_database_is_as_it_was_and_goes_on(workspace: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "copy.dump"
    with serving(workspace):  # a backup needs no pause
        assert lamplighter(workspace, "run", "start", "a", "--wait").returncode == 0
        back_up(workspace, target)
    assert target.stat().st_mode & 0o077 == 0
    [first] = run_ids(workspace)
    second = workspace.run("a", REPORT)
    with workspace.engine.begin() as connection:
        steps = connection.scalar(sa.text("SELECT count(*) FROM steps"))
    workspace.engine.dispose()

    done = lamplighter(workspace, "db", "restore", str(target), "--yes")
    assert done.returncode == 0, done.stderr
    assert run_ids(workspace) == [first]
    with connected(workspace.settings.database_url or "") as connection:
        left = connection.scalar(sa.text("SELECT count(*) FROM steps"))
    assert 0 < (left or 0) < (steps or 0)
    assert workspace.run("a", REPORT).status == "completed"
    workspace.engine.dispose()

    [former] = workspace.settings.state_dir.glob("lamplighter.before-*Z.dump")
    assert str(former) in done.stdout
    assert former.stat().st_mode & 0o077 == 0
    assert lamplighter(workspace, "db", "restore", str(former), "--yes").returncode == 0
    assert run_ids(workspace) == sorted([first, second.id])


def test_a_backup_can_be_put_into_an_empty_database(
    workspace: Workspace, tmp_path: Path, postgresql: str
) -> None:
    run = workspace.run("a", REPORT)
    back_up(workspace, tmp_path / "copy.dump")
    workspace.engine.dispose()
    clear(postgresql)
    done = lamplighter(workspace, "db", "restore", str(tmp_path / "copy.dump"), "--yes")
    assert done.stdout.startswith("Restored:")
    assert "former" not in done.stdout
    assert run_ids(workspace) == [run.id]


def test_nobody_may_be_connected_meanwhile(workspace: Workspace, tmp_path: Path) -> None:
    back_up(workspace, tmp_path / "copy.dump")
    with serving(workspace):
        said = refused_restore(workspace, tmp_path / "copy.dump", "--yes")
    assert "connections to the database are open. Stop every serve and worker" in said


def test_a_restore_wants_to_be_meant(workspace: Workspace, tmp_path: Path) -> None:
    back_up(workspace, tmp_path / "copy.dump")
    assert "--yes" in refused_restore(workspace, tmp_path / "copy.dump")


def test_what_is_no_backup_or_would_lose_something_is_refused_and_nothing_changes(
    workspace: Workspace, tmp_path: Path, postgresql: str
) -> None:
    run = workspace.run("a", REPORT)
    good, text, newer = tmp_path / "good.dump", tmp_path / "a.txt", tmp_path / "newer.dump"
    back_up(workspace, good)
    text.write_text("SQLite format 3")
    damaged = tmp_path / "damaged.dump"
    damaged.write_bytes(good.read_bytes()[:-2000])
    with connected(postgresql) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    back_up(workspace, newer)
    with connected(postgresql) as connection:
        connection.execute(
            sa.text("UPDATE alembic_version SET version_num = :v"), {"v": SCHEMA_VERSION}
        )
    assert "no backup of a PostgreSQL database" in refused_restore(workspace, text, "--yes")
    assert "there is no file" in refused_restore(workspace, tmp_path / "absent", "--yes")
    assert "a newer version" in refused_restore(workspace, newer, "--yes")
    assert "nothing was changed" in refused_restore(workspace, damaged, "--yes")
    with connected(postgresql) as connection:
        connection.execute(sa.text("CREATE TABLE invoices (number integer)"))
    assert "also holds invoices" in refused_restore(workspace, good, "--yes")
    assert run_ids(workspace) == [run.id]


def test_a_restore_that_fails_in_the_middle_leaves_everything(
    workspace: Workspace, tmp_path: Path, postgresql: str
) -> None:
    back_up(workspace, tmp_path / "copy.dump")
    run = workspace.run("a", REPORT)
    workspace.engine.dispose()
    # Refuses the last that a restore does, after everything was cleared and filled.
    with connected(postgresql) as connection:
        connection.execute(sa.text(REFUSE_INDEXES))
    try:
        said = refused_restore(workspace, tmp_path / "copy.dump", "--yes")
    finally:
        with connected(postgresql) as connection:
            connection.execute(sa.text("DROP EVENT TRIGGER refuse"))
    assert "nothing was changed" in said
    assert "not today" in said
    assert list(workspace.settings.state_dir.glob("*.dump")) == []
    assert run_ids(workspace) == [run.id]


REFUSE_INDEXES = """
CREATE SCHEMA elsewhere;
CREATE FUNCTION elsewhere.refuse() RETURNS event_trigger LANGUAGE plpgsql
AS 'BEGIN RAISE EXCEPTION ''not today''; END';
CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE INDEX')
EXECUTE FUNCTION elsewhere.refuse()
"""


def test_without_the_programs_it_says_what_to_install(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    refused = lamplighter(workspace, "db", "backup", str(tmp_path / "copy.dump"))
    assert refused.returncode == 1
    assert "pg_dump is not here" in refused.stderr
    assert "postgresql-client" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_upgrade_brings_the_shared_database_up_to_date(
    workspace: Workspace, postgresql: str
) -> None:
    assert "up to date" in lamplighter(workspace, "db", "upgrade").stdout
    workspace.engine.dispose()
    clear(postgresql)
    upgraded = lamplighter(workspace, "db", "upgrade")
    assert upgraded.stdout == f"Upgraded: from nothing to schema {SCHEMA_VERSION}\n"
