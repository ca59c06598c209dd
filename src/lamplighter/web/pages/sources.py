"""Sources: where documents come from, how the last sync went, and what could not be read."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lamplighter.accounts import Caller, viewer_scope
from lamplighter.errors import NotFound
from lamplighter.roster import Roster
from lamplighter.search import index
from lamplighter.source_config import SourceConfig
from lamplighter.store.documents import Skipped, SourceState, list_sources, skipped
from lamplighter.store.sources import list_begun
from lamplighter.web.api import documents as api
from lamplighter.web.api.asking import AdminPage, Home, Reader
from lamplighter.web.pages.rendering import go_to, is_piece, render

router = APIRouter(include_in_schema=False)
SKIPPED = 200
NEWEST = 10


@dataclass(frozen=True, slots=True)
class Line:
    """A source in the list.

    Attributes:
        target: Where it is, for admins; a path or an address may tell too much.
        state: What the index holds of it, how the last sync ended, and how far the present one is.
        begun_at: When the last sync began, however it ended; ``None``: one is asked for.
    """

    name: str
    config: SourceConfig
    target: str
    state: SourceState
    begun_at: datetime | None

    @property
    def is_syncing(self) -> bool:
        """Whether a sync is at work, or was cut short."""
        return self.state.done is not None

    @property
    def is_moving(self) -> bool:
        """Whether it will soon look different."""
        return self.is_syncing or self.begun_at is None


@router.get("/sources")
def show_sources(request: Request, caller: Reader, home: Home) -> Response:
    """All sources, with how they stand."""
    template = "_sources.html" if is_piece(request) else "sources.html"
    return render(request, template, lines=_lines(home, caller))


@router.get("/sources/{name}")
def show_source(request: Request, name: str, caller: Reader, home: Home) -> Response:
    """One source: what it holds, and what it could not read."""
    line = _find(home, caller, name)
    if is_piece(request):
        return render(request, "_source_state.html", line=line)
    scope = viewer_scope(home.settings, home.engine, caller.user)
    newest = index.list_documents(home.engine, scope, source=name, limit=NEWEST)
    left_out = _skipped(home, caller, name)
    return render(
        request,
        "source.html",
        line=line,
        newest=newest,
        skipped=left_out[:SKIPPED],
        more_skipped=max(0, len(left_out) - SKIPPED),
    )


@router.post("/sources/{name}/sync")
def sync_source(
    request: Request, name: str, caller: AdminPage, home: Home, of_list: bool = False
) -> Response:
    """Let a source be synced now."""
    api.sync_source(name, caller, home)
    if not is_piece(request):
        return go_to(request, f"/sources/{quote(name, safe='')}")
    if of_list:
        return render(request, "_sources.html", lines=_lines(home, caller))
    return render(request, "_source_state.html", line=_find(home, caller, name))


def _find(home: Roster, caller: Caller, name: str) -> Line:
    line = next((line for line in _lines(home, caller) if line.name == name), None)
    if line is None:
        raise NotFound(f"no source {name!r}")
    return line


def _lines(home: Roster, caller: Caller) -> list[Line]:
    states, begun = list_sources(home.engine), list_begun(home.engine)
    return [
        Line(
            name=name,
            config=config,
            target=config.target if caller.admin else "",
            state=states.get(name) or SourceState(name=name),
            begun_at=begun.get(name),
        )
        for name, config in sorted(home.settings.sources.items())
    ]


def _skipped(home: Roster, caller: Caller, name: str) -> list[Skipped]:
    """What could not be read; its paths are for admins, since nobody says who may see it."""
    return skipped(home.engine, name) if caller.admin else []
