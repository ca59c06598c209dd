"""Numbers of the index's changes, by which an agent's run tells exactly what is new to it.

Each transaction that brings documents takes the next number, and holds it until it commits; so
numbers become visible in their order, whoever syncs beside. A run sees what has a number up to
the newest one of when it began, and what comes later, the next run sees.
"""

from typing import Any, NamedTuple

import sqlalchemy as sa

from lamplighter.store.tables import documents, index_state

NAME = "change"


class Span(NamedTuple):
    """Some changes in a row.

    Attributes:
        after: The last one before them.
        to: The last one of them.
    """

    after: int
    to: int


def next_change(connection: sa.Connection) -> int:
    """A number above all others; no other transaction gets one until this one ends."""
    counted = sa.text(
        "INSERT INTO index_state (name, value) VALUES (:name, '1') ON CONFLICT (name) DO UPDATE"
        " SET value = CAST(CAST(index_state.value AS BIGINT) + 1 AS TEXT) RETURNING value"
    )
    return int(connection.scalar(counted, {"name": NAME}) or 0)


def newest_change() -> sa.ScalarSelect[Any]:
    """The newest number that is visible, in SQL; 0: there is none."""
    value = sa.cast(index_state.c.value, sa.BigInteger)
    # An aggregate, because it gives a row even where there is none.
    newest = sa.select(sa.func.coalesce(sa.func.max(value), 0))
    return newest.where(index_state.c.name == NAME).scalar_subquery()


def within(span: Span) -> list[sa.ColumnElement[bool]]:
    """The documents of these changes."""
    return [documents.c.change > span.after, documents.c.change <= span.to]
