"""Lists that are given page by page, by opaque cursors that stay right when something is added."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from lamplighter.errors import InvalidInput, Place

T = TypeVar("T")
MOST = 200


class Page(BaseModel, Generic[T]):
    """Some items.

    Attributes:
        next: The ``cursor`` of the next page; null if this is the last.
    """

    items: list[T]
    next: str | None = None


class Wanted:
    """Which page is asked for.

    Attributes:
        after: The key of the last item before it; ``None``: from the start.
        limit: How many items at most.
    """

    def __init__(
        self,
        cursor: Annotated[str | None, Query(max_length=2000)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> None:
        self.after = _read(cursor) if cursor else None
        self.limit = limit

    def page(self, found: Sequence[T], key: Callable[[T], str]) -> Page[T]:
        """The page, of items of which one more than ``limit`` was looked for."""
        items = list(found[: self.limit])
        more = len(found) > self.limit
        return Page(items=items, next=_write(key(items[-1])) if more else None)

    def cut(self, found: Sequence[T], key: Callable[[T], str]) -> Page[T]:
        """The page of a whole list, in the order of its keys."""
        rest = sorted(
            (each for each in found if self.after is None or key(each) > self.after), key=key
        )
        return self.page(rest[: self.limit + 1], key)


Paging = Annotated[Wanted, Depends()]


def _write(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _read(cursor: str) -> str:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        place = Place(field="cursor")
        raise InvalidInput("this is no cursor that we gave", place=place) from error
    if "\0" in key:
        raise InvalidInput("this is no cursor that we gave", place=Place(field="cursor"))
    return key
