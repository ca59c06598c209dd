"""From a source to the index: incremental, in small transactions, safe to kill at any point."""

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lamplighter import clock
from lamplighter.access import Access
from lamplighter.config import CONFIG_FILE, Settings
from lamplighter.credentials import Keyring, note_sign_in
from lamplighter.egress import public_only
from lamplighter.errors import (
    Conflict,
    LamplighterError,
    ModelUnavailable,
    NotFound,
    SignInFailed,
    Unreadable,
)
from lamplighter.search.embedding import embed_pending
from lamplighter.source_config import SourceConfig
from lamplighter.sources import extract, find_connector
from lamplighter.sources.connector import (
    Document,
    Finder,
    Finding,
    Gone,
    Item,
    Kept,
    Members,
    State,
    Total,
    Visit,
    below,
    digest_of,
)
from lamplighter.sources.contents import read_contents, storable
from lamplighter.sources.fingerprint import Fingerprint, digest_of_access, digest_of_document
from lamplighter.sources.local import Boundary
from lamplighter.store import documents
from lamplighter.store import sources as sources_store
from lamplighter.store.claims import Check, syncing_alone
from lamplighter.store.documents import Changes, Known, NewDocument, Skipped
from lamplighter.store.people import NewPerson, save_people
from lamplighter.store.users import save_groups
from lamplighter.workspace import model_providers

if TYPE_CHECKING:
    from sqlalchemy import Engine

log = logging.getLogger(__name__)

BATCH_DOCUMENTS = 100
BATCH_CHARACTERS = 5_000_000
"""A transaction is written when it holds this much; what it needs was read before it began."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is: ``done`` of ``total`` items looked at; 0: nobody knows how many."""

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
    settings: Settings,
    name: str,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = bool,
) -> SyncReport:
    """Bring the index up to date with a source.

    Args:
        engine: The workspace's database.
        settings: Where the source is named.
        name: The source's name.
        progress: Told after every item.
        stop: Asked after every item; what was done until then counts.

    Raises:
        Unreadable: The whole source; this is recorded, and its documents stay in the index.
        Conflict: Another process is syncing it.
    """
    started = clock.monotonic()
    with syncing_alone(engine, settings.state_dir, name) as check:
        with engine.begin() as connection:
            sources_store.begin_sync(connection, name, clock.now())
        sync = _Sync(engine, settings, name, documents.get_known(engine, name), check)
        try:
            sync.run(progress or (lambda _: None), stop)
        except Unreadable as error:
            with engine.begin() as connection:
                documents.fail_sync(connection, name, str(error))
            if isinstance(error, SignInFailed):
                note_sign_in(engine, name, error)
            raise
        finally:
            with engine.begin() as connection:
                sources_store.end_sync(connection, name)
    return sync.report(clock.monotonic() - started)


def try_source(engine: "Engine", settings: Settings, name: str) -> None:
    """Sign in and look at the first item, without writing anything.

    Raises:
        Unreadable: That does not work; says why, and what to do.
    """
    with visiting(engine, settings, name) as findings:
        for finding in findings:
            if isinstance(finding, Item):
                return


def sync_all(
    engine: "Engine",
    settings: Settings,
    *,
    only: Collection[str] = (),
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, SyncReport | LamplighterError]:
    """Sync every configured source, and drop what the index has of others.

    Args:
        engine: The workspace's database.
        settings: Where the sources are named.
        only: Sync only these, and drop nothing.
        progress: Told after every item.

    Returns:
        By source, what was done, or why nothing could be.

    Raises:
        NotFound: No source of this name is configured.
    """
    chosen = choose_sources(settings, only)
    if not only:
        with engine.begin() as connection:
            documents.forget_sources(connection, but=chosen)
    results: dict[str, SyncReport | LamplighterError] = {}
    for name in chosen:
        try:
            results[name] = sync_source(engine, settings, name, progress=progress)
        except (Unreadable, Conflict) as error:
            results[name] = error
    try:
        providers = model_providers(settings).providers
        for _ in embed_pending(engine, settings.embedder, providers):
            pass
    except ModelUnavailable as error:
        log.warning("documents without vectors are found by their words alone: %s", error)
    return results


def choose_sources(settings: Settings, names: Collection[str]) -> Mapping[str, SourceConfig]:
    """The configured sources of these names; all of them if there are no names.

    Raises:
        NotFound: No source of this name is configured.
    """
    for name in names:
        if name not in settings.sources:
            known = ", ".join(settings.sources) or "none"
            raise NotFound(f"no source {name!r} in {CONFIG_FILE}; configured: {known}")
    return {name: settings.sources[name] for name in names or settings.sources}


