"""What the index holds, as far as a ``Scope`` admits it: list, search, read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.access import Scope
from lamplighter.config import Settings
from lamplighter.errors import InvalidInput, NotFound
from lamplighter.search.embedders import NONE, Providers, forget_embedders
from lamplighter.search.embedding import embed_query
from lamplighter.search.facets import Facet, count_facets
from lamplighter.search.filters import Filter, in_period
from lamplighter.search.fusion import VECTOR_WEIGHT, Fusion, freshness, fuse
from lamplighter.search.query import Query, parse_query
from lamplighter.search.snippet import LOOKED_AT, Snippet, make_snippet
from lamplighter.store.access import visible
from lamplighter.store.changes import Span, within
from lamplighter.store.database import reading
from lamplighter.store.tables import authors, document_texts, documents
from lamplighter.terms import index_terms
from lamplighter.workspace import model_providers

if TYPE_CHECKING:
    from lamplighter.search.embedders import Embedder, Vectors

CANDIDATES = 100
"""Documents of each ranking that are fused for the first results; for all others ``FARTHEST``."""

LONGEST_LINE = 500
"""Characters that are shown of a line."""

FARTHEST = 1_000
"""Results that can be paged through."""

REMEMBERED = 200
"""Statements that are kept: making one takes longer than carrying it out."""

IDLE_SECONDS = 300.0
"""After so long without a search, a process keeps nothing of the index in memory."""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document without its text.

    Attributes:
        id: ``source:path``.
        kind: Such as file, email, message.
        author: The name, or else the address; empty if nobody knows.
        dated_at: Its own date, else that of its file; in UTC.
        size_bytes: Of the original.
    """

    id: str
    source: str
    path: str
    title: str
    kind: str
    media_type: str
    author: str
    author_address: str
    url: str
    dated_at: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that a search found.

    Attributes:
        snippet: A piece of its text around what was found.
        score: How good it is beside the others of this search, up to 1.
    """

    document: DocumentInfo
    snippet: Snippet
    score: float


@dataclass(frozen=True, slots=True)
class Results:
    """A page of what a search found.

    Attributes:
        next_offset: Where the next page begins; ``None``: there is nothing more.
        facets: What would narrow them, if that was asked for.
        total: How many of the best, ``FARTHEST`` at most, the facets were counted in.
    """

    hits: tuple[Hit, ...]
    next_offset: int | None = None
    facets: tuple[Facet, ...] = ()
    total: int = 0


@dataclass(frozen=True, slots=True)
class Ranking:
    """How results are ranked, as the settings say.

    Attributes:
        embedder: The name of an embedder; ``none`` ranks by words alone.
        vector_weight: What vectors count beside words when scores are added, from 0 to 1.
        providers: Of embedders, those that the settings name.
    """

    embedder: str = NONE
    fusion: Fusion = "scores"
    vector_weight: float = VECTOR_WEIGHT
    providers: Providers = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say."""
        providers = model_providers(settings).providers if ":" in settings.embedder else {}
        weight = settings.search_vector_weight
        return cls(settings.embedder, settings.search_fusion, weight, providers)


WORDS_ONLY = Ranking()


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


_searched_at = -math.inf


def release_memory() -> None:
    """Let go of the model and of what is kept of the index, if nobody has searched for long."""
    if clock.monotonic() - _searched_at > IDLE_SECONDS:
        from lamplighter.search.shelf import forget_shelves
        from lamplighter.search.vectors import forget_vectors

        forget_embedders()
        forget_shelves()
        forget_vectors()


def list_documents(  # noqa: PLR0913 - a filter has so many sides, by name
    engine: sa.Engine,
    scope: Scope,
    *,
    source: str | None = None,
    after: date | None = None,
    before: date | None = None,
    changed: Span | None = None,
    limit: int = 50,
) -> list[DocumentInfo]:
    """The documents of a period, newest first.

    Args:
        engine: The workspace's database.
        scope: What the reader may see.
        source: Only of this source.
        after: The first day that counts, a day of UTC.
        before: The last day that counts.
        changed: Only what the index got within this span.
        limit: How many at most.
    """
    query = _listing(scope, source, after, before, changed)
    with reading(engine) as connection:
        found = connection.execute(query, {"most": limit}).mappings()
        return [_info(row) for row in found]


