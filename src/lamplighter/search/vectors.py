"""The ranking by vectors: exact on SQLite, over all documents that the reader may see."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from lamplighter.search.embedding import embed_query
from lamplighter.search.filters import Filter
from lamplighter.search.words import holds_text
from lamplighter.store.access import admitted
from lamplighter.store.fulltext import get_state
from lamplighter.store.tables import document_vectors, documents

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lamplighter.search.embedders import Vectors

MOST = 0.3
"""From this part of all on, it is quicker to compare all vectors than to pick the visible ones."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The documents that are nearest to a query.

    Attributes:
        cosines: By the documents' row numbers.
        floor: Below it, a document has nothing in common with the query.
    """

    cosines: dict[int, float]
    floor: float


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All vectors of an embedder, in memory, as they were at one moment of the database.

    Attributes:
        moment: The embedder, and the index's count of its changes.
        rows: The documents' row numbers, ascending; one for each row of ``matrix``.
        sets: Their access sets.
        sources: Their sources, as places in ``names``.
        matrix: Shape (documents, dimension).
    """

    moment: tuple[str, str | None]
    rows: "NDArray[np.int64]"
    sets: "NDArray[np.int64]"
    sources: "NDArray[np.int64]"
    names: list[str]
    matrix: "NDArray[np.float32]"


_snapshots: WeakKeyDictionary[sa.Pool, _Snapshot] = WeakKeyDictionary()
_lock = threading.Lock()


def rank_vectors(connection: sa.Connection, wanted: Filter, embedder: str, limit: int) -> Nearest:
    """The documents that are nearest to the query in meaning."""
    if not (found := embed_query(connection, embedder, wanted.query.plain)):
        return Nearest({}, 0)
    by, vector = found
    if connection.dialect.name == "postgresql":
        from lamplighter.search.nearest import find_nearest

        cosines = find_nearest(connection, wanted, by.id, vector, limit)
    else:
        cosines = _find_nearest(connection, wanted, by.id, vector, limit)
    return Nearest(cosines, by.floor)


def _find_nearest(
    connection: sa.Connection, wanted: Filter, embedder: str, vector: "Vectors", limit: int
) -> dict[int, float]:
    import numpy as np

    snapshot = _take_snapshot(connection, embedder)
    places = np.flatnonzero(_allowed(connection, snapshot, wanted))
    if not places.size:
        return {}
    if places.size > MOST * snapshot.rows.size:
        cosines = _compare(snapshot.matrix, vector)[places]
    else:
        cosines = _compare(snapshot.matrix[places], vector)
    best = np.argpartition(-cosines, min(limit, places.size) - 1)[:limit]
    return dict(zip(snapshot.rows[places[best]].tolist(), cosines[best].tolist(), strict=True))


def _allowed(connection: sa.Connection, snapshot: _Snapshot, wanted: Filter) -> "NDArray[np.bool_]":
    import numpy as np

    if not wanted.is_bare:
        query = sa.select(documents.c.pk).where(
            wanted.admits(), *holds_text(connection, wanted.query)
        )
        return np.isin(snapshot.rows, np.fromiter(connection.scalars(query), np.int64))
    scope = wanted.scope
    sources = [name in scope.sources for name in snapshot.names]
    allowed: NDArray[np.bool_] = np.array([*sources, False])[snapshot.sources]
    if scope.principals is not None:
        sets = np.fromiter(connection.scalars(admitted(scope.principals)), np.int64)
        allowed &= np.isin(snapshot.sets, sets)
    return allowed


def _compare(matrix: "NDArray[np.float32]", vector: "NDArray[np.float32]") -> Any:
    """The cosine of each row, on one core: BLAS would let the others spin."""
    import numpy as np

    return np.einsum("ij,j->i", matrix, vector)


def _take_snapshot(connection: sa.Connection, embedder: str) -> _Snapshot:
    """All vectors as this transaction sees them; only new ones are read."""
    moment = (embedder, get_state(connection, "changes"))
    former = _snapshots.get(connection.engine.pool)
    if former and former.moment == moment:
        return former
    with _lock:
        former = _snapshots.get(connection.engine.pool)
        if former and former.moment[0] != embedder:
            former = None
        made = _read_snapshot(connection, moment, former)
        _snapshots[connection.engine.pool] = made
    return made


def _read_snapshot(
    connection: sa.Connection, moment: tuple[str, str | None], former: _Snapshot | None
) -> _Snapshot:
    import numpy as np

    query = (
        sa.select(documents.c.pk, documents.c.access_set, documents.c.source)
        .join_from(document_vectors, documents, documents.c.pk == document_vectors.c.document)
        .where(document_vectors.c.embedder == moment[0])
        .order_by(documents.c.pk)
    )
    found = connection.execute(query).all()
    names = sorted({source for _, _, source in found})
    codes = {name: place for place, name in enumerate(names)}
    rows = np.fromiter((pk for pk, _, _ in found), np.int64, len(found))
    return _Snapshot(
        moment,
        rows,
        np.fromiter((access_set for _, access_set, _ in found), np.int64, len(found)),
        np.fromiter((codes[source] for _, _, source in found), np.int64, len(found)),
        names,
        _read_matrix(connection, moment[0], rows, former),
    )


def _read_matrix(
    connection: sa.Connection, embedder: str, rows: "NDArray[np.int64]", former: _Snapshot | None
) -> "NDArray[np.float32]":
    """The vectors of these rows. A row has one vector for ever, so what is known stays true."""
    import numpy as np

    known = np.isin(rows, former.rows) if former else np.zeros(rows.size, bool)
    matrix = np.zeros((rows.size, int(embedder.rpartition("/")[2])), np.float32)
    if former:
        matrix[known] = former.matrix[np.isin(former.rows, rows)]
    missing = np.flatnonzero(~known)
    if missing.size:
        query = (
            sa.select(document_vectors.c.document, document_vectors.c.vector)
            .where(
                document_vectors.c.embedder == embedder,
                document_vectors.c.document >= int(rows[missing[0]]),
            )
            .execution_options(yield_per=1_000)
        )
        for pk, vector in connection.execute(query):
            matrix[np.searchsorted(rows, pk)] = np.frombuffer(vector, np.float32)
    return matrix
