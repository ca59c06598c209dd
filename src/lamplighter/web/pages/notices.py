"""Notices: what somebody should know."""

import re
from dataclasses import dataclass

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
ABOUT = {
    **dict.fromkeys(("uncertain", "approved"), "/outbox/{}"),
    **dict.fromkeys(("held", "expired", "failure", "paused"), "/runs/{}"),
}
"""What a notice is about, by the beginning of its key: the page where that stands."""

_COMMAND = re.compile(r" (See|Look at it with): lamplighter .*", re.DOTALL)
"""What to type; on the page there is a link."""


@dataclass(frozen=True, slots=True)
class Line:
    """A notice in the list.

    Attributes:
        message: What it says, without what the links say.
        agent_url: The agent's page; empty: it concerns none.
        url: The page of what it is about; empty: there is none.
    """

    notice: Notice
    message: str
    agent_url: str
    url: str


@router.get("/notices")
def show_notices(request: Request, caller: Reader, home: Home, all: bool = False) -> Response:
    """What needs somebody, newest first."""
    sight = home.sight(caller)
    found = list_notices(home.engine, unread=not all, sight=sight, limit=MOST)
    return render(request, "notices.html", lines=[_line(home, each) for each in found], all=all)


@router.post("/notices/{notice}/read")
def read_notice(request: Request, notice: str, caller: Writer, home: Home) -> Response:
    """Somebody has read it."""
    read = api.mark_notice(notice, caller, home)
    if not is_piece(request):
        return go_to(request, "/notices")
    return render(request, "_notice.html", line=_line(home, read))


@router.post("/notices/read")
def read_all(request: Request, caller: Writer, home: Home) -> Response:
    """Somebody has read them all."""
    for notice in _unread(home, caller):
        api.mark_notice(notice.id, caller, home)
    return go_to(request, "/notices")


def _unread(home: Roster, caller: Caller) -> list[Notice]:
    return list_notices(home.engine, unread=True, sight=home.sight(caller), limit=MOST)


def _line(home: Roster, notice: Notice) -> Line:
    about, _, id_ = notice.key.partition(":")
    message, url = notice.message, ABOUT.get(about, "").format(id_)
    if url:
        message = _COMMAND.sub("", message)
    of_agent = agent_url(home, notice.agent) if notice.agent else ""
    return Line(notice, message, of_agent, url)
