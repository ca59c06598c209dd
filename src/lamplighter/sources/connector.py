"""What a connector is: something that goes through a connected system and says what is there."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from lamplighter.access import Access
from lamplighter.errors import SignInFailed
from lamplighter.source_config import SourceConfig
from lamplighter.sources.local import Boundary
from lamplighter.store.people import NewPerson

C = TypeVar("C", bound=SourceConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What an item holds; either ``data``, which is then read by its name, or ``text``.

    Attributes:
        path: Within the source. That of an item's own document is the item's; those of its parts,
            such as attachments, lie below it: ``INBOX/12/report.pdf``.
        data: A whole file.
        name: By whose ending ``data`` is read; empty: the path's.
        title: One line.
        text: Lines between line feeds.
        dated_at: Aware; its own date. What is read from ``data`` wins.
        kind: ``file``, ``email``, ``message``, ``event``, ``issue``, ``post``, ``page`` or
            ``attachment``.
        author: The name of who wrote or sent it.
        author_address: Their e-mail address.
        url: Where people open it.
        context: What stands around a chat message.
        original: The file that ``text`` was made from, for whoever asks for it.
        size_bytes: Of the original; 0: that of data or text.
        problem: Why it cannot be read; it is then reported instead.
    """

    path: str
    data: bytes | None = None
    name: str = ""
    title: str = ""
    text: str = ""
    media_type: str = "text/plain"
    dated_at: datetime | None = None
    kind: str = "file"
    author: str = ""
    author_address: str = ""
    url: str = ""
    context: str = ""
    original: bytes | None = None
    size_bytes: int = 0
    problem: str = ""


def nothing() -> Iterable[Document]:
    """The documents of an item that cannot be read."""
    return ()


@dataclass(frozen=True, slots=True)
class Item:
    """Something is there: a file, a message, an issue.

    Attributes:
        path: Within the source; unique there, parts between ``/``.
        stamp: Changes when the item does. Empty: it has to be read to know.
        read: Gives its documents; called only if the item is new or has another stamp.
        access: Who may see it; ``None``: what the source's settings say.
        problem: Why it cannot be read, where that shows without reading it.
        gone: Whether a problem takes what the index has of it away. Not if it could only not be
            looked at: what was read before may well be right, as may all that lies below it.
        settled: Whether the stamp can be trusted; a file that changed a moment ago may change
            again without another time.
    """

    path: str
    stamp: str = ""
    read: Callable[[], Iterable[Document]] = nothing
    access: Access | None = None
    problem: str = ""
    gone: bool = True
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """What the index has at this path and below stays as it is; the empty path is everything."""

    path: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """What the index has at this path and below is to go, although others are kept."""

    path: str


@dataclass(frozen=True, slots=True)
class Total:
    """So many more items will come."""

    items: int


@dataclass(frozen=True, slots=True)
class State:
    """Where the next sync may go on, stored together with all that was said before."""

    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Members:
    """Who is in a group of the source; its name begins with the source's and a ``/``."""

    group: str
    members: Collection[str]


Finding = Item | Kept | Gone | Total | State | Members | NewPerson


class Credentials(Protocol):
    """What a source signs in with."""

    def get(self, field: str) -> str | None:
        """The secret of that name, such as ``password``."""
        ...

    def resolve(self, value: str) -> str:
        """``value``, or what it refers to if it is ``env:NAME``."""
        ...

    def put(self, values: Mapping[str, str], expires_at: datetime | None = None) -> None:
        """Store secrets, beside those that are stored already."""
        ...


@dataclass(frozen=True, slots=True)
class Visit(Generic[C]):
    """One visit of a source.

    Attributes:
        name: The source's name.
        config: Its settings.
        boundary: Which local paths may be read.
        credentials: What it signs in with.
        known: Fingerprints of what the index has, by path.
        state: What the last ``State`` said.
    """

    name: str
    config: C
    boundary: Boundary
    credentials: Credentials
    known: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)

    def secret(self, field: str) -> str:
        """The secret of that name.

        Raises:
            SignInFailed: There is none.
        """
        value = self.credentials.get(field)
        if not value:
            raise SignInFailed(
                f"source {self.name}: no {field}; give it with: "
                f"lamplighter source login {self.name}"
            )
        return value


class Connector(Protocol[C]):
    """Goes through a connected system once, and says what is there.

    What the index has and no finding mentions is gone from the system and leaves the index,
    unless it is ``Kept``. A connector that stops with an error takes nothing away, and what it
    said before counts.
    """

    def __call__(self, visit: Visit[C]) -> Iterator[Finding]:
        """Say what is there.

        Raises:
            Unreadable: The source cannot be read; says why, and what to do.
        """
        ...


@dataclass(frozen=True, slots=True)
class Finder(Generic[C]):
    """A connector that can also look at one item, so that what it held can be read again.

    Attributes:
        survey: Says what is there.
        find: The item of that path, or the one that has a part of that path: one or none. It is
            read before the next one is asked for. Raises ``Unreadable``, as a survey does.
    """

    survey: Callable[[Visit[C]], Iterator[Finding]]
    find: Callable[[Visit[C], str], Iterator[Item]]

    def __call__(self, visit: Visit[C]) -> Iterator[Finding]:
        """Say what is there."""
        return self.survey(visit)


def digest_of(data: bytes) -> str:
    """A short hash, for stamps and for names of what has none."""
    return hashlib.sha256(data).hexdigest()[:24]


def below(path: str) -> Sequence[str]:
    """The path and everything above it, as ``a/b``, ``a`` and the empty path."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts), -1, -1)]
