"""The outbox: what runs did to the world, what waits for somebody, and what nobody knows of."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lamplighter.access import short_name
from lamplighter.accounts import Caller
from lamplighter.engine.approvals import AGAIN
from lamplighter.roster import Roster
from lamplighter.store.enclosures import list_enclosures
from lamplighter.store.outbox import Entry, State, find_effect, list_entries
from lamplighter.store.runs import agents_of
from lamplighter.web.api import records as api
from lamplighter.web.api.asking import ENABLED, Home, Reader, Writer
from lamplighter.web.api.records import Denial, Id, Repetition
from lamplighter.web.pages.forms import Sent, make
from lamplighter.web.pages.places import run_url
from lamplighter.web.pages.rendering import go_to, is_piece, render

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])
PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """An effect in the list.

    Attributes:
        agent: Whose run it was.
        may_decide: Whether the viewer may let it happen, or not.
        may_resend: Whether they may have it done once more.
    """

    entry: Entry
    agent: str
    run_url: str
    may_decide: bool
    may_resend: bool


@router.get("/outbox")
def show_outbox(
    request: Request,
    caller: Reader,
    home: Home,
    state: State | None = None,
    before: Id | None = None,
) -> Response:
    """Effects, newest first; those of one state only, if it is named."""
    found = list_entries(
        home.engine, state=state, before=before, sight=home.sight(caller), limit=PAGE + 1
    )
    lines = make_lines(home, caller, found[:PAGE])
    which = f"state={state}&" if state else ""
    return render(
        request,
        "_outbox.html" if is_piece(request) else "outbox.html",
        lines=lines,
        state=state or "",
        newer=f"/outbox?{which}" if before else None,
        older=f"/outbox?{which}before={lines[-1].entry.id}" if len(found) > PAGE else None,
    )


@router.get("/outbox/{effect}")
def show_effect(request: Request, effect: Id, caller: Reader, home: Home) -> Response:
    """One effect, with all that it holds."""
    entry = find_effect(home.engine, effect, home.sight(caller))
    [line] = make_lines(home, caller, [entry])
    if is_piece(request):
        return render(request, "_effect.html", line=line)
    files = list_enclosures(home.engine, entry)
    return render(request, "effect.html", line=line, files=files)


@router.post("/outbox/{effect}/approve")
def approve_effect(request: Request, effect: Id, caller: Writer, home: Home) -> Response:
    """Let a held effect happen."""
    api.approve_effect(effect, caller, home)
    return _answer(request, effect, caller, home)


@router.post("/outbox/{effect}/deny")
def deny_effect(request: Request, effect: Id, caller: Writer, home: Home, form: Sent) -> Response:
    """Let a held effect never happen."""
    api.deny_effect(effect, caller, home, make(Denial, reason=form.get("reason").strip()))
    return _answer(request, effect, caller, home)


@router.post("/outbox/{effect}/resend")
def resend_effect(request: Request, effect: Id, caller: Writer, home: Home) -> Response:
    """Let an effect that failed, or is uncertain, be done once more."""
    api.resend_effect(effect, caller, home, Repetition(confirm=True))  # the page has asked
    return _answer(request, effect, caller, home)


@router.get("/outbox/{effect}/files/{sha256}")
def download_file(effect: Id, sha256: Id, caller: Reader, home: Home) -> Response:
    """A file that an effect brings, as it is meant; never shown, only saved."""
    return api.download_effect_file(effect, sha256, caller, home)


def _answer(request: Request, effect: str, caller: Caller, home: Roster) -> Response:
    """The row as it is now, or the page of the effect."""
    if not is_piece(request):
        return go_to(request, f"/outbox/{effect}")
    entry = find_effect(home.engine, effect, home.sight(caller))
    return render(request, "_effect.html", line=make_lines(home, caller, [entry])[0])


def make_lines(home: Roster, caller: Caller, entries: list[Entry]) -> list[Line]:
    """What lists show of some effects."""
    agents = agents_of(home.engine, {entry.run_id for entry in entries})
    return [_line(home, caller, entry, agents[entry.run_id]) for entry in entries]


def _line(home: Roster, caller: Caller, entry: Entry, agent: str) -> Line:
    rules = home.may_change(caller, agent)
    return Line(
        entry,
        short_name(agent),
        run_url(entry.run_id),
        may_decide=rules and entry.state == "held",
        may_resend=rules and entry.state in AGAIN,
    )
