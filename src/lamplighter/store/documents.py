"""Documents, as a sync writes them; reading them is the search index's, under a ``Scope``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.access import NOBODY, Access, Scope
from lamplighter.errors import NotFound
from lamplighter.store.access import put_access_sets, visible
from lamplighter.store.changes import next_change
from lamplighter.store.database import reading
from lamplighter.store.fulltext import add_texts, mark_changed, refresh, remove_texts
from lamplighter.store.people import DIRECTORY, MERGES, Author, put_authors
from lamplighter.store.tables import (
    document_texts,
    documents,
    groups,
    people,
    skipped_documents,
    sources,
)

STORED = ("path", "title", "kind", "media_type", "url", "dated_at", "size_bytes", "fingerprint")
CHUNK = 500
"""Values of one ``IN``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A document as a connector gives it.

    Attributes:
        path: Within its source; unique there.
        dated_at: Its own date, else its file's.
        size_bytes: Of the original.
        fingerprint: What tells whether it changed; the source knows its form.
        access: Who may see it; as it stands, only the owner of a personal workspace.
        kind: What ``type:`` looks for: file, email, message, event, issue, post, page, ...
        author: The name of who wrote or sent it, as far as it is known.
        author_address: Their e-mail address.
        url: Where people open it.
        context: Text around it that it is understood by, such as the messages before and after;
            for its vector only, never shown nor found by its words.
    """

    path: str
    title: str
    media_type: str
    text: str
    dated_at: datetime
    size_bytes: int
    fingerprint: str
    access: Access = NOBODY
    kind: str = "file"
    author: str = ""
    author_address: str = ""
    url: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A document that is not in the index, and why."""

    path: str
    reason: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a source has so far.

    Attributes:
        config: What the index was made from; empty before the first whole sync.
        documents: Fingerprints by path.
        skipped: Those of the skipped documents by path.
    """

    config: Mapping[str, Any]
    documents: Mapping[str, str]
    skipped: Mapping[str, Skipped]


@dataclass(slots=True)
class Changes:
    """What one transaction of a sync writes; each by path.

    Attributes:
        saved: New and changed documents.
        touched: New fingerprints of documents that did not change.
        granted: New access lists of documents that did not change.
        skipped: Documents that cannot be read.
        deleted: What leaves the index. A path may be both here and in ``skipped``.
    """

    saved: dict[str, NewDocument] = field(default_factory=dict)
    touched: dict[str, str] = field(default_factory=dict)
    granted: dict[str, Access] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What the index holds of a source.

    Attributes:
        synced_at: The end of the last whole sync.
        error: Why the last sync failed.
        done: Items that the sync at work has looked at; ``None``: none is at work.
        total: Of so many; 0: nobody knows.
    """

    name: str
    documents: int = 0
    skipped: int = 0
    synced_at: datetime | None = None
    error: str | None = None
    done: int | None = None
    total: int | None = None


def get_fingerprint(engine: sa.Engine, scope: Scope, id: str) -> tuple[str, str, str]:
    """The source, path and fingerprint of a document.

    Raises:
        NotFound: There is no such document, or it is not visible.
    """
    columns = (documents.c.source, documents.c.path, documents.c.fingerprint)
    query = sa.select(*columns).where(visible(scope), documents.c.id == id)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"no document {id!r}")
    return row.source, row.path, row.fingerprint


def get_known(engine: sa.Engine, source: str) -> Known:
    """What the source has so far."""
    with reading(engine) as connection:
        config = connection.scalar(sa.select(sources.c.config).where(sources.c.name == source))
        rows = connection.execute(
            sa.select(documents.c.path, documents.c.fingerprint).where(documents.c.source == source)
        )
        fingerprints = {row.path: row.fingerprint for row in rows}
    return Known(config or {}, fingerprints, {item.path: item for item in skipped(engine, source)})


def skipped(engine: sa.Engine, source: str) -> list[Skipped]:
    """The skipped documents of a source, by path."""
    table = skipped_documents
    query = sa.select(table).where(table.c.source == source).order_by(table.c.path)
    with reading(engine) as connection:
        return [Skipped(row.path, row.reason, row.fingerprint) for row in connection.execute(query)]


def apply_changes(
    connection: sa.Connection, source: str, changes: Changes, *, now: datetime
) -> None:
    """Write the changes.

    Args:
        connection: In a transaction that may write.
        source: The name of the source.
        changes: What is new, changed, skipped and gone.
        now: When that is.
    """
    refresh(connection)
    number = next_change(connection) if changes.saved or changes.granted else 0
    _remove_documents(connection, source, changes.deleted | changes.saved.keys())
    settled = changes.saved.keys() | changes.touched.keys() | changes.deleted
    _remove_skipped(connection, source, settled | changes.skipped.keys())
    _insert_documents(connection, source, list(changes.saved.values()), now, number)
    _touch(connection, source, changes, number)
    if changes.skipped:
        rows = [
            {**asdict(item), "source": source, "seen_at": now} for item in changes.skipped.values()
        ]
        connection.execute(skipped_documents.insert(), rows)
    if changes.deleted or changes.saved or changes.granted:
        mark_changed(connection)


