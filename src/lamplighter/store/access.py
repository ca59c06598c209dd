"""Access lists, each kept once: most documents of a source share a few."""

import hashlib
import json
from collections.abc import Iterable

import sqlalchemy as sa

from lamplighter.access import OWNER, Scope
from lamplighter.store.tables import access_principals, access_sets, documents


def put_access_sets(
    connection: sa.Connection, lists: Iterable[frozenset[str]]
) -> dict[frozenset[str], int]:
    """The ids of the sets of these principals; new ones are written.

    The owner of a personal workspace may see all that is in it, so every set has them too.
    """
    return {principals: _put_set(connection, principals | {OWNER}) for principals in set(lists)}


def visible(
    scope: Scope, table: sa.FromClause = documents, *, chosen: bool = False
) -> sa.ColumnElement[bool]:
    """``Scope.admits`` in SQL, for a table with a source and an access set.

    Args:
        scope: What the reader may see.
        table: The table.
        chosen: Whether the statement names a few rows: SQLite would look at all that are visible
            instead, if it knew an index for this.
    """
    source: sa.ColumnElement[str] = table.c.source
    access_set: sa.ColumnElement[int] = table.c.access_set
    if chosen:
        source, access_set = source + "", access_set + 0
    within = source.in_(sorted(scope.sources))
    if scope.principals is None:
        return within
    return sa.and_(within, access_set.in_(admitted(scope.principals)))


def admitted(principals: Iterable[str]) -> sa.Select[tuple[int]]:
    """The ids of the sets that have one of these principals."""
    theirs = access_principals.c.principal.in_(sorted(principals))
    return sa.select(access_principals.c.access_set).where(theirs)


def _put_set(connection: sa.Connection, principals: frozenset[str]) -> int:
    names = sorted(principals)
    key = hashlib.sha256(json.dumps(names).encode()).hexdigest()
    chosen = sa.select(access_sets.c.id).where(access_sets.c.key == key)
    known: int | None = connection.scalar(chosen)
    if known is not None:
        return known
    # Another process may be writing the same one; whoever is first has written it.
    new = sa.text("INSERT INTO access_sets (key) VALUES (:key) ON CONFLICT DO NOTHING")
    connection.execute(new, {"key": key})
    id: int = connection.execute(chosen).scalar_one()
    member = sa.text(
        "INSERT INTO access_principals (access_set, principal) VALUES (:id, :principal)"
        " ON CONFLICT DO NOTHING"
    )
    connection.execute(member, [{"id": id, "principal": name} for name in names])
    return id
