"""``lamplighter schedule``: preview, history."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from lamplighter import clock
from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table
from lamplighter.errors import NotFound

if TYPE_CHECKING:
    from lamplighter.schedule import Schedule
    from lamplighter.store.schedules import HistoryEntry


@click.group()
def group() -> None:
    """Schedules: when something is due, and what became of it."""


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@group.command()
@click.argument("expression", metavar="EXPR")
@click.option("--timezone", help="An IANA name. Default: the workspace's, or this machine's.")
@click.option("--count", default=10, show_default=True, type=click.IntRange(1, 1000))
@click.option("--from", "start", metavar="ISO", help="Only later than this; default: now.")
@as_json
@click.pass_obj
def preview(
    context: Context | None,
    expression: str,
    timezone: str | None,
    count: int,
    start: str | None,
    as_json: bool,
) -> None:
    """Show when the schedule EXPR is due, as it would stand in an agent file.

    An interval is counted from the start of the preview. Random moments belong to an agent, and
    lamplighter agent show tells them; here a window is shown as a whole, and jitter left out.
    Where the clocks have changed since the time before, the change is shown.

    \b
    Examples:
      lamplighter schedule preview "weekdays at 8:30" --timezone Europe/Berlin
      lamplighter schedule preview "30 2 * * *" --from 2026-03-28 --count 3
      lamplighter schedule preview "every 6 hours" --json
      lamplighter schedule preview '{window: "22:00-02:00", on: weekends}'

    Exit code 2: EXPR is no schedule, or the time zone is unknown.
    """
    from lamplighter.schedule import Once, describe, read_zone

    schedule = _parse(expression, timezone or _default_zone(context))
    zone = read_zone(schedule.timezone)
    after = _read_start(start, zone) if start else clock.now().replace(microsecond=0)
    rows = list(_rows(schedule, after, count, zone))
    words = describe(schedule)
    if as_json:
        print_json({"schedule": words, "timezone": schedule.timezone, "upcoming": rows})
        return
    click.echo(words if schedule.timezone in words else f"{words} ({schedule.timezone})")
    if rows:
        print_table(["local time", "UTC", ""], map(_table_row, rows))
    elif isinstance(schedule.timing, Once) and not start:
        click.echo("That is past: it fires once, as soon as it is saved, and never again.")
    else:
        click.echo("Never due after that.")


@group.command()
@click.argument("agent")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@as_json
@click.pass_obj
def history(context: Context, agent: str, limit: int, as_json: bool) -> None:
    """Show what was expected of AGENT and what happened, newest first.

    Every due moment ran, was skipped or was missed, the latter two with the reason. Lateness is
    the time from the due moment to the start of its run.

    \b
    Examples:
      lamplighter schedule history daily-digest
      lamplighter schedule history daily-digest --limit 500 --json
    """
    from lamplighter.store.database import open_database
    from lamplighter.store.schedules import list_history

    settings = context.settings()
    engine = open_database(settings.database)
    rows = [
        _history_data(each) for each in list_history(engine, agent, settings.timezone, limit=limit)
    ]
    if not rows:
        _require_agent(context, agent)
    if as_json:
        print_json(rows)
    elif rows:
        headers = ["due, local time", "result", "run", "status", "late by", "reason"]
        print_table(headers, map(_history_row, rows))
    else:
        click.echo(f"Nothing has been due yet for {agent}.")


# Reading


def _parse(expression: str, timezone: str) -> "Schedule":
    """A schedule as it stands in a file; in braces, a mapping in YAML."""
    from lamplighter.definitions.frontmatter import read_document
    from lamplighter.schedule import parse

    if not expression.lstrip().startswith("{"):
        return parse(expression, timezone=timezone)
    document = read_document(f"---\nschedule: {expression}\n---\n")
    return parse(document.fields["schedule"].plain(), timezone=timezone)


def _require_agent(context: Context, name: str) -> None:
    from lamplighter.definitions.spelling import hint_at
    from lamplighter.workspace import read_catalogue

    catalogue = read_catalogue(context.settings())
    if catalogue.find(name) is None:
        names = [entry.name for entry in catalogue.entries]
        raise NotFound(f"there is no agent {name!r}; {hint_at(name, names, 'Agents')}")


def _default_zone(context: Context | None) -> str:
    import tzlocal

    with suppress(NotFound):
        if context:
            return context.settings().timezone
    return os.environ.get("LAMPLIGHTER_TIMEZONE") or tzlocal.get_localzone_name() or "UTC"


def _read_start(text: str, zone: ZoneInfo) -> datetime:
    from lamplighter.schedule import read_moment

    day = len(text.strip()) == len("2026-03-28")
    return read_moment(f"{text} 00:00" if day else text, zone, field="--from")


# The preview


def _rows(
    schedule: "Schedule", after: datetime, count: int, zone: ZoneInfo
) -> Iterator[dict[str, Any]]:
    """The due moments, or where they are random, the windows."""
    from lamplighter.schedule import upcoming, window_at

    before: timedelta | None = None
    steady = replace(schedule, jitter_seconds=0)
    for moment in upcoming(steady, after, anchor=after, count=count):
        local = moment.astimezone(zone)
        row: dict[str, Any] = {"local": local.isoformat(), "utc": moment.isoformat()}
        if window := window_at(schedule, moment):
            local, end = (each.astimezone(zone) for each in window)
            row = {"local": None, "utc": None}
            row["window"] = {"start": local.isoformat(), "end": end.isoformat()}
        offset = local.utcoffset() or timedelta()
        if before is not None and offset != before:
            row["shift"] = _shift(offset - before)
        before = offset
        yield row


def _shift(change: timedelta) -> str:
    """``+01:00`` when the clocks went forward by an hour."""
    minutes = abs(change) // timedelta(minutes=1)
    sign = "-" if change < timedelta() else "+"
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


def _table_row(row: dict[str, Any]) -> list[object]:
    note = f"clocks changed by {row['shift']}" if "shift" in row else None
    if "window" in row:
        return [*_show_window(**row["window"]), note]
    utc = datetime.fromisoformat(row["utc"]).replace(tzinfo=None)
    return [_show(row["local"]), utc.isoformat(" ", "seconds"), note]


def _show_window(start: str, end: str) -> tuple[str, str]:
    """Local and UTC."""
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    local = f"{first:%a %Y-%m-%d %H:%M} to {last:%H:%M}{end[-6:]}"
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    return local, f"{first:%Y-%m-%d %H:%M} to {last:%H:%M}"


def _show(local: str) -> str:
    moment = datetime.fromisoformat(local)
    return f"{moment:%a} {moment.isoformat(' ', 'seconds')}"


# The history


def _history_data(entry: "HistoryEntry") -> dict[str, Any]:
    occurrence, zone = entry.occurrence, ZoneInfo(entry.timezone)
    return {
        "schedule_id": occurrence.schedule_id,
        "due_at": occurrence.due_at.isoformat(),
        "due_local": occurrence.due_at.astimezone(zone).isoformat(),
        "timezone": entry.timezone,
        "result": occurrence.result,
        "reason": occurrence.reason,
        "run_id": occurrence.run_id,
        "run_status": entry.run_status,
        "started_at": entry.started_at.isoformat() if entry.started_at else None,
        "lateness_seconds": entry.lateness_seconds,
    }


def _history_row(row: dict[str, Any]) -> list[object]:
    late = row["lateness_seconds"]
    return [
        _show(row["due_local"]),
        row["result"],
        row["run_id"] if row["result"] == "ran" else None,
        row["run_status"],
        None if late is None else _show_seconds(late),
        row["reason"],
    ]


def _show_seconds(seconds: float) -> str:
    """``0.42`` -> ``0.4 s``, ``4200`` -> ``1 hour 10 minutes``."""
    from lamplighter.schedule import describe_seconds

    return f"{seconds:.1f} s" if seconds < 60 else describe_seconds(int(seconds))
