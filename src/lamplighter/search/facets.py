"""What would narrow the results of a search, and how many of them would be left."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from lamplighter.access import Scope
from lamplighter.search.query import read_day
from lamplighter.store.access import visible
from lamplighter.store.tables import authors, documents

PERIODS = (
    ("after", "7d", "the last 7 days"),
    ("after", "30d", "the last 30 days"),
    ("after", "1y", "the last year"),
    ("before", "1y", "before that"),
)
"""Operator, value and words of each period."""


@dataclass(frozen=True, slots=True)
class Facet:
    """Something that some of the results have in common.

    Attributes:
        operator: That of the query: ``in``, ``type``, ``from``, ``after`` or ``before``.
        value: What stands after it.
        label: For people.
        count: How many of the results have it.
    """

    operator: str
    value: str
    label: str
    count: int


def count_facets(
    connection: sa.Connection, scope: Scope, found: Collection[int], today: date
) -> tuple[Facet, ...]:
    """What would narrow these documents; the most frequent first, periods from short to long.

    Args:
        connection: A transaction.
        scope: What the reader may see.
        found: Row numbers of documents.
        today: For the periods; a day of UTC.
    """
    columns = (documents.c.source, documents.c.kind, documents.c.dated_at)
    query = (
        sa.select(*columns, authors.c.name, authors.c.address)
        .outerjoin(authors, authors.c.id == documents.c.author)
        .where(documents.c.pk.in_(list(found)), visible(scope, chosen=True))
    )
    rows = connection.execute(query).all()
    counts: Counter[tuple[str, str, str]] = Counter()
    for source, kind, _, name, address in rows:
        counts["in", source, source] += 1
        counts["type", kind, kind] += 1
        if name or address:
            counts["from", address or name, name or address] += 1
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    days = [dated_at.date() for _, _, dated_at, _, _ in rows]
    facets = [Facet(*key, count) for key, count in ordered] + _count_periods(days, today)
    return tuple(
        each
        for each in facets
        if each.count < len(rows) and each.value and '"' not in each.value  # or no query says it
    )


def _count_periods(days: Sequence[date], today: date) -> list[Facet]:
    """Periods from short to long; one that has nothing more than the one before says nothing."""
    facets: list[Facet] = []
    for operator, value, words in PERIODS:
        bound = read_day(value, today, end=operator == "before")
        assert bound is not None
        is_after = operator == "after"
        count = sum(day >= bound if is_after else day < bound for day in days)
        if count > (facets[-1].count if facets and is_after else 0):
            facets.append(Facet(operator, value, words, count))
    return facets
