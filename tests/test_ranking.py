"""What a search gives and in which order, against an oracle that counts everything by hand."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter import clock
from lamplighter.access import Access, Scope, group_principal
from lamplighter.search.embedders import load_embedder
from lamplighter.search.embedding import embed_pending
from lamplighter.search.fusion import VECTOR_WEIGHT, freshness
from lamplighter.search.index import Hit, Ranking, search_documents
from lamplighter.search.query import parse_query
from lamplighter.search.scoring import rarity, score
from lamplighter.store.database import is_shared
from lamplighter.store.documents import Changes, NewDocument, apply_changes, forget_sources
from lamplighter.terms import index_terms
from lamplighter.testing import HeldClock

NOW = datetime(2026, 10, 1, tzinfo=UTC)
DRAWN, KEPT = "drawn", "kept"
"""The source of each example's documents, and that of those for all tests."""

GROUPS = ("all", "few", "one")
VOCABULARY = (
    *("budget", "harbour", "harbours", "tea", "plan", "getUserById", "1.2.3", "ann@x.org"),
    *("検索", "設計", "Zürich", "the"),
)
HYBRID, WORDS = Ranking("wordllama"), Ranking()


@dataclass(frozen=True)
class Doc:
    source: str
    number: int
    title: str
    text: str
    group: str
    days_old: int

    @property
    def id(self) -> str:
        return f"{self.source}:{self.number:03}"

    @property
    def counts(self) -> Counter[str]:
        return Counter([*index_terms(self.title) * 2, *index_terms(self.text)])

    @property
    def length(self) -> int:
        return len(index_terms(self.title)) + len(index_terms(self.text))


words = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12).map(" ".join)
docs = st.builds(
    Doc,
    st.just(DRAWN),
    st.just(0),
    words,
    words,
    st.sampled_from(GROUPS),
    st.sampled_from([0, 3, 30, 400]),
)


@st.composite
def libraries(draw: st.DrawFn) -> list[Doc]:
    drawn = draw(st.lists(docs, min_size=1, max_size=25))
    return [replace(each, number=number) for number, each in enumerate(drawn)]


def fill(engine: sa.Engine, library: Sequence[Doc]) -> None:
    """Make the database hold these documents and those that are kept."""
    with engine.begin() as connection:
        forget_sources(connection, but=[KEPT])
        saved = {f"{doc.number:03}": _new(doc) for doc in library}
        apply_changes(connection, library[0].source, Changes(saved=saved), now=NOW)


def _new(doc: Doc) -> NewDocument:
    return NewDocument(
        path=f"{doc.number:03}",
        title=doc.title,
        media_type="text/plain",
        text=doc.text,
        dated_at=NOW - timedelta(days=doc.days_old),
        size_bytes=1,
        fingerprint="1",
        access=Access(groups=[doc.group]),
    )


def scope_of(groups: Sequence[str], source: str) -> Scope:
    return Scope.of([group_principal(group) for group in groups], [source])


def expected(
    engine: sa.Engine, visible: Sequence[Doc], query: str, ranking: Ranking
) -> dict[str, float]:
    """The score of each document that has a word of the query, or is near it."""
    terms = parse_query(query, NOW.date()).terms
    matching = [doc for doc in visible if any(doc.counts[term] for term in terms)]
    measured = matching if is_shared(engine) else visible
    mean = sum(doc.length for doc in measured) / max(len(measured), 1)
    by_words = dict.fromkeys((doc.id for doc in matching), 0.0)
    for term in terms:
        holding = [doc for doc in visible if doc.counts[term]]
        weight = rarity(len(visible), len(holding))
        for doc in holding:
            by_words[doc.id] += weight * score(doc.counts[term], doc.length, mean)
    by_vectors = _cosines(visible, query) if ranking is HYBRID else {}
    age = {doc.id: doc.days_old for doc in visible}
    return {
        id: value * freshness(age[id])
        for id, value in _fused(by_words, by_vectors).items()
        if id in by_words or by_vectors[id] >= 0.2
    }


