"""``lamplighter audit``."""

from typing import TYPE_CHECKING

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table

if TYPE_CHECKING:
    from lamplighter.store.audit import Record


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(context: Context, limit: int, as_json: bool) -> None:
    """List who did what, newest first: sign-ins, changes, runs that were asked for.

    \b
    Examples:
      lamplighter audit
      lamplighter audit --limit 1000 --json
    """
    from lamplighter.cli.timeline import iso
    from lamplighter.store.audit import list_records
    from lamplighter.store.database import open_database

    found = list_records(open_database(context.settings().database), limit=limit)
    if as_json:
        fields = ("id", "user", "action", "target", "detail")
        data = [{name: getattr(each, name) for name in fields} for each in found]
        print_json(
            [each | {"at": iso(record.at)} for each, record in zip(data, found, strict=True)]
        )
    else:
        rows = (_row(each) for each in found)
        print_table(["when", "who", "what", "to"], rows)


def _row(record: "Record") -> list[object]:
    when = f"{record.at.astimezone():%Y-%m-%d %H:%M:%S}"
    return [when, record.user or "-", record.action, record.target]
