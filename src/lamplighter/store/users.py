"""Users, their addresses and groups: which principals somebody acts as."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from lamplighter.access import group_principal, own_principals, user_principal
from lamplighter.errors import Conflict, InvalidInput, NotFound
from lamplighter.store.database import reading
from lamplighter.store.tables import group_members, groups, user_addresses, users


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may use the workspace.

    Attributes:
        id: The main e-mail address, in small letters.
        addresses: All of them; a domain of any of them is a group that the user is in.
    """

    id: str
    name: str
    admin: bool
    addresses: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """Users and groups under one name.

    Attributes:
        source: Which source defines it; ``None``: an admin.
        members: Principals.
    """

    name: str
    source: str | None
    members: tuple[str, ...]


def add_user(
    connection: sa.Connection,
    address: str,
    now: datetime,
    *,
    name: str = "",
    others: Iterable[str] = (),
    admin: bool = False,
) -> None:
    """Add a user, with all addresses that are theirs.

    Raises:
        InvalidInput: That is no e-mail address.
        Conflict: An address is somebody's already.
    """
    addresses = list(dict.fromkeys(_address(each) for each in (address, *others)))
    taken = sa.select(user_addresses.c.address).where(user_addresses.c.address.in_(addresses))
    if known := connection.scalar(taken):
        raise Conflict(f"there is a user with the address {known} already")
    user = {"id": addresses[0], "name": name.strip(), "admin": admin, "created_at": now}
    connection.execute(users.insert(), user)
    rows = [{"address": each, "user": addresses[0]} for each in addresses]
    connection.execute(user_addresses.insert(), rows)


def remove_user(connection: sa.Connection, address: str) -> None:
    """Remove a user, and their memberships.

    Raises:
        NotFound: There is no such user.
    """
    user = _find_user(connection, address)
    theirs = [user_principal(each) for each in user.addresses]
    connection.execute(group_members.delete().where(group_members.c.member.in_(theirs)))
    connection.execute(users.delete().where(users.c.id == user.id))


def get_user(engine: sa.Engine, address: str) -> User:
    """The user with this address, whichever of theirs it is.

    Raises:
        NotFound: There is no such user.
    """
    with reading(engine) as connection:
        return _find_user(connection, address)


def list_users(engine: sa.Engine) -> list[User]:
    """All users, by their main address."""
    with reading(engine) as connection:
        return _read_users(connection, sa.true())


def principals_of(engine: sa.Engine, address: str) -> frozenset[str]:
    """What a user acts as: their addresses, the domains, and all groups, also groups of groups.

    Raises:
        NotFound: There is no such user.
    """
    with reading(engine) as connection:
        own = own_principals(_find_user(connection, address).addresses)
        return own | _groups_of(connection, own)


def add_group(connection: sa.Connection, name: str, members: Iterable[str] = ()) -> None:
    """Add a group, or members to one that there is.

    Args:
        connection: In a transaction that may write.
        name: A word, an e-mail address or a domain; sources define those with a slash.
        members: E-mail addresses, or ``group:NAME``.

    Raises:
        InvalidInput: That is no name of a group.
    """
    plain = group_principal(name).removeprefix("group:")
    if not plain or "/" in plain or len(plain.split()) != 1:
        raise InvalidInput(f"{name!r} is no name for a group; use a word, an address or a domain")
    known = connection.scalar(sa.select(groups.c.name).where(groups.c.name == plain))
    if known is None:
        connection.execute(groups.insert(), {"name": plain, "source": None})
    _add_members(connection, plain, members)


def remove_members(connection: sa.Connection, name: str, members: Iterable[str]) -> None:
    """Take members out of a group."""
    plain = group_principal(name).removeprefix("group:")
    gone = group_members.c.member.in_([_member(each) for each in members])
    connection.execute(group_members.delete().where(group_members.c.group == plain, gone))


