"""The directory: everybody whom the sources know, as far as a ``Scope`` admits it.

An entry is seen by whoever its source admits, and an author by whoever may see one of their
documents. What is known of one address is one person; so entries with several addresses merge.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from lamplighter.access import Scope
from lamplighter.store.access import visible
from lamplighter.store.database import reading
from lamplighter.store.people import DETAILS, DIRECTORY, MERGES
from lamplighter.store.tables import authors, documents, people
from lamplighter.terms import fold

MOST = 50


@dataclass(slots=True)
class Person:
    """Somebody, as all that the reader may see says.

    Attributes:
        addresses: The main one first.
        manager: The manager's name, if they are in the directory, else as it was given.
        sources: Where they are known from.
    """

    name: str = ""
    addresses: list[str] = field(default_factory=list)
    title: str = ""
    department: str = ""
    team: str = ""
    manager: str = ""
    office: str = ""
    employee_type: str = ""
    phone: str = ""
    sources: list[str] = field(default_factory=list)


def search_people(
    engine: sa.Engine,
    scope: Scope,
    text: str,
    *,
    where: Mapping[str, str] | None = None,
    limit: int = 20,
) -> list[Person]:
    """The people whose name, address, team or other detail has every word of the text.

    Args:
        engine: The workspace's database.
        scope: What the reader may see; the imported directory belongs to every source.
        text: Beginnings of words; empty finds everybody.
        where: What a detail must contain, by its name: department, office, manager, ...
        limit: How many at most.
    """
    words = fold(text).split()
    asked = {name: fold(value) for name, value in (where or {}).items() if value}
    found = []
    for person in _read_people(engine, scope):
        holds = all(value in fold(getattr(person, name)) for name, value in asked.items())
        if holds and (place := _place(person, words)) is not None:
            found.append((place, fold(person.name), person.addresses, person))
    return [person for *_, person in sorted(found, key=lambda each: each[:3])][:limit]


def _place(person: Person, words: Sequence[str]) -> int | None:
    """How far up it belongs: found by name, by address, by a detail, or not at all."""
    details = " ".join(getattr(person, name) for name in DETAILS if name != "manager")
    known = fold(person.name), fold(" ".join(person.addresses)), fold(details)
    parts: set[str] = set()
    for place, text in enumerate(known):
        apart = text.replace("@", " ")
        parts |= {*text.split(), *apart.split(), *apart.replace(".", " ").split()}
        if all(any(part.startswith(word) for part in parts) for word in words):
            return place
    return None


def _read_people(engine: sa.Engine, scope: Scope) -> list[Person]:
    if not scope.sources:
        return []
    wide = Scope(scope.principals, scope.sources | {DIRECTORY, MERGES})
    entries = sa.select(people).where(visible(wide, people)).order_by(people.c.source, people.c.key)
    with reading(engine) as connection:
        rows = list(connection.execute(entries).mappings())
        rows += connection.execute(_visible_authors(scope)).mappings()
    merged = _merge(rows)
    names = {address: person.name for person in merged for address in person.addresses}
    for person in merged:
        person.manager = names.get(person.manager.casefold(), "") or person.manager
    return [person for person in merged if person.sources]


def _visible_authors(scope: Scope) -> sa.Select[Any]:
    """A row for each author and source of a document that the reader may see."""
    return (
        sa.select(authors.c.name, authors.c.address, documents.c.source)
        .join_from(documents, authors, authors.c.id == documents.c.author)
        .where(visible(scope))
        .distinct()
        .order_by(documents.c.source, authors.c.name, authors.c.address)
    )


def _merge(rows: Iterable[sa.RowMapping]) -> list[Person]:
    """One person for all rows that share an address, directly or by another row."""
    by_address: dict[str, Person] = {}
    found: dict[int, Person] = {}
    for row in rows:
        addresses = list(row["addresses"]) if "addresses" in row else [row["address"]]
        addresses = [address for address in addresses if address]
        person = Person()
        for other in {id(by_address[a]): by_address[a] for a in addresses if a in by_address}:
            _take_over(person, found.pop(other))
        _add(person, row, addresses)
        found[id(person)] = person
        by_address |= dict.fromkeys(person.addresses, person)
    return list(found.values())


def _add(person: Person, row: sa.RowMapping, addresses: Iterable[str]) -> None:
    sources = [] if row["source"] == MERGES else [row["source"]]
    details = {name: row[name] for name in DETAILS if name in row}
    _take_over(person, Person(row["name"], list(addresses), **details, sources=sources))


def _take_over(person: Person, other: Person) -> None:
    """What is known first stays."""
    for name in ("name", *DETAILS):
        setattr(person, name, getattr(person, name) or getattr(other, name))
    person.addresses = list(dict.fromkeys([*person.addresses, *other.addresses]))
    person.sources = list(dict.fromkeys([*person.sources, *other.sources]))
