"""People, as sources know them; the directory that is made of them is read by ``search.people``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa

from lamplighter.access import EVERYBODY, NOBODY, Access
from lamplighter.store.access import put_access_sets
from lamplighter.store.tables import authors, people
from lamplighter.terms import fold

DIRECTORY = "directory"
"""The source of people that an admin has imported."""

MERGES = "directory/merges"
"""The source of entries that only say which addresses are one person's."""

DETAILS = ("title", "department", "team", "manager", "office", "employee_type", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """Somebody whom a source knows: a member, an attendee, an entry of a directory.

    Authors and senders need none of these: the index knows them from their documents.

    Attributes:
        key: What the source calls them; unique there.
        addresses: All their e-mail addresses, the main one first.
        access: Who may see the entry.
        manager: The manager's e-mail address or name.
    """

    key: str
    name: str
    addresses: tuple[str, ...] = ()
    access: Access = NOBODY
    title: str = ""
    department: str = ""
    team: str = ""
    manager: str = ""
    office: str = ""
    employee_type: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a document; the address is in small letters, or empty."""

    name: str
    address: str

    @classmethod
    def of(cls, name: str, address: str) -> Self:
        """As it is kept."""
        return cls(" ".join(name.split()), address.strip().casefold())


def save_people(connection: sa.Connection, source: str, found: Iterable[NewPerson]) -> None:
    """Replace all people of a source by these."""
    connection.execute(people.delete().where(people.c.source == source))
    _insert(connection, source, list({each.key: each for each in found}.values()))


def _insert(connection: sa.Connection, source: str, entries: Sequence[NewPerson]) -> None:
    sets = put_access_sets(connection, (each.access.principals for each in entries))
    rows = [
        {
            **{name: getattr(each, name) for name in ("key", "name", *DETAILS)},
            "source": source,
            "addresses": [address.strip().casefold() for address in each.addresses],
            "access_set": sets[each.access.principals],
        }
        for each in entries
    ]
    if rows:
        connection.execute(people.insert(), rows)


def merge_addresses(connection: sa.Connection, addresses: Iterable[str]) -> None:
    """From now on, these addresses are one person's."""
    kept = list(dict.fromkeys(address.strip().casefold() for address in addresses))
    key = " ".join(sorted(kept))
    connection.execute(people.delete().where(people.c.source == MERGES, people.c.key == key))
    entry = NewPerson(key=key, name="", addresses=tuple(kept), access=EVERYBODY)
    _insert(connection, MERGES, [entry])


def put_authors(connection: sa.Connection, found: Iterable[Author]) -> dict[Author, int]:
    """The ids of these authors, but of those of whom nothing is known; new ones are written."""
    ids = {}
    for author in set(found):
        if author.name or author.address:
            ids[author] = _put_author(connection, author)
    return ids


def _put_author(connection: sa.Connection, author: Author) -> int:
    chosen = sa.select(authors.c.id).where(
        authors.c.address == author.address, authors.c.name == author.name
    )
    known: int | None = connection.scalar(chosen)
    if known is not None:
        return known
    row = {
        "name": author.name,
        "address": author.address,
        "folded": fold(f"{author.name} {author.address}"),
    }
    new = sa.text(
        "INSERT INTO authors (name, address, folded) VALUES (:name, :address, :folded)"
        " ON CONFLICT DO NOTHING"
    )
    connection.execute(new, row)
    id: int = connection.execute(chosen).scalar_one()
    return id