def remove_group(connection: sa.Connection, name: str) -> None:
    """Remove a group; who was in it is in it no more.

    Raises:
        NotFound: No admin has made such a group.
    """
    plain = group_principal(name).removeprefix("group:")
    chosen = sa.and_(groups.c.name == plain, groups.c.source.is_(None))
    if not connection.execute(groups.delete().where(chosen)).rowcount:
        raise NotFound(f"no group {name!r}")
    theirs = group_members.c.member == f"group:{plain}"
    connection.execute(group_members.delete().where(theirs))


def save_groups(
    connection: sa.Connection, source: str, found: Mapping[str, Collection[str]]
) -> None:
    """Replace all groups that a source defines by these.

    Args:
        connection: In a transaction that may write.
        source: The name of the source.
        found: Members by the group's name: addresses, or ``group:NAME``.

    Raises:
        ValueError: A name does not begin with the source's, so the group is not its to define.
    """
    connection.execute(groups.delete().where(groups.c.source == source))
    for name, members in found.items():
        plain = group_principal(name).removeprefix("group:")
        if not plain.startswith(f"{source.casefold()}/"):
            raise ValueError(f"the source {source!r} cannot define the group {name!r}")
        connection.execute(groups.insert(), {"name": plain, "source": source})
        _add_members(connection, plain, members)


def list_groups(engine: sa.Engine) -> list[Group]:
    """All groups with their members, by name."""
    query = (
        sa.select(groups.c.name, groups.c.source, group_members.c.member)
        .outerjoin_from(groups, group_members)
        .order_by(groups.c.name, group_members.c.member)
    )
    found: dict[str, Group] = {}
    with reading(engine) as connection:
        for name, source, member in connection.execute(query):
            members = found[name].members if name in found else ()
            found[name] = Group(name, source, (*members, member) if member else members)
    return list(found.values())


def _groups_of(connection: sa.Connection, principals: frozenset[str]) -> frozenset[str]:
    """All groups that have one of these in them, at any depth; groups may contain each other."""
    table = group_members
    found = (
        sa.select(table.c.group)
        .where(table.c.member.in_(sorted(principals)))
        .cte("found", recursive=True)
    )
    outer = sa.select(table.c.group).join_from(
        table, found, table.c.member == sa.literal("group:") + found.c.group
    )
    query = sa.select(found.union(outer).c.group)
    return frozenset(f"group:{name}" for name in connection.scalars(query))


def _find_user(connection: sa.Connection, address: str) -> User:
    theirs = sa.select(user_addresses.c.user).where(
        user_addresses.c.address == address.strip().casefold()
    )
    found = _read_users(connection, users.c.id.in_(theirs))
    if not found:
        raise NotFound(f"no user {address!r}; lamplighter user list shows who there is")
    return found[0]


def _read_users(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> list[User]:
    addresses: dict[str, list[str]] = {}
    for row in connection.execute(sa.select(user_addresses).order_by(user_addresses.c.address)):
        addresses.setdefault(row.user, []).append(row.address)
    rows = connection.execute(sa.select(users).where(chosen).order_by(users.c.id)).mappings()
    return [User(**row, addresses=_main_first(row["id"], addresses[row["id"]])) for row in rows]


def _main_first(main: str, addresses: Sequence[str]) -> tuple[str, ...]:
    return (main, *(each for each in addresses if each != main))


def _add_members(connection: sa.Connection, group: str, members: Iterable[str]) -> None:
    new = sa.text(
        'INSERT INTO group_members ("group", member) VALUES (:group, :member)'
        " ON CONFLICT DO NOTHING"
    )
    for member in members:
        connection.execute(new, {"group": group, "member": _member(member)})


def _member(name: str) -> str:
    if name.startswith("group:"):
        return group_principal(name.removeprefix("group:"))
    return user_principal(name)


def _address(text: str) -> str:
    address = text.strip().casefold()
    name, at, domain = address.rpartition("@")
    if not (name and at and "." in domain) or len(address.split()) != 1:
        raise InvalidInput(f"{text!r} is no e-mail address")
    return address
