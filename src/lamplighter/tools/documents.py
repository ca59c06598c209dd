"""Find and read documents: what the model gives and gets.

What a document says was written by anybody, and so are its title and its author's name. That all
goes to the model fenced (see ``agent.entrance``).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from lamplighter.access import Scope
from lamplighter.errors import InvalidInput, NotFound, ToolFailed, Unreadable
from lamplighter.search import index
from lamplighter.search.index import WORDS_ONLY, Document, DocumentInfo, Ranking
from lamplighter.store.changes import Span
from lamplighter.tools.files import WORKSPACE, Done, RunFiles

if TYPE_CHECKING:
    from sqlalchemy import Engine

INLINE_LIMIT = 32_000
"""Characters of text that one ``read_document`` gives."""

PREVIEW = 8_000
"""Characters of a longer document that it gives besides the path of the whole."""

LIST_LIMIT = 200
"""Documents that one call may ask for."""

NONE_FOUND = "There are no such documents."
"""In words, because models are shown an empty list as nothing at all."""

MARK = "**"
"""Around the words of the query in a snippet."""

Found = list[dict[str, Any]] | str

TOP_LINES = 10
"""Of a text, in which what is known of it need not be told again."""


@dataclass(frozen=True, slots=True)
class Original:
    """The file that a document was made from.

    Attributes:
        content: All of it.
        changed: Whether it is another one than that of which the index has the text.
        ending: Of its name, such as ``.csv``.
    """

    content: bytes
    changed: bool
    ending: str


Fetch = Callable[[Scope, str], Original]
"""Gives a document's original; raises ``NotFound``, or ``Unreadable`` with the reason."""


@dataclass(frozen=True, slots=True)
class Library:
    """The documents that a run may read, and how.

    Attributes:
        engine: The workspace's database.
        scope: What the run may see.
        ranking: How results are ranked.
        new: What the index got since the agent's last run that went well, up to the begin of
            this one; ``None``: all of it.
        fetch: How originals come; ``None``: they do not.
    """

    engine: "Engine"
    scope: Scope
    ranking: Ranking = WORDS_ONLY
    new: Span | None = None
    fetch: Fetch | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Which documents are meant, as the model says it: days are inclusive, as ISO text.

    Attributes:
        new: Only what the index got since the agent's last run.
    """

    after: str | None = None
    before: str | None = None
    new: bool = False


def list_documents(library: Library, source: str | None, period: Period, limit: int) -> Found:
    """The documents of a period, newest first.

    Raises:
        ToolFailed: An argument makes no sense; the message says what is expected.
    """
    scope = library.scope
    if source and source not in scope.sources:
        known = ", ".join(sorted(scope.sources)) or "none"
        raise ToolFailed(f"There is no source {source!r}. Sources: {known}.")
    found = index.list_documents(
        library.engine,
        scope,
        source=source or None,
        after=_day("after", period.after),
        before=_day("before", period.before),
        changed=library.new if period.new else None,
        limit=_checked(limit),
    )
    return [{**_about(info), "size_bytes": info.size_bytes} for info in found] or NONE_FOUND


def search_documents(
    library: Library, query: str, *, new: bool = False, limit: int = 20, offset: int = 0
) -> Found:
    """The documents that match best, each with a snippet.

    Raises:
        ToolFailed: An argument makes no sense.
    """
    if offset < 0:
        raise ToolFailed(f"offset must be 0 or more, not {offset}.")
    try:
        results = index.search_documents(
            library.engine,
            library.scope,
            f"{query} since:last_run" if new else query,
            limit=_checked(limit),
            offset=offset,
            since_last_run=library.new,
            ranking=library.ranking,
        )
    except InvalidInput as error:
        raise ToolFailed("The query has no word in it. Give the words to look for.") from error
    return [describe_hit(hit) for hit in results.hits] or NONE_FOUND


def describe_hit(hit: index.Hit) -> dict[str, Any]:
    """A result as the tool and ``lamplighter search --json`` give it."""
    more = {"author": hit.document.author or hit.document.author_address, "url": hit.document.url}
    return {
        **_about(hit.document),
        **{name: value for name, value in more.items() if value},
        "score": hit.score,
        "snippet": hit.snippet.marked(MARK, MARK),
    }


def search_document(library: Library, id: str, query: str, limit: int) -> Found:
    """The lines of one document that hold a word of the query.

    Raises:
        ToolFailed: There is no such document, or no word.
    """
    try:
        found = index.search_lines(library.engine, library.scope, id, query, limit=_checked(limit))
    except NotFound as error:
        raise _absent(id) from error
    except InvalidInput as error:
        raise ToolFailed("The query has no word in it. Give the words to look for.") from error
    return [{"line": number, "text": text} for number, text in found] or "No line has these words."


def read_document(
    library: Library,
    id: str,
    start_line: int | None,
    end_line: int | None,
    *,
    files: RunFiles | None = None,
    name: str | None = None,
) -> Done:
    """What is known of a document, then its text, as much as fits.

    Args:
        library: What may be read.
        id: The document's.
        start_line: The first line.
        end_line: The last line.
        files: Where a document that is too long goes whole, if no lines were asked for.
        name: What it is called there.

    Raises:
        ToolFailed: There is no such document, or there are no such lines.
    """
    try:
        document = index.read_document(
            library.engine, library.scope, id, start_line=start_line, end_line=end_line
        )
    except NotFound as error:
        raise _absent(id) from error
    except InvalidInput as error:
        raise ToolFailed(f"{error.message}.") from error
    whole = start_line is None and end_line is None
    if not whole or files is None or _fits(document):
        return Done(_rendered(document, INLINE_LIMIT))
    path = name or f"{_path(id)}.txt"
    try:
        changes = files.write_bytes(path, "\n".join(document.lines).encode())
    except ToolFailed:
        return Done(_rendered(document, INLINE_LIMIT))  # it is read in parts
    note = f"The whole document is in {WORKSPACE}/{path}. "
    return Done(_rendered(document, PREVIEW, note), changes)


def save_original(library: Library, id: str, files: RunFiles, name: str | None = None) -> Done:
    """A document's original into the run's files; gives the beginning of its text with the path.

    Args:
        library: What may be read.
        id: The document's.
        files: Where it goes.
        name: What it is called there.

    Raises:
        ToolFailed: There is no such document, it has no original that can be had, or no room.
    """
    try:
        document = index.read_document(library.engine, library.scope, id)
        if library.fetch is None:
            raise Unreadable("originals are not to be had here")
        original = library.fetch(library.scope, id)
    except NotFound as error:
        raise _absent(id) from error
    except Unreadable as error:
        raise ToolFailed(f"{id} cannot be had as a file: {error}.") from error
    size_bytes = len(original.content)
    # Its source has limited it already.
    named = name or _path(id.removesuffix(original.ending) + original.ending)
    changes = files.write_bytes(named, original.content, limit_bytes=size_bytes)
    path = f"{WORKSPACE}/{next(iter(changes))}"
    changed = "; it has changed since it was indexed, what follows is older"
    fact = f"{path} ({size_bytes:,} bytes{changed if original.changed else ''})"
    return Done(_rendered(document, PREVIEW, original=fact), changes)


def _path(id: str) -> str:
    """Where a document goes in a run's files; it keeps its ending."""
    return f"documents/{re.sub(r'[^A-Za-z0-9.-]+', '_', id)[-100:].lstrip('.')}"


