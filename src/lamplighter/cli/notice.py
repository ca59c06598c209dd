"""``lamplighter notice``: list, read."""

from typing import TYPE_CHECKING, Any

import click

from lamplighter import clock
from lamplighter.cli.context import Context
from lamplighter.cli.output import indented, print_json

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.store.notices import Notice


@click.group()
def group() -> None:
    """Notices: what you should know about your agents."""


@group.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were read.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def list_(context: Context, everything: bool, as_json: bool) -> None:
    """List the notices that nobody has read, newest first.

    \b
    Examples:
      lamplighter notice list
      lamplighter notice list --all --json
    """
    from lamplighter.store.notices import list_notices

    found = list_notices(_open(context), unread=not everything)
    if as_json:
        print_json([_data(notice) for notice in found])
    elif not found:
        click.echo("No notices.")
    for notice in () if as_json else found:
        local = notice.created_at.astimezone()
        mark = " (read)" if notice.read_at else ""
        click.echo(f"{notice.id}  {local:%Y-%m-%d %H:%M}  {notice.kind}{mark}")
        click.echo(f"  {indented(notice.message, 2)}")


@group.command()
@click.argument("notice_id", metavar="[ID]", required=False)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.pass_obj
def read(context: Context, notice_id: str | None, everything: bool) -> None:
    """Mark the notice ID as read: the whole id or a clear part of it; or all.

    \b
    Examples:
      lamplighter notice read 7G4QK2
      lamplighter notice read --all
    """
    from lamplighter.store.notices import read_all_notices, read_notice

    if everything == bool(notice_id):
        raise click.UsageError("Give either the ID of a notice or --all.")
    with _open(context).begin() as connection:
        if notice_id:
            notice = read_notice(connection, notice_id, clock.now())
            click.echo(f"Read: {indented(notice.message, 2)}")
        else:
            click.echo(f"Read: {read_all_notices(connection, clock.now())}")


def _open(context: Context) -> "Engine":
    from lamplighter.store.database import open_database

    return open_database(context.settings().state_dir)


def _data(notice: "Notice") -> dict[str, Any]:
    from lamplighter.cli.timeline import iso

    return {
        "id": notice.id,
        "agent": notice.agent,
        "kind": notice.kind,
        "message": notice.message,
        "created_at": iso(notice.created_at),
        "read_at": notice.read_at and iso(notice.read_at),
    }
