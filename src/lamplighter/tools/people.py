"""Find people: what the model gives and gets."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lamplighter.errors import ToolFailed
from lamplighter.search import people
from lamplighter.search.people import MOST, Person
from lamplighter.tools.documents import Library

NONE_FOUND = "Nobody was found."

Found = list[dict[str, Any]] | str


def search_people(
    library: Library, query: str, where: Mapping[str, str | None], limit: int
) -> Found:
    """The people who are meant, the best matches first.

    Raises:
        ToolFailed: The limit makes no sense.
    """
    if not 1 <= limit <= MOST:
        raise ToolFailed(f"limit must be from 1 to {MOST}, not {limit}.")
    asked = {name: value for name, value in where.items() if value}
    found = people.search_people(library.engine, library.scope, query, where=asked, limit=limit)
    return [describe_person(person) for person in found] or NONE_FOUND


def describe_person(person: Person) -> dict[str, Any]:
    """What is known of somebody."""
    return {name: value for name, value in asdict(person).items() if value}
