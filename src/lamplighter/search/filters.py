"""What a reader may see of what a query asks for, in SQL."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from lamplighter.access import Scope
from lamplighter.search.query import Query
from lamplighter.store.access import visible
from lamplighter.store.changes import Span, within
from lamplighter.store.tables import authors, documents

ALIASES = {"mail": "email", "mails": "email", "doc": "docx", "excel": "xlsx", "word": "docx"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Scope and operators of one search.

    Attributes:
        changed: Only what the index got within this span.
    """

    scope: Scope
    query: Query
    changed: Span | None = None

    def admits(self) -> sa.ColumnElement[bool]:
        """The documents that count, but for phrases and excluded words."""
        return sa.and_(visible(self.scope), *self.operators())

    def operators(self) -> list[sa.ColumnElement[bool]]:
        """What the query's operators ask of a document."""
        query, table = self.query, documents.c
        found: list[sa.ColumnElement[bool]] = []
        if query.sources:
            found.append(table.source.in_(query.sources))
        if query.authors:
            found.append(table.author.in_(_authors(query.authors)))
        if query.kinds:
            found.append(sa.or_(*(_is_kind(kind) for kind in query.kinds)))
        found += in_period(query.after, query.before)
        if self.changed is not None:
            found += within(self.changed)
        return found


def in_period(after: date | None, before: date | None) -> list[sa.ColumnElement[bool]]:
    """Dated from one day to another of UTC, both included."""
    found = []
    if after is not None:
        found.append(documents.c.dated_at >= _midnight(after))
    if before is not None:
        found.append(documents.c.dated_at < _midnight(before) + timedelta(days=1))
    return found


def _authors(parts: list[str]) -> sa.Select[tuple[int]]:
    holds = (authors.c.folded.contains(part, autoescape=True) for part in parts)
    return sa.select(authors.c.id).where(sa.or_(*holds))


def _is_kind(kind: str) -> sa.ColumnElement[bool]:
    plain = ALIASES.get(kind, kind)
    return sa.or_(
        documents.c.kind.in_([plain, plain.removesuffix("s")]),
        documents.c.media_type == plain,
        documents.c.media_type.endswith(f"/{plain}", autoescape=True),
        sa.func.lower(documents.c.path).endswith(f".{plain}", autoescape=True),
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
