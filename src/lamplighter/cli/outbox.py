"""``lamplighter outbox``: list, show, save, approve, deny, resend."""

import asyncio
import json
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_fields, print_json, print_table, printable
from lamplighter.cli.timeline import EFFECT_MARKS, describe_effect, iso

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.config import Settings
    from lamplighter.roster import Roster
    from lamplighter.store.enclosures import Enclosure
    from lamplighter.store.outbox import Entry

ENDED_BADLY = 3
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1
SHOWN_LINES = 40
"""Of a file that an effect brings."""

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
    from lamplighter.store.enclosures import list_enclosures
    from lamplighter.store.outbox import get_entry

    engine = _open(context)
    entry = get_entry(engine, entry_id)
    files, data = list_enclosures(engine, entry), _data(entry)
    if as_json:
        print_json(data | {"files": [asdict(each) for each in files]})
        return
    payload = data.pop("payload")
    print_fields((name, _in_words(value)) for name, value in data.items() if value != "")
    click.echo("\nWhat it does:")
    print_fields((f"  {name}", _in_words(value)) for name, value in payload.items())
    for each in files:
        click.echo(f"\n{_describe_file(each)}")


@group.command()
@click.argument("entry_id", metavar="ID")
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="A folder to write to; default: this one.",
)
@click.pass_obj
def save(context: Context, entry_id: str, to: Path) -> None:
    """Save the files that the effect ID brings, writes or has attached, as they are meant.

    \b
    Example:
      lamplighter outbox save 5QK3ZM --to /tmp/look
    """
    from lamplighter.store.enclosures import list_enclosures, read_enclosure
    from lamplighter.store.outbox import get_entry

    engine = _open(context)
    entry = get_entry(engine, entry_id)
    folder = to / entry.id
    for number, each in enumerate(list_enclosures(engine, entry), start=1):
        _path, content = read_enclosure(engine, entry, each.sha256)
        # Only the last part of a name that others may have chosen, and a number for each.
        file = folder / f"{number}-{each.path.rpartition('/')[2]}"
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        click.echo(printable(file))


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
    from lamplighter.store.outbox import get_entry

    home = _home(context)
    found = get_entry(home.engine, entry_id)
    approvals.approve(home, found, None)
    return _have_done(home, found.id, as_json=as_json)


@group.command()
@click.argument("entry_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@click.pass_obj
def resend(context: Context, entry_id: str, yes: bool, as_json: bool) -> int:
    """Let the effect ID, which failed or is uncertain, be done once more.

    It is the very same, so that its receiver can tell a second copy: an e-mail has the same
    Message-ID. It is checked and performed as after an approval.

    \b
    Examples:
      lamplighter outbox resend 5QK3ZM
      lamplighter outbox resend 5QK3ZM --yes

    Exit code 3: it did not happen, or nobody knows.
    """
    from lamplighter.engine import approvals
    from lamplighter.store.outbox import get_entry

    home = _home(context)
    found = get_entry(home.engine, entry_id)
    if found.state in approvals.AGAIN and not yes:
        doubt = "It may have happened already. " if found.state == "uncertain" else ""
        click.echo(_line(found), err=True)
        click.confirm(f"{doubt}Do it once more?", abort=True, err=True)
    approvals.resend(home, found, None)
    return _have_done(home, found.id, as_json=as_json)


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
    from lamplighter.store.outbox import get_entry

    home = _home(context)
    _print(approvals.deny(home, get_entry(home.engine, entry_id), None, reason), as_json=as_json)


def _have_done(home: "Roster", entry_id: str, *, as_json: bool) -> int:
    """Let what was approved be performed, here if nobody else does; gives the exit code."""
    from lamplighter.engine.control import wake_engine

    if not wake_engine(home.engine, home.settings.state_dir):
        asyncio.run(_perform(home.settings))
    entry = _wait(home.engine, entry_id)
    _print(entry, as_json=as_json)
    return 0 if entry.state in ("sent", *UNDER_WAY) else ENDED_BADLY


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


def _home(context: Context) -> "Roster":
    from lamplighter.roster import Roster

    return Roster(context.settings(), _open(context))


def _open(context: Context) -> "Engine":
    from lamplighter.store.database import open_database

    return open_database(context.settings().database)


def _print(entry: "Entry", *, as_json: bool) -> None:
    if as_json:
        print_json(_data(entry))
    else:
        click.echo(_line(entry))


def _line(entry: "Entry") -> str:
    from lamplighter.outbox import effect_data

    return describe_effect(effect_data(entry))


def _data(entry: "Entry") -> dict[str, Any]:
    data = {field: getattr(entry, field) for field in entry.__slots__}
    return {
        field: iso(value) if isinstance(value, datetime) else value for field, value in data.items()
    }


def _in_words(value: object) -> object:
    """What a person has to see to decide: texts as they are, the rest as JSON."""
    if isinstance(value, str):
        return value.rstrip()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _describe_file(file: "Enclosure") -> str:
    """A file, and how it begins."""
    head = printable(f"{file.path} ({file.size_bytes:,} bytes, SHA-256 {file.sha256})")
    if file.text is None:
        return f"{head}: no text; see it with: lamplighter outbox save"
    lines = file.text.rstrip().split("\n")
    more = [] if file.whole and len(lines) <= SHOWN_LINES else ["... the rest: outbox save"]
    return "\n    ".join([head, *map(printable, lines[:SHOWN_LINES]), *more])


def _row(entry: "Entry") -> list[object]:
    return [
        entry.id,
        f"{entry.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
        entry.run_id,
        f"{EFFECT_MARKS.get(entry.state, '·')} {entry.state}",
        entry.kind,
        entry.destination,
    ]
