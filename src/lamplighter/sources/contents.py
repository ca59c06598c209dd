"""What a connector tells, as the index takes it: read, and fit to be stored."""

from dataclasses import fields, replace
from typing import Any, TypeVar

from lamplighter.errors import Unreadable
from lamplighter.sources import extract
from lamplighter.sources.connector import Document, Item
from lamplighter.store.people import NewPerson

Told = TypeVar("Told", Item, Document, NewPerson)


def storable(found: Told) -> Told:
    """The same, without what some database cannot hold, such as NUL in the name of an author."""
    told = {each.name: getattr(found, each.name) for each in fields(found)}
    changed: dict[str, Any] = {
        name: fit
        for name, text in told.items()
        if isinstance(text, str) and (fit := extract.storable(text)) != text
    }
    return replace(found, **changed) if changed else found


def read_contents(document: Document) -> extract.Extracted:
    """What the document says.

    Raises:
        Unreadable: Nothing that can be understood.
    """
    if document.problem:
        raise Unreadable(document.problem)
    name = document.name or document.path
    if document.data is not None:
        found = extract.extract(document.data, name)
        if document.title:
            found = replace(found, title=document.title)
        return found
    told = extract.Extracted(document.title, document.text, document.dated_at, document.media_type)
    return extract.tidy(told, name)
