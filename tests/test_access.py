"""Who sees what: every way of reading, against an oracle that follows the graph by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter import clock
from lamplighter.access import NOBODY, Access, Scope, group_principal, own_principals
from lamplighter.errors import NotFound
from lamplighter.search.embedding import embed_pending
from lamplighter.search.index import (
    Ranking,
    Results,
    list_documents,
    read_document,
    search_documents,
    search_lines,
)
from lamplighter.search.people import search_people
from lamplighter.store.documents import Changes, NewDocument, apply_changes, forget_sources
from lamplighter.store.people import NewPerson, save_people
from lamplighter.store.tables import groups, users
from lamplighter.store.users import add_group, add_user, principals_of, save_groups
from lamplighter.testing import HeldClock

NOW = datetime(2026, 10, 1, tzinfo=UTC)
DOMAINS = ("x.org", "y.org")
USERS = {
    "ann": ("ann@x.org",),
    "bo": ("bo@x.org", "bo@y.org"),
    "cy": ("cy@y.org",),
    "di": ("di@z.org",),
}
GROUPS = ("eng", "ops", "all@x.org", "chat/c1", "chat/c2")
SOURCES = ("chat", "mail")
WORDS = ("budget", "harbour", "検索")


@dataclass(frozen=True)
class Doc:
    source: str
    path: str
    text: str
    access: Access
    author: str

    @property
    def id(self) -> str:
        return f"{self.source}:{self.path}"


@dataclass(frozen=True)
class World:
    """Documents, people, and the members of each group: addresses or ``group:NAME``."""

    docs: tuple[Doc, ...]
    people: tuple[NewPerson, ...]
    members: Mapping[str, frozenset[str]]

    def admits(self, user: str, access: Access) -> bool:
        """The oracle: from the document's list down to the user's addresses."""
        if access.public:
            return True
        own = set(USERS[user])
        if own & {name.lower() for name in access.users}:
            return True
        return any(self.is_in(user, name.lower(), frozenset()) for name in access.groups)

    def is_in(self, user: str, group: str, seen: frozenset[str]) -> bool:
        if group in seen:
            return False
        if any(address.endswith(f"@{group}") for address in USERS[user]):
            return True
        for member in self.members.get(group, ()):
            inner = member.removeprefix("group:")
            if inner == member and member in USERS[user]:
                return True
            if inner != member and self.is_in(user, inner, seen | {group}):
                return True
        return False


ADDRESSES = sorted(address for addresses in USERS.values() for address in addresses)
MEMBERS = st.sampled_from([*ADDRESSES, *(f"group:{name}" for name in (*GROUPS, *DOMAINS))])
ACCESS = st.builds(
    Access,
    st.sampled_from([False, False, False, True]),
    st.frozensets(st.sampled_from([*ADDRESSES, "Ann@X.org"]), max_size=2),
    st.frozensets(st.sampled_from([*GROUPS, *DOMAINS, "ENG"]), max_size=2),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    docs = [
        Doc(
            source=draw(st.sampled_from(SOURCES)),
            path=f"{number}.md",
            text=" ".join(sorted(draw(st.sets(st.sampled_from(WORDS), min_size=1)))),
            access=draw(ACCESS),
            author=f"author{draw(st.integers(0, 2))}@w.org",
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    people = [
        NewPerson(key=f"p{number}", name=f"Member {number}", access=draw(ACCESS))
        for number in range(draw(st.integers(0, 3)))
    ]
    members = {name: draw(st.frozensets(MEMBERS, max_size=3)) for name in GROUPS}
    return World(tuple(docs), tuple(people), members)


def build(engine: sa.Engine, world: World) -> None:
    """Make the database hold this world and nothing else."""
    with engine.begin() as connection:
        forget_sources(connection, but=[])
        for table in (groups, users):
            connection.execute(table.delete())
        for main, *others in USERS.values():
            add_user(connection, main, NOW, others=others)
        for name, members in world.members.items():
            if "/" not in name:
                add_group(connection, name, members)
        own = {name: members for name, members in world.members.items() if "/" in name}
        save_groups(connection, "chat", own)
        save_people(connection, "chat", world.people)
        for doc in world.docs:
            apply_changes(connection, doc.source, Changes(saved={doc.path: _new(doc)}), now=NOW)
    list(embed_pending(engine, "wordllama"))


def _new(doc: Doc) -> NewDocument:
    return NewDocument(
        path=doc.path,
        title="Title",
        media_type="text/plain",
        text=doc.text,
        dated_at=NOW,
        size_bytes=1,
        fingerprint="1",
        access=doc.access,
        author_address=doc.author,
    )


def search(
    engine: sa.Engine, scope: Scope, query: str, limit: int = 20, offset: int = 0
) -> Results:
    ranking = Ranking("wordllama")
    return search_documents(engine, scope, query, limit=limit, offset=offset, ranking=ranking)


@settings(max_examples=30, deadline=None)
@given(
    world=worlds(),
    user=st.sampled_from(sorted(USERS)),
    sources=st.sets(st.sampled_from([*SOURCES, "other"])),
    word=st.sampled_from(WORDS),
)
def test_a_user_sees_exactly_what_the_graph_admits(
    engine: sa.Engine, world: World, user: str, sources: set[str], word: str
) -> None:
    build(engine, world)
    scope = Scope.of(principals_of(engine, USERS[user][0]), sources)
    admitted = [
        doc for doc in world.docs if doc.source in sources and world.admits(user, doc.access)
    ]
    ids = {doc.id for doc in admitted}

    assert {info.id for info in list_documents(engine, scope)} == ids
    assert {hit.document.id for hit in search(engine, scope, "type:file").hits} == ids
    hits = {hit.document.id: hit for hit in search(engine, scope, word).hits}
    assert {doc.id for doc in admitted if word in doc.text} <= hits.keys() <= ids
    for doc in admitted:
        if doc.id in hits:
            assert hits[doc.id].snippet.text == doc.text
    for doc in world.docs:
        if doc.id in ids:
            assert read_document(engine, scope, doc.id).lines == (doc.text,)
        else:
            with pytest.raises(NotFound):
                read_document(engine, scope, doc.id)
            with pytest.raises(NotFound):
                search_lines(engine, scope, doc.id, word)

    seen = search_people(engine, scope, "", limit=50)
    members = {p.name for p in world.people if "chat" in sources and world.admits(user, p.access)}
    assert {each.name for each in seen if each.name} == members
    assert {each.addresses[0] for each in seen if each.addresses} == {d.author for d in admitted}


@settings(max_examples=12, deadline=None)
@given(world=worlds(), user=st.sampled_from(sorted(USERS)), word=st.sampled_from(WORDS))
def test_the_invisible_cannot_be_told_from_the_absent(
    engine: sa.Engine, world: World, user: str, word: str
) -> None:
    def look() -> object:
        scope = Scope.of(principals_of(engine, USERS[user][0]), SOURCES)
        pages = [search(engine, scope, word, limit=2, offset=offset) for offset in (0, 2, 4)]
        errors = []
        for doc in hidden:
            with pytest.raises(NotFound) as error:
                read_document(engine, scope, doc.id)
            errors.append(str(error.value))
        return (
            [len(page.hits) for page in pages],
            [page.next_offset for page in pages],
            [(hit.document, hit.snippet, hit.score) for page in pages for hit in page.hits],
            list_documents(engine, scope),
            search_people(engine, scope, ""),
            errors,
        )

    hidden = [doc for doc in world.docs if not world.admits(user, doc.access)]
    build(engine, world)
    with clock.using(HeldClock(NOW)):
        with_them = look()
        kept = [doc for doc in world.docs if doc not in hidden]
        people = [person for person in world.people if world.admits(user, person.access)]
        build(engine, World(tuple(kept), tuple(people), world.members))
        assert look() == with_them


def test_nobody_is_in_a_group_by_the_end_of_an_address_alone() -> None:
    assert own_principals(["eve@notx.org"]).isdisjoint({group_principal("x.org")})
    assert own_principals(["eve@x.org@z.org"]) == {"user:eve@x.org@z.org", "group:z.org"}
    assert own_principals(["owner"]) == {"user:owner"}


def test_a_source_cannot_put_anybody_into_the_admins_groups(engine: sa.Engine) -> None:
    build(engine, World((), (), {}))
    for name in ("eng", "mail/c1", "chatter/c1", "chat"):
        with engine.begin() as connection, pytest.raises(ValueError, match="cannot define"):
            save_groups(connection, "chat", {name: ["eve@z.org"]})


def test_a_change_of_access_alone_counts_at_once(engine: sa.Engine) -> None:
    doc = Doc("mail", "a.md", "budget", NOBODY, "")
    build(engine, World((doc,), (), {}))
    ann = Scope.of(principals_of(engine, "ann@x.org"), SOURCES)
    assert search(engine, ann, "budget").hits == ()
    for access, count in ((Access(groups=["@X.org"]), 1), (Access(users=["bo@x.org"]), 0)):
        with engine.begin() as connection:
            apply_changes(connection, "mail", Changes(granted={"a.md": access}), now=NOW)
        assert len(search(engine, ann, "budget").hits) == count
