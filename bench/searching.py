"""How quickly documents are indexed and found, in scopes of different widths, and how well.

``BENCH_DOCUMENTS=100000`` takes another number of documents than 10,000, and ``BENCH_DATABASE``
the URL of an empty PostgreSQL database instead of SQLite; ``BENCH_EMBEDDER=minilm`` embeds by that.
"""

import gc
import math
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from corpus import Document, read_corpus
from figures import Figure, percentile
from numpy.typing import NDArray

from lamplighter.access import Access, Scope
from lamplighter.search import nearest
from lamplighter.search.embedders import Embedder, load_embedder
from lamplighter.search.embedding import embed_pending
from lamplighter.search.filters import Filter
from lamplighter.search.index import Ranking, rank, search_documents
from lamplighter.search.query import parse_query
from lamplighter.store.database import is_shared, open_database
from lamplighter.store.documents import Changes, NewDocument, apply_changes
from lamplighter.store.tables import document_vectors, documents
from lamplighter.terms import index_terms

Vectors = NDArray[np.float32]
DOCUMENTS = int(os.environ.get("BENCH_DOCUMENTS", "10000"))
QUESTIONS = 200
BATCH = 500
EMBEDDER = os.environ.get("BENCH_EMBEDDER", "wordllama")
START = datetime(2026, 1, 1, tzinfo=UTC)
WIDTHS = {"all": 1, "tenth": 10, "hundredth": 100}
"""Groups, and the how manieth document each may see."""

SLOWEST_MS = 15.0 if DOCUMENTS <= 10_000 else 60.0
HYBRID, WORDS = Ranking(EMBEDDER), Ranking()


def measure() -> list[Figure]:
    """Index real documents, and ask the questions that they answer."""
    corpus = read_corpus(DOCUMENTS)
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(os.environ.get("BENCH_DATABASE") or Path(folder))
        try:
            figures = [*_index(engine, corpus, Path(folder)), *_ask(engine, corpus)]
        finally:
            engine.dispose()
        return [*figures, _ask_plain(corpus)]


def _index(engine: sa.Engine, corpus: Sequence[Document], folder: Path) -> Iterator[Figure]:
    started = time.perf_counter()
    for first in range(0, len(corpus), BATCH):
        batch = enumerate(corpus[first : first + BATCH], first)
        saved = {new.path: new for new in (_new(number, each) for number, each in batch)}
        with engine.begin() as connection:
            apply_changes(connection, "bench", Changes(saved=saved), now=START)
    rate = len(corpus) / (time.perf_counter() - started)
    yield Figure(f"indexed without vectors, of {len(corpus):,}", rate, "documents/s", at_least=1000)
    started = time.perf_counter()
    done = sum(embed_pending(engine, EMBEDDER))
    yield Figure(f"embedded by {EMBEDDER}", done / (time.perf_counter() - started), "documents/s")
    if size := sum(file.stat().st_size for file in folder.iterdir()):
        text = sum(len(each.text.encode()) for each in corpus)
        yield Figure("size on disk / size of the texts", size / text, "")


def _new(number: int, document: Document) -> NewDocument:
    groups = [name for name, each in WIDTHS.items() if number % each == 0]
    return NewDocument(
        path=document.path,
        title=document.title,
        media_type="text/plain",
        text=document.text,
        dated_at=START + timedelta(minutes=number),
        size_bytes=len(document.text),
        fingerprint=str(number),
        access=Access(groups=groups),
    )