@lru_cache(REMEMBERED)
def _listing(
    scope: Scope, source: str | None, after: date | None, before: date | None, changed: Span | None
) -> sa.Select[Any]:
    query = _select_info().where(visible(scope), *in_period(after, before))
    if source is not None:
        query = query.where(documents.c.source == source)
    if changed is not None:
        query = query.where(*within(changed))
    newest = (documents.c.dated_at.desc(), documents.c.id)
    return query.order_by(*newest).limit(sa.bindparam("most"))


def search_documents(  # noqa: PLR0913 - a search has so many sides, by name
    engine: sa.Engine,
    scope: Scope,
    text: str,
    *,
    limit: int = 20,
    offset: int = 0,
    since_last_run: Span | None = None,
    ranking: Ranking = Ranking(),
    facets: bool = False,
) -> Results:
    """The documents that match best, or, of a query without words, the newest.

    Args:
        engine: The workspace's database.
        scope: What the reader may see.
        text: The query; see ``search.query`` for its language. Any text is one.
        limit: How many at most.
        offset: How many of the best to pass over.
        since_last_run: What is new to the reader, for ``since:last_run``; ``None``: everything.
        ranking: How they are ranked.
        facets: Whether to count what would narrow them.

    Raises:
        InvalidInput: The query asks for nothing.
    """
    today = clock.now().date()
    query = parse_query(text, today)
    if query.is_empty:
        raise InvalidInput("nothing to search for", hint="give at least one word")
    wanted = Filter(scope, query, since_last_run if query.since_last_run else None)
    limit = max(min(limit, FARTHEST - offset), 0)
    count = FARTHEST if facets else offset + limit + 1
    with reading(engine) as connection:
        if query.plain:
            ranked = _rank(connection, wanted, ranking, count)
        else:
            ranked = _newest(connection, wanted, count)
        hits = _show(connection, wanted, ranked[offset : offset + limit])
        found = [pk for pk, _ in ranked[:FARTHEST]] if facets else []
        counted = count_facets(connection, scope, found, today) if facets else ()
    following = offset + limit if len(ranked) > offset + limit else None
    return Results(hits, following, counted, len(found))


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
    with reading(engine) as connection:
        row = connection.execute(_reading(scope), {"id": id}).mappings().first()
    if row is None:
        raise NotFound(f"no document {id!r}")
    lines = row["text"].split("\n")
    first, last = start_line or 1, min(end_line or len(lines), len(lines))
    if not 1 <= first <= last:
        asked = f"{first} to {end_line or 'the end'}"
        raise InvalidInput(f"{id} has lines 1 to {len(lines)}, not {asked}")
    return Document(_info(row), tuple(lines[first - 1 : last]), first, len(lines))


@lru_cache(REMEMBERED)
def _reading(scope: Scope) -> sa.Select[Any]:
    chosen = documents.c.id == sa.bindparam("id")
    return _select_info(document_texts.c.text).where(visible(scope), chosen)


def search_lines(
    engine: sa.Engine, scope: Scope, id: str, text: str, *, limit: int = 20
) -> list[tuple[int, str]]:
    """The lines of one document that hold a word of the query, with their numbers from 1.

    Raises:
        NotFound: There is no such document, or it is not visible.
        InvalidInput: The query has no word.
    """
    wanted = set(parse_query(text, clock.now().date()).terms)
    if not wanted:
        raise InvalidInput("nothing to search for", hint="give at least one word")
    lines = read_document(engine, scope, id).lines
    found = (
        (number, line[:LONGEST_LINE])
        for number, line in enumerate(lines, 1)
        if not wanted.isdisjoint(index_terms(line))
    )
    return list(islice(found, limit))


def _rank(
    connection: sa.Connection, wanted: Filter, ranking: Ranking, count: int
) -> list[tuple[int, float]]:
    """Row numbers and scores, best first; of no place does it matter how many are wanted."""
    global _searched_at
    _searched_at = clock.monotonic()
    asked = embed_query(connection, ranking.embedder, wanted.query.plain, ranking.providers)
    best = _rank_best(connection, wanted, ranking, asked, CANDIDATES)
    if count <= CANDIDATES or len(best) < CANDIDATES:
        return best
    least, first = best[-1][1], {pk for pk, _ in best}
    rest = _rank_best(connection, wanted, ranking, asked, FARTHEST + 1)
    return [*best, *((pk, min(score, least)) for pk, score in rest if pk not in first)]


