"""The ranking by vectors on PostgreSQL: exact in small scopes, else by HNSW, and never short."""

import hashlib
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lamplighter.search.bm25 import holds_terms
from lamplighter.search.filters import Filter
from lamplighter.store.columns import Vector
from lamplighter.store.tables import document_vectors, documents

if TYPE_CHECKING:
    from lamplighter.search.embedders import Vectors

SMALL = 20_000
"""So many documents are compared one by one."""

LARGEST_INDEXED = 2_000
"""Dimensions that pgvector can index."""

HNSW = (
    "SET LOCAL hnsw.iterative_scan = strict_order",
    "SET LOCAL hnsw.ef_search = 200",
    "SET LOCAL hnsw.max_scan_tuples = 100000",
)


def find_nearest(
    connection: sa.Connection, wanted: Filter, embedder: str, vector: "Vectors", limit: int
) -> dict[int, float]:
    """The documents that are nearest to the query in meaning, with their cosines."""
    allowed = [wanted.admits(), *holds_terms(wanted.query)]
    asked = sa.cast(sa.literal(vector.tobytes(), Vector()), Vector())
    found: dict[int, float] = {}
    if _is_large(connection, allowed) and _dimension(embedder) <= LARGEST_INDEXED:
        for setting in HNSW:
            connection.execute(sa.text(setting))
        found = _nearest(connection, _indexed(embedder), asked, embedder, allowed, limit)
    if len(found) < limit:
        # Without the index's expression, every visible vector is compared.
        plain = document_vectors.c.vector
        found = _nearest(connection, plain, asked, embedder, allowed, limit)
    return found


def compare(
    connection: sa.Connection, embedder: str, vector: "Vectors", pks: Collection[int]
) -> dict[int, float]:
    """The cosines of these documents, which are visible."""
    asked = sa.cast(sa.literal(vector.tobytes(), Vector()), Vector())
    chosen = [documents.c.pk.in_(list(pks))]
    return _nearest(connection, document_vectors.c.vector, asked, embedder, chosen, len(pks))


def make_vector_index(connection: sa.Connection, embedder: str) -> None:
    """Index the vectors of an embedder, and those of no other."""
    for name in connection.scalars(
        sa.text("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'document_vectors_hnsw_%'")
    ).all():
        connection.execute(sa.text(f"DROP INDEX {name}"))
    if _dimension(embedder) > LARGEST_INDEXED:
        return
    name = f"document_vectors_hnsw_{hashlib.sha256(embedder.encode()).hexdigest()[:8]}"
    connection.execute(
        sa.text(
            f"CREATE INDEX {name} ON document_vectors USING hnsw"
            f" ((vector::vector({_dimension(embedder)})) vector_cosine_ops)"
            f" WHERE embedder = {_literal(embedder)}"
        )
    )


def _is_large(connection: sa.Connection, allowed: list[sa.ColumnElement[bool]]) -> bool:
    some = sa.select(documents.c.pk).where(*allowed).limit(SMALL + 1).subquery()
    return (connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0) > SMALL


def _nearest(
    connection: sa.Connection,
    compared: Any,
    asked: sa.ColumnElement[Any],
    embedder: str,
    allowed: Sequence[sa.ColumnElement[bool]],
    limit: int,
) -> dict[int, float]:
    distance = compared.op("<=>", return_type=sa.Float())(asked)
    query = (
        sa.select(document_vectors.c.document, (1 - distance).label("cosine"))
        .join_from(document_vectors, documents, documents.c.pk == document_vectors.c.document)
        .where(sa.text(f"document_vectors.embedder = {_literal(embedder)}"), *allowed)
        .order_by(distance)
        .limit(limit)
    )
    return {row.document: row.cosine for row in connection.execute(query)}


def _indexed(embedder: str) -> sa.ColumnElement[Any]:
    return sa.literal_column(f"(document_vectors.vector::vector({_dimension(embedder)}))")


def _dimension(embedder: str) -> int:
    return int(embedder.rpartition("/")[2])


def _literal(text: str) -> str:
    """A text in SQL; the condition of an index has to be the same in index and query."""
    return "'" + text.replace("'", "''") + "'"