@contextmanager
def visiting(
    engine: "Engine",
    settings: Settings,
    name: str,
    known: Mapping[str, str] | None = None,
    state: Mapping[str, Any] | None = None,
    path: str = "",
) -> Iterator[Iterator[Finding]]:
    """What the source's connector says, within the bounds of who defined the source.

    The bounds hold for the whole block, because items are read in it.

    Args:
        engine: The workspace's database.
        settings: Where the source is named.
        name: The source's name.
        known: Fingerprints of what the index has, by path.
        state: Where the last sync ended.
        path: Only the item that has this document; the connector is a ``Finder``.

    Raises:
        Unreadable: By the iterator: the source cannot be read.
    """
    config = settings.sources[name]
    boundary = Boundary(name, settings.workspace, settings.key_path, bool(config.owner))
    keyring = Keyring(engine, settings.key_path, name, config)
    visit = Visit(name, config, boundary, keyring, known or {}, state or {})
    bounds = public_only(settings.internal_networks) if config.owner else nullcontext()
    with bounds, closing(_findings(visit, path)) as findings:
        yield findings


def _findings(visit: Visit[Any], path: str) -> Generator[Finding]:
    """What the connector says. Whatever it or the libraries below it raise, comes as ours."""
    try:
        connector = find_connector(visit.config.type)
        if path and isinstance(connector, Finder):
            yield from connector.find(visit, path)
        else:
            yield from connector(visit)
    except Exception as error:
        # Libraries raise anything, and one source must not stop the others.
        raise _explained(visit.name, visit.config.type, error) from error


def _explained(source: str, kind: str, error: Exception) -> Unreadable:
    if isinstance(error, Unreadable):
        return error
    log.debug("source %s", source, exc_info=error)
    reason = str(error) or type(error).__name__
    if isinstance(error, ImportError):
        reason = f"{reason}; install lamplighter[{kind}]"
    elif not isinstance(error, LamplighterError | OSError):
        reason = f"{type(error).__name__}: {reason}"
    return Unreadable(f"source {source}: {reason}")


