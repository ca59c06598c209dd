"""Vectors: by which embedder, when, and that the search goes on meanwhile."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray
from servers import Answer, Request, web_server

from lamplighter.access import OWNER, Scope
from lamplighter.config import Provider
from lamplighter.errors import InvalidSettings, ModelUnavailable
from lamplighter.search import embedders
from lamplighter.search.apart import embed_apart
from lamplighter.search.embedders import forget_embedders, load_embedder
from lamplighter.search.embedding import embed_pending
from lamplighter.search.index import Ranking, search_documents
from lamplighter.store.database import is_shared, open_database
from lamplighter.store.documents import Changes, NewDocument, apply_changes
from lamplighter.store.tables import document_vectors

NOW = datetime(2026, 10, 1, tzinfo=UTC)
SCOPE = Scope.of([OWNER], ["notes"])
TEXTS = {
    "dog.md": "The puppy chased its tail in the garden",
    "tax.md": "Invoices and taxes are due at the end of the quarter",
    "sea.md": "Ships leave the harbour with the tide",
}


MYBOX = Provider(base_url="http://127.0.0.1:9/v1", api_key="env:NO_SUCH_KEY")


class Letters:
    """An embedder that counts letters."""

    floor = 0.0
    id = "letters/26"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counts = [[text.lower().count(chr(97 + each)) for each in range(26)] for text in texts]
        vectors = np.array(counts, np.float32)
        made: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return made


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setitem(embedders._BUILT_IN, "letters", Letters)
    yield "letters"
    forget_embedders()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    place = tmp_path if request.param == "sqlite" else request.getfixturevalue("postgresql")
    made = open_database(place)
    put(made, TEXTS)
    yield made
    made.dispose()


def put(engine: sa.Engine, texts: dict[str, str], context: str = "") -> None:
    saved = {
        path: NewDocument(
            path=path,
            title="Note",
            media_type="text/plain",
            text=text,
            dated_at=NOW,
            size_bytes=1,
            fingerprint=text,
            context=context,
        )
        for path, text in texts.items()
    }
    with engine.begin() as connection:
        apply_changes(connection, "notes", Changes(saved=saved), now=NOW)


def found(engine: sa.Engine, query: str, embedder: str = "wordllama") -> list[str]:
    results = search_documents(engine, SCOPE, query, ranking=Ranking(embedder))
    return [hit.document.path for hit in results.hits]


def held(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(sa.select(document_vectors.c.embedder)))


def test_what_means_the_same_is_found_without_a_common_word(engine: sa.Engine) -> None:
    assert found(engine, "young dog") == []  # there are no vectors yet
    assert list(embed_pending(engine, "wordllama")) == [3]
    assert found(engine, "young dog")[0] == "dog.md"
    assert found(engine, "kubernetes pod restart") == []  # nothing is near
    assert found(engine, "young dog", "none") == []
    assert list(embed_pending(engine, "wordllama")) == []


def test_operators_and_phrases_bind_vectors_too(engine: sa.Engine) -> None:
    list(embed_pending(engine, "wordllama"))
    assert found(engine, "young dog -puppy") == []
    assert found(engine, "young dog after:2026-11") == []
    assert found(engine, 'boat "harbour ships"') == []
    assert found(engine, 'boat "ships leave"') == ["sea.md"]


def test_a_changed_document_loses_its_vector_at_once(engine: sa.Engine) -> None:
    list(embed_pending(engine, "wordllama"))
    assert found(engine, "young dog")[0] == "dog.md"
    put(engine, {"dog.md": "Minutes of the board"})
    assert "dog.md" not in found(engine, "young dog")
    assert list(embed_pending(engine, "wordllama")) == [1]
    assert found(engine, "young dog") != ["dog.md"]


def test_the_context_of_a_message_is_in_its_vector_and_not_in_its_words(
    engine: sa.Engine,
) -> None:
    put(engine, {"chat": "Yes, at noon."}, context="Shall we feed the young dog, the puppy?")
    list(embed_pending(engine, "wordllama"))
    assert "chat" in found(engine, "puppy")
    assert "chat" not in found(engine, "puppy", "none")


def test_while_another_embedder_is_at_work_the_former_one_is_searched(
    engine: sa.Engine, letters: str
) -> None:
    list(embed_pending(engine, "wordllama"))
    anagram = "".join(sorted(TEXTS["sea.md"].replace(" ", "").lower()))
    steps = embed_pending(engine, letters)
    next(steps)
    assert held(engine) == {"wordllama/256", "letters/26"}
    assert found(engine, "young dog", letters)[0] == "dog.md"  # by meaning, not by letters
    assert list(steps) == []
    assert held(engine) == {"letters/26"}
    assert found(engine, anagram, letters)[0] == "sea.md"


def test_two_processes_may_embed_at_once(engine: sa.Engine, letters: str) -> None:
    first, second = embed_pending(engine, letters), embed_pending(engine, letters)
    next(first)
    assert list(second) == []
    assert list(first) == []
    assert held(engine) == {"letters/26"}


def test_embedding_apart_leaves_no_model_here(engine: sa.Engine, tmp_path: Path) -> None:
    forget_embedders()
    shared = engine.url.render_as_string(hide_password=False)
    place = shared if is_shared(engine) else tmp_path
    assert list(embed_apart(engine, place, "wordllama", {})) == [3]
    assert embedders._loaded == {}
    assert found(engine, "young dog")[0] == "dog.md"
    assert list(embed_apart(engine, place, "wordllama", {})) == []


def test_embedding_apart_says_what_does_not_work(engine: sa.Engine, tmp_path: Path) -> None:
    place = engine.url.render_as_string(hide_password=False) if is_shared(engine) else tmp_path
    with pytest.raises(ModelUnavailable, match="NO_SUCH_KEY"):
        list(embed_apart(engine, place, "mybox:m", {"mybox": MYBOX}))


def test_an_own_provider_embeds_with_the_key_that_the_settings_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(request: Request) -> Answer:
        vector = {"object": "embedding", "index": 0, "embedding": [0.6, 0.8]}
        return Answer(json={"object": "list", "model": "m", "data": [vector]})

    monkeypatch.setenv("NO_SUCH_KEY", "open sesame")
    with web_server(answer) as web:
        provider = MYBOX.model_copy(update={"base_url": f"{web.url}/v1"})
        embedder = load_embedder("mybox:m", {"mybox": provider})
        assert embedder is not None
        assert (embedder.id, embedder.embed(["a"]).shape) == ("mybox:m/2", (1, 2))
        assert {each.headers["authorization"] for each in web.requests} == {"Bearer open sesame"}
    forget_embedders()


def test_a_large_scope_is_searched_by_the_index_on_postgresql(
    engine: sa.Engine, letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_shared(engine):
        return
    from lamplighter.search import nearest

    list(embed_pending(engine, letters))
    exact = found(engine, "tax", letters)
    monkeypatch.setattr(nearest, "SMALL", 1)
    assert found(engine, "tax", letters) == exact


def test_the_small_model_is_told_of_when_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    forget_embedders()
    with pytest.raises(ModelUnavailable, match=r"pip install 'lamplighter\[minilm\]'"):
        load_embedder("minilm")


def test_an_unknown_embedder_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="use wordllama"):
        load_embedder("word2vec")


def test_a_provider_without_a_key_is_said_to_be_unavailable() -> None:
    with pytest.raises(ModelUnavailable, match=r"OPENAI_API_KEY; put it into \.env"):
        load_embedder("openai:text-embedding-3-small")


def test_a_text_that_says_nothing_has_no_direction() -> None:
    embedder = load_embedder("wordllama")
    assert embedder is not None
    vectors = embedder.embed(["", "dog"])
    assert not vectors[0].any()
    assert np.linalg.norm(vectors[1]) == pytest.approx(1)


def test_embedding_does_not_make_everything_be_logged() -> None:
    code = (
        "import logging; from lamplighter.search.embedders import Wordllama; Wordllama();"
        "logging.getLogger('x').info('chatter'); logging.getLogger('x').warning('trouble')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "trouble\n"
