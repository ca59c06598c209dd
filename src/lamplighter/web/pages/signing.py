"""Signing in and out."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from lamplighter import accounts
from lamplighter.accounts import identify
from lamplighter.errors import NotSignedIn
from lamplighter.web.api.asking import Home, Reader
from lamplighter.web.api.session import set_cookie
from lamplighter.web.pages.forms import Sent
from lamplighter.web.pages.rendering import go_to, render

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def show_sign_in(request: Request, home: Home, next: str = "/") -> Response:
    """Where people say who they are."""
    cookie = request.cookies.get(request.app.state.cookie)
    if cookie and identify(home.settings, home.engine, cookie=cookie):
        return RedirectResponse(_own(next), 303)
    return _show(request, next, "", "", 200)


@router.post("/sign-in")
def sign_in(request: Request, home: Home, form: Sent) -> Response:
    """Begin a session by a password."""
    client = request.client.host if request.client else ""
    address, next_ = form.get("address"), form.get("next")
    try:
        secret = accounts.sign_in(home.settings, home.engine, address, form.get("password"), client)
    except NotSignedIn as error:
        return _show(request, next_, address, str(error), error.status)
    response = go_to(request, _own(next_))
    set_cookie(request, response, secret)
    return response


@router.post("/sign-out")
def sign_out(request: Request, caller: Reader, home: Home) -> Response:
    """End the session; the browser forgets the pages that it has seen."""
    accounts.sign_out(home.engine, caller)
    response = go_to(request, "/sign-in")
    response.delete_cookie(request.app.state.cookie)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _show(request: Request, next_: str, address: str, problem: str, status: int) -> Response:
    settings = request.app.state.roster.settings
    return render(
        request,
        "sign_in.html",
        status,
        next=_own(next_),
        address=address,
        problem=problem,
        oidc=bool(settings.team and settings.team.oidc),
    )


def _own(url: str) -> str:
    """A page of ours, or the first one."""
    # A browser reads "/\x.org" and "//x.org" as another site.
    is_own = url.startswith("/") and url[1:2] not in ("/", "\\") and url.isprintable()
    return url if is_own else "/"
