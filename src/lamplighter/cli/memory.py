"""``lamplighter memory``: list, show, forget, restore."""

from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_fields, print_json, print_table, printable
from lamplighter.cli.timeline import iso

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.store.notes import Note

BY_HAND = "the command line"
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group()
def group() -> None:
    """Memory: what agents have noted in their runs for later ones."""


@group.command("list")
@click.argument("agent")
@as_json
@click.pass_obj
def list_(context: Context, agent: str, as_json: bool) -> None:
    """List what AGENT has noted, the newest first.

    \b
    Example:
      lamplighter memory list daily-digest
    """
    from lamplighter.store.notes import list_notes

    found = list_notes(_open(context), agent)
    if as_json:
        print_json([_data(note) for note in found])
    elif not found:
        click.echo(f"{printable(agent)} has noted nothing.")
    else:
        print_table(["topic", "version", "noted", "labels", "note"], map(_row, found))


@group.command()
@click.argument("agent")
@click.argument("topic")
@as_json
@click.pass_obj
def show(context: Context, agent: str, topic: str, as_json: bool) -> None:
    """Show the note of AGENT on TOPIC, with its earlier versions.

    \b
    Example:
      lamplighter memory show daily-digest "open invoices"
    """
    from lamplighter.store.notes import list_versions

    found = list_versions(_open(context), agent, topic)
    if as_json:
        print_json([_data(note) for note in found])
        return
    for note in found:
        labels = ", ".join(note.labels) or None
        fields = [("version", note.version), ("noted", iso(note.at)), ("by", note.origin)]
        print_fields([*fields, ("labels", labels)])
        click.echo(f"{printable(note.text) or '(forgotten)'}\n")


@group.command()
@click.argument("agent")
@click.argument("topic")
@click.pass_obj
def forget(context: Context, agent: str, topic: str) -> None:
    """Let AGENT not know its note on TOPIC any more. It can be restored.

    \b
    Example:
      lamplighter memory forget daily-digest "open invoices"
    """
    from lamplighter import clock
    from lamplighter.store.notes import forget_note

    with _open(context).begin() as connection:
        forget_note(connection, agent, topic, origin=_origin(), now=clock.now())
    click.echo(f"{printable(agent)} has forgotten: {printable(topic)}")


@group.command()
@click.argument("agent")
@click.argument("topic")
@click.argument("version", type=click.IntRange(1))
@click.pass_obj
def restore(context: Context, agent: str, topic: str, version: int) -> None:
    """Make the note of AGENT on TOPIC what it was in VERSION.

    \b
    Example:
      lamplighter memory restore daily-digest "open invoices" 3
    """
    from lamplighter import clock
    from lamplighter.store.notes import restore_note

    with _open(context).begin() as connection:
        note = restore_note(connection, agent, topic, version, origin=_origin(), now=clock.now())
    click.echo(f"{printable(topic)} says what it said in version {version}, as {note.version}.")


def _open(context: Context) -> "Engine":
    from lamplighter.store.database import open_database

    return open_database(context.settings().database)


def _origin() -> str:
    from ulid import ULID

    return f"{BY_HAND}/{ULID()}"


def _data(note: "Note") -> dict[str, Any]:
    return {
        "topic": note.topic,
        "version": note.version,
        "text": note.text,
        "labels": list(note.labels),
        "by": note.origin,
        "at": iso(note.at),
    }


def _row(note: "Note") -> list[object]:
    at = note.at.astimezone()
    first = note.text.split("\n")[0]
    return [note.topic, note.version, f"{at:%Y-%m-%d %H:%M}", ", ".join(note.labels), first]
