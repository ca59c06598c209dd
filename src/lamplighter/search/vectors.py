"""The ranking by vectors on SQLite: exact, over all documents that the reader may see."""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from lamplighter.search.shelf import Shelf
from lamplighter.store.tables import document_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lamplighter.search.embedders import Vectors
    from lamplighter.search.shelf import Mask

MOST = 0.3
"""From this part of all on, it is quicker to compare all vectors than to pick the visible ones."""


@dataclass(frozen=True, slots=True)
class _Vectors:
    """All vectors of an embedder, in memory, as they were at one moment of the database.

    Attributes:
        moment: The embedder, and the index's count of its changes.
        rows: The documents' row numbers, ascending; one for each row of ``matrix``.
        matrix: Shape (documents, dimension); zeros for a document that has no vector yet.
        known: Which have one.
    """

    moment: tuple[str, str | None]
    rows: "NDArray[np.int64]"
    matrix: "NDArray[np.float32]"
    known: "Mask"


_kept: WeakKeyDictionary[sa.Pool, _Vectors] = WeakKeyDictionary()
_lock = threading.Lock()


def rank_vectors(  # noqa: PLR0913 - all of it decides
    connection: sa.Connection,
    shelf: Shelf,
    visible: "Mask",
    embedder: str,
    vector: "Vectors",
    limit: int,
    also: Collection[int] = (),
) -> dict[int, float]:
    """The documents that are nearest to a vector, and others, with their cosines.

    Args:
        connection: A transaction.
        shelf: All documents.
        visible: Which of them count.
        embedder: The id of the embedder that made the vector.
        vector: What is looked for.
        limit: How many of the nearest.
        also: Row numbers of others, which count.
    """
    import numpy as np

    vectors = _take_vectors(connection, shelf, embedder)
    places = np.flatnonzero(visible & vectors.known)
    if not places.size:
        return {}
    if places.size > MOST * shelf.rows.size:
        cosines = _compare(vectors.matrix, vector)[places]
    else:
        cosines = _compare(vectors.matrix[places], vector)
    chosen = np.zeros(places.size, np.bool_)
    chosen[np.argpartition(-cosines, min(limit, places.size) - 1)[:limit]] = True
    chosen |= np.isin(shelf.rows[places], list(also))
    return dict(zip(shelf.rows[places[chosen]].tolist(), cosines[chosen].tolist(), strict=True))


def forget_vectors() -> None:
    """Let go of them all; they are read again when they are needed."""
    with _lock:
        _kept.clear()


def _compare(matrix: "NDArray[np.float32]", vector: "NDArray[np.float32]") -> Any:
    """The cosine of each row, on one core: BLAS would let the others spin."""
    import numpy as np

    return np.einsum("ij,j->i", matrix, vector)


def _take_vectors(connection: sa.Connection, shelf: Shelf, embedder: str) -> _Vectors:
    """All vectors as this transaction sees them; only new ones are read."""
    moment = (embedder, shelf.moment)
    pool = connection.engine.pool
    with _lock:
        kept = _kept.get(pool)
        if kept is None or kept.moment != moment:
            former = kept if kept and kept.moment[0] == embedder else None
            kept = _kept[pool] = _read_vectors(connection, moment, shelf.rows, former)
        return kept


def _read_vectors(
    connection: sa.Connection,
    moment: tuple[str, str | None],
    rows: "NDArray[np.int64]",
    former: _Vectors | None,
) -> _Vectors:
    """The vectors of these rows. A row has one vector for ever, so what is known stays true."""
    import numpy as np

    embedder = moment[0]
    known = np.zeros(rows.size, np.bool_)
    matrix = np.zeros((rows.size, int(embedder.rpartition("/")[2])), np.float32)
    if former:
        held = former.rows[former.known]
        known = np.isin(rows, held)
        matrix[known] = former.matrix[former.known][np.isin(held, rows)]
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
            place = np.searchsorted(rows, pk)
            matrix[place], known[place] = np.frombuffer(vector, np.float32), True
    return _Vectors(moment, rows, matrix, known)
