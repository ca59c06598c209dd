"""The ranking by words: BM25, by FTS5 on SQLite, by our own code on PostgreSQL."""

from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from lamplighter.search.filters import Filter
from lamplighter.search.query import Query
from lamplighter.store.fulltext import full_text
from lamplighter.store.tables import documents

COUNTED = 5_000
"""Documents whose score is counted for their rare words, at most."""

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


def rank_words(
    connection: sa.Connection, wanted: Filter, limit: int, enough: int
) -> dict[int, float]:
    """The documents that hold any of the words, and all that must be, with their scores.

    Args:
        connection: A transaction.
        wanted: What counts.
        limit: How many at most.
        enough: With so many, those that hold nothing but common words may be missing.
    """
    query = wanted.query
    if not query.terms:
        return {}
    if connection.dialect.name == "postgresql":
        from lamplighter.search.bm25 import rank_terms

        return rank_terms(connection, wanted, limit)
    if not query.phrases:
        found = _rank_rare(connection, wanted, limit)
        if len(found) >= enough:
            return found
    return _match(connection, wanted, match_expression(query), limit)


def _rank_rare(connection: sa.Connection, wanted: Filter, limit: int) -> dict[int, float]:
    """The same, but without documents that hold some common words and nothing else.

    FTS5 finds quickly and counts BM25 slowly, 2 us a document, so it has to count few.
    """
    counts = _count(connection, wanted.query.words)
    ordered = sorted(counts, key=lambda word: counts[word])
    sums = accumulate(counts[word] for word in ordered)
    rare = [word for word, total in zip(ordered, sums, strict=True) if total <= COUNTED]
    common = ordered[len(rare) :]
    found: dict[int, float] = {}
    if len(common) > 1:
        found = _match(
            connection, wanted, _excluding(" AND ".join(_words(common)), wanted.query), limit
        )
    if rare and common:
        # Each word stands here twice, so each counts the same.
        scored = " OR ".join(_words([*rare, *common, *common]))
        both = _excluding(f"({' OR '.join(_words(rare))}) AND ({scored})", wanted.query)
        found |= {pk: score / 2 for pk, score in _match(connection, wanted, both, limit).items()}
    ordered_found = sorted(found, key=lambda pk: (-found[pk], pk))[:limit]
    return {pk: found[pk] for pk in ordered_found}


def _match(
    connection: sa.Connection, wanted: Filter, expression: str, limit: int
) -> dict[int, float]:
    score = (-sa.literal_column("documents_fts.rank", sa.Float)).label("score")
    query = (
        sa.select(documents.c.pk, score)
        .select_from(_CrossJoin(full_text, documents, documents.c.pk == full_text.c.rowid))
        .where(_matches(expression), wanted.admits())
        # By rank itself, FTS5 would count the scores of all documents, before they are filtered.
        .order_by(score.desc())
        .limit(limit)
    )
    return {row.pk: row.score for row in connection.execute(query)}


def _count(connection: sa.Connection, words: Sequence[str]) -> dict[str, int]:
    """How many documents hold each word, whoever may see them; it is not told to anybody."""
    number = sa.select(sa.func.count()).select_from(full_text)
    counts = (number.where(_matches(_quote([word]))).scalar_subquery() for word in words)
    return dict(zip(words, connection.execute(sa.select(*counts)).one(), strict=True))


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
    words = " OR ".join(_words(query.words))
    phrases = " AND ".join(_quoted(query.phrases))
    found = words or phrases
    if words and phrases:
        found = f"({phrases}) OR (({phrases}) AND ({words}))"
    return _excluding(found, query)


def _excluding(expression: str, query: Query) -> str:
    if not query.excluded:
        return expression
    return f"({expression}) NOT ({' OR '.join(_quoted(query.excluded))})"


def _words(words: Iterable[str]) -> list[str]:
    return [_quote([word]) for word in words]


def _quoted(phrases: Iterable[Phrase]) -> list[str]:
    return [_quote(list(phrase)) for phrase in phrases]


def _quote(terms: list[str]) -> str:
    beginning = "*" if terms[-1].endswith("*") else ""
    return f'"{" ".join(term.rstrip("*") for term in terms)}"{beginning}'


def _rows(expression: str) -> sa.Select[tuple[int]]:
    return sa.select(full_text.c.rowid).where(_matches(expression))


def _matches(expression: str) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = sa.literal_column("documents_fts").op("MATCH")(expression)
    return found
