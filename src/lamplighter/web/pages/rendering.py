"""From a template to an answer. Jinja2 is loaded with the first page that somebody looks at."""

import json
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lamplighter.accounts import Caller
from lamplighter.roster import Roster
from lamplighter.web.pages import words
from lamplighter.web.pages.navigation import NAVIGATION, count_waiting
from lamplighter.web.pages.static import static_url

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent.parent / "templates"
HTMX = "HX-Request"


def render(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page, or a piece of one.

    Templates find besides: ``me``, who asks (``None``: nobody known); ``team``, whether several
    people are here; ``path``; ``navigation``; ``waiting``, a function that counts what waits
    for them, by place.
    """
    return HTMLResponse(render_text(request, template, **context), status)


def render_text(request: Request, template: str, **context: Any) -> str:
    """What ``render`` answers, as text, for streams."""
    caller: Caller | None = getattr(request.state, "caller", None)
    home: Roster = request.app.state.roster
    common = {
        "me": caller,
        "team": home.settings.team is not None,
        "timezone": home.settings.timezone,
        "path": request.url.path,
        "query": dict(request.query_params),
        "navigation": [each for each in NAVIGATION if caller and each.is_for(caller, home)],
        "waiting": partial(count_waiting, home, caller) if caller else dict,
    }
    return _environment().get_template(template).render(common | context)


def is_piece(request: Request) -> bool:
    """Whether a piece of a page is asked for, to be put into one that is there already."""
    return HTMX in request.headers and request.headers.get("HX-Request-Type") != "full"


def go_to(request: Request, url: str) -> Response:
    """On to another page, from a form with or without htmx."""
    if HTMX in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": url})
    return RedirectResponse(url, 303)


def say(response: Response, message: str) -> Response:
    """Let the page tell something for a moment, beside what the answer shows."""
    response.headers["HX-Trigger"] = json.dumps({"said": {"message": message}})
    return response


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = static_url
    environment.filters |= words.FILTERS
    return environment
