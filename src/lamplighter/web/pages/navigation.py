"""What the sidebar leads to."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from lamplighter.accounts import Caller
from lamplighter.roster import Roster
from lamplighter.store.chat_approvals import count_pending
from lamplighter.store.notices import count_unread
from lamplighter.store.outbox import count_held


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the sidebar.

    Attributes:
        title: What people read.
        url: Where it leads; what begins with it belongs to it.
        icon: A symbol of ``static/icons.svg``.
        key: Typed after ``g``, it leads there.
        admins: Whether it is for admins only.
        waiting: How much there waits for somebody.
    """

    title: str
    url: str
    icon: str
    key: str
    admins: bool = False
    waiting: Callable[[Roster, Caller], int] | None = None

    def is_for(self, caller: Caller, home: Roster) -> bool:
        """Whether somebody finds it in their sidebar."""
        return caller.admin or not self.admins


def _approvals(home: Roster, caller: Caller) -> int:
    return count_pending(home.engine, caller.user)


def _held(home: Roster, caller: Caller) -> int:
    # What is shared with everybody, is not for everybody to decide.
    return count_held(home.engine, replace(home.sight(caller), shared=frozenset()))


def _notices(home: Roster, caller: Caller) -> int:
    return count_unread(home.engine, home.sight(caller))


NAVIGATION = (
    Place("Agents", "/agents", "lamp", "a"),
    Place("Runs", "/runs", "clock", "r"),
    Place("Chats", "/chats", "chat", "c"),
    Place("Approvals", "/approvals", "hand", "v", waiting=_approvals),
    Place("Outbox", "/outbox", "outbox", "b", waiting=_held),
    Place("Search", "/search", "search", "s"),
    Place("Sources", "/sources", "book", "o"),
    Place("People", "/people", "people", "p"),
    Place("Notices", "/notices", "bell", "n", waiting=_notices),
    Place("Settings", "/settings", "gear", "t"),
)


def count_waiting(home: Roster, caller: Caller) -> dict[str, int]:
    """How much waits for somebody, by the places where it does."""
    found = ((place.url, place.waiting) for place in NAVIGATION if place.is_for(caller, home))
    return {url: waiting(home, caller) for url, waiting in found if waiting}
