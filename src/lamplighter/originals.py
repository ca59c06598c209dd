"""The original of a document, read once more from its source: the very file, not its text."""

import logging
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lamplighter.access import Scope
from lamplighter.config import Settings
from lamplighter.errors import Unreadable
from lamplighter.sources import find_connector
from lamplighter.sources.connector import Document, Finder, Finding, Item
from lamplighter.sources.fingerprint import Fingerprint, digest_of_access, digest_of_document
from lamplighter.store.documents import get_fingerprint
from lamplighter.sync import visiting
from lamplighter.tools.documents import Original

if TYPE_CHECKING:
    from sqlalchemy import Engine

log = logging.getLogger(__name__)

GONE = "it is not in its source any more"


def fetch_original(engine: "Engine", settings: Settings, scope: Scope, id: str) -> Original:
    """The file that a document was made from, as it is now.

    Its source is visited within the same bounds as by a sync.

    Args:
        engine: The workspace's database.
        settings: Where the source is named.
        scope: What the reader may see.
        id: The document's.

    Raises:
        NotFound: There is no such document, or it is not visible.
        Unreadable: It has no original, or none that can be had; says why, and nothing of where
            the source is.
    """
    source, path, stored = get_fingerprint(engine, scope, id)
    known = Fingerprint.read(stored)
    config = settings.sources.get(source)
    if config is None:
        raise Unreadable(GONE)
    if not isinstance(find_connector(config.type), Finder):
        raise Unreadable("its source gives texts only")
    with visiting(engine, settings, source, path=path) as findings:
        item = _first(source, findings)
        # The index knows only who might see it at the last sync.
        if digest_of_access(item.access or config.default_access) != known.access:
            raise Unreadable("who may see it has changed; it can be had after the next sync")
        document = _part(item, path)
    data = document.original if document.data is None else document.data
    if document.problem or data is None:
        raise Unreadable(document.problem or "it is no file; its text is all there is")
    changed = digest_of_document(document) != known.digest
    return Original(data, changed, PurePosixPath(document.name or path).suffix)


def _first(source: str, findings: Iterator[Finding]) -> Item:
    try:
        found = next(findings, None)
    except Unreadable as error:  # what it says of the source is not for everybody
        log.warning("%s", error)
        raise Unreadable(
            f"its source cannot be read now; lamplighter source test {source} says why"
        ) from error
    if not isinstance(found, Item):
        raise Unreadable(GONE)
    if found.problem:
        raise Unreadable(found.problem)
    return found


def _part(item: Item, path: str) -> Document:
    """The document of that path, out of all that the item holds."""
    try:
        found = {document.path: document for document in item.read()}
    except Unreadable:
        raise
    except FileNotFoundError as error:
        raise Unreadable(GONE) from error
    except Exception as error:  # libraries raise anything at damaged input
        log.warning("%s cannot be read again: %s", path, error)
        raise Unreadable("it cannot be read now") from error
    if path not in found:
        raise Unreadable(GONE)
    return found[path]