@dataclass
class _Sync:
    """One sync of one source."""

    engine: "Engine"
    settings: Settings
    name: str
    known: Known
    check: Check
    changes: Changes = field(default_factory=Changes)
    characters: int = 0
    present: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    groups: dict[str, Collection[str]] = field(default_factory=dict)
    people: dict[str, NewPerson] = field(default_factory=dict)
    missed: bool = False
    done: int = 0
    total: int = 0
    added: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What the index is made from; how often does not matter to it."""
        config = self.settings.sources[self.name].model_dump(mode="json", exclude={"every"})
        return {**config, "readers": extract.VERSION}

    @cached_property
    def made_for(self) -> str:
        """Tells states apart: with other settings, a place to go on from means nothing."""
        return digest_of(json.dumps(self.config, sort_keys=True).encode())

    @cached_property
    def parts(self) -> Mapping[str, list[str]]:
        """What lies below each item that has parts, such as attachments, in the index."""
        known = self.known.documents.keys() | self.known.skipped.keys()
        found: dict[str, list[str]] = defaultdict(list)
        for path in known:
            for above in below(path)[1:-1]:
                if above in known:
                    found[above].append(path)
        return found

    def run(self, progress: Callable[[Progress], None], stop: Callable[[], bool]) -> None:
        state = sources_store.get_state(self.engine, self.name, self.made_for)
        known = self.known.documents
        with visiting(self.engine, self.settings, self.name, known, state) as findings:
            try:
                for finding in findings:
                    if stop():
                        self._write()
                        return
                    self._hear(finding)
                    if isinstance(finding, Item):
                        self.done += 1
                        progress(Progress(self.name, self.done, self.total))
            except Unreadable:
                self._write()  # what was said before counts
                raise
        self._finish()

    def report(self, seconds: float) -> SyncReport:
        return SyncReport(
            added=self.added,
            updated=self.updated,
            deleted=self.deleted,
            unchanged=self.unchanged,
            skipped=tuple(documents.skipped(self.engine, self.name)),
            seconds=seconds,
        )

    def _hear(self, finding: Finding) -> None:
        match finding:
            case Item():
                self._take(storable(finding))
                if self._is_full():
                    self._write()
            case Kept(path):
                self.kept.add(path.rstrip("/"))
            case Gone(path):
                known = self.known.documents.keys() | self.known.skipped.keys()
                self._drop({each for each in known if path in below(each)})
            case Total(items):
                self.total += items
            case State(data):
                # What could not be read just now has to come up again.
                self._write(None if self.missed else data)
            case Members(group, members):
                self.groups[group] = members
            case NewPerson():
                self.people[finding.key] = storable(finding)

    def _take(self, item: Item) -> None:
        self.present.add(item.path)
        stamp = f"{extract.VERSION}-{item.stamp}" if item.stamp else ""
        old = Fingerprint.read(self.known.documents.get(item.path, ""))
        skipped = self.known.skipped.get(item.path)
        if item.problem:
            if not item.gone:
                self.kept.add(item.path.rstrip("/"))
            self._skip(item.path, item.problem, gone=item.gone)
        elif stamp and old.stamp == stamp:
            for path in (item.path, *self.parts.get(item.path, ())):
                self._keep(path, item)
        elif not stamp or skipped is None or skipped.fingerprint != stamp:
            self._read(item, stamp if item.settled else "")

    def _read(self, item: Item, stamp: str) -> None:
        try:
            found = [storable(document) for document in item.read()]
        except (ConnectionError, TimeoutError) as error:
            # This is about the source, not about the item.
            kind = self.settings.sources[self.name].type
            raise _explained(self.name, kind, error) from error
        except Unreadable as error:
            self._skip(item.path, str(error), stamp)
            return
        except FileNotFoundError:
            return  # deleted since the source was listed; the next sync sees that
        except OSError as error:
            self._skip(item.path, f"cannot be opened: {error.strerror or error}", gone=False)
            return
        except Exception as error:  # noqa: BLE001 - libraries raise anything at damaged input
            self._skip(item.path, f"damaged: {type(error).__name__}: {error}", stamp)
            return
        for document in found:
            self.present.add(document.path)
            self._save(document, item, stamp)
        self._drop({path for path in self.parts.get(item.path, ()) if path not in self.present})

    def _save(self, document: Document, item: Item, stamp: str) -> None:
        old = Fingerprint.read(self.known.documents.get(document.path, ""))
        digest = digest_of_document(document)
        if old.digest == digest:
            self._keep(document.path, item, stamp)
            return
        try:
            found = read_contents(document)
        except Unreadable as error:
            self._skip(document.path, str(error), stamp)
            return
        if document.path in self.known.documents:
            self.updated += 1
        else:
            self.added += 1
        self.characters += len(found.text)
        access = self._access(item)
        self.changes.saved[document.path] = NewDocument(
            path=document.path,
            title=found.title,
            media_type=found.media_type,
            text=found.text,
            dated_at=found.dated_at or document.dated_at or clock.now(),
            size_bytes=document.size_bytes or len(document.data or document.text.encode()),
            fingerprint=str(Fingerprint(stamp, digest, digest_of_access(access))),
            access=access,
            kind=document.kind,
            author=document.author,
            author_address=document.author_address,
            url=document.url,
            context=document.context,
        )

    def _keep(self, path: str, item: Item, stamp: str | None = None) -> None:
        """The document did not change; perhaps its stamp did, or who may see it."""
        self.present.add(path)
        if path not in self.known.documents:
            return  # a part that cannot be read, and did not change
        self.unchanged += 1
        old = Fingerprint.read(self.known.documents[path])
        access = self._access(item)
        new = Fingerprint(
            old.stamp if stamp is None else stamp, old.digest, digest_of_access(access)
        )
        if new.access != old.access:
            self.changes.granted[path] = access
        if new != old or path in self.known.skipped:
            self.changes.touched[path] = str(new)

    def _skip(self, path: str, reason: str, stamp: str = "", *, gone: bool = True) -> None:
        skipped = Skipped(path, reason, stamp)
        if self.known.skipped.get(path) != skipped:
            self.changes.skipped[path] = skipped
        # What could not be looked at stays in the index: its earlier text may well be right.
        if gone:
            self._drop({path} & self.known.documents.keys())
        else:
            self.missed = True

    def _access(self, item: Item) -> Access:
        return item.access or self.settings.sources[self.name].default_access

    def _drop(self, paths: Collection[str]) -> None:
        fresh = set(paths) - self.dropped
        self.deleted += len(self.known.documents.keys() & fresh)
        self.changes.deleted |= fresh
        self.dropped |= fresh

    def _finish(self) -> None:
        known = self.known.documents.keys() | self.known.skipped.keys()
        vanished = {path for path in known - self.present if not self._is_kept(path)}
        self._drop(vanished)
        self._write()
        with self.engine.begin() as connection:
            self.check(connection)
            save_groups(connection, self.name, self.groups)
            save_people(connection, self.name, self.people.values())
            documents.finish_sync(connection, self.name, self.config, clock.now())

    def _is_kept(self, path: str) -> bool:
        # A problem of what is kept as a whole, such as a feed, is over if nobody mentions it.
        if path in self.kept and path not in self.known.documents:
            return False
        return bool(self.kept) and not self.kept.isdisjoint(below(path))

    def _is_full(self) -> bool:
        changes = self.changes
        waiting = (changes.saved, changes.skipped, changes.touched, changes.granted)
        return (
            sum(len(each) for each in waiting) >= BATCH_DOCUMENTS
            or self.characters >= BATCH_CHARACTERS
        )

    def _write(self, state: Mapping[str, Any] | None = None) -> None:
        with self.engine.begin() as connection:
            self.check(connection)
            documents.apply_changes(connection, self.name, self.changes, now=clock.now())
            if state is not None:
                sources_store.save_state(connection, self.name, self.made_for, state)
        self.changes, self.characters = Changes(), 0
