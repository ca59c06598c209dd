"""People: who is who, as far as the viewer may see it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from lamplighter.accounts import viewer_scope
from lamplighter.search.people import MOST, search_people
from lamplighter.web.api.asking import Home, Reader
from lamplighter.web.pages.rendering import is_piece, render

router = APIRouter(include_in_schema=False)


@router.get("/people")
def show_people(
    request: Request,
    caller: Reader,
    home: Home,
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Find people by name, address, team or title."""
    scope = viewer_scope(home.settings, home.engine, caller.user)
    found = search_people(home.engine, scope, q, limit=MOST)
    template = "_people.html" if is_piece(request) else "people.html"
    return render(request, template, q=q, people=found, most=MOST)
