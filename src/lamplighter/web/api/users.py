"""Users and groups: for admins."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from lamplighter import accounts, clock
from lamplighter.store.audit import note
from lamplighter.store.users import (
    Group,
    User,
    add_user,
    get_user,
    list_groups,
    list_users,
    remove_group,
    set_members,
    update_user,
)
from lamplighter.web.api.asking import Admin, Home, wake
from lamplighter.web.api.pages import Page, Paging

router = APIRouter(tags=["users"])
Address = Annotated[str, Field(min_length=3, max_length=320)]
Name = Annotated[str, Field(max_length=200)]


class NewUser(BaseModel):
    """Somebody new. They get in by a link, and then set a password."""

    model_config = ConfigDict(extra="forbid")

    address: Address
    name: Name = ""
    other_addresses: Annotated[list[Address], Field(max_length=50)] = []
    admin: bool = False


class UserChange(BaseModel):
    """What can be changed of a user; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    admin: bool | None = None


class UserView(BaseModel):
    """A user; ``deactivated_at`` says since when they may not sign in."""

    id: str
    name: str
    admin: bool
    addresses: list[str]
    created_at: datetime
    deactivated_at: datetime | None


class Link(BaseModel):
    """A path that signs in once, within a day."""

    path: str


class Members(BaseModel):
    """All members of a group: addresses, or ``group:NAME``."""

    model_config = ConfigDict(extra="forbid")

    members: Annotated[list[Address], Field(max_length=10_000)]


class GroupView(BaseModel):
    """A group; ``source`` says which source defines it, null: an admin."""

    name: str
    source: str | None
    members: list[str]


@router.get("/users")
def list_all_users(_caller: Admin, home: Home, paging: Paging) -> Page[UserView]:
    """List the users."""
    page = paging.cut(list_users(home.engine), lambda user: user.id)
    return Page(items=[_view(user) for user in page.items], next=page.next)


@router.post("/users", status_code=201)
def create_user(body: NewUser, caller: Admin, home: Home) -> UserView:
    """Add a user."""
    now = clock.now()
    with home.engine.begin() as connection:
        add_user(
            connection,
            body.address,
            now,
            name=body.name,
            others=body.other_addresses,
            admin=body.admin,
        )
        detail = {"admin": body.admin}
        note(connection, caller.user, "user.create", body.address, now=now, detail=detail)
    return _view(get_user(home.engine, body.address))


@router.get("/users/{user}")
def show_user(user: str, _caller: Admin, home: Home) -> UserView:
    """Show a user, by any of their addresses."""
    return _view(get_user(home.engine, user))


@router.patch("/users/{user}")
def change_user(user: str, body: UserChange, caller: Admin, home: Home) -> UserView:
    """Change a user's name, or whether they are an admin."""
    with home.engine.begin() as connection:
        update_user(connection, user, name=body.name, admin=body.admin)
        detail = body.model_dump(exclude_unset=True)
        now = clock.now()
        note(connection, caller.user, "user.update", user, now=now, detail=detail)
    return _view(get_user(home.engine, user))


@router.post("/users/{user}/deactivate")
def deactivate_user(user: str, caller: Admin, home: Home) -> UserView:
    """Let a user, their tokens and their agents do nothing any more, at once."""
    accounts.deactivate(home.engine, user, by=caller.user)
    wake(home)
    return _view(get_user(home.engine, user))


@router.post("/users/{user}/activate")
def activate_user(user: str, caller: Admin, home: Home) -> UserView:
    """Let a user in again; their agents go on."""
    accounts.activate(home.engine, user, by=caller.user)
    wake(home)
    return _view(get_user(home.engine, user))


@router.post("/users/{user}/link", status_code=201)
def make_link(user: str, caller: Admin, home: Home) -> Link:
    """Make a link that signs a user in once, to give it to them."""
    known = get_user(home.engine, user)
    secret = accounts.make_link(home.settings, home.engine, known.id, by=caller.user)
    return Link(path=f"/open/{secret}")


@router.get("/groups")
def list_all_groups(_caller: Admin, home: Home, paging: Paging) -> Page[GroupView]:
    """List the groups with their members."""
    page = paging.cut(list_groups(home.engine), lambda group: group.name)
    return Page(items=[_view_group(group) for group in page.items], next=page.next)


@router.put("/groups/{group}")
def set_group(group: str, body: Members, caller: Admin, home: Home) -> GroupView:
    """Make a group have exactly these members."""
    with home.engine.begin() as connection:
        name = set_members(connection, group, body.members)
        detail = {"members": body.members}
        now = clock.now()
        note(connection, caller.user, "group.update", name, now=now, detail=detail)
    found = next(each for each in list_groups(home.engine) if each.name == name)
    return _view_group(found)


@router.delete("/groups/{group}", status_code=204)
def delete_group(group: str, caller: Admin, home: Home) -> None:
    """Take a group away."""
    with home.engine.begin() as connection:
        remove_group(connection, group)
        note(connection, caller.user, "group.delete", group, now=clock.now())


def _view(user: User) -> UserView:
    return UserView(**{name: getattr(user, name) for name in UserView.model_fields})


def _view_group(group: Group) -> GroupView:
    return GroupView(name=group.name, source=group.source, members=list(group.members))
