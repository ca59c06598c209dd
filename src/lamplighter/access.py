"""Who may see what. Pure.

A ``Scope`` is required by every read of documents. It is the product of two things: the
principals that the reader acts as, and the sources that the reader was given. Both must
admit a document; an empty scope sees nothing. Access to all data is the explicit
``Scope.organisation``, never the absence of a filter.

A principal is ``public``, ``user:ADDRESS`` or ``group:NAME``. A group is named by its own name,
by its e-mail address, by a domain (``group:x.org``: everybody with an address there), or, when a
source defines it, by ``SOURCE/NAME``.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

PUBLIC = "public"
OWNER = "user:owner"
"""The one principal of a personal workspace; with several users, nobody's."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may see a document or a person, as the source says it.

    Attributes:
        public: Everybody who may use the source.
        users: E-mail addresses of users, or their names where they have none.
        groups: Names, e-mail addresses, domains like ``x.org``, or ``SOURCE/NAME``.
    """

    public: bool = False
    users: Collection[str] = ()
    groups: Collection[str] = ()

    @property
    def principals(self) -> frozenset[str]:
        """Those that it admits."""
        named = {user_principal(name) for name in self.users if name.strip()}
        named |= {group_principal(name) for name in self.groups if name.strip("@ ")}
        return frozenset(named | {PUBLIC} if self.public else named)


EVERYBODY = Access(public=True)
NOBODY = Access()
"""Nobody but the owner of a personal workspace."""


def user_principal(address: str) -> str:
    """The principal of a user; capitals in an address mean nothing."""
    return f"user:{address.strip().casefold()}"


def group_principal(name: str) -> str:
    """The principal of a group, or of everybody at a domain: ``x.org`` or ``@x.org``."""
    return f"group:{name.strip().lstrip('@').casefold()}"


def own_principals(addresses: Iterable[str]) -> frozenset[str]:
    """What somebody with these addresses is before any group is looked up."""
    found = set()
    for address in addresses:
        found.add(user_principal(address))
        _, at, domain = address.strip().rpartition("@")
        if at and domain:
            found.add(group_principal(domain))
    return frozenset(found)


def agent_of(user: str, name: str) -> str:
    """What a user's agent is called where there are several users, who may choose equal names."""
    return f"{user}/{name}"


def owner_of(agent: str) -> str | None:
    """The user whose agent this is; ``None``: the organisation's, or that of the one owner.

    Only an address has an ``@``; no name of an agent may.
    """
    first, slash, _ = agent.partition("/")
    return first if slash and "@" in first else None


def short_name(agent: str) -> str:
    """What its owner calls an agent."""
    return agent.partition("/")[2] if owner_of(agent) else agent


def may_call(owner: str | None, agent: str, *, admin: bool) -> bool:
    """Whether agents of somebody may call an agent as a tool: as that person may start it.

    Args:
        owner: Whose agents; ``None``: the organisation's.
        agent: The whole name of the one that is called.
        admin: Whether the owner is an admin.
    """
    theirs = owner_of(agent)
    return theirs == owner if theirs or owner is None else admin


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run or a viewer may see: principals x sources.

    Attributes:
        principals: Such as ``user:ann@x.org``; ``None`` only by ``organisation``.
        sources: Names of sources. Empty sees nothing.
    """

    principals: frozenset[str] | None
    sources: frozenset[str]

    @classmethod
    def of(cls, principals: Iterable[str], sources: Iterable[str]) -> Self:
        """The scope of somebody who acts as ``principals`` within ``sources``."""
        return cls(frozenset(principals) | {PUBLIC}, frozenset(sources))

    @classmethod
    def organisation(cls, sources: Iterable[str]) -> Self:
        """All documents of ``sources``, whoever may see them: org agents and admins only."""
        return cls(None, frozenset(sources))

    def narrowed(self, other: "Scope") -> "Scope":
        """What both see."""
        mine, theirs = self.principals, other.principals
        both = mine & theirs if mine is not None and theirs is not None else None
        principals = both if both is not None else (theirs if mine is None else mine)
        return Scope(principals, self.sources & other.sources)

    def admits(self, source: str, allowed: Iterable[str]) -> bool:
        """Whether a document of ``source`` that ``allowed`` principals may see is visible."""
        if source not in self.sources:
            return False
        return self.principals is None or not self.principals.isdisjoint(allowed)
