"""``lamplighter source``: add, list, login, sync, test, remove."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table, printable
from lamplighter.cli.source_setup import COMMANDS

if TYPE_CHECKING:
    from lamplighter.config import Settings
    from lamplighter.errors import LamplighterError
    from lamplighter.source_config import SourceConfig
    from lamplighter.store.documents import Skipped, SourceState
    from lamplighter.sync import Progress, SyncReport

SHOWN = 20
"""Skipped documents that a sync lists; ``source list --skipped`` has them all."""

NO_SOURCES = """\
No sources yet. A source is a folder of documents, a mailbox, a calendar, ...:

  lamplighter source add notes files path=~/notes

writes it into lamplighter.toml:

  [sources.notes]
  type = "files"
  path = "~/notes"
"""
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group()
def group() -> None:
    """Sources: where the documents come from."""


for _command in COMMANDS:
    group.add_command(_command)


@group.command("list")
@click.option("--skipped", is_flag=True, help="Also what could not be read, and why.")
@as_json
@click.pass_obj
def list_(context: Context, skipped: bool, as_json: bool) -> None:
    """List the configured sources, and what the index holds of them.

    \b
    Examples:
      lamplighter source list
      lamplighter source list --skipped
      lamplighter source list --json
    """
    from lamplighter.store import documents
    from lamplighter.store.database import open_database

    settings = context.settings()
    engine = open_database(settings.database)
    states = documents.list_sources(engine)
    left_out = (
        {name: documents.skipped(engine, name) for name in settings.sources} if skipped else {}
    )
    if as_json:
        print_json(
            [
                _described(name, config, states.get(name), left_out.get(name))
                for name, config in settings.sources.items()
            ]
        )
    elif not settings.sources:
        click.echo(NO_SOURCES)
    else:
        headers = ["source", "type", "target", "documents", "skipped", "last sync", "error"]
        zone = ZoneInfo(settings.timezone)
        sources = settings.sources.items()
        print_table(headers, [_row(name, each, states.get(name), zone) for name, each in sources])
        for name, items in left_out.items():
            _print_skipped(name, items)


@group.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--watch", is_flag=True, help="Go on, as often as each source says, until Ctrl-C.")
@as_json
@click.pass_obj
def sync(context: Context, names: tuple[str, ...], watch: bool, as_json: bool) -> int:
    """Bring the index up to date with the sources NAME, or with all of them.

    Only what changed is read. Without NAME, sources that are no longer configured leave the
    index. Documents that cannot be read are listed with the reason.

    \b
    Examples:
      lamplighter source sync
      lamplighter source sync notes --json
      lamplighter source sync --watch

    Exit code 1: a source could not be read; what the index had of it is kept.
    """
    from lamplighter.errors import LamplighterError
    from lamplighter.store.database import open_database
    from lamplighter.sync import choose_sources, sync_all

    settings = context.settings()
    if watch:
        _watch(settings, list(choose_sources(settings, names)), as_json)
        return 0
    with _progress() as progress:
        engine = open_database(settings.database)
        results = sync_all(engine, settings, only=names, progress=progress)
    if as_json:
        print_json([_outcome(name, result) for name, result in results.items()])
    elif not results:
        click.echo(NO_SOURCES)
    else:
        _print_results(results)
    return int(any(isinstance(result, LamplighterError) for result in results.values()))


def _watch(settings: "Settings", names: Sequence[str], as_json: bool) -> None:
    """Sync for ever; with ``as_json`` each sync is one line of JSON."""
    import asyncio

    from lamplighter.engine.syncing import keep_synced
    from lamplighter.store.database import open_database

    def tell(name: str, result: "SyncReport | LamplighterError") -> None:
        if as_json:
            print_json(_outcome(name, result), indent=None)
        else:
            _print_results({name: result})

    asyncio.run(keep_synced(open_database(settings.database), settings, names, tell))


def _described(
    name: str,
    config: "SourceConfig",
    state: "SourceState | None",
    skipped: "Sequence[Skipped] | None",
) -> dict[str, Any]:
    synced_at = state.synced_at if state else None
    described = {
        "name": name,
        "type": config.type,
        "target": config.target,
        "every_seconds": config.every,
        "documents": state.documents if state else 0,
        "skipped": state.skipped if state else 0,
        "synced_at": synced_at.isoformat() if synced_at else None,
        "error": state.error if state else None,
    }
    if skipped is not None:
        described["skipped_documents"] = _reasons(skipped)
    return described


def _row(
    name: str, config: "SourceConfig", state: "SourceState | None", zone: ZoneInfo
) -> tuple[object, ...]:
    if state is None:
        return (name, config.type, config.target, 0, 0, "never", None)
    last = _local(state.synced_at, zone) if state.synced_at else "never"
    return (name, config.type, config.target, state.documents, state.skipped, last, state.error)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _outcome(name: str, result: "SyncReport | LamplighterError") -> dict[str, Any]:
    from lamplighter.errors import LamplighterError

    if isinstance(result, LamplighterError):
        return {"name": name, "error": str(result)}
    counts = {**asdict(result), "seconds": round(result.seconds, 3)}
    return {"name": name, **counts, "skipped": _reasons(result.skipped), "error": None}


def _reasons(skipped: "Sequence[Skipped]") -> list[dict[str, str]]:
    return [{"path": item.path, "reason": item.reason} for item in skipped]


def _print_results(results: "Mapping[str, SyncReport | LamplighterError]") -> None:
    from lamplighter.errors import LamplighterError

    for name, result in results.items():
        if isinstance(result, LamplighterError):
            click.echo(f"error: {printable(result)}", err=True)
            continue
        click.echo(
            f"{printable(name)}: {result.added} added, {result.updated} updated, "
            f"{result.deleted} deleted, {result.unchanged} unchanged, "
            f"{len(result.skipped)} skipped, in {result.seconds:.1f} s"
        )
        _print_skipped(name, result.skipped, at_most=SHOWN)


def _print_skipped(name: str, skipped: "Sequence[Skipped]", *, at_most: int | None = None) -> None:
    for item in skipped[:at_most]:
        click.echo(f"  skipped {printable(name)}:{printable(item.path)}: {printable(item.reason)}")
    if at_most is not None and len(skipped) > at_most:
        more = len(skipped) - at_most
        click.echo(f"  and {more} more; all of them: lamplighter source list --skipped")


@contextmanager
def _progress() -> "Iterator[Callable[[Progress], None]]":
    """A bar on stderr for each source, where somebody watches."""
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}"),
    )
    console = Console(stderr=True)
    tasks: dict[str, bars.TaskID] = {}
    with bars.Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as display:

        def show(step: "Progress") -> None:
            if step.source not in tasks:
                name = printable(step.source)
                tasks[step.source] = display.add_task(name, total=step.total or None, rate="")
            task = display.tasks[tasks[step.source]]
            rate = f"{task.speed:,.0f} items/s" if task.speed else ""
            display.update(task.id, completed=step.done, total=step.total or None, rate=rate)

        yield show
