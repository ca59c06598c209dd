"""Filters of templates: moments, durations and amounts, as people read them."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from lamplighter import clock
from lamplighter.allowance import describe_cost
from lamplighter.definitions.hidden import reveal_hidden
from lamplighter.search.snippet import Snippet
from lamplighter.store.overview import LatestRun

NOTHING = "\u2013"
"""Where there is no number: a dash."""

CENT = 10_000
"""Micro-dollars."""

_MARKS = re.compile(r"[*`]+|^#+ +", re.MULTILINE)
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def moment(at: datetime | None, form: str = "relative") -> Markup:
    """A ``<time>`` that the page shows in the viewer's zone, and as they like it.

    Args:
        at: Aware; ``None``: a dash.
        form: ``relative`` ("3 h ago", if the viewer has not chosen otherwise), ``exact`` or
            ``clock`` (time of day with seconds).
    """
    if at is None:
        return Markup('<span class="quiet">{}</span>').format(NOTHING)
    at = at.astimezone(UTC)
    shown = {"relative": ago(at), "clock": f"{at:%H:%M:%S}"}.get(form, f"{at:%Y-%m-%d %H:%M}")
    full = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # Made of nothing but digits and our own words; hundreds of them stand on a page.
    text = f'<time datetime="{stamp}" data-form="{form}" title="{full}">{shown}</time>'
    return Markup(text)  # noqa: S704


def ago(at: datetime) -> str:
    """``3 h ago``, ``in 2 d``, ``now``."""
    seconds = (at - clock.now()).total_seconds()
    for unit, size in _UNITS[:3]:
        if abs(seconds) >= size:
            number = int(abs(seconds) // size)
            return f"in {number} {unit}" if seconds > 0 else f"{number} {unit} ago"
    return "now" if seconds > -60 else "1 min ago"


def duration(seconds: float | None) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds >= 0.05 or seconds == 0 else f"{seconds * 1000:.0f} ms"
    left = round(seconds)
    parts = []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])


def elapsed(at: datetime, since: datetime) -> str:
    """``0:07``, ``12:30``, ``1:02:03``: how long after the beginning."""
    seconds = max(int((at - since).total_seconds()), 0)
    hours, rest = divmod(seconds, 3600)
    clock_ = f"{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
    return f"{hours}:{clock_}" if hours else clock_


def milliseconds(at: datetime, since: datetime) -> int:
    """From one moment to another, and never less than none."""
    return max(int((at - since).total_seconds() * 1000), 0)


def number(value: float | None) -> str:
    """With thin spaces between thousands."""
    return NOTHING if value is None else f"{value:,}".replace(",", "\u202f")


def cost(microusd: int | None) -> str:
    """``$0.50``, small amounts with two digits that count; what nobody knows is a dash."""
    if microusd is None:
        return NOTHING
    counting = len(str(abs(microusd))) - 2 if microusd < CENT * 100 else len(str(CENT)) - 1
    return describe_cost(round(microusd, -max(counting, 0)))


def rate(per_day: float) -> str:
    """``2 runs a day``, ``5 runs a week``."""
    number, unit = (f"{per_day:.3g}", "day") if per_day >= 1 else (f"{per_day * 7:.2g}", "week")
    return f"{number} run{'' if number == '1' else 's'} a {unit}"


def plain(text: str) -> str:
    """What a model has written, without the marks of Markdown, for one line."""
    return _MARKS.sub("", text)


def size(size_bytes: int) -> str:
    """``12 kB``."""
    amount, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"


def count(value: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


def pretty(value: Any) -> str:
    """JSON data for people: texts as they are, the rest indented."""
    value = _unpacked(value)
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return reveal_hidden(text)


def brief(value: Any, length: int = 120) -> str:
    """JSON data in one line; of arguments their values, with names where there are several."""
    line = reveal_hidden(" ".join(_line(_unpacked(value)).split()))
    return line if len(line) <= length else line[: length - 1] + "…"


def _unpacked(value: Any) -> Any:
    """Some models give the arguments of a call as the text of a JSON object."""
    if isinstance(value, str) and value.startswith("{"):
        with suppress(ValueError):
            return json.loads(value)
    return value


def _line(value: Any) -> str:
    match value:
        case str():
            return value
        case dict() if len(value) == 1:
            return _line(next(iter(value.values())))
        case dict():
            return ", ".join(f"{name}: {_line(each)}" for name, each in value.items())
    return json.dumps(value, ensure_ascii=False)


def marks(runs: Iterable[LatestRun]) -> Markup:
    """Runs as a strip of coloured marks; a template would take ten times as long."""
    pieces = [
        f'<a href="/runs/{escape(run.id)}" class="{escape(run.status)}" tabindex="-1" '
        f'aria-hidden="true" title="{_tell(run)}"></a>'
        for run in runs
    ]
    return Markup("".join(pieces))  # noqa: S704 - what comes from elsewhere is escaped


def _tell(run: LatestRun) -> str:
    took = run.duration_seconds
    return escape(run.status) + ("" if took is None else f" · {duration(took)}")


def markdown(text: str) -> Markup:
    """What a model has written, as HTML: no raw HTML, no images from anywhere."""
    return Markup(_reader().render(text))  # noqa: S704 - made by a renderer that escapes


def path_part(text: str) -> str:
    """Text as one part of a URL's path."""
    return quote(text, safe="")


def in_zone(at: datetime, zone: str) -> str:
    """A moment on the wall clock of an IANA zone: ``Mon 23 Nov 08:30``."""
    from zoneinfo import ZoneInfo

    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %H:%M}"


def offset(delta: timedelta | None) -> str:
    """``UTC+01:00``."""
    minutes = int((delta or timedelta()).total_seconds() // 60)
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def highlighted(snippet: Snippet) -> Markup:
    """A piece of a document with what was looked for marked."""
    parts, place = [], 0
    for start, end in snippet.highlights:
        before, found = snippet.text[place:start], snippet.text[start:end]
        parts.append(Markup("{}<mark>{}</mark>").format(before, found))
        place = end
    return Markup("").join([*parts, escape(snippet.text[place:])])


@cache
def _reader() -> Any:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False, "linkify": False})
    return reader.enable("table").disable("image")


FILTERS = {
    "brief": brief,
    "cost": cost,
    "count": count,
    "duration": duration,
    "highlighted": highlighted,
    "elapsed": elapsed,
    "milliseconds": milliseconds,
    "in_zone": in_zone,
    "markdown": markdown,
    "marks": marks,
    "moment": moment,
    "number": number,
    "offset": offset,
    "path_part": path_part,
    "plain": plain,
    "pretty": pretty,
    "rate": rate,
    "size": size,
    "lines": lambda text: Markup("<br>").join(escape(text).split("\n")),
}
