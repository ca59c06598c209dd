"""The ranking by words on PostgreSQL: GIN finds the documents, and BM25 is counted here.

PostgreSQL's own ``ts_rank_cd`` knows neither how rare a word is nor how long a document, and found
half as much. What counts as rare is decided by the documents that the reader may see, so nothing
else shows in the order of results.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from lamplighter.search.filters import Filter
from lamplighter.search.query import Query
from lamplighter.search.scoring import rarity, score
from lamplighter.store.fulltext import TITLE_WEIGHT, document_terms
from lamplighter.store.tables import documents

COUNTED = 2
"""For each document that is wanted, so many have their words counted: those with the rarest."""


def rank_terms(connection: sa.Connection, wanted: Filter, limit: int) -> dict[int, float]:
    """The documents that hold any of the words, and all that must be, with their scores."""
    terms = wanted.query.terms
    if not terms:
        return {}
    any_of = _tsquery(" | ".join(_lexeme(term) for term in terms))
    matched = (
        sa.select(
            documents.c.pk,
            document_terms.c.length,
            *(_has(term).label(f"has{place}") for place, term in enumerate(terms)),
        )
        .join_from(documents, document_terms, document_terms.c.document == documents.c.pk)
        .where(wanted.admits(), *holds_terms(wanted.query), _holds(any_of))
        .cte("matched")
        .prefix_with("MATERIALIZED")
    )
    weights, length = _weigh(connection, wanted, matched, terms)
    flags = [matched.c[f"has{place}"].cast(sa.Integer) for place in range(len(terms))]
    promise = sum(
        (flag * weight for flag, weight in zip(flags, weights, strict=True)), sa.literal(0)
    )
    best = (
        sa.select(matched.c.pk, matched.c.length)
        .order_by(promise.desc(), matched.c.length, matched.c.pk)
        .limit(limit * COUNTED)
    )
    lengths = {row.pk: row.length for row in connection.execute(best)}
    scores = dict.fromkeys(lengths, 0.0)
    for pk, place, count in _count(connection, lengths, terms):
        scores[pk] += weights[place] * score(count, lengths[pk], length)
    ordered = sorted(scores, key=lambda pk: (-scores[pk], pk))[:limit]
    return {pk: scores[pk] for pk in ordered}


def holds_terms(query: Query) -> list[sa.ColumnElement[bool]]:
    """What phrases and excluded words ask of a document."""
    found: list[sa.ColumnElement[bool]] = []
    if query.phrases:
        found.append(_within(" & ".join(_phrase(phrase) for phrase in query.phrases)))
    if query.excluded:
        found.append(~_within(" | ".join(_phrase(phrase) for phrase in query.excluded)))
    return found


def _weigh(
    connection: sa.Connection, wanted: Filter, matched: sa.CTE, terms: Sequence[str]
) -> tuple[list[float], float]:
    """How rare each term is for the reader, and how long the documents are that have any."""
    counts = [
        sa.func.count().filter(matched.c[f"has{place}"]).label(f"count{place}")
        for place in range(len(terms))
    ]
    row = connection.execute(sa.select(sa.func.avg(matched.c.length), *counts)).one()
    visible = sa.select(sa.func.count()).select_from(documents).where(wanted.admits())
    total = connection.scalar(visible) or 0
    return [rarity(total, count) for count in row[1:]], float(row[0] or 0)


def _count(
    connection: sa.Connection, pks: Iterable[int], terms: Sequence[str]
) -> Iterable[tuple[int, int, float]]:
    """How often each document has each term: row number, place of the term, weighted count."""
    entries = sa.func.unnest(document_terms.c.terms)
    entry = entries.table_valued("lexeme", "positions", "weights").lateral("entry")
    query = (
        sa.select(document_terms.c.document, entry.c.lexeme, entry.c.weights)
        .select_from(document_terms.join(entry, sa.true()))
        .where(document_terms.c.document.in_(list(pks)), sa.or_(*(_is(entry, t) for t in terms)))
    )
    for pk, lexeme, weights in connection.execute(query):
        in_title = sum(weight == "A" for weight in weights)
        count = len(weights) + (TITLE_WEIGHT - 1) * in_title
        for place, term in enumerate(terms):
            if lexeme == term or (term.endswith("*") and lexeme.startswith(term[:-1])):
                yield pk, place, count


def _is(entry: Any, term: str) -> sa.ColumnElement[bool]:
    if term.endswith("*"):
        found: sa.ColumnElement[bool] = entry.c.lexeme.startswith(term[:-1], autoescape=True)
        return found
    is_it: sa.ColumnElement[bool] = entry.c.lexeme == term
    return is_it


def _has(term: str) -> sa.ColumnElement[bool]:
    return _holds(_tsquery(_lexeme(term)))


def _holds(query: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return document_terms.c.terms.op("@@", return_type=sa.Boolean())(query)


def _within(expression: str) -> sa.ColumnElement[bool]:
    chosen = sa.select(document_terms.c.document).where(_holds(_tsquery(expression)))
    return documents.c.pk.in_(chosen)


def _tsquery(expression: str) -> sa.ColumnElement[Any]:
    return sa.cast(expression, TSQUERY)


def _phrase(terms: Iterable[str]) -> str:
    return f"({' <-> '.join(_lexeme(term) for term in terms)})"


def _lexeme(term: str) -> str:
    """A term in quotes; there are no quotes nor backslashes in one."""
    return f"'{term[:-1]}':*" if term.endswith("*") else f"'{term}'"
