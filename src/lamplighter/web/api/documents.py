"""Sources and what is in them, as far as the one who asks may see it."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from lamplighter import clock
from lamplighter.access import Scope
from lamplighter.accounts import Caller, viewer_scope
from lamplighter.errors import InvalidInput, NotFound, Place
from lamplighter.roster import Roster
from lamplighter.search import index
from lamplighter.search.index import DocumentInfo
from lamplighter.search.people import Person, search_people
from lamplighter.store.audit import note
from lamplighter.store.documents import SourceState
from lamplighter.store.documents import list_sources as read_states
from lamplighter.store.sources import ask_for_sync
from lamplighter.web.api.asking import Admin, Home, Reader, wake
from lamplighter.web.api.pages import Page, Paging

router = APIRouter(tags=["documents"])
Text = Annotated[str, Query(min_length=1, max_length=1000)]
Line = Annotated[int | None, Query(ge=1, le=100_000_000)]


class SourceView(BaseModel):
    """A connected source.

    Attributes:
        synced_at: The end of its last whole sync; null if there was none.
        error: Why the last sync failed, for admins.
    """

    name: str
    type: str
    synced_at: datetime | None
    error: str | None


class HitView(BaseModel):
    """A document that a search found, with a piece of its text."""

    document: DocumentInfo
    snippet: str
    score: float


class DocumentView(BaseModel):
    """Lines of a document."""

    document: DocumentInfo
    first_line: int
    total_lines: int
    text: str


@router.get("/sources")
def list_sources(caller: Reader, home: Home) -> list[SourceView]:
    """List the sources that agents can be given."""
    states = read_states(home.engine)
    return [
        _view(name, type(source).model_fields["type"].default, states.get(name), caller)
        for name, source in sorted(home.settings.sources.items())
    ]


@router.get("/sources/{name}")
def show_source(name: str, caller: Reader, home: Home) -> SourceView:
    """Show a source."""
    found = [source for source in list_sources(caller, home) if source.name == name]
    if not found:
        raise NotFound(f"no source {name!r}")
    return found[0]


@router.post("/sources/{name}/sync", status_code=202)
def sync_source(name: str, caller: Admin, home: Home) -> SourceView:
    """Let a source be synced now, however often it is synced otherwise."""
    source = show_source(name, caller, home)
    with home.engine.begin() as connection:
        ask_for_sync(connection, name)
        note(connection, caller.user, "source.sync", name, now=clock.now())
    wake(home)
    return source


@router.get("/search")
def search(
    q: Text,
    caller: Reader,
    home: Home,
    paging: Paging,
    source: Annotated[list[str] | None, Query(max_length=50)] = None,
) -> Page[HitView]:
    """Search the documents that you may see, best first."""
    offset = _offset(paging.after)
    scope = _scope(home, caller, source)
    ranking = index.Ranking.of(home.settings)
    results = index.search_documents(
        home.engine, scope, q, limit=paging.limit + 1, offset=offset, ranking=ranking
    )
    hits = [
        HitView(document=hit.document, snippet=hit.snippet.text, score=hit.score)
        for hit in results.hits
    ]
    return paging.page(hits, lambda _: str(offset + paging.limit))


@router.get("/documents")
def list_documents(
    caller: Reader,
    home: Home,
    source: Annotated[list[str] | None, Query(max_length=50)] = None,
    after: date | None = None,
    before: date | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[DocumentInfo]:
    """List the documents that you may see, newest first; days are inclusive."""
    scope = _scope(home, caller, source)
    return index.list_documents(home.engine, scope, after=after, before=before, limit=limit)


@router.get("/document")
def read_document(
    id: Text, caller: Reader, home: Home, start_line: Line = None, end_line: Line = None
) -> DocumentView:
    """Read a document, or some lines of it."""
    scope = _scope(home, caller, None)
    found = index.read_document(home.engine, scope, id, start_line=start_line, end_line=end_line)
    return DocumentView(
        document=found.info,
        first_line=found.first_line,
        total_lines=found.total_lines,
        text="\n".join(found.lines),
    )


@router.get("/people")
def find_people(
    q: Text, caller: Reader, home: Home, limit: Annotated[int, Query(ge=1, le=50)] = 20
) -> list[Person]:
    """Find people in what you may see."""
    return search_people(home.engine, _scope(home, caller, None), q, limit=limit)


def _scope(home: Roster, caller: Caller, sources: list[str] | None) -> Scope:
    whole = viewer_scope(home.settings, home.engine, caller.user)
    if sources is None:
        return whole
    return Scope(whole.principals, whole.sources & frozenset(sources))


def _offset(after: str | None) -> int:
    if after is None:
        return 0
    if not after.isdecimal() or int(after) > index.FARTHEST:
        raise InvalidInput("this is no cursor that we gave", place=Place(field="cursor"))
    return int(after)


def _view(name: str, type: str, state: SourceState | None, caller: Caller) -> SourceView:
    return SourceView(
        name=name,
        type=type,
        synced_at=state.synced_at if state else None,
        error=state.error if state and caller.admin else None,
    )
