"""From texts to vectors: the embedders, and the work of giving every document its vector."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from lamplighter.errors import InvalidSettings, ModelUnavailable
from lamplighter.store.database import is_shared, reading
from lamplighter.store.fulltext import get_state, mark_changed, put_state
from lamplighter.store.tables import document_texts, document_vectors, documents

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

NONE = "none"
EMBEDDER = "embedder"
"""Under which the index says whose vectors are searched."""

CHARACTERS = 2_000
"""Of a text that its vector is made of."""

BATCH = 256


class Embedder(Protocol):
    """What gives a text its vector.

    Attributes:
        id: Its name and dimension; vectors of different ids cannot be compared.
        floor: The cosine below which two texts have nothing in common.
    """

    id: str
    floor: float

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """Vectors of length 1, shape (texts, dimension); zeros for a text that says nothing."""
        ...


class Wordllama:
    """Static word vectors from the package ``wordllama``: thousands of texts a second."""

    floor = 0.25

    def __init__(self) -> None:
        import wordllama

        folder = Path(wordllama.__file__).parent
        self.model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
        self.id = f"wordllama/{self.model.embedding.shape[1]}"

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """See ``Embedder``."""
        return _normalised(self.model.embed(list(texts)))


_BUILT_IN: dict[str, Callable[[], Embedder]] = {"wordllama": Wordllama}


@cache
def load_embedder(name: str) -> Embedder | None:
    """The embedder of that name, loaded once per process; ``None`` for ``none``.

    Args:
        name: ``wordllama``, ``minilm``, ``none``, or a provider's, like
            ``openai:text-embedding-3-small``.

    Raises:
        InvalidSettings: There is no such embedder.
        ModelUnavailable: It is not installed.
    """
    if name == NONE:
        return None
    if make := _BUILT_IN.get(name):
        return make()
    raise InvalidSettings(f"unknown embedder {name!r}; use {', '.join(_BUILT_IN)} or none")


def embed_query(
    connection: sa.Connection, name: str, text: str
) -> "tuple[Embedder, Vectors] | None":
    """The vector of a query, by the embedder whose vectors the index has now.

    While a new embedder is at work, that is still the former one.
    """
    active = get_state(connection, EMBEDDER)
    try:
        embedder = load_embedder(active.rpartition("/")[0] if active else name)
    except ModelUnavailable:
        embedder = None  # it is installed no more: words alone, until the new one has finished
    if embedder is None or name == NONE or not text.strip():
        return None
    vector = embedder.embed([text])[0]
    return (embedder, vector) if vector.any() else None


def embed_pending(
    engine: sa.Engine, name: str, *, progress: Callable[[int], None] | None = None
) -> int:
    """Give every document that lacks one its vector, newest first; gives how many did.

    Each batch is a transaction of its own, and the search goes on meanwhile with what there is.

    Args:
        engine: The workspace's database.
        name: The embedder, as in the settings.
        progress: Told how many are done, after each batch.

    Raises:
        InvalidSettings: There is no such embedder.
        ModelUnavailable: It is not installed, or does not answer.
    """
    with reading(engine) as connection:
        if name == NONE or not _something_to_do(connection, name):
            return 0
    embedder = load_embedder(name)
    assert embedder is not None
    done = 0
    while texts := _pending(engine, embedder.id):
        _save(engine, embedder, texts)
        done += len(texts)
        if progress:
            progress(done)
    _activate(engine, embedder)
    return done


def _something_to_do(connection: sa.Connection, name: str) -> bool:
    """Whether it is worth loading the embedder."""
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
            connection.execute(document_vectors.insert(), rows)
        mark_changed(connection)


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


def _normalised(vectors: "Vectors") -> "Vectors":
    import numpy as np

    clean = np.nan_to_num(vectors.astype(np.float32))
    lengths = np.linalg.norm(clean, axis=1, keepdims=True)
    made: Vectors = np.divide(clean, lengths, out=np.zeros_like(clean), where=lengths > 0)
    return made
