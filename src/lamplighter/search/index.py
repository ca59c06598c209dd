"""What the index holds, as far as a ``Scope`` admits it: list, search, read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from lamplighter.access import Scope
from lamplighter.errors import InvalidInput, NotFound
from lamplighter.store.database import reading
from lamplighter.store.tables import access_sets, documents

WORDS_LIMIT = 32
"""Words of a query that count."""

TITLE_WEIGHT = 2.0
SNIPPET_WORDS = 24
SNIPPET_CHARACTERS = 160

_WORD = re.compile(r'"([^"]*)"|([^\s"]+)')
# Scripts that put no space between words: the full-text index takes a whole run for one word.
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")

_full_text = sa.table("documents_fts", sa.column("rowid", sa.Integer))


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document without its text.

    Attributes:
        id: ``source:path``.
        dated_at: Its own date, else that of its file; in UTC.
        size_bytes: Of the original.
    """

    id: str
    source: str
    path: str
    title: str
    media_type: str
    dated_at: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that a search found, with a piece of its text around what was found."""

    document: DocumentInfo
    snippet: str


@dataclass(frozen=True, slots=True)
class Document:
    """Lines of a document.

    Attributes:
        lines: The lines that were asked for.
        first_line: The number of the first of them, from 1.
        total_lines: How many lines the whole document has.
    """

    info: DocumentInfo
    lines: tuple[str, ...]
    first_line: int
    total_lines: int

    @property
    def last_line(self) -> int:
        """The number of the last of ``lines``."""
        return self.first_line + len(self.lines) - 1


def list_documents(
    engine: sa.Engine,
    scope: Scope,
    *,
    source: str | None = None,
    after: date | None = None,
    before: date | None = None,
    limit: int = 50,
) -> list[DocumentInfo]:
    """The documents of a period, newest first.

    Args:
        engine: The workspace's database.
        scope: What the reader may see.
        source: Only of this source.
        after: The first day that counts, a day of UTC.
        before: The last day that counts.
        limit: How many at most.
    """
    query = sa.select(*_INFO).where(_visible(scope))
    if source is not None:
        query = query.where(documents.c.source == source)
    if after is not None:
        query = query.where(documents.c.dated_at >= _midnight(after))
    if before is not None:
        query = query.where(documents.c.dated_at < _midnight(before) + timedelta(days=1))
    query = query.order_by(documents.c.dated_at.desc(), documents.c.id).limit(limit)
    with reading(engine) as connection:
        return [_info(row) for row in connection.execute(query).mappings()]


def search_documents(engine: sa.Engine, scope: Scope, query: str, *, limit: int = 20) -> list[Hit]:
    """The documents that hold every word of the query, best first; if none does, any word.

    Words are compared by their stems and without accents, and words in quotes as a phrase.
    Nothing else in a query has a meaning of its own. A word in a script without spaces is
    looked for as it stands, newest document first.

    Raises:
        InvalidInput: The query has no word.
    """
    words = _words(query)
    with reading(engine) as connection:
        if any(_UNSPACED.search(word) for word in words):
            return [
                Hit(_info(row), _around(row["text"], words))
                for row in connection.execute(_containing(scope, words, limit)).mappings()
            ]
        for operator in (" AND ", " OR "):
            found = connection.execute(_matching(scope, operator.join(_quoted(words)), limit))
            if hits := [
                Hit(_info(row), " ".join(row["snippet"].split())) for row in found.mappings()
            ]:
                return hits
    return []


def read_document(
    engine: sa.Engine,
    scope: Scope,
    id: str,
    *,
    start_line: int | None = None,
    end_line: int | None = None,
) -> Document:
    """The lines of a document from ``start_line`` to ``end_line``, both included.

    An ``end_line`` beyond the end means the end.

    Raises:
        NotFound: There is no such document, or it is not visible.
        InvalidInput: There are no such lines.
    """
    query = sa.select(*_INFO, documents.c.text).where(_visible(scope), documents.c.id == id)
    with reading(engine) as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(f"no document {id!r}")
    lines = row["text"].split("\n")
    first, last = start_line or 1, min(end_line or len(lines), len(lines))
    if not 1 <= first <= last:
        asked = f"{first} to {end_line or 'the end'}"
        raise InvalidInput(f"{id} has lines 1 to {len(lines)}, not {asked}")
    return Document(_info(row), tuple(lines[first - 1 : last]), first, len(lines))


_INFO = (
    documents.c.id,
    documents.c.source,
    documents.c.path,
    documents.c.title,
    documents.c.media_type,
    documents.c.dated_at,
    documents.c.size_bytes,
)


def _visible(scope: Scope) -> sa.ColumnElement[bool]:
    """``Scope.admits`` in SQL."""
    within = documents.c.source.in_(sorted(scope.sources))
    if scope.principals is None:
        return within
    theirs = sa.select(access_sets.c.id).where(
        access_sets.c.principal.in_(sorted(scope.principals))
    )
    return sa.and_(within, documents.c.access_set.in_(theirs))


def _info(row: sa.RowMapping) -> DocumentInfo:
    return DocumentInfo(**{column.name: row[column.name] for column in _INFO})


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _words(query: str) -> list[str]:
    # The index can hold neither lone surrogates nor NUL.
    plain = query.encode("utf-8", "replace").decode().replace("\0", " ")
    found = (phrase or word for phrase, word in _WORD.findall(plain))
    words = [word for word in found if any(letter.isalnum() for letter in word)]
    if not words:
        raise InvalidInput("nothing to search for", hint="give at least one word")
    return words[:WORDS_LIMIT]


def _quoted(words: Iterable[str]) -> list[str]:
    """Words as FTS5 strings, which hold no operators; the words have no quotes in them."""
    return [f'"{word}"' for word in words]


def _matching(scope: Scope, expression: str, limit: int) -> sa.Select[Any]:
    snippet = sa.func.snippet(sa.literal_column("documents_fts"), -1, "", "", " … ", SNIPPET_WORDS)
    rank = sa.func.bm25(sa.literal_column("documents_fts"), TITLE_WEIGHT, 1.0)
    return (
        sa.select(*_INFO, snippet.label("snippet"))
        .join_from(_full_text, documents, documents.c.pk == _full_text.c.rowid)
        .where(sa.literal_column("documents_fts").op("MATCH")(expression), _visible(scope))
        .order_by(rank, documents.c.dated_at.desc(), documents.c.id)
        .limit(limit)
    )


def _containing(scope: Scope, words: Iterable[str], limit: int) -> sa.Select[Any]:
    everything = documents.c.title + "\n" + documents.c.text
    holds = (everything.icontains(word, autoescape=True) for word in words)
    return (
        sa.select(*_INFO, documents.c.text)
        .where(_visible(scope), *holds)
        .order_by(documents.c.dated_at.desc(), documents.c.id)
        .limit(limit)
    )


def _around(text: str, words: Iterable[str]) -> str:
    """The part of the text around the first of the words that it holds."""
    places = (text.casefold().find(word.casefold()) for word in words)
    place = min((place for place in places if place >= 0), default=0)
    start = max(place - SNIPPET_CHARACTERS // 4, 0)
    return " ".join(text[start : start + SNIPPET_CHARACTERS].split())
