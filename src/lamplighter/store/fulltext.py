"""The full text of documents, in the database's own index, fed with the terms of ``terms``."""

import struct
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import Stemmer

from lamplighter.store.tables import document_texts, documents, index_state
from lamplighter.terms import index_terms, is_unspaced

ANALYSER = f"2 {Stemmer.version()} {unicodedata.unidata_version}"
"""What decides which terms a text has. Those of another analyser cannot be taken out again."""

CHUNK = 500
LAST_POSITION = 16_383
MOST_POSITIONS = 255
"""PostgreSQL's limits for a term of a document."""

MOST_TERMS = 20_000
"""Different terms of a document on PostgreSQL, whose ``tsvector`` holds 1 MB at most."""

TITLE_WEIGHT = 2
"""So often counts a word of the title."""

full_text = sa.table("documents_fts", sa.column("rowid", sa.Integer))
document_counts = sa.table(
    "document_counts",
    sa.column("document", sa.Integer),
    sa.column("length", sa.Integer),
    sa.column("counts", sa.LargeBinary),
)
"""On SQLite: how often each document has each term, which FTS5 tells only slowly."""

document_terms = sa.table(
    "document_terms",
    sa.column("document", sa.Integer),
    sa.column("terms"),
    sa.column("length", sa.Integer),
)

Text = tuple[str, str]
"""A document's title and text."""


def add_texts(connection: sa.Connection, texts: Mapping[int, Text]) -> None:
    """Put texts into the full-text index, by the documents' row numbers."""
    if not texts:
        return
    if connection.dialect.name == "postgresql":
        statement = "INSERT INTO document_terms VALUES (:document, CAST(:terms AS tsvector), :size)"
        rows = [_tsvector_row(pk, text) for pk, text in texts.items()]
    else:
        statement = "INSERT INTO documents_fts (rowid, title, text) VALUES (:pk, :title, :text)"
        rows = [_terms_row(pk, text) for pk, text in texts.items()]
        connection.execute(document_counts.insert(), [_counts_row(row) for row in rows])
    connection.execute(sa.text(statement), rows)


def remove_texts(connection: sa.Connection, pks: Sequence[int]) -> None:
    """Take the texts of documents out of the full-text index, before the documents go."""
    if connection.dialect.name == "postgresql":
        return  # they go with their documents
    statement = sa.text(
        "INSERT INTO documents_fts (documents_fts, rowid, title, text)"
        " VALUES ('delete', :pk, :title, :text)"
    )
    for start in range(0, len(pks), CHUNK):
        chosen = documents.c.pk.in_(pks[start : start + CHUNK])
        if rows := [_terms_row(pk, text) for pk, text in _texts(connection, chosen).items()]:
            connection.execute(statement, rows)


def refresh(connection: sa.Connection) -> None:
    """Make the full-text index anew if another analyser has made it."""
    if get_state(connection, "analyser") == ANALYSER:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("DELETE FROM document_terms"))
    else:
        connection.execute(
            sa.text("INSERT INTO documents_fts (documents_fts) VALUES ('delete-all')")
        )
        connection.execute(document_counts.delete())
    pks = list(connection.scalars(sa.select(documents.c.pk)))
    for start in range(0, len(pks), CHUNK):
        chosen = documents.c.pk.in_(pks[start : start + CHUNK])
        add_texts(connection, _texts(connection, chosen))
    put_state(connection, "analyser", ANALYSER)


def term_hash(term: str) -> int:
    """By what a term is known in ``document_counts``."""
    return zlib.crc32(term.encode())


def mark_changed(connection: sa.Connection) -> None:
    """Tell everybody who keeps parts of the index in memory that it has changed."""
    if connection.dialect.name == "sqlite":  # nobody keeps any of PostgreSQL's
        put_state(connection, "changes", str(int(get_state(connection, "changes") or 0) + 1))


def get_state(connection: sa.Connection, name: str) -> str | None:
    """A value that the index keeps about itself."""
    value: str | None = connection.scalar(
        sa.select(index_state.c.value).where(index_state.c.name == name)
    )
    return value


def put_state(connection: sa.Connection, name: str, value: str) -> None:
    """Keep a value about the index."""
    connection.execute(
        sa.text(
            "INSERT INTO index_state (name, value) VALUES (:name, :value)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ),
        {"name": name, "value": value},
    )


def _texts(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> dict[int, Text]:
    query = (
        sa.select(documents.c.pk, documents.c.title, document_texts.c.text)
        .join_from(documents, document_texts, document_texts.c.document == documents.c.pk)
        .where(chosen)
    )
    return {row.pk: (row.title, row.text) for row in connection.execute(query)}


def _terms_row(pk: int, text: Text) -> dict[str, Any]:
    title, body = text
    return {"pk": pk, "title": " ".join(index_terms(title)), "text": " ".join(index_terms(body))}


def _counts_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The hashes of all terms, four bytes each, then their numbers, a byte each."""
    title, body = row["title"].split(), row["text"].split()
    counts: Counter[int] = Counter()
    for term in (*title * TITLE_WEIGHT, *body):
        counts[term_hash(term)] += 1
        if is_unspaced(term):
            counts[term_hash(f"{term[0]}*")] += 1  # a query of one such character
    numbers = bytes(min(number, 255) for number in counts.values())
    packed = struct.pack(f"<{len(counts)}I", *counts) + numbers
    return {"document": row["pk"], "length": len(title) + len(body), "counts": packed}


def _tsvector_row(pk: int, text: Text) -> dict[str, object]:
    title, body = (index_terms(part) for part in text)
    places: dict[str, list[str]] = {}
    _note(places, title, 1, "A")
    _note(places, body, len(title) + 1, "")
    lexemes = (f"'{_escaped(term)}':{','.join(where)}" for term, where in places.items())
    return {"document": pk, "terms": " ".join(lexemes), "size": len(title) + len(body)}


def _note(places: dict[str, list[str]], terms: Iterable[str], first: int, weight: str) -> None:
    for place, term in enumerate(terms, first):
        if term not in places and len(places) >= MOST_TERMS:
            continue
        where = places.setdefault(term, [])
        if len(where) < MOST_POSITIONS and (place <= LAST_POSITION or not where):
            where.append(f"{min(place, LAST_POSITION)}{weight}")


def _escaped(term: str) -> str:
    return term.replace("\\", "\\\\").replace("'", "''")
