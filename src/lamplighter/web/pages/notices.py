"""Notices: what somebody should know."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lamplighter.accounts import Caller
from lamplighter.roster import Roster
from lamplighter.store.notices import Notice, list_notices
from lamplighter.web.api import records as api
from lamplighter.web.api.asking import Home, Reader, Writer
from lamplighter.web.pages.places import agent_url
from lamplighter.web.pages.rendering import go_to, is_piece, render

router = APIRouter(include_in_schema=False)
MOST = 100


@router.get("/notices")
def show_notices(request: Request, caller: Reader, home: Home, all: bool = False) -> Response:
    """What needs somebody, newest first."""
    sight = home.sight(caller)
    found = list_notices(home.engine, unread=not all, sight=sight, limit=MOST)
    return render(request, "notices.html", notices=_with_urls(home, found), all=all)


@router.post("/notices/{notice}/read")
def read_notice(request: Request, notice: str, caller: Writer, home: Home) -> Response:
    """Somebody has read it."""
    read = api.mark_notice(notice, caller, home)
    if not is_piece(request):
        return go_to(request, "/notices")
    return render(request, "_notice.html", notice=read, url=_url(home, read))


@router.post("/notices/read")
def read_all(request: Request, caller: Writer, home: Home) -> Response:
    """Somebody has read them all."""
    for notice in _unread(home, caller):
        api.mark_notice(notice.id, caller, home)
    return go_to(request, "/notices")


def _unread(home: Roster, caller: Caller) -> list[Notice]:
    return list_notices(home.engine, unread=True, sight=home.sight(caller), limit=MOST)


def _with_urls(home: Roster, found: list[Notice]) -> list[tuple[Notice, str | None]]:
    return [(each, _url(home, each)) for each in found]


def _url(home: Roster, notice: Notice) -> str | None:
    return agent_url(home, notice.agent) if notice.agent else None
