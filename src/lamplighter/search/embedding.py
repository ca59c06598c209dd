"""The work of giving every document its vector, and queries theirs."""

import logging
from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from lamplighter.errors import ModelUnavailable
from lamplighter.search.embedders import NONE, Embedder, Providers, load_embedder
from lamplighter.store.database import is_shared, reading
from lamplighter.store.fulltext import get_state, mark_changed, put_state
from lamplighter.store.tables import document_texts, document_vectors, documents

if TYPE_CHECKING:
    from lamplighter.search.embedders import Vectors

EMBEDDER = "embedder"
"""Under which the index says whose vectors are searched."""

CHARACTERS = 1_000
"""Of a text that its vector is made of."""

log = logging.getLogger(__name__)

BATCH = 256


NO_PROVIDERS: Providers = MappingProxyType({})


def embed_query(
    connection: sa.Connection, name: str, text: str, providers: Providers = NO_PROVIDERS
) -> "tuple[Embedder, Vectors] | None":
    """The vector of a query, by the embedder whose vectors the index has now.

    While a new embedder is at work, that is still the former one.
    """
    if name == NONE:
        return None
    active = get_state(connection, EMBEDDER)
    try:
        embedder = load_embedder(active.rpartition("/")[0] if active else name, providers)
        if embedder is None or not text.strip():
            return None
        vector = embedder.embed([text])[0]
    except ModelUnavailable as error:
        log.warning("ranking by words alone: %s", error)
        return None
    return (embedder, vector) if vector.any() else None


def needs_embedding(engine: sa.Engine, name: str) -> bool:
    """Whether it is worth loading the embedder."""
    with reading(engine) as connection:
        return name != NONE and _something_to_do(connection, name)


def embed_pending(
    engine: sa.Engine, name: str, providers: Providers = NO_PROVIDERS
) -> Iterator[int]:
    """Give every document that lacks one its vector, newest first; gives how many, in steps.

    Each step is a transaction of its own, and the search goes on meanwhile with what there is.

    Args:
        engine: The workspace's database.
        name: The embedder, as in the settings.
        providers: Those that the settings name.

    Raises:
        ModelUnavailable: It is not installed, or does not answer.
    """
    if not needs_embedding(engine, name):
        return
    embedder = load_embedder(name, providers)
    assert embedder is not None
    while texts := _pending(engine, embedder.id):
        _save(engine, embedder, texts)
        yield len(texts)
    _activate(engine, embedder)


def _something_to_do(connection: sa.Connection, name: str) -> bool:
    active = get_state(connection, EMBEDDER) or ""
    if active.rpartition("/")[0] != name:
        return connection.scalar(sa.select(documents.c.pk).limit(1)) is not None
    return connection.scalar(_lacking(active).limit(1)) is not None


def _lacking(embedder: str) -> sa.Select[tuple[int]]:
    has = sa.exists().where(
        document_vectors.c.document == documents.c.pk, document_vectors.c.embedder == embedder
    )
    return sa.select(documents.c.pk).where(~has).order_by(documents.c.pk.desc())


def _pending(engine: sa.Engine, embedder: str) -> dict[int, str]:
    chosen = _lacking(embedder).limit(BATCH).subquery()
    text = sa.func.substr(document_texts.c.text, 1, CHARACTERS).label("text")
    query = (
        sa.select(documents.c.pk, documents.c.title, text, document_texts.c.context)
        .join_from(documents, document_texts, document_texts.c.document == documents.c.pk)
        .where(documents.c.pk.in_(sa.select(chosen.c.pk)))
    )
    with reading(engine) as connection:
        return {
            row.pk: "\n".join([row.title, row.text, row.context[:CHARACTERS]])
            for row in connection.execute(query)
        }


def _save(engine: sa.Engine, embedder: Embedder, texts: dict[int, str]) -> None:
    vectors = dict(zip(texts, embedder.embed(list(texts.values())), strict=True))
    with engine.begin() as connection:
        # Only of documents that are still there, and stay for this transaction.
        there = sa.select(documents.c.pk).where(documents.c.pk.in_(list(texts)))
        rows = [
            {"document": pk, "embedder": embedder.id, "vector": vectors[pk].tobytes()}
            for pk in connection.scalars(there.with_for_update(read=True, key_share=True))
        ]
        if rows:
            connection.execute(_insert(connection), rows)
        mark_changed(connection)


def _insert(connection: sa.Connection) -> sa.Insert:
    """Another process may have been as quick."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(document_vectors).on_conflict_do_nothing()


def _activate(engine: sa.Engine, embedder: Embedder) -> None:
    """From now on its vectors are searched; those of others are of no use any more."""
    with engine.begin() as connection:
        if get_state(connection, EMBEDDER) == embedder.id:
            return
        put_state(connection, EMBEDDER, embedder.id)
        others = document_vectors.c.embedder != embedder.id
        connection.execute(document_vectors.delete().where(others))
        mark_changed(connection)
        if is_shared(engine):
            from lamplighter.search.nearest import make_vector_index

            make_vector_index(connection, embedder.id)