def _rank_best(
    connection: sa.Connection,
    wanted: Filter,
    ranking: Ranking,
    asked: "tuple[Embedder, Vectors] | None",
    count: int,
) -> list[tuple[int, float]]:
    """So many of the best, or all that there are, out of so many of each ranking."""
    words, near = rank(connection, wanted, asked, count)
    floor = asked[0].floor if asked else 0.0
    scores = {
        pk: score
        for pk, score in fuse(words, near, ranking.fusion, ranking.vector_weight).items()
        if pk in words or near[pk] >= floor
    }
    if len(scores) > count:  # what is too far behind, no freshness brings up
        least = sorted(scores.values(), reverse=True)[count - 1] * freshness(math.inf)
        scores = {pk: score for pk, score in scores.items() if score >= least}
    query = sa.select(documents.c.pk, documents.c.id, documents.c.dated_at).where(
        documents.c.pk.in_(list(scores))
    )
    now = clock.now()
    ranked = [
        (scores[pk] * freshness((now - dated_at).total_seconds() / 86_400), id, pk)
        for pk, id, dated_at in connection.execute(query)
    ]
    ranked.sort(key=lambda each: (-each[0], each[1]))
    return [(pk, score) for score, _, pk in ranked[:count]]


def rank(
    connection: sa.Connection, wanted: Filter, asked: "tuple[Embedder, Vectors] | None", count: int
) -> tuple[dict[int, float], dict[int, float]]:
    """The rankings by words and by vectors, as the database can."""
    if connection.dialect.name == "postgresql":
        from lamplighter.search.bm25 import rank_terms
        from lamplighter.search.nearest import compare, find_nearest

        words = rank_terms(connection, wanted, count)
        near = {}
        if asked:
            near = find_nearest(connection, wanted, asked[0].id, asked[1], count)
            near |= compare(connection, asked[0].id, asked[1], words.keys() - near.keys())
    else:
        from lamplighter.search.shelf import find_visible, take_shelf
        from lamplighter.search.vectors import rank_vectors
        from lamplighter.search.words import rank_words

        shelf = take_shelf(connection)
        visible = find_visible(connection, shelf, wanted)
        words = rank_words(connection, shelf, visible, wanted.query.terms, count)
        near = {}
        if asked:
            by, vector = asked
            near = rank_vectors(connection, shelf, visible, by.id, vector, count, words)
    return words, near


def _newest(connection: sa.Connection, wanted: Filter, count: int) -> list[tuple[int, float]]:
    query = (
        sa.select(documents.c.pk)
        .where(wanted.admits(), *_holds_text(connection, wanted.query))
        .order_by(documents.c.dated_at.desc(), documents.c.id)
        .limit(count)
    )
    return [(pk, 0.0) for pk in connection.scalars(query)]


def _holds_text(connection: sa.Connection, query: Query) -> list[sa.ColumnElement[bool]]:
    if connection.dialect.name == "postgresql":
        from lamplighter.search.bm25 import holds_terms

        return holds_terms(query)
    from lamplighter.search.matching import holds_text

    return holds_text(query)


def _show(
    connection: sa.Connection, wanted: Filter, ranked: Sequence[tuple[int, float]]
) -> tuple[Hit, ...]:
    text = sa.func.substr(document_texts.c.text, 1, LOOKED_AT).label("text")
    chosen = documents.c.pk.in_([pk for pk, _ in ranked])
    query = _select_info(documents.c.pk, text).where(chosen, visible(wanted.scope, chosen=True))
    rows = {row["pk"]: row for row in connection.execute(query).mappings()}
    return tuple(
        Hit(_info(rows[pk]), make_snippet(rows[pk]["text"], wanted.query.terms), round(score, 4))
        for pk, score in ranked
    )


_INFO = (
    documents.c.id,
    documents.c.source,
    documents.c.path,
    documents.c.title,
    documents.c.kind,
    documents.c.media_type,
    sa.func.coalesce(authors.c.name, "").label("author"),
    sa.func.coalesce(authors.c.address, "").label("author_address"),
    documents.c.url,
    documents.c.dated_at,
    documents.c.size_bytes,
)


def _select_info(*more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return (
        sa.select(*_INFO, *more)
        .join_from(documents, document_texts, document_texts.c.document == documents.c.pk)
        .outerjoin(authors, authors.c.id == documents.c.author)
    )


def _info(row: sa.RowMapping) -> DocumentInfo:
    return DocumentInfo(**{column.name: row[column.name] for column in _INFO})
