"""``lamplighter db``: backup, restore, upgrade."""

from pathlib import Path

import click

from lamplighter import clock
from lamplighter.cli.context import Context

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
    delivered: copy those with the folder.

    \b
    Examples:
      lamplighter db backup ~/backups/monday.db
      lamplighter db backup ~/backups/latest.db --yes
    """
    from lamplighter.store.backup import back_up

    health = back_up(context.settings().state_dir, file, replace=yes)
    click.echo(f"{file}: {_size(health.size_bytes)}, schema {health.version}")


@group.command()
@file_argument
@click.option("--yes", is_flag=True, help="Do it: what happened since the backup is undone.")
@click.pass_obj
def restore(context: Context, file: Path, yes: bool) -> None:
    """Put the backup FILE in the place of the database; the former one is kept beside it.

    Nobody may serve the workspace meanwhile. Runs that were under way when the backup was made
    go on from there, with what they did since then forgotten.

    \b
    Example:
      lamplighter db restore ~/backups/monday.db --yes
    """
    from lamplighter.engine.holder import locked
    from lamplighter.store.backup import restore as put_back

    if not yes:
        raise click.UsageError("This replaces the database. If you mean it, add --yes")
    state_dir = context.settings().state_dir
    with locked(state_dir):
        health, former = put_back(state_dir, file, clock.now())
    click.echo(f"Restored: {_size(health.size_bytes)}, schema {health.version}")
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

    state_dir = context.settings().state_dir
    health = examine_database(state_dir)
    open_database(state_dir).dispose()
    before = health.version if health else None
    if before == SCHEMA_VERSION:
        click.echo(f"The database is up to date: schema {before}")
    else:
        click.echo(f"Upgraded: from {before or 'nothing'} to schema {SCHEMA_VERSION}")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:,.1f} MB"
