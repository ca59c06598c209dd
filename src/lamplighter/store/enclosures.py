"""The files that an effect brings, writes or has attached: for people, before they decide."""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from lamplighter.errors import NotFound
from lamplighter.store.contents import read_content
from lamplighter.store.outbox import Entry

MOST_CHARACTERS = 20_000
"""Of a text that is shown."""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """One file, as it was when the effect was intended.

    Attributes:
        path: What it is called where it goes.
        text: How it begins; ``None``: it is no text.
        whole: Whether that is all of it.
    """

    path: str
    sha256: str
    size_bytes: int
    text: str | None
    whole: bool


def list_enclosures(engine: sa.Engine, entry: Entry) -> list[Enclosure]:
    """All files of an effect."""
    return [_read(engine, entry, path, sha256) for path, sha256 in _named(entry)]


def read_enclosure(engine: sa.Engine, entry: Entry, sha256: str) -> tuple[str, bytes]:
    """One file of an effect: its path, and all that it holds.

    Raises:
        NotFound: The effect has none of this hash.
    """
    for path, known in _named(entry):
        if known == sha256:
            return path, read_content(engine, entry.run_id, sha256)
    raise NotFound(f"{entry.id} has no file {sha256!r}")


def _named(entry: Entry) -> Iterator[tuple[str, str]]:
    """Paths and hashes, as the kinds of effects have them in their payloads."""
    payload = entry.payload
    if "sha256" in payload:  # file, write
        yield payload["path"], payload["sha256"]
    for attached in payload.get("attachments", ()) if entry.kind == "email" else ():
        yield attached["path"], attached["sha256"]
    for path, (sha256, _etag) in payload["files"].items() if entry.kind == "command" else ():
        if sha256 is not None:
            yield path, sha256


def _read(engine: sa.Engine, entry: Entry, path: str, sha256: str) -> Enclosure:
    content = read_content(engine, entry.run_id, sha256)
    try:
        text = None if b"\0" in content else content.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    shown = text and text[:MOST_CHARACTERS]
    return Enclosure(path, sha256, len(content), shown, shown == text)
