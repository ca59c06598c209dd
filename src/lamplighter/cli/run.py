"""``lamplighter run``: start, list, show, watch, cancel, export, import."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table, printable, printable_json
from lamplighter.cli.timeline import (
    MARKS,
    describe_effect,
    describe_event,
    describe_run,
    describe_run_cost,
    event_data,
    follow,
    run_data,
    show_live,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.config import Settings
    from lamplighter.store.runs import Run

ENDED_BADLY = 3
HEADERS = ("run", "agent", "started", "status", "duration", "tools", "cost", "summary")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group()
def group() -> None:
    """Runs: each execution of an agent, and its record."""


@group.command()
@click.argument("agent")
@click.option("--wait", is_flag=True, help="Show what it does, and wait until it has ended.")
@click.option("--message", "-m", default="", help="The first message; default: the agent's own.")
@click.option("--model", help="Another model for this run, such as scripted:FILE.yaml.")
@click.option("--dry-run", is_flag=True, help="Record what it would do to the world; no more.")
@as_json
@click.pass_obj
def start(  # noqa: PLR0913 - options
    context: Context,
    agent: str,
    wait: bool,
    message: str,
    model: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run AGENT now, whatever its schedule says; that stays as it is.

    \b
    Examples:
      lamplighter run start daily-digest --wait
      lamplighter run start daily-digest -m "Only what concerns the budget" --json
      lamplighter run start daily-digest --model scripted:try.yaml --wait
      lamplighter run start daily-digest --dry-run --wait

    Exit code 3: the run ended badly.
    """
    from lamplighter.engine.control import wake_engine
    from lamplighter.engine.manual import request_run

    settings = context.settings()
    engine = _open(settings)
    run = request_run(settings, engine, agent, message=message, model=model, dry_run=dry_run)
    held = wake_engine(engine, settings.state_dir)
    if wait:
        run = _wait(settings, engine, run, held=held, quiet=as_json)
    elif not held:
        click.echo(
            "Nothing serves this workspace now; the run starts with: lamplighter serve", err=True
        )
    if as_json:
        print_json(run_data(run, settings.workspace))
    else:
        _print_run(engine, run)
    return ENDED_BADLY if run.status in ("failed", "cancelled") else 0


@group.command("list")
@click.option("--agent", help="Only this agent's runs.")
@click.option("--status", help="Only pending, running, completed, failed or cancelled ones.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json
@click.pass_obj
def list_(
    context: Context, agent: str | None, status: str | None, limit: int, as_json: bool
) -> None:
    """List runs, newest first.

    \b
    Examples:
      lamplighter run list
      lamplighter run list --agent daily-digest --status failed --json
    """
    from lamplighter.store.runs import list_runs

    settings = context.settings()
    found = list_runs(_open(settings), agent=agent, status=status, limit=limit)
    if as_json:
        print_json([run_data(run, settings.workspace) for run in found])
    elif not found:
        click.echo("No runs yet. Start one: lamplighter run start AGENT --wait")
    else:
        print_table(
            ["run", "agent", "started", "status", "duration", "tools", "cost", "summary"],
            map(_row, found),
        )


@group.command()
@click.argument("run_id", metavar="ID")
@click.option("--events", is_flag=True, help="Also its record: every message and tool call.")
@as_json
@click.pass_obj
def show(context: Context, run_id: str, events: bool, as_json: bool) -> None:
    """Show the run ID (the whole id, a clear part of it, or `last`) and its effects.

    \b
    Examples:
      lamplighter run show last
      lamplighter run show last --events --json
    """
    from lamplighter.outbox import effect_data
    from lamplighter.store.events import list_events
    from lamplighter.store.outbox import list_entries

    settings = context.settings()
    engine = _open(settings)
    run = _find(engine, run_id)
    record = list_events(engine, run.id) if events else []
    if as_json:
        data = run_data(run, settings.workspace)
        data["effects"] = [effect_data(entry) for entry in list_entries(engine, run_id=run.id)]
        print_json(data | {"events": [event_data(event) for event in record]} if events else data)
        return
    for event in record:
        click.echo(describe_event(event))
    _print_run(engine, run)


@group.command()
@click.argument("run_id", metavar="ID")
@as_json
@click.pass_obj
def watch(context: Context, run_id: str, as_json: bool) -> int:
    """Show what the run ID does while it does it, until it has ended.

    With --json: one JSON document a line, an event each, and the run at the end.

    \b
    Example:
      lamplighter run watch last

    Exit code 3: the run ended badly.
    """
    settings = context.settings()
    engine = _open(settings)
    run = _find(engine, run_id)
    if as_json:
        for event in follow(engine, run.id):
            print_json(event_data(event), indent=None)
    else:
        show_live(engine, run.id)
    run = _find(engine, run.id)
    if as_json:
        print_json(run_data(run, settings.workspace), indent=None)
    else:
        _print_run(engine, run)
    return ENDED_BADLY if run.status in ("failed", "cancelled") else 0


@group.command()
@click.argument("run_id", metavar="ID")
@as_json
@click.pass_obj
def cancel(context: Context, run_id: str, as_json: bool) -> None:
    """Stop the run ID: its model request and its tools.

    \b
    Example:
      lamplighter run cancel last
    """
    from lamplighter.engine.control import wake_engine
    from lamplighter.engine.manual import cancel_run

    settings = context.settings()
    engine = _open(settings)
    run = cancel_run(engine, _find(engine, run_id))
    held = wake_engine(engine, settings.state_dir)
    if as_json:
        print_json(run_data(run, settings.workspace))
    elif run.ended:
        click.echo(f"{run.id} is {run.status}.")
    else:
        when = "now" if held else "when the workspace is served again"
        click.echo(f"{run.id} will stop {when}.")


@group.command()
@click.argument("run_id", metavar="ID")
@click.option("--model", help="Ask this model, and compare; tools answer from the record.")
@click.option("--current", is_flag=True, help="With the agent as it is now, not as it was then.")
@as_json
@click.pass_obj
def replay(context: Context, run_id: str, model: str | None, current: bool, as_json: bool) -> int:
    """Carry out the run ID again on its record: no model is asked, and nothing is done.

    It stops where it asks its model for something else than it did, and shows the difference.
    With --model another model does the work, on the same answers where it makes the same calls;
    its effects are only staged.

    \b
    Examples:
      lamplighter run replay last
      lamplighter run replay last --current
      lamplighter run replay last --model anthropic:claude-haiku-4-5

    Exit code 3: it drifted, or the other model ended badly.
    """
    from lamplighter.cli.replay import print_comparison, print_replay

    settings = context.settings()
    engine = _open(settings)
    run = _find(engine, run_id)
    if model is None:
        print_replay(engine, run, settings, current=current, as_json=as_json)
        return 0
    good = print_comparison(engine, run, settings, model, current=current, as_json=as_json)
    return 0 if good else ENDED_BADLY


@group.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="A folder to write to."
)
@click.pass_obj
def export(context: Context, run_id: str, to: Path | None) -> None:
    """Print the record of RUN as Rowboat keeps it, one JSON object a line.

    \b
    Examples:
      lamplighter run export last
      lamplighter run export last --to ~/.rowboat/runs
    """
    from lamplighter.engine.run_logs import export_run

    settings = context.settings()
    engine = _open(settings)
    name, text = export_run(engine, _find(engine, run_id))
    if to is None:
        click.echo(printable_json(text), nl=False)
        return
    to.mkdir(parents=True, exist_ok=True)
    (to / name).write_text(text, "utf-8")
    click.echo(str(to / name))


