"""Documents, as a sync writes them; reading them is the search index's, under a ``Scope``."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.access import OWNER, Access
from lamplighter.store.database import reading
from lamplighter.store.tables import access_sets, documents, skipped_documents, sources

STORED = ("path", "title", "media_type", "text", "dated_at", "size_bytes", "fingerprint")
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
    access: Access = Access()
    kind: str = "file"
    author: str = ""
    author_address: str = ""
    url: str = ""
    context: str = ""


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
    access: Access = Access()
    title: str = ""
    department: str = ""
    team: str = ""
    manager: str = ""
    office: str = ""
    employee_type: str = ""
    phone: str = ""


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
    """

    name: str
    documents: int = 0
    skipped: int = 0
    synced_at: datetime | None = None
    error: str | None = None


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
        now: Read within this transaction: by it documents are new since somebody's last run.
    """
    _remove(connection, documents, source, changes.deleted | changes.saved.keys())
    settled = changes.saved.keys() | changes.touched.keys() | changes.deleted
    _remove(connection, skipped_documents, source, settled | changes.skipped.keys())
    if changes.saved:
        rows = [
            {
                **{name: getattr(new, name) for name in STORED},
                "id": document_id(source, new.path),
                "source": source,
                "access_set": _put_access_set(connection, new.access.principals | {OWNER}),
            }
            for new in changes.saved.values()
        ]
        connection.execute(documents.insert(), rows)
    for path, fingerprint in changes.touched.items():
        chosen = documents.c.id == document_id(source, path)
        connection.execute(documents.update().where(chosen).values(fingerprint=fingerprint))
    if changes.skipped:
        rows = [
            {**asdict(item), "source": source, "seen_at": now} for item in changes.skipped.values()
        ]
        connection.execute(skipped_documents.insert(), rows)


def document_id(source: str, path: str) -> str:
    """The id of a document."""
    return f"{source}:{path}"


def save_people(connection: sa.Connection, source: str, people: Iterable[NewPerson]) -> None:
    """Replace all people of a source by these."""


def save_groups(
    connection: sa.Connection, source: str, groups: Mapping[str, Collection[str]]
) -> None:
    """Replace all groups that a source defines by these.

    Args:
        connection: In a transaction that may write.
        source: The name of the source.
        groups: Members by the group's name: addresses, or ``group:NAME``.

    Raises:
        ValueError: A name does not begin with the source's, so the group is not its to define.
    """


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
    ).order_by(sources.c.name)
    with reading(engine) as connection:
        return {row.name: SourceState(**row._mapping) for row in connection.execute(query)}


def forget_sources(connection: sa.Connection, *, but: Iterable[str]) -> None:
    """Remove every source but these, with its documents."""
    kept = list(but)
    for table in (documents, skipped_documents):
        connection.execute(table.delete().where(table.c.source.not_in(kept)))
    connection.execute(sources.delete().where(sources.c.name.not_in(kept)))


def _remove(connection: sa.Connection, table: sa.Table, source: str, paths: Iterable[str]) -> None:
    every = sorted(paths)
    for start in range(0, len(every), CHUNK):
        chosen = table.c.path.in_(every[start : start + CHUNK])
        connection.execute(table.delete().where(table.c.source == source, chosen))


def _put_access_set(connection: sa.Connection, principals: Collection[str]) -> str:
    """The id of the set of these principals, which is written if it is new."""
    names = sorted(set(principals))
    set_id = hashlib.sha256("\n".join(names).encode()).hexdigest()[:32]
    query = sa.select(access_sets.c.principal).where(access_sets.c.id == set_id)
    present = set(connection.scalars(query))
    if missing := [name for name in names if name not in present]:
        rows = [{"id": set_id, "principal": name} for name in missing]
        connection.execute(access_sets.insert(), rows)
    return set_id


def _put_source(connection: sa.Connection, source: str, **values: Any) -> None:
    updated = connection.execute(sources.update().where(sources.c.name == source).values(**values))
    if not updated.rowcount:
        row = {"config": {}, **values, "name": source}
        connection.execute(sources.insert().values(row))


def _count(table: sa.Table) -> sa.ScalarSelect[int]:
    chosen = table.c.source == sources.c.name
    return sa.select(sa.func.count()).where(chosen).select_from(table).scalar_subquery()
