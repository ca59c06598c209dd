"""Errors, as people see them: what is wrong, and what to do."""

from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from lamplighter.errors import (
    AgentAlreadyActive,
    AgentsDisabled,
    Changed,
    CrossSite,
    Forbidden,
    InvalidInput,
    LamplighterError,
    NotFound,
    NotSignedIn,
    TooManyAttempts,
)
from lamplighter.web.pages.rendering import HTMX, render

TITLES: tuple[tuple[type[LamplighterError], str], ...] = (
    (NotFound, "Not here"),
    (AgentsDisabled, "Agents are switched off"),
    (CrossSite, "Not from another site"),
    (Forbidden, "Not yours to do"),
    (Changed, "Somebody was quicker"),
    (AgentAlreadyActive, "Already at work"),
    (TooManyAttempts, "Too many attempts"),
    (NotSignedIn, "Sign in"),
    (InvalidInput, "That cannot be read"),
)


def show_error(request: Request, error: LamplighterError) -> Response:
    """A page for an error; within a page, a message."""
    if isinstance(error, NotSignedIn) and not isinstance(error, TooManyAttempts):
        return _to_sign_in(request, error)
    title = next((title for kind, title in TITLES if isinstance(error, kind)), "That did not work")
    return _show(request, title, str(error), error.status)


def show_fault(request: Request) -> Response:
    """A fault of ours."""
    return _show(request, "Something went wrong here", "The log says what. Try again.", 500)


def _show(request: Request, title: str, message: str, status: int) -> Response:
    if HTMX not in request.headers:
        # Without counts: it may be the database that is in trouble.
        return render(request, "error.html", status, title=title, message=message, waiting=dict)
    response = render(request, "_error.html", status, title=title, message=message)
    response.headers["HX-Retarget"] = "#said"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def _to_sign_in(request: Request, error: NotSignedIn) -> Response:
    """A link that was used says so; everywhere else people sign in and come back."""
    if request.url.path.startswith("/open/"):
        return _show(request, "This link is used up", str(error), error.status)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if HTMX in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    wanted = f"?next={quote(here, safe='')}" if request.method == "GET" and here != "/" else ""
    return RedirectResponse(f"/sign-in{wanted}", 303)
