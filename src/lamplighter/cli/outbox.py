"""``lamplighter outbox``: list, show, approve, deny."""

import asyncio
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_fields, print_json, print_table
from lamplighter.cli.timeline import EFFECT_MARKS, describe_effect, iso

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.config import Settings
    from lamplighter.store.outbox import Entry

ENDED_BADLY = 3
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1
UNDER_WAY = ("approved", "intended")

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group()
def group() -> None:
    """The outbox: what runs did to the world outside, what waits for you, what is uncertain."""


@group.command("list")
@click.option("--run", "run_id", metavar="ID", help="Only this run's effects.")
@click.option("--state", help="Only held, sent, failed, uncertain, ... ones.")
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
      lamplighter outbox list --state held
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
        payload = data.pop("payload")
        print_fields((name, value) for name, value in data.items() if value != "")
        click.echo("\nWhat it does:")
        print_fields((f"  {name}", _in_words(value)) for name, value in payload.items())


@group.command()
@click.argument("entry_id", metavar="ID")
@as_json
@click.pass_obj
def approve(context: Context, entry_id: str, as_json: bool) -> int:
    """Let the held effect ID happen, as it was held; the model is not asked again.

    It is checked by what its agent may do now, and performed by `lamplighter serve`, or at once
    if nothing serves the workspace.

    \b
    Example:
      lamplighter outbox approve 5QK3ZM

    Exit code 3: it did not happen, or nobody knows.
    """
    from lamplighter.engine import approvals
    from lamplighter.engine.control import wake_engine
    from lamplighter.outbox import effect_data
    from lamplighter.roster import Roster
    from lamplighter.store.outbox import get_entry

    settings, engine = context.settings(), _open(context)
    found = get_entry(engine, entry_id)
    approvals.approve(Roster(settings, engine), found, None)
    if not wake_engine(engine, settings.state_dir):
        asyncio.run(_perform(settings))
    entry = _wait(engine, found.id)
    if as_json:
        print_json(_data(entry))
    else:
        click.echo(describe_effect(effect_data(entry)))
    return 0 if entry.state in ("sent", *UNDER_WAY) else ENDED_BADLY


@group.command()
@click.argument("entry_id", metavar="ID")
@click.option("--reason", "-r", default="", help="Why, for the record.")
@as_json
@click.pass_obj
def deny(context: Context, entry_id: str, reason: str, as_json: bool) -> None:
    """Let the held effect ID never happen.

    \b
    Example:
      lamplighter outbox deny 5QK3ZM --reason "wrong recipient"
    """
    from lamplighter.engine import approvals
    from lamplighter.outbox import effect_data
    from lamplighter.roster import Roster
    from lamplighter.store.outbox import get_entry

    settings, engine = context.settings(), _open(context)
    home = Roster(settings, engine)
    entry = approvals.deny(home, get_entry(engine, entry_id), None, reason)
    if as_json:
        print_json(_data(entry))
    else:
        click.echo(describe_effect(effect_data(entry)))


async def _perform(settings: "Settings") -> None:
    """Perform what is approved in this process, and nothing else."""
    from lamplighter.engine.holder import hold

    async with hold(settings, fires=False) as holder:
        await holder.approved.begin()
        await holder.approved.end(None)


def _wait(engine: "Engine", entry_id: str) -> "Entry":
    """The effect once it is known what became of it, or after a while."""
    from lamplighter.store.outbox import get_entry

    for _ in range(round(PATIENCE_SECONDS / LOOK_SECONDS)):
        entry = get_entry(engine, entry_id)
        if entry.state not in UNDER_WAY:
            return entry
        time.sleep(LOOK_SECONDS)
    return get_entry(engine, entry_id)


def _open(context: Context) -> "Engine":
    from lamplighter.store.database import open_database

    return open_database(context.settings().database)


def _data(entry: "Entry") -> dict[str, Any]:
    data = {field: getattr(entry, field) for field in entry.__slots__}
    return {
        field: iso(value) if isinstance(value, datetime) else value for field, value in data.items()
    }


def _in_words(value: object) -> object:
    """What a person has to see to decide: texts as they are, the rest as JSON."""
    if isinstance(value, str):
        return value.rstrip() if "\n" not in value.rstrip() else f"\n{value.rstrip()}\n"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _row(entry: "Entry") -> list[object]:
    return [
        entry.id,
        f"{entry.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
        entry.run_id,
        f"{EFFECT_MARKS.get(entry.state, '·')} {entry.state}",
        entry.kind,
        entry.destination,
    ]
