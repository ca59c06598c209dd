"""What Rowboat has synced: ``gmail_sync/<thread>.md`` and ``calendar_sync/<event>.json``."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from email.utils import getaddresses, parsedate_to_datetime
from functools import partial
from typing import Any

from lamplighter.errors import Unreadable
from lamplighter.source_config import FilesSource, RowboatSource
from lamplighter.sources.connector import Document, Finder, Finding, Item, Kept, Total, Visit
from lamplighter.sources.extract.extracted import moment
from lamplighter.sources.files import File, Folder, open_folder

MAIL, CALENDAR = "gmail_sync", "calendar_sync"


def survey(visit: Visit[RowboatSource]) -> Iterator[Finding]:
    """Every thread and every event; attachments that Rowboat has saved are files like others."""
    folders = _open_folders(visit)
    for name, folder in folders.items():
        files = list(folder.files())
        yield Total(len(files))
        for file in files:
            yield _item(folder, file, name)
    # A folder that is missing for now, say because it lies on a disk that is away, is kept.
    yield from (Kept(name) for name in (MAIL, CALENDAR) if name not in folders)


def find(visit: Visit[RowboatSource], path: str) -> Iterator[Item]:
    """The thread, event or attachment of that path, if it is there."""
    name, _, wanted = path.partition("/")
    if folder := _open_folders(visit).get(name):
        for file in folder.files(wanted):
            if file.path == wanted:
                yield _item(folder, file, name)


connector = Finder(survey, find)


def _open_folders(visit: Visit[RowboatSource]) -> dict[str, Folder]:
    """Those of the two that are there."""
    root = visit.boundary.resolve(visit.config.path)
    present = [name for name in (MAIL, CALENDAR) if (root / name).is_dir()]
    if not present:
        raise Unreadable(f"source {visit.name}: {root} holds neither {MAIL} nor {CALENDAR}")
    paths = {name: str(root / name) for name in present}
    return {
        name: open_folder(FilesSource(path=path, exclude=("sync_state*.json",)), visit.boundary)
        for name, path in paths.items()
    }


def _item(folder: Folder, file: File, name: str) -> Item:
    return Item(
        path=f"{name}/{file.path}",
        stamp=file.stamp,
        read=partial(_read, folder, file, name),
        problem=file.problem,
        gone=bool(file.stamp),
    )


def _read(folder: Folder, file: File, name: str) -> list[Document]:
    data, path = folder.read(file), f"{name}/{file.path}"
    plain = Document(path=path, data=data, dated_at=file.modified_at)
    if name == MAIL and file.path.endswith(".md"):
        return [_thread(plain, data.decode("utf-8", "replace"))]
    if name == CALENDAR and file.path.endswith(".json"):
        return [_event(plain, json.loads(data))]
    return [plain]


def _thread(plain: Document, text: str) -> Document:
    """A thread, dated and signed by its last message."""
    subject = re.search(r"^# (.+)$", text, re.MULTILINE)
    senders = re.findall(r"^### From: (.+)$", text, re.MULTILINE)
    dates = [
        when
        for line in re.findall(r"^\*\*Date:\*\* (.+)$", text, re.MULTILINE)
        if (when := _date(line))
    ]
    name, address = next(iter(getaddresses(senders[-1:])), ("", ""))
    return replace(
        plain,
        data=None,
        original=plain.data,
        text=text,
        title=subject[1] if subject else "",
        media_type="text/markdown",
        dated_at=max(dates, default=plain.dated_at),
        kind="email",
        author=name or address,
        author_address=address if "@" in address else "",
    )


def _event(plain: Document, event: dict[str, Any]) -> Document:
    """An event as Google's calendar API describes it."""
    organizer = event.get("organizer") or {}
    times = [event.get(end) or {} for end in ("start", "end")]
    start, end = (str(each.get("dateTime") or each.get("date") or "") for each in times)
    people = [
        str(each.get("displayName") or each.get("email") or "")
        for each in event.get("attendees") or []
    ]
    told = {
        "When": f"{start} to {end}" if end else start,
        "Where": event.get("location"),
        "Organizer": organizer.get("displayName") or organizer.get("email"),
        "Attendees": ", ".join(people),
        "Status": event.get("status"),
    }
    lines = [f"{name}: {value}" for name, value in told.items() if value]
    return replace(
        plain,
        data=None,
        original=plain.data,
        text="\n".join([*lines, "", str(event.get("description") or "")]),
        title=str(event.get("summary") or "(no title)"),
        dated_at=moment(start) or plain.dated_at,
        kind="event",
        author=str(organizer.get("displayName") or ""),
        author_address=str(organizer.get("email") or ""),
        url=str(event.get("htmlLink") or ""),
    )


def _date(line: str) -> datetime | None:
    try:
        return moment(parsedate_to_datetime(line))
    except (ValueError, TypeError, IndexError):
        return moment(line)
