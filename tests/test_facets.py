from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from lamplighter import clock
from lamplighter.access import Access, Scope
from lamplighter.search.index import search_documents
from lamplighter.search.query import split_operators
from lamplighter.store.documents import Changes, NewDocument, apply_changes
from lamplighter.testing import temporary_workspace

ALL = Scope.of(["user:me@x.org"], ["notes", "mail"])
TODAY = date(2026, 11, 22)


def new(
    path: str, days: int, *, kind: str = "file", by: str = "", hidden: bool = False
) -> NewDocument:
    return NewDocument(
        path=path,
        title=path,
        media_type="text/plain",
        text="The budget.",
        dated_at=clock.now() - timedelta(days=days),
        size_bytes=1,
        fingerprint="1",
        kind=kind,
        author=by.partition("@")[0].title(),
        author_address=by,
        access=Access(users=["somebody@x.org" if hidden else "me@x.org"]),
    )


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    with temporary_workspace() as home, home.engine.begin() as connection:
        notes = [new("a", 1), new("b", 20), new("c", 500), new("d", 1, hidden=True)]
        mail = [new("e", 3, kind="email", by="ann@x.org"), new("f", 4, kind="email", by="bo@x.org")]
        for source, some in (("notes", notes), ("mail", mail)):
            changes = Changes(saved={each.path: each for each in some})
            apply_changes(connection, source, changes, now=clock.now())
        connection.commit()
        yield home.engine


def counts(engine: sa.Engine, scope: Scope, query: str) -> dict[str, int]:
    found = search_documents(engine, scope, query, facets=True)
    return {f"{each.operator}:{each.value}": each.count for each in found.facets}


@pytest.mark.parametrize("query", ["budget", "before:2999"])
def test_what_would_narrow_is_counted_in_what_may_be_seen(engine: sa.Engine, query: str) -> None:
    assert counts(engine, ALL, query) == {
        "in:notes": 3,
        "in:mail": 2,
        "type:file": 3,
        "type:email": 2,
        "from:ann@x.org": 1,
        "from:bo@x.org": 1,
        "after:7d": 3,
        "after:30d": 4,
        "before:1y": 1,
    }


def test_what_holds_for_all_would_not_narrow(engine: sa.Engine) -> None:
    assert counts(engine, ALL, "budget in:mail") == {"from:ann@x.org": 1, "from:bo@x.org": 1}


def test_a_facet_finds_what_it_has_counted(engine: sa.Engine) -> None:
    for facet, count in counts(engine, ALL, "budget").items():
        assert len(search_documents(engine, ALL, f"budget {facet}").hits) == count


def test_who_sees_nothing_is_told_nothing(engine: sa.Engine) -> None:
    assert counts(engine, Scope.of(["user:nobody@x.org"], ["notes", "mail"]), "budget") == {}


def test_operators_are_taken_out_of_a_query_one_by_one() -> None:
    assert split_operators('budget in:notes from:"Ann B" -in:mail x:y after:7d', TODAY) == [
        ("in", "notes", 'budget from:"Ann B" -in:mail x:y after:7d'),
        ("from", "Ann B", "budget in:notes -in:mail x:y after:7d"),
        ("after", "7d", 'budget in:notes from:"Ann B" -in:mail x:y'),
    ]
