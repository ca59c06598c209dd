"""Signing in and out, and who one is."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from lamplighter import accounts
from lamplighter.errors import Forbidden, InvalidInput, NotSignedIn, Place
from lamplighter.roster import Roster
from lamplighter.store.users import get_user
from lamplighter.web.api.asking import Home, Reader

router = APIRouter(tags=["session"])
links = APIRouter(include_in_schema=False)
Typed = Annotated[str, Field(max_length=1000)]


class SignIn(BaseModel):
    """What somebody signs in with."""

    model_config = ConfigDict(extra="forbid")

    address: Typed
    password: Typed


class NewPassword(BaseModel):
    """Another password; ``current`` is not needed where there is none yet."""

    model_config = ConfigDict(extra="forbid")

    current: Typed = ""
    new: Typed


class Me(BaseModel):
    """Who asks.

    Attributes:
        mode: ``personal``: a workspace of one; ``team``: of several people.
        rights: What this session or token is good for.
        agents_enabled: Whether schedules fire, and agents can be reached.
    """

    id: str
    name: str
    admin: bool
    rights: list[str]
    mode: Literal["personal", "team"]
    agents_enabled: bool


@router.post("/session", status_code=204)
def sign_in(body: SignIn, request: Request, response: Response, home: Home) -> None:
    """Sign in by a password; the session is in a cookie."""
    client = request.client.host if request.client else ""
    secret = accounts.sign_in(home.settings, home.engine, body.address, body.password, client)
    set_cookie(request, response, secret)


@router.delete("/session", status_code=204)
def sign_out(request: Request, response: Response, caller: Reader, home: Home) -> None:
    """Sign out. A token is not signed out, but revoked."""
    accounts.sign_out(home.engine, caller)
    response.delete_cookie(request.app.state.cookie)


@router.get("/me")
def show_me(caller: Reader, home: Home) -> Me:
    """Who you are here."""
    team = home.settings.team
    return Me(
        id=caller.user,
        name=get_user(home.engine, caller.user).name if team else "",
        admin=caller.admin,
        rights=sorted(caller.rights),
        mode="team" if team else "personal",
        agents_enabled=home.settings.agents_enabled,
    )


@router.put("/me/password", status_code=204)
def change_password(body: NewPassword, caller: Reader, home: Home) -> None:
    """Change your password; your other sessions end."""
    if not (home.settings.team and caller.session):
        raise Forbidden("a password is changed by somebody who has signed in")
    if not accounts.has_password(home.engine, caller.user, body.current):
        raise InvalidInput("this is not your password", place=Place(field="current"))
    accounts.set_password(home.engine, caller.user, body.new, by=caller.user, keep=caller.session)


@links.get("/open/{secret}")
def open_link(secret: str, request: Request, home: Home) -> Response:
    """Sign in by a one-time link."""
    cookie = accounts.sign_in_by_link(home.settings, home.engine, secret)
    response = RedirectResponse("/", 303)
    set_cookie(request, response, cookie)
    return response


@links.get("/sign-in/oidc")
async def begin_oidc(request: Request, home: Home) -> Response:
    """To the OpenID provider."""
    from lamplighter.web.oidc import begin

    return await begin(request, _oidc(home))


@links.get("/sign-in/oidc/callback")
async def finish_oidc(request: Request, home: Home) -> Response:
    """Back from the OpenID provider."""
    from lamplighter.web.oidc import finish

    _oidc(home)
    secret = await finish(request, home)
    response = RedirectResponse("/", 303)
    set_cookie(request, response, secret)
    return response


def _oidc(home: Roster) -> Roster:
    if not (home.settings.team and home.settings.team.oidc):
        raise NotSignedIn("there is no single sign-on here")
    return home


def set_cookie(request: Request, response: Response, secret: str) -> None:
    """Give the browser its session."""
    team = request.app.state.roster.settings.team
    days = team.session_days if team else accounts.OWNER_SESSION_DAYS
    https = request.url.scheme == "https" or bool(team and (team.url or "").startswith("https:"))
    response.set_cookie(
        request.app.state.cookie,
        secret,
        max_age=int(days * 86_400),
        httponly=True,
        samesite="lax",
        secure=https,
    )
