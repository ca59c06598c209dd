"""What every reader hands back, and the tidying that all of them share."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import PurePosixPath

from lamplighter.errors import Unreadable

TEXT_LIMIT = 2_000_000
"""Characters kept of one document; the rest is cut, and the text says so."""

LINE_LIMIT = 4_000
"""Characters of one line; a longer one is broken, so that any range of lines can be read."""

CUT_NOTE = f"[Cut here: only the first {TEXT_LIMIT:,} characters of this document are kept.]"


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a file says.

    Attributes:
        title: One line.
        text: Lines between line feeds, none over ``LINE_LIMIT`` characters.
        dated_at: The document's own date, aware, in UTC; ``None`` where it names none.
        media_type: Such as ``text/markdown``.
    """

    title: str
    text: str
    dated_at: datetime | None
    media_type: str


def tidy(found: Extracted, name: str) -> Extracted:
    """``found`` with a title, within the limits, and fit to be stored.

    Raises:
        Unreadable: There is no text.
    """
    text = _plain(found.text)
    if not text.strip():
        raise Unreadable("it holds no text")
    if len(text) > TEXT_LIMIT:
        text = f"{text[:TEXT_LIMIT]}\n{CUT_NOTE}"
    lines = (part.rstrip() for line in text.split("\n") for part in _broken(line))
    title = " ".join(_plain(found.title).split())[:300] or PurePosixPath(name).stem
    return replace(found, title=title, text="\n".join(lines).strip("\n"))


def moment(value: object) -> datetime | None:
    """A date, datetime or ISO 8601 text as an aware UTC datetime; a bare date is its midnight.

    What names no zone is taken as UTC. Anything else is ``None``: an odd date in a document
    must not keep the document out.
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    return None


def storable(text: str) -> str:
    """``text`` without what a database cannot hold: lone surrogates, and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")


def _plain(text: str) -> str:
    return storable(text).replace("\r\n", "\n").replace("\r", "\n")


def _broken(line: str) -> Iterator[str]:
    while len(line) > LINE_LIMIT:
        end = line.rfind(" ", LINE_LIMIT // 2, LINE_LIMIT) + 1 or LINE_LIMIT
        yield line[:end]
        line = line[end:]
    yield line