def _cosines(visible: Sequence[Doc], query: str) -> dict[str, float]:
    embedder = load_embedder("wordllama")
    assert embedder is not None
    asked = embedder.embed([query])[0]
    texts = [f"{doc.title}\n{doc.text}\n" for doc in visible]
    if not visible or not asked.any():
        return {}
    pairs = zip(visible, embedder.embed(texts) @ asked, strict=True)
    return {doc.id: float(cosine) for doc, cosine in pairs}


def _fused(by_words: dict[str, float], by_vectors: dict[str, float]) -> dict[str, float]:
    best = max(by_words.values(), default=0.0)
    scaled = {id: value / best if best else 1.0 for id, value in by_words.items()}
    if not by_vectors:
        return scaled
    least, most = min(by_vectors.values()), max(by_vectors.values())
    near = {
        id: (value - least) / (most - least) if most > least else 1.0
        for id, value in by_vectors.items()
    }
    if not by_words:
        return near
    return {id: (1 - VECTOR_WEIGHT) * scaled.get(id, 0.0) + VECTOR_WEIGHT * near[id] for id in near}


@settings(max_examples=40, deadline=None)
@given(
    library=libraries(),
    groups=st.lists(st.sampled_from(GROUPS), unique=True),
    query=words,
    ranking=st.sampled_from([WORDS, HYBRID]),
    offset=st.integers(0, 5),
    limit=st.integers(1, 30),
)
def test_a_page_is_full_in_order_and_rightly_scored(
    engine: sa.Engine,
    library: list[Doc],
    groups: list[str],
    query: str,
    ranking: Ranking,
    offset: int,
    limit: int,
) -> None:
    fill(engine, library)
    list(embed_pending(engine, ranking.embedder))
    visible = [doc for doc in library if doc.group in groups]
    wanted = expected(engine, visible, query, ranking)
    with clock.using(HeldClock(NOW)):
        page = search_documents(
            engine, scope_of(groups, DRAWN), query, limit=limit, offset=offset, ranking=ranking
        )
    ordered = sorted(wanted.values(), reverse=True)
    assert [hit.score for hit in page.hits] == pytest.approx(
        ordered[offset : offset + limit], abs=2e-4
    )
    for hit in page.hits:
        assert hit.score == pytest.approx(wanted[hit.document.id], abs=2e-4)
    assert page.next_offset == (offset + limit if len(wanted) > offset + limit else None)


MANY = [
    Doc(
        KEPT,
        number,
        title=VOCABULARY[number % 7],
        text=" ".join(VOCABULARY[number * step % 11] for step in range(1, number % 40 + 2)),
        group=GROUPS[0 if number % 10 else 1 if number % 100 else 2],
        days_old=number % 50,
    )
    for number in range(450)
]


@pytest.fixture(scope="module")
def many(engine: sa.Engine) -> sa.Engine:
    fill(engine, MANY)
    list(embed_pending(engine, "wordllama"))
    return engine


@pytest.mark.parametrize("groups", [GROUPS, ["few", "one"], ["one"]])
@pytest.mark.parametrize("ranking", [WORDS, HYBRID])
def test_no_result_is_missing_nor_twice_however_it_is_paged(
    many: sa.Engine, groups: Sequence[str], ranking: Ranking
) -> None:
    query = "harbour budget ann@x.org"
    visible = [doc for doc in MANY if doc.group in groups]
    wanted = expected(many, visible, query, ranking)
    with clock.using(HeldClock(NOW)):
        paged = [list(_pages(many, groups, query, ranking, limit)) for limit in (7, 1000)]
        counted = search_documents(
            many, scope_of(groups, KEPT), query, ranking=ranking, facets=True
        )
    assert paged[0] == paged[1]
    assert list(counted.hits) == paged[0][:20]
    ids = [hit.document.id for hit in paged[0]]
    assert len(ids) == len(set(ids))
    assert set(ids) == wanted.keys()
    scores = [hit.score for hit in paged[0]]
    assert scores == sorted(scores, reverse=True)


def _pages(
    engine: sa.Engine, groups: Sequence[str], query: str, ranking: Ranking, limit: int
) -> Iterator[Hit]:
    offset: int | None = 0
    while offset is not None:
        page = search_documents(
            engine, scope_of(groups, KEPT), query, limit=limit, offset=offset, ranking=ranking
        )
        if page.next_offset is not None:
            assert len(page.hits) == limit
        yield from page.hits
        offset = page.next_offset
