"""From a source to the index: incremental, in small transactions, safe to kill at any point."""

import hashlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lamplighter import clock
from lamplighter.config import CONFIG_FILE, FilesSource, Settings
from lamplighter.errors import ModelUnavailable, NotFound, Unreadable
from lamplighter.search.embedding import embed_pending
from lamplighter.sources import extract
from lamplighter.sources.files import Folder, Item, open_folder
from lamplighter.store import documents
from lamplighter.store.documents import Changes, Known, NewDocument, Skipped

if TYPE_CHECKING:
    from sqlalchemy import Engine

log = logging.getLogger(__name__)

BATCH_DOCUMENTS = 100
BATCH_CHARACTERS = 5_000_000
"""A transaction is written when it holds this much; what it needs was read before it began."""

FRESH = timedelta(seconds=2)
"""A file that changed so shortly before may change again without a change of its time."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is: ``done`` of ``total`` files looked at."""

    source: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a sync did, in documents.

    Attributes:
        skipped: All that the source holds and the index does not, with the reasons, whether
            that was found now or earlier.
    """

    added: int
    updated: int
    deleted: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    seconds: float


def sync_source(
    engine: "Engine",
    name: str,
    config: FilesSource,
    workspace: Path,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> SyncReport:
    """Bring the index up to date with a source.

    Args:
        engine: The workspace's database.
        name: The source's name.
        config: The source's settings.
        workspace: What its path is relative to.
        progress: Told after every file.

    Raises:
        Unreadable: The whole source; this is recorded, and its documents stay in the index.
    """
    started = clock.monotonic()
    try:
        folder = open_folder(name, config, workspace)
    except Unreadable as error:
        with engine.begin() as connection:
            documents.fail_sync(connection, name, str(error))
        raise
    sync = _Sync(engine, name, folder, documents.get_known(engine, name))
    sync.run(progress or (lambda _: None))
    return sync.report(clock.monotonic() - started)


def sync_all(
    engine: "Engine",
    settings: Settings,
    *,
    only: Collection[str] = (),
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, SyncReport | Unreadable]:
    """Sync every configured source, and drop what the index has of others.

    Args:
        engine: The workspace's database.
        settings: Where the sources are named.
        only: Sync only these, and drop nothing.
        progress: Told after every file.

    Returns:
        By source, what was done, or why nothing could be.

    Raises:
        NotFound: No source of this name is configured.
    """
    chosen = choose_sources(settings, only)
    if not only:
        with engine.begin() as connection:
            documents.forget_sources(connection, but=chosen)
    results: dict[str, SyncReport | Unreadable] = {}
    for name, config in chosen.items():
        try:
            results[name] = sync_source(engine, name, config, settings.workspace, progress=progress)
        except Unreadable as error:
            results[name] = error
    try:
        for _ in embed_pending(engine, settings.embedder):
            pass
    except ModelUnavailable as error:
        log.warning("documents without vectors are found by their words alone: %s", error)
    return results


def choose_sources(settings: Settings, names: Collection[str]) -> dict[str, FilesSource]:
    """The configured sources of these names; all of them if there are no names.

    Raises:
        NotFound: No source of this name is configured.
    """
    for name in names:
        if name not in settings.sources:
            known = ", ".join(settings.sources) or "none"
            raise NotFound(f"no source {name!r} in {CONFIG_FILE}; configured: {known}")
    return {name: settings.sources[name] for name in names or settings.sources}


@dataclass(slots=True)
class _Sync:
    """One sync of one source."""

    engine: "Engine"
    name: str
    folder: Folder
    known: Known
    changes: Changes = field(default_factory=Changes)
    characters: int = 0
    added: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0

    def run(self, progress: Callable[[Progress], None]) -> None:
        items = list(self.folder.items())
        for done, item in enumerate(items, start=1):
            self._take(item)
            if self._is_full():
                self._write()
            progress(Progress(self.name, done, len(items)))
        self._drop_vanished(items)
        self._write()
        with self.engine.begin() as connection:
            config = self.folder.config.model_dump(mode="json")
            documents.finish_sync(connection, self.name, config, clock.now())

    def report(self, seconds: float) -> SyncReport:
        return SyncReport(
            added=self.added,
            updated=self.updated,
            deleted=self.deleted,
            unchanged=self.unchanged,
            skipped=tuple(documents.skipped(self.engine, self.name)),
            seconds=seconds,
        )

    def _take(self, item: Item) -> None:
        stamp = f"{extract.VERSION}-{item.stamp}"
        indexed = self.known.documents.get(item.path, "")
        skipped = self.known.skipped.get(item.path)
        if item.problem:
            self._skip(item, item.problem, seen=bool(item.stamp))
        elif indexed.startswith(f"{stamp} "):
            self._keep(item, indexed)
        elif skipped is None or skipped.fingerprint != stamp:
            fresh = clock.now() - item.modified_at < FRESH
            # A fresh file gets no stamp: the next sync compares what is in it.
            self._read(item, "" if fresh else stamp, indexed)

    def _read(self, item: Item, stamp: str, indexed: str) -> None:
        try:
            data = self.folder.read(item)
            digest = hashlib.sha256(b"%d " % extract.VERSION + data).hexdigest()
            if indexed.endswith(f" {digest}"):
                self._keep(item, f"{stamp} {digest}")
            else:
                self._save(item, extract.extract(data, item.path), f"{stamp} {digest}")
        except Unreadable as error:
            self._skip(item, str(error), stamp)
        except FileNotFoundError:
            pass  # deleted since the folder was listed; the next sync sees that
        except OSError as error:
            self._skip(item, f"cannot be opened: {error.strerror}", seen=False)

    def _keep(self, item: Item, fingerprint: str) -> None:
        self.unchanged += 1
        if item.path in self.known.skipped or fingerprint != self.known.documents[item.path]:
            self.changes.touched[item.path] = fingerprint

    def _save(self, item: Item, found: extract.Extracted, fingerprint: str) -> None:
        if item.path in self.known.documents:
            self.updated += 1
        else:
            self.added += 1
        self.characters += len(found.text)
        self.changes.saved[item.path] = NewDocument(
            path=item.path,
            title=found.title,
            media_type=found.media_type,
            text=found.text,
            dated_at=found.dated_at or item.modified_at,
            size_bytes=item.size_bytes,
            fingerprint=fingerprint,
        )

    def _skip(self, item: Item, reason: str, stamp: str = "", *, seen: bool = True) -> None:
        skipped = Skipped(item.path, reason, stamp)
        if self.known.skipped.get(item.path) != skipped:
            self.changes.skipped[item.path] = skipped
        # What could not be looked at stays in the index: its earlier text may well be right.
        if seen and item.path in self.known.documents:
            self.deleted += 1
            self.changes.deleted.add(item.path)

    def _drop_vanished(self, items: list[Item]) -> None:
        present = {item.path for item in items}
        closed = tuple(path for path in present if path.endswith("/") or not path)
        known = self.known.documents.keys() | self.known.skipped.keys()
        vanished = {path for path in known - present if not path.startswith(closed)}
        self.deleted += len(vanished & self.known.documents.keys())
        self.changes.deleted |= vanished

    def _is_full(self) -> bool:
        changes = self.changes
        waiting = len(changes.saved) + len(changes.skipped) + len(changes.touched)
        return waiting >= BATCH_DOCUMENTS or self.characters >= BATCH_CHARACTERS

    def _write(self) -> None:
        with self.engine.begin() as connection:
            documents.apply_changes(connection, self.name, self.changes, now=clock.now())
        self.changes, self.characters = Changes(), 0
