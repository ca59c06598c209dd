"""Who may see what. Pure.

A ``Scope`` is required by every read of documents. It is the product of two things: the
principals that the reader acts as, and the sources that the reader was given. Both must
admit a document; an empty scope sees nothing. Access to all data is the explicit
``Scope.organisation``, never the absence of a filter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

PUBLIC = "public"
OWNER = "user:owner"
"""The one principal of a personal workspace."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run or a viewer may see: principals x sources.

    Attributes:
        principals: Such as ``user:ann`` or ``group:eng``; ``None`` only by ``organisation``.
        sources: Names of sources. Empty sees nothing.
    """

    principals: frozenset[str] | None
    sources: frozenset[str]

    @classmethod
    def of(cls, principals: Iterable[str], sources: Iterable[str]) -> Self:
        """The scope of somebody who acts as ``principals`` within ``sources``."""
        return cls(frozenset(principals) | {PUBLIC}, frozenset(sources))

    @classmethod
    def organisation(cls, sources: Iterable[str]) -> Self:
        """All documents of ``sources``, whoever may see them: org agents and admins only."""
        return cls(None, frozenset(sources))

    def narrowed(self, other: "Scope") -> "Scope":
        """What both see."""
        mine, theirs = self.principals, other.principals
        both = mine & theirs if mine is not None and theirs is not None else None
        principals = both if both is not None else (theirs if mine is None else mine)
        return Scope(principals, self.sources & other.sources)

    def admits(self, source: str, allowed: Iterable[str]) -> bool:
        """Whether a document of ``source`` that ``allowed`` principals may see is visible."""
        if source not in self.sources:
            return False
        return self.principals is None or not self.principals.isdisjoint(allowed)
