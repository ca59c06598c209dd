"""The ranking by words: BM25, by FTS5 on SQLite, by our own code on PostgreSQL."""

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from lamplighter.search.filters import Filter
from lamplighter.search.query import Query
from lamplighter.store.fulltext import full_text
from lamplighter.store.tables import documents

Phrase = Collection[str]


class _CrossJoin(sa.Join):
    """A join that SQLite does in this order, which its planner often gets wrong with FTS5."""

    inherit_cache = True


@compiles(_CrossJoin)
def _compile_cross_join(join: _CrossJoin, compiler: SQLCompiler, **options: Any) -> str:
    assert join.onclause is not None
    options["asfrom"] = True
    left, right = (compiler.process(side, **options) for side in (join.left, join.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **options)}"


def rank_words(connection: sa.Connection, wanted: Filter, limit: int) -> dict[int, float]:
    """The documents that hold any of the words, and all that must be, with their scores."""
    if not wanted.query.terms:
        return {}
    if connection.dialect.name == "postgresql":
        from lamplighter.search.bm25 import rank_terms

        return rank_terms(connection, wanted, limit)
    match = sa.literal_column("documents_fts").op("MATCH")(match_expression(wanted.query))
    rank = sa.literal_column("documents_fts.rank", sa.Float)
    query = (
        sa.select(documents.c.pk, (-rank).label("score"))
        .select_from(_CrossJoin(full_text, documents, documents.c.pk == full_text.c.rowid))
        .where(match, wanted.admits())
        .order_by(rank)
        .limit(limit)
    )
    return {row.pk: row.score for row in connection.execute(query)}


def holds_text(connection: sa.Connection, query: Query) -> list[sa.ColumnElement[bool]]:
    """What phrases and excluded words ask of a document."""
    if connection.dialect.name == "postgresql":
        from lamplighter.search.bm25 import holds_terms

        return holds_terms(query)
    found: list[sa.ColumnElement[bool]] = []
    if query.phrases:
        found.append(documents.c.pk.in_(_rows(" AND ".join(_quoted(query.phrases)))))
    if query.excluded:
        found.append(documents.c.pk.not_in(_rows(" OR ".join(_quoted(query.excluded)))))
    return found


def match_expression(query: Query) -> str:
    """The query for FTS5. Every term stands in quotes and has none in it."""
    words = " OR ".join(_quoted((word,) for word in query.words))
    phrases = " AND ".join(_quoted(query.phrases))
    found = words or phrases
    if words and phrases:
        found = f"({phrases}) OR (({phrases}) AND ({words}))"
    if query.excluded:
        found = f"({found}) NOT ({' OR '.join(_quoted(query.excluded))})"
    return found


def _quoted(phrases: Iterable[Phrase]) -> list[str]:
    return [_quote(list(phrase)) for phrase in phrases]


def _quote(terms: list[str]) -> str:
    beginning = "*" if terms[-1].endswith("*") else ""
    return f'"{" ".join(term.rstrip("*") for term in terms)}"{beginning}'


def _rows(expression: str) -> sa.Select[tuple[int]]:
    match = sa.literal_column("documents_fts").op("MATCH")(expression)
    return sa.select(full_text.c.rowid).where(match)
