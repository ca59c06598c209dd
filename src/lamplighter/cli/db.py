"""``lamplighter db``: backup, restore, upgrade."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamplighter import clock
from lamplighter.cli.context import Context

if TYPE_CHECKING:
    from lamplighter.config import Settings

file_argument = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def group() -> None:
    """The database: back it up, put it back, bring it up to date."""


@group.command()
@file_argument
@click.option("--yes", is_flag=True, help="Replace FILE if it is there.")
@click.pass_obj
def backup(context: Context, file: Path, yes: bool) -> None:
    """Copy the database to FILE, also while the workspace is served.

    It holds runs, schedules, notices and the index, but neither agent files nor what was
    delivered: copy those with the folder. A backup of PostgreSQL is made by pg_dump, which has
    to be installed.

    \b
    Examples:
      lamplighter db backup ~/backups/monday.db
      lamplighter db backup ~/backups/latest.db --yes
    """
    settings = context.settings()
    if settings.database_url:
        from lamplighter.store.dump import dump

        version: str | None = dump(settings.database_url, file, replace=yes)
    else:
        from lamplighter.store.backup import back_up

        version = back_up(settings.state_dir, file, replace=yes).version
    click.echo(f"{file}: {_size(file.stat().st_size)}, schema {version}")


@group.command()
@file_argument
@click.option("--yes", is_flag=True, help="Do it: what happened since the backup is undone.")
@click.pass_obj
def restore(context: Context, file: Path, yes: bool) -> None:
    """Put the backup FILE in the place of the database; the former one is kept in .lamplighter/.

    Nobody may serve the workspace meanwhile, nor be connected to the PostgreSQL database, which
    is filled by pg_restore and psql, all or nothing. Runs that were under way when the backup was
    made go on from there, with what they did since then forgotten.

    \b
    Example:
      lamplighter db restore ~/backups/monday.db --yes
    """
    if not yes:
        raise click.UsageError("This replaces the database. If you mean it, add --yes")
    settings = context.settings()
    put_back = _load if settings.database_url else _restore_file
    version, former = put_back(settings, file)
    click.echo(f"Restored: {_size(file.stat().st_size)}, schema {version}")
    if former:
        click.echo(f"The former database is {former}")


@group.command()
@click.pass_obj
def upgrade(context: Context) -> None:
    """Bring the database to this program's schema; any command that needs it does that as well.

    \b
    Example:
      lamplighter db upgrade
    """
    from lamplighter.store.database import SCHEMA_VERSION, open_database
    from lamplighter.store.health import examine_database

    place = context.settings().database
    health = examine_database(place)
    open_database(place).dispose()
    before = health.version if health else None
    if before == SCHEMA_VERSION:
        click.echo(f"The database is up to date: schema {before}")
    else:
        click.echo(f"Upgraded: from {before or 'nothing'} to schema {SCHEMA_VERSION}")


def _restore_file(settings: "Settings", file: Path) -> tuple[str | None, Path | None]:
    from lamplighter.engine.holder import locked
    from lamplighter.store.backup import restore as put_back

    with locked(settings.state_dir):
        health, former = put_back(settings.state_dir, file, clock.now())
    return health.version, former


def _load(settings: "Settings", file: Path) -> tuple[str, Path | None]:
    from lamplighter.store.dump import load

    return load(str(settings.database_url), file, settings.state_dir, clock.now())


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:,.1f} MB"
