"""What the sidebar leads to."""

from dataclasses import dataclass

from lamplighter.accounts import Caller
from lamplighter.roster import Roster


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the sidebar.

    Attributes:
        title: What people read.
        url: Where it leads; what begins with it belongs to it.
        icon: A symbol of ``static/icons.svg``.
        key: Typed after ``g``, it leads there.
        admins: Whether it is for admins only.
    """

    title: str
    url: str
    icon: str
    key: str
    admins: bool = False

    def is_for(self, caller: Caller, home: Roster) -> bool:
        """Whether somebody finds it in their sidebar."""
        return caller.admin or not self.admins


NAVIGATION = (
    Place("Agents", "/agents", "lamp", "a"),
    Place("Runs", "/runs", "clock", "r"),
    Place("Chats", "/chats", "chat", "c"),
    Place("Approvals", "/approvals", "hand", "v"),
    Place("Outbox", "/outbox", "outbox", "b"),
    Place("Search", "/search", "search", "s"),
    Place("Sources", "/sources", "book", "o"),
    Place("People", "/people", "people", "p"),
    Place("Notices", "/notices", "bell", "n"),
    Place("Settings", "/settings", "gear", "t"),
)
