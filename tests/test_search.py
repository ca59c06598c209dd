import string
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.access import OWNER, PUBLIC, Access, Scope
from lamplighter.errors import InvalidInput, NotFound
from lamplighter.search.index import list_documents, read_document, search_documents
from lamplighter.store.database import open_database
from lamplighter.store.documents import Changes, NewDocument, apply_changes, forget_sources

DAY = datetime(2026, 10, 1, tzinfo=UTC)
OWNERS = Scope.of([OWNER], ["notes"])


@dataclass(frozen=True)
class Given:
    """A document as a test says it."""

    path: str
    text: str = "text"
    title: str = "Title"
    source: str = "notes"
    day: int = 0
    allowed: tuple[str, ...] = (OWNER,)

    @property
    def id(self) -> str:
        return f"{self.source}:{self.path}"


def access_of(principals: tuple[str, ...]) -> Access:
    """The access list that admits these principals."""
    named = [principal.partition(":") for principal in principals]
    return Access(
        PUBLIC in principals,
        [name for kind, _, name in named if kind == "user"],
        [name for kind, _, name in named if kind == "group"],
    )


def put(engine: sa.Engine, *documents: Given) -> None:
    """Make the index hold these documents and nothing else."""
    with engine.begin() as connection:
        forget_sources(connection, but=[])
        for each in documents:
            new = NewDocument(
                path=each.path,
                title=each.title,
                media_type="text/plain",
                text=each.text,
                dated_at=DAY + timedelta(days=each.day),
                size_bytes=len(each.text),
                fingerprint="1",
                access=access_of(each.allowed),
            )
            changes = Changes(saved={each.path: new})
            apply_changes(connection, each.source, changes, now=DAY)


def listed(engine: sa.Engine, scope: Scope = OWNERS, **period: date | None) -> list[str]:
    return [info.path for info in list_documents(engine, scope, limit=100, **period)]  # type: ignore[arg-type]


def found(engine: sa.Engine, query: str, scope: Scope = OWNERS, limit: int = 20) -> list[str]:
    return [hit.document.path for hit in search_documents(engine, scope, query, limit=limit).hits]


# Permissions; see also test_access.py


def test_an_empty_scope_sees_nothing(engine: sa.Engine) -> None:
    put(engine, Given("a.md", "word"))
    for scope in (Scope.of([OWNER], []), Scope.of([], ["notes"]), Scope.organisation([])):
        assert listed(engine, scope) == []
        assert found(engine, "word", scope) == []


def test_invisible_is_told_exactly_like_absent(engine: sa.Engine) -> None:
    bo = Scope.of(["user:bo"], ["notes"])
    put(engine, Given("a.md", allowed=("user:ann",)))
    with pytest.raises(NotFound) as invisible:
        read_document(engine, bo, "notes:a.md")
    put(engine)
    with pytest.raises(NotFound) as absent:
        read_document(engine, bo, "notes:a.md")
    assert str(invisible.value) == str(absent.value)


# List


def test_a_period_includes_its_first_and_last_day(engine: sa.Engine) -> None:
    put(engine, *(Given(f"{day}.md", day=day) for day in range(5)))
    assert listed(engine, after=date(2026, 10, 2), before=date(2026, 10, 4)) == [
        *("3.md", "2.md", "1.md")
    ]
    assert listed(engine, after=date(2026, 10, 5)) == ["4.md"]
    assert listed(engine, before=date(2026, 10, 1)) == ["0.md"]


def test_a_list_keeps_to_its_source_and_limit(engine: sa.Engine) -> None:
    put(engine, Given("a.md"), Given("b.md"), Given("c.md", source="mail"))
    both = Scope.of([OWNER], ["notes", "mail"])
    assert [info.id for info in list_documents(engine, both, source="mail")] == ["mail:c.md"]
    assert len(list_documents(engine, both, limit=2)) == 2


# Search


def test_all_words_count_before_any_word_does(engine: sa.Engine) -> None:
    put(engine, Given("both.md", "tea and milk"), Given("tea.md", "tea"), Given("milk.md", "milk"))
    assert found(engine, "milk tea")[0] == "both.md"
    assert sorted(found(engine, "milk coffee")) == ["both.md", "milk.md"]


def test_a_title_weighs_more_than_a_text(engine: sa.Engine) -> None:
    filler = "and some more words to read"
    put(
        engine,
        Given("text.md", f"budget {filler}", title=f"Plan {filler}"),
        Given("title.md", f"plan {filler}", title=f"Budget {filler}"),
    )
    assert found(engine, "budget") == ["title.md", "text.md"]