@group.command("import")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@click.pass_obj
def import_(context: Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Take Rowboat's records of runs into the history: FILES, or all of the workspace's runs/.

    `lamplighter serve` does so with those that it keeps.

    \b
    Examples:
      lamplighter run import
      lamplighter run import 2026-07-02T15-55-29Z-0017565-000.jsonl
    """
    from datetime import UTC, datetime

    from lamplighter.engine.run_logs import find_logs, import_logs

    settings = context.settings()
    chosen = list(files) or find_logs(settings.workspace)
    ever = datetime.min.replace(tzinfo=UTC)
    found = list(import_logs(_open(settings), chosen, ever))
    if as_json:
        print_json(
            [
                {
                    "file": str(each.file),
                    "run": each.run_id,
                    "new": each.is_new,
                    "error": each.error,
                }
                for each in found
            ]
        )
        return
    for each in found:
        state = each.error or ("imported" if each.is_new else "known already")
        click.echo(printable(f"{each.file.name}: {state} {each.run_id}".rstrip()))


def _open(settings: "Settings") -> "Engine":
    from lamplighter.store.database import open_database

    return open_database(settings.database)


def _find(engine: "Engine", run_id: str) -> "Run":
    from lamplighter.errors import NotFound
    from lamplighter.store.runs import get_run, list_runs

    if run_id != "last":
        return get_run(engine, run_id)
    newest = list_runs(engine, limit=1)
    if not newest:
        raise NotFound("there are no runs yet. Start one: lamplighter run start AGENT --wait")
    return newest[0]


def _wait(settings: "Settings", engine: "Engine", run: "Run", *, held: bool, quiet: bool) -> "Run":
    """Wait for a run's end; where nobody holds the workspace, hold it meanwhile."""

    def show_until_end() -> None:
        if quiet:
            for _ in follow(engine, run.id):
                pass
        else:
            show_live(engine, run.id)

    if held:
        show_until_end()
    else:
        from lamplighter.engine.holder import hold, making_rounds
        from lamplighter.sync import sync_all

        async def hold_until_end() -> None:
            async with hold(settings, fires=False) as holder:
                await asyncio.to_thread(sync_all, engine, settings)  # nobody else keeps it fresh
                async with making_rounds(holder):
                    await asyncio.to_thread(show_until_end)

        asyncio.run(hold_until_end())
    return _find(engine, run.id)


def _print_run(engine: "Engine", run: "Run") -> None:
    from lamplighter.outbox import effect_data
    from lamplighter.store.outbox import list_entries

    click.echo(printable(f"\n{run.agent}  {run.id}\n{describe_run(run)}"))
    if run.summary:
        click.echo(printable(run.summary))
    for entry in reversed(list_entries(engine, run_id=run.id)):
        click.echo(printable(describe_effect(effect_data(entry))))


def _row(run: "Run") -> list[Any]:
    began = (run.started_at or run.created_at).astimezone()
    seconds = run.duration_seconds
    label = f" [{run.label}]" if run.label else ""
    return [
        run.id,
        run.agent,
        f"{began:%Y-%m-%d %H:%M:%S}",
        f"{MARKS[run.status]} {run.outcome or run.status}{label}",
        "" if seconds is None else f"{seconds:.1f} s",
        run.tool_calls,
        describe_run_cost(run),
        (run.summary or "").split("\n")[0],
    ]
