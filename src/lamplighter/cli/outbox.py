"""``lamplighter outbox``: list, show."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_fields, print_json, print_table
from lamplighter.cli.timeline import EFFECT_MARKS, iso

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.store.outbox import Entry

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group()
def group() -> None:
    """The outbox: what runs did to the world outside, and what is uncertain."""


@group.command("list")
@click.option("--run", "run_id", metavar="ID", help="Only this run's effects.")
@click.option("--state", help="Only intended, sent, failed or uncertain ones.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json
@click.pass_obj
def list_(
    context: Context, run_id: str | None, state: str | None, limit: int, as_json: bool
) -> None:
    """List effects, newest first.

    \b
    Examples:
      lamplighter outbox list
      lamplighter outbox list --state uncertain --json
    """
    from lamplighter.store.outbox import list_entries
    from lamplighter.store.runs import get_run

    engine = _open(context)
    run = get_run(engine, run_id).id if run_id else None
    found = list_entries(engine, run_id=run, state=state, limit=limit)
    if as_json:
        print_json([_data(entry) for entry in found])
    elif not found:
        click.echo("Nothing in the outbox.")
    else:
        print_table(["effect", "when", "run", "state", "kind", "destination"], map(_row, found))


@group.command()
@click.argument("entry_id", metavar="ID")
@as_json
@click.pass_obj
def show(context: Context, entry_id: str, as_json: bool) -> None:
    """Show the effect ID: the whole id, or a clear end of it.

    \b
    Example:
      lamplighter outbox show 5QK3ZM
    """
    from lamplighter.store.outbox import get_entry

    data = _data(get_entry(_open(context), entry_id))
    if as_json:
        print_json(data)
    else:
        print_fields(data.items())


def _open(context: Context) -> "Engine":
    from lamplighter.store.database import open_database

    return open_database(context.settings().database)


def _data(entry: "Entry") -> dict[str, Any]:
    data = {field: getattr(entry, field) for field in entry.__slots__}
    return {
        field: iso(value) if isinstance(value, datetime) else value for field, value in data.items()
    }


def _row(entry: "Entry") -> list[object]:
    return [
        entry.id,
        f"{entry.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
        entry.run_id,
        f"{EFFECT_MARKS.get(entry.state, '·')} {entry.state}",
        entry.kind,
        entry.destination,
    ]
