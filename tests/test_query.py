"""Texts and queries: what is a word, and what is asked for."""

from datetime import date

import pytest

from lamplighter.search.fusion import freshness, fuse
from lamplighter.search.query import parse_query, read_day
from lamplighter.search.snippet import make_snippet
from lamplighter.terms import index_terms, query_terms

TODAY = date(2026, 10, 5)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("runs zurich", "Running in Zürich"),
        ("getUserById", "call getUserById now"),
        ("user by id", "call getUserById now"),
        ("userRepository", "class UserRepository:"),
        ("user_repository", "the user_repository module"),
        ("repository", "the user_repository module"),
        ("1.2.3", "released v1.2.3 today"),
        ("C++", "a C++ compiler"),
        ("ann.berg@x.org", "from ann.berg@x.org"),
        ("berg", "from ann.berg@x.org"),
        ("検索", "新しい検索エンジン"),
        ("ン", "検索エンジン"),
        ("ジ", "検索エンジン"),
        ("strasse", "Straße"),
        ("ABC", "ＡＢＣ"),  # noqa: RUF001 - wide letters are what is tested
        ("IT", "the IT department"),
        ("a" * 100, "b " + "a" * 100),
    ],
)
def test_a_query_finds_a_text_by_shared_terms(query: str, text: str) -> None:
    held = index_terms(text)
    whole = query_terms(query)[: 1 if "." in query else None]
    for term in whole:
        if term.endswith("*"):
            assert any(each.startswith(term[:-1]) for each in held)
        else:
            assert term in held
    assert whole


def test_terms_are_what_both_databases_take_as_they_are() -> None:
    for text in ("quote\" here's", "tab\tnew\nline", "nul\0", "back\\slash", "x" * 9_000):
        for term in index_terms(text):
            assert not set(term) & set(" \t\n\0\"'\\")
            assert len(term) <= 64


def test_stop_words_are_no_terms_but_acronyms_are() -> None:
    assert index_terms("it is the IT of WHO") == ["it", "who"]


def test_operators_are_read_and_the_rest_are_words() -> None:
    query = parse_query(
        'Budget "annual report" -draft -"old plan" in:mail from:"Ann Berg" by:bo type:pdf'
        " after:2026-09 before:2026 since:last_run",
        TODAY,
    )
    assert query.words == ["budget"]
    assert query.phrases == [("annual", "report")]
    assert query.excluded == [("draft",), ("old", "plan")]
    assert (query.sources, query.authors, query.kinds) == (["mail"], ["ann berg", "bo"], ["pdf"])
    assert (query.after, query.before) == (date(2026, 9, 1), date(2026, 12, 31))
    assert query.since_last_run
    assert query.plain == "Budget annual report"


@pytest.mark.parametrize("text", ["before:banana", "since:yesterday", "foo:bar", "after:2026-13"])
def test_what_is_no_operator_is_looked_for(text: str) -> None:
    query = parse_query(text, TODAY)
    assert query.words
    assert query.plain == text
    assert (query.after, query.before, query.since_last_run) == (None, None, False)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-02-03", date(2026, 2, 3), date(2026, 2, 3)),
        ("2026-02", date(2026, 2, 1), date(2026, 2, 28)),
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("today", TODAY, TODAY),
        ("yesterday", date(2026, 10, 4), date(2026, 10, 4)),
        ("2w", date(2026, 9, 21), date(2026, 9, 21)),
        ("2026-02-30", None, None),
        ("0000", None, None),
        ("9999y", date.min, date.min),
    ],
)
def test_days(text: str, first: date | None, last: date | None) -> None:
    assert read_day(text, TODAY) == first
    assert read_day(text, TODAY, end=True) == last


def test_a_snippet_is_where_most_words_are_and_marks_them() -> None:
    text = "budget " + "filler " * 200 + "\nthe Budgets of\nthe Zürich harbour " + "filler " * 100
    snippet = make_snippet(text, ["budget", "zurich", "harbour"])
    assert "the [Budgets] of the [Zürich] [harbour]" in snippet.marked("[", "]")
    assert len(snippet.text) < 250
    assert snippet.text.startswith("… ")
    assert snippet.text.endswith(" …")


def test_a_snippet_of_a_text_without_the_words_is_its_beginning() -> None:
    assert make_snippet("short\ntext", ["other"]).marked("[", "]") == "short text"


def test_scores_are_scaled_and_weighed() -> None:
    fused = fuse({1: 10.0, 2: 5.0}, {2: 0.9, 3: 0.1})
    assert {document: round(score, 9) for document, score in fused.items()} == {
        1: 0.8,
        2: 0.6,
        3: 0.0,
    }
    assert fuse({1: 7.0}, {}) == {1: 1.0}
    assert fuse({}, {}) == {}


def test_ranks_can_be_fused_instead() -> None:
    ranked = fuse({1: 10.0, 2: 5.0}, {2: 0.9, 3: 0.1}, "ranks")
    assert ranked == {1: 1 / 61, 2: 1 / 62 + 1 / 61, 3: 1 / 62}


def test_what_is_new_counts_up_to_a_fifth_more() -> None:
    assert freshness(0) == freshness(-3) == 1.0
    assert freshness(10_000) == pytest.approx(1 / 1.2)
