"""``lamplighter schedule``: preview."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from lamplighter import clock
from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table
from lamplighter.errors import NotFound


@click.group()
def group() -> None:
    """Schedules: when something is due."""


@group.command()
@click.argument("expression", metavar="EXPR")
@click.option("--timezone", help="An IANA name. Default: the workspace's, or this machine's.")
@click.option("--count", default=10, show_default=True, type=click.IntRange(1, 1000))
@click.option("--from", "start", metavar="ISO", help="Only later than this; default: now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
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

    An interval is counted from the start of the preview. Where the clocks have changed since
    the time before, the change is shown.

    \b
    Examples:
      lamplighter schedule preview "0 9 * * 1-5" --timezone Europe/Berlin
      lamplighter schedule preview "30 2 * * *" --from 2026-03-28 --count 3
      lamplighter schedule preview "every 6 hours" --json
      lamplighter schedule preview "at 2030-01-31 09:00"

    Exit code 2: EXPR is no schedule, or the time zone is unknown.
    """
    from lamplighter.schedule import describe, parse, read_zone, upcoming

    schedule = parse(expression, timezone=timezone or _default_zone(context))
    zone = read_zone(schedule.timezone)
    after = _read_start(start, zone) if start else clock.now().replace(microsecond=0)
    rows = list(_rows(upcoming(schedule, after, anchor=after, count=count), zone))
    words = describe(schedule)
    if as_json:
        print_json({"schedule": words, "timezone": schedule.timezone, "upcoming": rows})
        return
    click.echo(words if schedule.timezone in words else f"{words} ({schedule.timezone})")
    if rows:
        print_table(["local time", "UTC", ""], map(_table_row, rows))
    else:
        click.echo("Never due after that.")


def _default_zone(context: Context | None) -> str:
    import tzlocal

    try:
        return context.settings().timezone if context else tzlocal.get_localzone_name() or "UTC"
    except NotFound:
        return tzlocal.get_localzone_name() or "UTC"


def _read_start(text: str, zone: ZoneInfo) -> datetime:
    from lamplighter.schedule import read_moment

    day = len(text.strip()) == len("2026-03-28")
    return read_moment(f"{text} 00:00" if day else text, zone, field="--from")


def _rows(moments: list[datetime], zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    before: timedelta | None = None
    for moment in moments:
        local = moment.astimezone(zone)
        offset = local.utcoffset() or timedelta()
        row = {"local": local.isoformat(), "utc": moment.isoformat()}
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
    local, utc = (datetime.fromisoformat(row[key]) for key in ("local", "utc"))
    shift = row.get("shift")
    note = f"clocks changed by {shift}" if shift else None
    return [
        f"{local:%a} {local.isoformat(' ', 'seconds')}",
        utc.replace(tzinfo=None).isoformat(" ", "seconds"),
        note,
    ]