def _ask(engine: sa.Engine, corpus: Sequence[Document]) -> Iterator[Figure]:
    asked = [each for each in corpus if each.question]
    asked = asked[:: max(len(asked) // QUESTIONS, 1)][:QUESTIONS]
    terms = [frozenset(index_terms(f"{each.title} {each.text}")) for each in corpus]
    gc.collect()
    gc.freeze()  # what is ours is not looked through again and again
    for width in WIDTHS:
        scope = Scope.of([f"group:{width}"], ["bench"])
        search_documents(engine, scope, "first", ranking=HYBRID)  # loads the embedder
        times, short = [], 0
        for each in asked:
            started = time.perf_counter()
            found = search_documents(engine, scope, each.question, limit=10, ranking=HYBRID)
            times.append((time.perf_counter() - started) * 1000)
            short += len(found.hits) < min(10, _count_matching(terms, each.question, width))
        yield Figure(f"search, {width} visible: p50", percentile(times, 50), "ms")
        yield Figure(f"search, {width} visible: p95", percentile(times, 95), "ms", SLOWEST_MS)
        yield Figure(f"search, {width} visible: short results", short, f"of {len(asked)}")
    yield from _recalls(engine, asked)
    everything = Scope.of(["group:all"], ["bench"])

    def rate(ranking: Ranking) -> float:
        return _ndcg(asked, lambda question: _paths(engine, everything, question, ranking))

    words, hybrid = rate(WORDS), rate(HYBRID)
    yield Figure("nDCG@10, words alone", words, "")
    yield Figure("nDCG@10, words and vectors", hybrid, "", at_least=words * 0.99)
    yield Figure("nDCG@10, by reciprocal ranks", rate(Ranking(EMBEDDER, "ranks")), "")


def _count_matching(terms: Sequence[frozenset[str]], question: str, width: str) -> int:
    """How many documents of the scope have a word of the question, up to ten."""
    wanted = set(parse_query(question, START.date()).terms)
    visible = terms[:: WIDTHS[width]]
    return len(list(islice((each for each in visible if not wanted.isdisjoint(each)), 10)))


def _paths(engine: sa.Engine, scope: Scope, question: str, ranking: Ranking) -> list[str]:
    hits = search_documents(engine, scope, question, limit=10, ranking=ranking).hits
    return [hit.document.path for hit in hits]


def _ndcg(asked: Sequence[Document], search: Callable[[str], list[str]]) -> float:
    gains = []
    for each in asked:
        paths = search(each.question)
        gains.append(1 / math.log2(paths.index(each.path) + 2) if each.path in paths else 0.0)
    return sum(gains) / len(gains)


def _recalls(engine: sa.Engine, asked: Sequence[Document]) -> Iterator[Figure]:
    """How many of the ten that are really nearest are found."""
    loaded = load_embedder(EMBEDDER)
    assert loaded is not None
    embedder: Embedder = loaded

    def search(connection: sa.Connection, wanted: Filter, vector: Vectors) -> dict[int, float]:
        return rank(connection, wanted, (embedder, vector), 10)[1]

    def search_index(
        connection: sa.Connection, wanted: Filter, vector: Vectors
    ) -> dict[int, float]:
        return nearest.find_nearest(connection, wanted, embedder.id, vector, 10)

    share = _recall(engine, asked, embedder, "hundredth", search)
    yield Figure("nearest 10 in a hundredth, of the exact", share, "", at_least=1)
    if is_shared(engine):
        nearest.SMALL = 0  # from now on even small scopes are searched by HNSW
        for width in WIDTHS:
            share = _recall(engine, asked, embedder, width, search_index)
            yield Figure(f"nearest 10 by HNSW, {width} visible", share, "", at_least=0.98)


def _recall(
    engine: sa.Engine,
    asked: Sequence[Document],
    embedder: Embedder,
    width: str,
    search: Callable[[sa.Connection, Filter, Vectors], dict[int, float]],
) -> float:
    scope = Scope.of([f"group:{width}"], ["bench"])
    shares = []
    with engine.connect() as connection:
        pks, matrix = _vectors(connection, WIDTHS[width])
        for each in asked:
            wanted = Filter(scope, parse_query(each.question, START.date()))
            vector = embedder.embed([wanted.query.plain])[0]
            found = search(connection, wanted, vector)
            best = set(sorted(found, key=lambda pk: -found[pk])[:10])
            cosines = matrix @ vector
            tenth = np.sort(cosines)[-10] - 1e-5  # documents that are alike are equally near
            near = {pk for pk, cosine in zip(pks, cosines, strict=True) if cosine >= tenth}
            shares.append(len(near & best) / 10)
    return sum(shares) / len(shares)


def _vectors(connection: sa.Connection, step: int) -> tuple[list[int], Vectors]:
    """All vectors of the documents that a group sees."""
    query = sa.select(documents.c.pk, documents.c.dated_at, document_vectors.c.vector).join(
        document_vectors, document_vectors.c.document == documents.c.pk
    )
    rows = connection.execute(query)
    chosen = [row for row in rows if (row.dated_at - START) // timedelta(minutes=1) % step == 0]
    matrix = np.stack([np.frombuffer(row.vector, np.float32) for row in chosen])
    return [row.pk for row in chosen], matrix


def _ask_plain(corpus: Sequence[Document]) -> Figure:
    """SQLite's own full text over the same documents: no permissions, no vectors, no snippets."""
    plain = sqlite3.connect(":memory:")
    plain.execute("CREATE VIRTUAL TABLE t USING fts5(title, text, tokenize='porter unicode61')")
    plain.executemany("INSERT INTO t VALUES (?, ?)", [(each.title, each.text) for each in corpus])
    times = []
    for each in [each for each in corpus if each.question][:QUESTIONS]:
        words = " OR ".join(f'"{word}"' for word in each.question.split() if word.isalnum())
        started = time.perf_counter()
        query = "SELECT rowid FROM t WHERE t MATCH ? ORDER BY bm25(t, 2.0, 1.0) LIMIT 10"
        plain.execute(query, [words or '"none"']).fetchall()
        times.append((time.perf_counter() - started) * 1000)
    return Figure("plain FTS5 with all words: p95", percentile(times, 95), "ms")