def document_id(source: str, path: str) -> str:
    """The id of a document."""
    return f"{source}:{path}"


def finish_sync(
    connection: sa.Connection, source: str, config: Mapping[str, Any], now: datetime
) -> None:
    """Record that a whole sync has ended well."""
    _put_source(connection, source, config=config, synced_at=now, error=None)


def fail_sync(connection: sa.Connection, source: str, error: str) -> None:
    """Record why a sync failed; what the index holds stays as it is."""
    _put_source(connection, source, error=error)


def list_sources(engine: sa.Engine) -> dict[str, SourceState]:
    """Every source that the index has, by name."""
    query = sa.select(
        sources.c.name,
        _count(documents).label("documents"),
        _count(skipped_documents).label("skipped"),
        sources.c.synced_at,
        sources.c.error,
        sources.c.done,
        sources.c.total,
    ).order_by(sources.c.name)
    with reading(engine) as connection:
        return {row.name: SourceState(**row._mapping) for row in connection.execute(query)}


def forget_sources(connection: sa.Connection, *, but: Iterable[str]) -> None:
    """Remove every source but these, with its documents, people and groups."""
    kept = [*but, DIRECTORY, MERGES]
    gone = documents.c.source.not_in(kept)
    _remove_chosen(connection, list(connection.scalars(sa.select(documents.c.pk).where(gone))))
    for table in (skipped_documents, people):
        connection.execute(table.delete().where(table.c.source.not_in(kept)))
    connection.execute(groups.delete().where(groups.c.source.not_in(kept)))
    connection.execute(sources.delete().where(sources.c.name.not_in(kept)))
    mark_changed(connection)


def _insert_documents(
    connection: sa.Connection, source: str, new: Sequence[NewDocument], now: datetime, number: int
) -> None:
    if not new:
        return
    sets = put_access_sets(connection, (each.access.principals for each in new))
    authors = put_authors(connection, (_author(each) for each in new))
    rows = [
        {
            **{name: getattr(each, name) for name in STORED},
            "id": document_id(source, each.path),
            "source": source,
            "author": authors.get(_author(each)),
            "access_set": sets[each.access.principals],
            "changed_at": now,
            "change": number,
        }
        for each in new
    ]
    connection.execute(documents.insert(), rows)
    pks = _row_numbers(connection, source, [each.path for each in new])
    texts = [
        {"document": pks[each.path], "text": each.text, "context": each.context} for each in new
    ]
    connection.execute(document_texts.insert(), texts)
    add_texts(connection, {pks[each.path]: (each.title, each.text) for each in new})


def _author(document: NewDocument) -> Author:
    return Author.of(document.author, document.author_address)


def _touch(connection: sa.Connection, source: str, changes: Changes, number: int) -> None:
    for path, fingerprint in changes.touched.items():
        chosen = documents.c.id == document_id(source, path)
        connection.execute(documents.update().where(chosen).values(fingerprint=fingerprint))
    sets = put_access_sets(connection, (each.principals for each in changes.granted.values()))
    for path, access in changes.granted.items():
        chosen = documents.c.id == document_id(source, path)
        # Whoever may see it only now has never seen it.
        values = {"access_set": sets[access.principals], "change": number}
        connection.execute(documents.update().where(chosen).values(values))


def _row_numbers(connection: sa.Connection, source: str, paths: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    every = sorted(paths)
    for start in range(0, len(every), CHUNK):
        query = sa.select(documents.c.path, documents.c.pk).where(
            documents.c.id.in_([document_id(source, path) for path in every[start : start + CHUNK]])
        )
        found |= {row.path: row.pk for row in connection.execute(query)}
    return found


def _remove_documents(connection: sa.Connection, source: str, paths: Iterable[str]) -> None:
    _remove_chosen(connection, list(_row_numbers(connection, source, paths).values()))


def _remove_chosen(connection: sa.Connection, pks: Sequence[int]) -> None:
    remove_texts(connection, pks)
    for start in range(0, len(pks), CHUNK):
        chosen = documents.c.pk.in_(pks[start : start + CHUNK])
        connection.execute(documents.delete().where(chosen))


def _remove_skipped(connection: sa.Connection, source: str, paths: Iterable[str]) -> None:
    table = skipped_documents
    every = sorted(paths)
    for start in range(0, len(every), CHUNK):
        chosen = table.c.path.in_(every[start : start + CHUNK])
        connection.execute(table.delete().where(table.c.source == source, chosen))


def _put_source(connection: sa.Connection, source: str, **values: Any) -> None:
    updated = connection.execute(sources.update().where(sources.c.name == source).values(**values))
    if not updated.rowcount:
        row = {"config": {}, **values, "name": source}
        connection.execute(sources.insert().values(row))


def _count(table: sa.Table) -> sa.ScalarSelect[int]:
    chosen = table.c.source == sources.c.name
    return sa.select(sa.func.count()).where(chosen).select_from(table).scalar_subquery()
