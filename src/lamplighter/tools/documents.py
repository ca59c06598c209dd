"""Find and read documents: what the model gives and gets."""

from datetime import date
from typing import TYPE_CHECKING, Any

from lamplighter.access import Scope
from lamplighter.errors import InvalidInput, NotFound, ToolFailed
from lamplighter.search import index
from lamplighter.search.index import Document, DocumentInfo

if TYPE_CHECKING:
    from sqlalchemy import Engine

INLINE_LIMIT = 32_000
"""Characters of text that one ``read_document`` gives."""

LIST_LIMIT = 200
"""Documents that one call may ask for."""


def list_documents(
    engine: "Engine",
    scope: Scope,
    source: str | None,
    after: str | None,
    before: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """The documents of a period, newest first; days are inclusive, as ISO text.

    Raises:
        ToolFailed: An argument makes no sense; the message says what is expected.
    """
    if source and source not in scope.sources:
        known = ", ".join(sorted(scope.sources)) or "none"
        raise ToolFailed(f"There is no source {source!r}. Sources: {known}.")
    found = index.list_documents(
        engine,
        scope,
        source=source or None,
        after=_day("after", after),
        before=_day("before", before),
        limit=_checked(limit),
    )
    return [{**_about(info), "size_bytes": info.size_bytes} for info in found]


def search_documents(
    engine: "Engine", scope: Scope, query: str, limit: int
) -> list[dict[str, Any]]:
    """The documents that match best, each with a snippet.

    Raises:
        ToolFailed: An argument makes no sense.
    """
    try:
        hits = index.search_documents(engine, scope, query, limit=_checked(limit)).hits
    except InvalidInput as error:
        raise ToolFailed("The query has no word in it. Give the words to look for.") from error
    return [{**_about(hit.document), "snippet": hit.snippet.text} for hit in hits]


def read_document(
    engine: "Engine", scope: Scope, id: str, start_line: int | None, end_line: int | None
) -> str:
    """Title, id, date and lines of a document, then its text, as much as fits.

    Raises:
        ToolFailed: There is no such document, or there are no such lines.
    """
    try:
        document = index.read_document(engine, scope, id, start_line=start_line, end_line=end_line)
    except NotFound as error:
        message = f"There is no document {id!r}; list_documents shows what there is."
        raise ToolFailed(message) from error
    except InvalidInput as error:
        raise ToolFailed(f"{error.message}.") from error
    return _rendered(document)


def _rendered(document: Document) -> str:
    info = document.info
    shown = _fitting(document.lines)
    last = document.first_line + len(shown) - 1
    head = [
        f"Title: {info.title}",
        f"Id: {info.id}",
        f"Date: {info.dated_at:%Y-%m-%d}",
        f"Lines: {document.first_line}-{last} of {document.total_lines}",
    ]
    rest = []
    if last < document.last_line:
        rest = ["", f"[Cut here. To go on, read this document from start_line {last + 1}.]"]
    return "\n".join([*head, "", *shown, *rest])


def _fitting(lines: tuple[str, ...]) -> tuple[str, ...]:
    """As many lines as fit; no line is longer than a document's lines may be, so never none."""
    size = 0
    for count, line in enumerate(lines):
        size += len(line) + 1
        if size > INLINE_LIMIT:
            return lines[:count]
    return lines


def _about(info: DocumentInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "title": info.title,
        "source": info.source,
        "date": f"{info.dated_at:%Y-%m-%d}",
    }


def _day(name: str, value: str | None) -> date | None:
    # Models that have nothing to say often say "".
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ToolFailed(f"{name} must be a day like 2026-10-05, not {value!r}.") from error


def _checked(limit: int) -> int:
    if not 1 <= limit <= LIST_LIMIT:
        raise ToolFailed(f"limit must be from 1 to {LIST_LIMIT}, not {limit}.")
    return limit
