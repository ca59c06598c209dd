"""Which documents there are, in memory, on SQLite: by it permissions cost no look-up a document."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from lamplighter.search.filters import Filter
from lamplighter.search.matching import all_of, any_of, find_rows
from lamplighter.store.access import admitted
from lamplighter.store.fulltext import document_counts, get_state
from lamplighter.store.tables import documents

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shelf:
    """All documents, as they were at one moment of the database.

    Attributes:
        moment: The index's count of its changes.
        rows: Their row numbers, ascending.
        sets: Their access sets.
        sources: Their sources, as places in ``names``.
        names: The sources.
        lengths: How many words they have.
    """

    moment: str | None
    rows: "NDArray[np.int64]"
    sets: "NDArray[np.int64]"
    sources: "NDArray[np.int64]"
    names: tuple[str, ...]
    lengths: "NDArray[np.float64]"

    def places(self, rows: "NDArray[np.int64]") -> "Places":
        """Where these rows, all of which exist, stand on the shelf."""
        import numpy as np

        return np.searchsorted(self.rows, rows)

    def mask(self, rows: "NDArray[np.int64]") -> "Mask":
        """Which of the documents are these rows."""
        import numpy as np

        found = np.zeros(self.rows.size, np.bool_)
        found[self.places(rows)] = True
        return found


_shelves: WeakKeyDictionary[sa.Pool, Shelf] = WeakKeyDictionary()
_lock = threading.Lock()


def take_shelf(connection: sa.Connection) -> Shelf:
    """All documents as this transaction sees them."""
    moment = get_state(connection, "changes")
    pool = connection.engine.pool
    with _lock:
        shelf = _shelves.get(pool)
        if shelf is None or shelf.moment != moment:
            shelf = _shelves[pool] = _read_shelf(connection, moment, shelf)
        return shelf


def forget_shelves() -> None:
    """Let go of them all; they are read again when they are needed."""
    with _lock:
        _shelves.clear()


def find_visible(connection: sa.Connection, shelf: Shelf, wanted: Filter) -> "Mask":
    """Which documents count: for scope, operators, phrases and excluded words."""
    visible = _in_scope(connection, shelf, wanted)
    query = wanted.query
    if wanted.operators():
        chosen = sa.select(documents.c.pk).where(*wanted.operators())
        visible &= shelf.mask(_numbers(connection, chosen))
    if query.phrases:
        visible &= shelf.mask(*find_rows(connection, [all_of(query.phrases)]))
    if query.excluded:
        visible &= ~shelf.mask(*find_rows(connection, [any_of(query.excluded)]))
    return visible


def _in_scope(connection: sa.Connection, shelf: Shelf, wanted: Filter) -> "Mask":
    import numpy as np

    scope = wanted.scope
    named = np.array([name in scope.sources for name in shelf.names], np.bool_)
    visible: Mask = named[shelf.sources]
    if scope.principals is not None:
        sets = _numbers(connection, admitted(scope.principals))
        visible &= np.isin(shelf.sets, sets, kind="table" if sets.size else None)
    return visible


def _read_shelf(connection: sa.Connection, moment: str | None, former: Shelf | None) -> Shelf:
    import numpy as np

    # Without an order, because an index then has all that is asked for.
    query = sa.select(documents.c.pk, documents.c.access_set, documents.c.source)
    found = connection.execute(query).all()
    names = tuple({source: None for _, _, source in found})
    codes = {name: place for place, name in enumerate(names)}
    triples = ((pk, access_set, codes[source]) for pk, access_set, source in found)
    table = np.fromiter(triples, np.dtype((np.int64, 3)), len(found))
    rows, sets, sources = table[np.argsort(table[:, 0])].T.copy()
    return Shelf(moment, rows, sets, sources, names, _read_lengths(connection, rows, former))


def _read_lengths(
    connection: sa.Connection, rows: "NDArray[np.int64]", former: Shelf | None
) -> "NDArray[np.float64]":
    """The lengths of these rows. That of a row never changes, so only new ones are read."""
    import numpy as np

    lengths = np.zeros(rows.size)
    newest = -1
    if former and former.rows.size:
        newest = int(former.rows[-1])
        lengths[np.isin(rows, former.rows)] = former.lengths[np.isin(former.rows, rows)]
    query = sa.select(document_counts.c.document, document_counts.c.length)
    new = connection.execute(query.where(document_counts.c.document > newest)).all()
    for pk, length in new:
        lengths[np.searchsorted(rows, pk)] = length
    return lengths


def _numbers(connection: sa.Connection, query: sa.Select[tuple[int]]) -> "NDArray[np.int64]":
    import numpy as np

    return np.fromiter(connection.scalars(query), np.int64)
