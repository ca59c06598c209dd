"""The ranking by words on SQLite: BM25 over what FTS5 finds and the reader may see."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lamplighter.search.matching import find_rows, in_title, quote
from lamplighter.search.scoring import rarity, score
from lamplighter.search.shelf import Shelf
from lamplighter.store.fulltext import TITLE_WEIGHT, term_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lamplighter.search.shelf import Mask, Places

COUNTED = 3
"""For each document that is wanted, so many have their words counted: the most promising."""


def rank_words(
    connection: sa.Connection, shelf: Shelf, visible: "Mask", terms: Sequence[str], limit: int
) -> dict[int, float]:
    """The documents that hold any of the terms, with their scores.

    What counts as rare is decided by the documents that the reader may see, so nothing else shows
    in the order of results.

    Args:
        connection: A transaction.
        shelf: All documents.
        visible: Which of them count.
        terms: What is looked for.
        limit: How many at most.
    """
    if not terms:
        return {}
    found, weights = _find(connection, shelf, visible, terms)
    mean = float(shelf.lengths[visible].mean()) if visible.any() else 0.0
    promise = _promise(found, weights, shelf.lengths, mean)
    rows = _read_counts(connection, shelf.rows[_best(promise, limit * COUNTED)])
    scores = _score(rows, dict(zip(terms, weights, strict=True)), mean)
    ordered = sorted(scores, key=lambda pk: (-scores[pk], pk))[:limit]
    return {pk: scores[pk] for pk in ordered}


def _find(
    connection: sa.Connection, shelf: Shelf, visible: "Mask", terms: Sequence[str]
) -> "tuple[list[tuple[Places, Places]], list[float]]":
    """Where each term is, in texts or titles, and in titles; and what it is worth."""
    asked = [*(quote([term]) for term in terms), *(in_title(term) for term in terms)]
    found = [shelf.places(rows) for rows in find_rows(connection, asked)]
    found = [places[visible[places]] for places in found]
    total = int(visible.sum())
    anywhere, titles = found[: len(terms)], found[len(terms) :]
    return (
        list(zip(anywhere, titles, strict=True)),
        [rarity(total, places.size) for places in anywhere],
    )


def _promise(
    found: "list[tuple[Places, Places]]",
    weights: Sequence[float],
    lengths: "NDArray[np.float64]",
    mean: float,
) -> "NDArray[np.float64]":
    """BM25 of each document, as if each of its words stood in it once."""
    import numpy as np

    promise = np.zeros(lengths.size)
    once, titled = score(1.0, lengths, mean), score(1.0 + TITLE_WEIGHT, lengths, mean)
    for (anywhere, titles), weight in zip(found, weights, strict=True):
        promise[anywhere] += weight * once[anywhere]
        promise[titles] += weight * (titled[titles] - once[titles])
    return promise


def _best(promise: "NDArray[np.float64]", count: int) -> "Places":
    import numpy as np

    places = np.flatnonzero(promise)
    if places.size <= count:
        return places
    return np.sort(places[np.argpartition(-promise[places], count)[:count]])


def _read_counts(connection: sa.Connection, pks: "NDArray[np.int64]") -> Sequence[Any]:
    # Numbers as they are: to bind hundreds of them takes longer than to read their rows.
    chosen = ",".join(map(str, pks.tolist()))
    columns = "SELECT document, length, counts FROM document_counts"
    return connection.exec_driver_sql(f"{columns} WHERE document IN ({chosen})").all()


def _score(rows: Sequence[Any], weights: dict[str, float], mean: float) -> dict[int, float]:
    """BM25 of the documents with these counts."""
    import numpy as np

    if not rows:
        return {}
    sizes = np.array([len(row.counts) // 5 for row in rows])
    lengths = np.array([row.length for row in rows], np.float64)
    hashes, numbers = _unpack(rows, sizes.tolist())
    owners = np.repeat(np.arange(len(rows)), sizes)
    scores = np.zeros(len(rows))
    for term, weight in weights.items():
        held = np.flatnonzero(hashes == term_hash(term))
        places = owners[held]
        scores[places] += weight * score(numbers[held], lengths[places], mean)
    return {row.document: each for row, each in zip(rows, scores.tolist(), strict=True)}


def _unpack(
    rows: Sequence[Any], sizes: Sequence[int]
) -> "tuple[NDArray[np.uint32], NDArray[np.uint8]]":
    """See ``store.fulltext``: hashes of four bytes each, then numbers of one byte each."""
    import numpy as np

    pairs = [(row.counts, 4 * size) for row, size in zip(rows, sizes, strict=True)]
    hashes = b"".join(counts[:end] for counts, end in pairs)
    numbers = b"".join(counts[end:] for counts, end in pairs)
    return np.frombuffer(hashes, "<u4"), np.frombuffer(numbers, np.uint8)
