"""Calendars: ICS files and feeds (RFC 5545), and CalDAV servers (RFC 4791)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from lamplighter import clock
from lamplighter.errors import Unreadable
from lamplighter.source_config import CalendarSource
from lamplighter.sources.connector import (
    Document,
    Finding,
    Item,
    Kept,
    State,
    Total,
    Visit,
    digest_of,
)
from lamplighter.sources.extract.extracted import moment
from lamplighter.sources.extract.webpage import read_html

Event = Any
"""A component of icalendar; its properties have some thirty types, of which each name has one."""

LIMIT_BYTES = 50_000_000
MOST_OCCURRENCES = 400
"""Of one repeating event; the window of the settings bounds them too."""


@dataclass(frozen=True, slots=True)
class Window:
    """Where occurrences of repeating events are documents.

    Attributes:
        week: What changes when the window moves on: the Monday that it is counted from.
    """

    begin: datetime
    end: datetime
    week: str


def survey(visit: Visit[CalendarSource]) -> Iterator[Finding]:
    """Every event; of a repeating one, its occurrences lie below it."""
    window = window_of(visit.config)
    if visit.config.path:
        yield from _survey_files(visit, window)
        return
    from lamplighter.sources.caldav import open_calendars

    yield from open_calendars(visit, window)


def window_of(config: CalendarSource) -> Window:
    """The window of this week."""
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    begin, end = (timedelta(days=days) for days in (-config.past_days, config.future_days))
    return Window(monday + begin, monday + end, f"{monday:%Y%m%d}")


def _survey_files(visit: Visit[CalendarSource], window: Window) -> Iterator[Finding]:
    path = visit.boundary.resolve(visit.config.path)
    files = sorted(path.glob("**/*.ics")) if path.is_dir() else [path]
    if not path.exists():
        raise Unreadable(f"source {visit.name}: there is no {path}")
    for file in files:
        top = quote(file.relative_to(path).as_posix()) if path.is_dir() else ""
        if visit.boundary.is_secret(file.resolve()) or file.is_symlink():
            yield Item(top, problem="a link, or a secret; not read")
            continue
        try:
            if file.stat().st_size > LIMIT_BYTES:
                raise Unreadable(f"more than {LIMIT_BYTES:,} bytes")
            yield from events_of(file.read_bytes(), top, window)
        except (OSError, Unreadable) as error:
            if not top:
                raise Unreadable(f"source {visit.name}: {file}: {error}") from error
            yield Item(top, problem=str(error), gone=False)


def events_of(data: bytes, top: str, window: Window) -> Iterator[Finding]:
    """The events in an ICS file, by their ids.

    Raises:
        Unreadable: It is no ICS file.
    """
    found: dict[str, list[Event]] = {}
    for event in parse(data):
        text = event.to_ical()
        uid = quote(str(event.get("UID") or digest_of(text)), safe="@")
        found.setdefault(uid, []).append(event)
    yield Total(len(found))
    for uid, parts in found.items():
        path = f"{top}/{uid}" if top else uid
        stamp = digest_of(b"".join(part.to_ical() for part in parts))
        yield Item(path, f"{stamp}-{window.week}", partial(documents_of, parts, path, window))


def survey_feed(
    visit: Visit[CalendarSource], window: Window, data: bytes | None, etag: str
) -> Iterator[Finding]:
    """An ICS file that was fetched; ``None`` if it has not changed since."""
    state = {"etag": etag, "week": window.week}
    if data is None:
        yield Kept()
        return
    yield from events_of(data, "", window)
    yield State(state)


def parse(data: bytes) -> list[Event]:
    """The events in an ICS text.

    Raises:
        Unreadable: It is none.
    """
    from icalendar import Calendar

    try:
        calendars = Calendar.from_ical(data, multiple=True)
    except Exception as error:  # the library raises various errors at nonsense
        raise Unreadable(f"this is no calendar: {error}") from error
    found = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    if not calendars:
        raise Unreadable("this is no calendar: it holds no VCALENDAR")
    return found


def documents_of(parts: list[Event], path: str, window: Window) -> list[Document]:
    """An event, and its occurrences if it repeats.

    Args:
        parts: The event and the occurrences of it that were changed.
        path: Of the document.
        window: Where occurrences are documents.

    Raises:
        Unreadable: It has no sensible begin, or is in a zone that nobody knows.
    """
    master = next((part for part in parts if "RECURRENCE-ID" not in part), parts[0])
    _refuse_odd(master)
    document = _document(master, path)
    if not any(name in part for part in parts for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
        return [document]
    return [document, *(_occurrence(each, path) for each in _occurrences(parts, window))]


def _refuse_odd(event: Event) -> None:
    for name in ("DTSTART", "DTEND"):
        stated = event.get(name)
        if stated is None:
            if name == "DTSTART":
                raise Unreadable("an event without a begin")
            continue
        try:
            when = stated.dt
        except Exception as error:
            raise Unreadable(f"its {name} makes no sense: {error}") from error
        zone = stated.params.get("TZID")
        if zone and isinstance(when, datetime) and when.tzinfo is None:
            raise Unreadable(f"it is in a time zone that nobody knows: {zone}")


def _occurrences(parts: list[Event], window: Window) -> list[Event]:
    import recurring_ical_events
    from icalendar import Calendar

    calendar = Calendar()
    for part in parts:
        calendar.add_component(part)
    found = recurring_ical_events.of(calendar).between(window.begin, window.end)
    return list(found)[:MOST_OCCURRENCES]


def _occurrence(event: Event, path: str) -> Document:
    when = event["RECURRENCE-ID"].dt if "RECURRENCE-ID" in event else event["DTSTART"].dt
    name = when.astimezone(UTC) if isinstance(when, datetime) and when.tzinfo else when
    return _document(event, f"{path}/{name:%Y-%m-%dT%H%M}")


def _document(event: Event, path: str) -> Document:
    begin = event["DTSTART"].dt
    organizer = _people(event.get("ORGANIZER"))[:1]
    attendees = _people(event.get("ATTENDEE"))
    repeats = event.get("RRULE")
    told: Mapping[str, Any] = {
        "When": _span(event),
        "Where": event.get("LOCATION"),
        "Repeats": repeats.to_ical().decode() if repeats is not None else None,
        "Organizer": ", ".join(map(_shown, organizer)),
        "Attendees": ", ".join(map(_shown, attendees)),
        "Status": event.get("STATUS"),
    }
    lines = [f"{name}: {value}" for name, value in told.items() if value]
    text = str(event.get("DESCRIPTION") or "")
    if "<" in text and ">" in text:
        text = read_html(text.encode("utf-8", "replace")).text
    name, address = organizer[0] if organizer else ("", "")
    return Document(
        path=path,
        title=str(event.get("SUMMARY") or "(no title)"),
        text="\n".join([*lines, "", text]),
        media_type="text/calendar",
        dated_at=moment(begin),
        kind="event",
        author=name,
        author_address=address,
        url=str(event.get("URL") or ""),
    )


def _span(event: Event) -> str:
    begin = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else None
    if end is None and "DURATION" in event:
        end = begin + event["DURATION"].dt
    if not isinstance(begin, datetime):
        last = end - timedelta(days=1) if isinstance(end, date) and end > begin else begin
        return f"{begin} (all day)" if last == begin else f"{begin} to {last} (all day)"
    zone = begin.tzname() or "local time"
    until = f" to {end:%H:%M}" if isinstance(end, datetime) and end.date() == begin.date() else ""
    return f"{begin:%A, %Y-%m-%d %H:%M}{until or (f' to {end}' if end else '')} ({zone})"


def _people(stated: Any) -> list[tuple[str, str]]:
    """Names and addresses."""
    found = []
    for each in stated if isinstance(stated, list) else [stated] if stated is not None else []:
        address = str(each).removeprefix("mailto:").removeprefix("MAILTO:")
        found.append((str(each.params.get("CN", "")), address if "@" in address else ""))
    return found


def _shown(person: tuple[str, str]) -> str:
    name, address = person
    return f"{name} <{address}>" if name and address else name or address