def _absent(id: str) -> ToolFailed:
    return ToolFailed(f"There is no document {id!r}; list_documents shows what there is.")


def _fits(document: Document) -> bool:
    return sum(len(line) + 1 for line in document.lines) <= INLINE_LIMIT


def _rendered(document: Document, limit: int, note: str = "", original: str = "") -> str:
    info = document.info
    shown = _fitting(document.lines, limit)
    last = document.first_line + len(shown) - 1
    facts = {
        "Title": _line(info.title),
        "Id": info.id,
        "Source": info.source,
        "Author": _line(" ".join(filter(None, [info.author, info.author_address]))),
        "Url": info.url,
        "Date": f"{info.dated_at:%Y-%m-%d}",
        "Original": original,
        "Lines": f"{document.first_line}-{last} of {document.total_lines}",
    }
    # What a text says at its top, say in its frontmatter, would cost a small model seconds to
    # read again.
    repeated = {name for name in ("Title", "Date") if _says(shown[:TOP_LINES], facts[name])}
    head = [f"{name}: {text}" for name, text in facts.items() if text and name not in repeated]
    rest = []
    if last < document.last_line:
        rest = [f"[Cut here. {note}To go on, read this document from start_line {last + 1}.]"]
    return "\n".join([*head, "", *shown, *rest])


def _says(lines: tuple[str, ...], fact: str) -> bool:
    """Whether one of the lines is the fact: as a heading, or as a value of frontmatter."""
    stripped = (line.strip() for line in lines)
    return any(
        fact in (line.lstrip("# "), line.partition(":")[2].strip(" \"'")) for line in stripped
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def _fitting(lines: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """As many lines as fit, but one at least, which may be cut."""
    size = 0
    for count, line in enumerate(lines):
        size += len(line) + 1
        if size > limit:
            return lines[:count] or (lines[0][:limit],)
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
