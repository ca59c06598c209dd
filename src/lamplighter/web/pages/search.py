"""Search, and documents: the index that agents have, as far as the viewer may see it."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from lamplighter.access import Scope
from lamplighter.accounts import Caller, viewer_scope
from lamplighter.errors import InvalidInput
from lamplighter.roster import Roster
from lamplighter.search import index
from lamplighter.search.index import Hit
from lamplighter.search.snippet import Snippet
from lamplighter.web.api.asking import Home, Reader
from lamplighter.web.pages.rendering import is_piece, render

router = APIRouter(include_in_schema=False)
PAGE = 20
WEIGHED = 60
"""Of the best results so many are counted by source and kind."""

Facets = list[tuple[str, str, int, str]]
"""An operator, its value, how many results have it, and the URL with it."""

Query_ = Annotated[str, Query(max_length=1000)]
Offset = Annotated[int, Query(ge=0, le=index.FARTHEST)]
Line = Annotated[int | None, Query(ge=1, le=100_000_000)]


@router.get("/search")
def show_search(
    request: Request, caller: Reader, home: Home, q: Query_ = "", offset: Offset = 0
) -> Response:
    """What the viewer may see and looks for, best first; without words, the newest."""
    scope = viewer_scope(home.settings, home.engine, caller.user)
    wanted = q.strip()
    try:
        found = _find(home, scope, wanted, offset)
        problem = ""
    except InvalidInput as error:
        found, problem = index.Results(()), str(error)
    more = len(found.hits) > PAGE or found.next_offset is not None
    return render(
        request,
        "_results.html" if is_piece(request) else "search.html",
        q=q,
        problem=problem,
        hits=found.hits[:PAGE],
        facets=[] if offset else _facets(wanted, found.hits),
        sources=sorted(scope.sources),
        newer=_url(wanted) if offset else None,
        older=_url(wanted, offset + PAGE) if more and offset + PAGE < index.FARTHEST else None,
    )


@router.get("/documents")
def show_document(
    request: Request,
    id: Annotated[str, Query(min_length=1, max_length=2000)],
    caller: Reader,
    home: Home,
    line: Line = None,
) -> Response:
    """A document, from its first line or from another one."""
    document = _read(home, caller, id, line or 1)
    last, total = document.last_line, document.total_lines
    return render(
        request,
        "document.html",
        document=document,
        earlier=document_url(id, max(1, document.first_line - LINES)) if line else None,
        later=document_url(id, last + 1) if last < total else None,
    )


LINES = 400
"""Lines of a document on one page."""


def document_url(id: str, line: int | None = None) -> str:
    """The page of a document."""
    return f"/documents?id={quote(id, safe='')}" + (f"&line={line}" if line else "")


def _find(home: Roster, scope: Scope, wanted: str, offset: int) -> index.Results:
    if not wanted:
        newest = index.list_documents(home.engine, scope, limit=PAGE)
        return index.Results(tuple(Hit(each, Snippet(""), 0.0) for each in newest))
    ranking = index.Ranking(home.settings.embedder, home.settings.search_fusion)
    limit = PAGE if offset else WEIGHED
    return index.search_documents(
        home.engine, scope, wanted, limit=limit, offset=offset, ranking=ranking
    )


def _read(home: Roster, caller: Caller, id: str, line: int) -> index.Document:
    scope = viewer_scope(home.settings, home.engine, caller.user)
    return index.read_document(home.engine, scope, id, start_line=line, end_line=line + LINES - 1)


def _facets(wanted: str, hits: Sequence[Hit]) -> Facets:
    """What would narrow the results, if it does not hold for all of them."""
    counts = Counter(("in", hit.document.source) for hit in hits)
    counts.update(("type", hit.document.kind) for hit in hits)
    return [
        (name, value, number, _url(f"{wanted} {_operator(name, value)}".strip()))
        for (name, value), number in counts.most_common(12)
        if number < len(hits)
    ]


def _operator(name: str, value: str) -> str:
    return f'{name}:"{value}"' if " " in value else f"{name}:{value}"


def _url(wanted: str, offset: int = 0) -> str:
    given = {"q": wanted} | ({"offset": str(offset)} if offset else {})
    return f"/search?{urlencode(given)}"
