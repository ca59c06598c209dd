"""The database: its schema, and copies of it."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from processes import lamplighter, script, serving

from lamplighter.errors import Conflict, NewerDatabase, NotFound, Unreadable
from lamplighter.store.backup import back_up, restore
from lamplighter.store.database import FILE, SCHEMA_VERSION, open_database
from lamplighter.store.health import Health, examine_database, examine_file
from lamplighter.store.runs import list_runs
from lamplighter.store.tables import metadata
from lamplighter.testing import Workspace, call, turn

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
REPORT = [turn(call("report", summary="All is well."))]


def set_version(workspace: Workspace, version: str) -> None:
    with workspace.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": version})


def run_ids(state_dir: Path) -> list[str]:
    engine = open_database(state_dir)
    try:
        return sorted(run.id for run in list_runs(engine))
    finally:
        engine.dispose()


# Schema


def test_the_migrations_make_the_tables_that_the_program_uses(workspace: Workspace) -> None:
    def ours(_object: Any, name: str | None, _type: str, reflected: bool, _other: Any) -> bool:
        apart = ("documents_fts", "document_counts")
        return not (reflected and name and name.startswith(apart))

    with workspace.engine.begin() as connection:
        options = {"include_object": ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_an_empty_file_is_upgraded_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    open_database(tmp_path).dispose()
    health = examine_database(tmp_path)
    assert isinstance(health, Health)
    assert (health.version, health.journal_mode, health.problem) == (SCHEMA_VERSION, "wal", "")


def test_a_database_of_a_newer_program_is_refused_by_every_command(workspace: Workspace) -> None:
    set_version(workspace, "9999")
    with pytest.raises(NewerDatabase, match="schema 9999"):
        open_database(workspace.settings.state_dir)
    for command in (("run", "list"), ("db", "upgrade"), ("serve", "--port", "0")):
        refused = lamplighter(workspace, *command)
        assert refused.returncode == 1
        assert "a newer version" in refused.stderr


def test_upgrade_says_from_where_to_where(workspace: Workspace) -> None:
    assert "up to date" in lamplighter(workspace, "db", "upgrade").stdout
    workspace.engine.dispose()
    (workspace.settings.state_dir / FILE).unlink()
    upgraded = lamplighter(workspace, "db", "upgrade")
    assert upgraded.stdout == f"Upgraded: from nothing to schema {SCHEMA_VERSION}\n"


def test_the_version_that_the_program_knows_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "lamplighter:store/migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


# Backup


def test_a_backup_of_a_served_workspace_is_whole_and_private(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.write("ok.yaml", script(*REPORT))
    target = tmp_path / "copy" / FILE
    target.parent.mkdir()
    with serving(workspace):
        for _ in range(2):
            command = ("run", "start", "digest", "--wait", "--model", "scripted:ok.yaml")
            assert lamplighter(workspace, *command).returncode == 0
        done = lamplighter(workspace, "db", "backup", str(target))
    assert done.returncode == 0, done.stderr
    assert examine_file(target).problem == ""
    assert target.stat().st_mode & 0o077 == 0
    assert run_ids(target.parent) == run_ids(workspace.settings.state_dir)


def test_a_backup_goes_on_while_somebody_writes(workspace: Workspace, tmp_path: Path) -> None:
    workspace.run("digest", REPORT)
    with workspace.engine.begin() as connection:
        connection.execute(sa.text("UPDATE runs SET summary = 'not yet committed'"))
        back_up(workspace.settings.state_dir, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT summary FROM runs").fetchall() == [("All is well.",)]


def test_a_backup_replaces_only_what_it_may(workspace: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    refused = lamplighter(workspace, "db", "backup", str(target))
    assert refused.returncode == 1
    assert target.read_text() == "precious"
    assert lamplighter(workspace, "db", "backup", str(target), "--yes").returncode == 0
    assert examine_file(target).version == SCHEMA_VERSION
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db"]


def test_without_a_database_or_a_folder_there_is_no_backup(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="no database"):
        back_up(tmp_path, tmp_path / "copy.db")
    with pytest.raises(NotFound, match="no folder"):
        back_up(workspace.settings.state_dir, tmp_path / "absent" / "copy.db")


# Restore


def test_a_restored_workspace_is_as_it_was_and_goes_on(
    workspace: Workspace, tmp_path: Path
) -> None:
    first = workspace.run("digest", REPORT)
    back_up(workspace.settings.state_dir, tmp_path / "copy.db")
    second = workspace.run("digest", REPORT)
    workspace.engine.dispose()
    done = lamplighter(workspace, "db", "restore", str(tmp_path / "copy.db"), "--yes")
    assert done.returncode == 0, done.stderr
    assert run_ids(workspace.settings.state_dir) == [first.id]
    third = workspace.run("digest", REPORT)
    assert third.status == "completed"
    [former] = workspace.settings.state_dir.glob(f"{FILE}.before-*Z")
    assert str(former) in done.stdout
    with closing(sqlite3.connect(former)) as database:
        assert sorted(database.execute("SELECT id FROM runs")) == [(first.id,), (second.id,)]


def test_the_former_database_keeps_what_was_only_in_its_journal(
    workspace: Workspace, tmp_path: Path
) -> None:
    state_dir = workspace.settings.state_dir
    back_up(state_dir, tmp_path / "copy.db")
    run = workspace.run("digest", REPORT)
    assert (state_dir / f"{FILE}-wal").stat().st_size > 0  # our own engine keeps it open
    _health, former = restore(state_dir, tmp_path / "copy.db", NOW)
    assert former == state_dir / f"{FILE}.before-20260302T120000Z"
    with closing(sqlite3.connect(former)) as database:
        assert database.execute("SELECT id FROM runs").fetchall() == [(run.id,)]
    assert run_ids(state_dir) == []


def test_a_workspace_that_is_served_is_not_restored(workspace: Workspace, tmp_path: Path) -> None:
    back_up(workspace.settings.state_dir, tmp_path / "copy.db")
    with serving(workspace):
        refused = lamplighter(workspace, "db", "restore", str(tmp_path / "copy.db"), "--yes")
    assert refused.returncode == 1
    assert "held by another process" in refused.stderr


def test_a_restore_wants_to_be_meant(workspace: Workspace, tmp_path: Path) -> None:
    back_up(workspace.settings.state_dir, tmp_path / "copy.db")
    refused = lamplighter(workspace, "db", "restore", str(tmp_path / "copy.db"))
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert not list(workspace.settings.state_dir.glob("*.before-*"))


def test_what_is_no_backup_is_refused_and_nothing_changes(
    workspace: Workspace, tmp_path: Path
) -> None:
    state_dir = workspace.settings.state_dir
    text, other, newer = tmp_path / "a.txt", tmp_path / "other.db", tmp_path / "newer.db"
    text.write_text("no database at all, whatever its name may say" * 100)
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE t (a)")
    set_version(workspace, "9999")
    back_up(state_dir, newer)
    set_version(workspace, SCHEMA_VERSION)
    before = sorted(path.name for path in state_dir.iterdir())
    refusals: list[tuple[Path, type[Exception]]] = [
        (text, Unreadable),
        (other, Unreadable),
        (newer, NewerDatabase),
        (tmp_path / "absent.db", NotFound),
    ]
    for file, error in refusals:
        with pytest.raises(error):
            restore(state_dir, file, NOW)
    assert sorted(path.name for path in state_dir.iterdir()) == before


def test_a_new_machine_is_restored_from_a_backup_alone(
    workspace: Workspace, tmp_path: Path
) -> None:
    run = workspace.run("digest", REPORT)
    back_up(workspace.settings.state_dir, tmp_path / "copy.db")
    _health, former = restore(tmp_path / "new", tmp_path / "copy.db", NOW)
    assert former is None
    assert run_ids(tmp_path / "new") == [run.id]
    with pytest.raises(Conflict):
        back_up(tmp_path / "new", tmp_path / "copy.db")