def test_words_match_by_stem_and_without_accents(engine: sa.Engine) -> None:
    put(engine, Given("a.md", "Running in Zürich"))
    assert found(engine, "runs zurich") == ["a.md"]


def test_quotes_make_a_phrase(engine: sa.Engine) -> None:
    put(engine, Given("a.md", "annual report"), Given("b.md", "report, annual"))
    assert found(engine, '"annual report"') == ["a.md"]


@pytest.mark.parametrize("query", ["検索", "設計", "エンジンの 検索"])
def test_scripts_without_spaces_are_found_within_a_run(engine: sa.Engine, query: str) -> None:
    put(engine, Given("a.md", "intro " * 50 + "検索エンジンの設計 100%"), Given("b.md", "他の文"))
    (hit,) = search_documents(engine, OWNERS, query).hits
    assert hit.document.path == "a.md"
    assert "検索エンジンの設計" in hit.snippet.text


def test_a_snippet_shows_the_words_in_one_line(engine: sa.Engine) -> None:
    put(engine, Given("a.md", "filler " * 100 + "\nthe needle\nis here\n" + "filler " * 100))
    (hit,) = search_documents(engine, OWNERS, "needle").hits
    assert "the needle is here" in hit.snippet.text
    assert len(hit.snippet.text) < 300


@pytest.mark.parametrize(
    "query",
    [
        *("AND", "OR NOT", "NEAR(", "needle*", "title:needle", "-needle", "^needle", "a AND (b"),
        *(
            '"',
            '"unclosed',
            '""',
            "'",
            "C++",
            "100%",
            "{}",
            "\\",
            "; DROP TABLE documents",
            "検%索_",
        ),
    ],
)
def test_no_text_is_a_syntax_error(engine: sa.Engine, query: str) -> None:
    put(engine, Given("a.md", "a needle"))
    if any(letter.isalnum() for letter in query):
        assert set(found(engine, query)) <= {"a.md"}
    else:
        with pytest.raises(InvalidInput, match="nothing to search for"):
            found(engine, query)


@settings(max_examples=60, deadline=None)
@given(
    query=st.text(st.sampled_from(string.printable + "\0\ud800é検ßﬁ\U0001f600\u0301𞤀"), max_size=40)
)
def test_any_text_is_a_query_or_has_no_word(engine: sa.Engine, query: str) -> None:
    try:
        assert found(engine, query) is not None
    except InvalidInput:
        assert not any(letter.isalnum() for letter in query)


def test_a_query_of_many_words_is_cut_and_not_refused(engine: sa.Engine) -> None:
    put(engine, Given("a.md", "word0 word1"))
    assert found(engine, " ".join(f"word{number}" for number in range(5_000))) == ["a.md"]


def test_what_a_document_no_longer_says_is_no_longer_found(engine: sa.Engine) -> None:
    put(engine, Given("a.md", "first"))
    put(engine, Given("a.md", "second"))
    assert (found(engine, "first"), found(engine, "second")) == ([], ["a.md"])


# Read


def test_reading_a_range_of_lines(engine: sa.Engine) -> None:
    put(engine, Given("a.md", "one\ntwo\nthree\nfour"))
    part = read_document(engine, OWNERS, "notes:a.md", start_line=2, end_line=3)
    assert part.lines == ("two", "three")
    assert (part.first_line, part.last_line, part.total_lines) == (2, 3, 4)
    assert read_document(engine, OWNERS, "notes:a.md", start_line=4, end_line=99).lines == ("four",)


@pytest.mark.parametrize(("start", "end"), [(5, None), (-1, None), (3, 2), (1, -1)])
def test_lines_that_are_not_there(engine: sa.Engine, start: int, end: int | None) -> None:
    put(engine, Given("a.md", "one\ntwo\nthree\nfour"))
    with pytest.raises(InvalidInput, match="has lines 1 to 4"):
        read_document(engine, OWNERS, "notes:a.md", start_line=start, end_line=end)


def test_the_index_is_there_when_the_database_is_opened_again(tmp_path: Path) -> None:
    fresh = open_database(tmp_path)
    put(fresh, Given("a.md", "word"))
    fresh.dispose()
    again = open_database(tmp_path)
    assert found(again, "word") == ["a.md"]
    again.dispose()
