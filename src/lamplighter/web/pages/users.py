"""Who may sign in, and the groups they are in; for the admins of a team."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lamplighter.roster import Roster
from lamplighter.store.audit import list_records
from lamplighter.store.users import list_groups, list_users
from lamplighter.web.api import users as api
from lamplighter.web.api.asking import AdminPage, Home
from lamplighter.web.api.users import Members, NewUser, UserChange
from lamplighter.web.pages.forms import Sent, make
from lamplighter.web.pages.rendering import go_to, render

router = APIRouter(include_in_schema=False)
MOST_RECORDS = 200


@router.get("/settings/users")
def show_users(request: Request, _caller: AdminPage, home: Home) -> Response:
    """Everybody who has an account."""
    return _show_users(request, home)


@router.post("/settings/users")
def add_user(request: Request, caller: AdminPage, home: Home, form: Sent) -> Response:
    """Add somebody, and make the link that lets them in."""
    new = make(
        NewUser,
        address=form.get("address").strip(),
        name=form.get("name").strip(),
        admin=form.has("admin"),
    )
    user = api.create_user(new, caller, home)
    return _show_users(request, home, user.id, api.make_link(user.id, caller, home).path)


@router.post("/settings/users/{user}/link")
def make_link(request: Request, user: str, caller: AdminPage, home: Home) -> Response:
    """Make a link that lets somebody in once."""
    return _show_users(request, home, user, api.make_link(user, caller, home).path)


@router.post("/settings/users/{user}/admin")
def change_admin(
    request: Request, user: str, caller: AdminPage, home: Home, form: Sent
) -> Response:
    """Make somebody an admin, or no admin any more."""
    api.change_user(user, UserChange(admin=form.has("admin")), caller, home)
    return go_to(request, "/settings/users")


@router.post("/settings/users/{user}/deactivate")
def deactivate_user(request: Request, user: str, caller: AdminPage, home: Home) -> Response:
    """Let somebody, their tokens and their agents do nothing any more."""
    api.deactivate_user(user, caller, home)
    return go_to(request, "/settings/users")


@router.post("/settings/users/{user}/activate")
def activate_user(request: Request, user: str, caller: AdminPage, home: Home) -> Response:
    """Let somebody in again."""
    api.activate_user(user, caller, home)
    return go_to(request, "/settings/users")


@router.get("/settings/groups")
def show_groups(request: Request, _caller: AdminPage, home: Home) -> Response:
    """Groups, with their members."""
    return render(request, "groups.html", groups=list_groups(home.engine), tab="groups")


@router.post("/settings/groups")
def set_group(request: Request, caller: AdminPage, home: Home, form: Sent) -> Response:
    """Make a group have exactly these members."""
    members = make(Members, members=form.get("members").split())
    api.set_group(form.get("name").strip(), members, caller, home)
    return go_to(request, "/settings/groups")


@router.post("/settings/groups/{group}/delete")
def delete_group(request: Request, group: str, caller: AdminPage, home: Home) -> Response:
    """Take a group away."""
    api.delete_group(group, caller, home)
    return go_to(request, "/settings/groups")


@router.get("/settings/audit")
def show_audit(request: Request, _caller: AdminPage, home: Home) -> Response:
    """Who did what."""
    records = list_records(home.engine, limit=MOST_RECORDS)
    return render(request, "audit.html", records=records, tab="audit")


def _show_users(request: Request, home: Roster, user: str = "", path: str = "") -> Response:
    """The list; with the link that was just made for somebody, which is shown this once."""
    url = f"{str(request.base_url).rstrip('/')}{path}" if path else ""
    people = list_users(home.engine)
    return render(request, "users.html", users=people, made_for=user, link=url, tab="users")
