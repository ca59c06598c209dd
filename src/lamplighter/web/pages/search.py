"""Search, and documents: the index that agents have, as far as the viewer may see it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from lamplighter import clock
from lamplighter.access import Scope
from lamplighter.accounts import Caller, viewer_scope
from lamplighter.errors import InvalidInput
from lamplighter.roster import Roster
from lamplighter.search import index
from lamplighter.search.facets import Facet
from lamplighter.search.index import Hit
from lamplighter.search.query import split_operators
from lamplighter.search.snippet import Snippet
from lamplighter.web.api.asking import Home, Reader
from lamplighter.web.pages.rendering import is_piece, render

router = APIRouter(include_in_schema=False)
PAGE = 20
OFFERED = 6
"""Facets of a group, at most."""

GROUPS = (
    ("Source", ("in",)),
    ("Kind", ("type",)),
    ("From", ("from",)),
    ("Dated", ("after", "before")),
)

Query_ = Annotated[str, Query(max_length=1000)]
Offset = Annotated[int, Query(ge=0, le=index.FARTHEST)]
Line = Annotated[int | None, Query(ge=1, le=100_000_000)]


@dataclass(frozen=True, slots=True)
class Offer:
    """A facet as a link: the same search with it."""

    facet: Facet
    url: str


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
    more = found.next_offset is not None and found.next_offset < index.FARTHEST
    return render(
        request,
        "_results.html" if is_piece(request) else "search.html",
        q=q,
        problem=problem,
        hits=found.hits,
        total=found.total,
        most=index.FARTHEST,
        groups=_groups(wanted, found.facets),
        chosen=_chosen(wanted),
        sources=sorted(scope.sources),
        newer=_url(wanted) if offset else None,
        older=_url(wanted, offset + PAGE) if more else None,
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
    ranking = index.Ranking.of(home.settings)
    return index.search_documents(
        home.engine, scope, wanted, limit=PAGE, offset=offset, ranking=ranking, facets=not offset
    )


def _read(home: Roster, caller: Caller, id: str, line: int) -> index.Document:
    scope = viewer_scope(home.settings, home.engine, caller.user)
    return index.read_document(home.engine, scope, id, start_line=line, end_line=line + LINES - 1)


def _groups(wanted: str, facets: Iterable[Facet]) -> Sequence[tuple[str, list[Offer]]]:
    """What would narrow the results, by what it is about; without what has nothing to offer."""
    known = list(facets)
    groups = []
    for title, operators in GROUPS:
        of_group = [each for each in known if each.operator in operators][:OFFERED]
        if of_group:
            groups.append((title, [_offer(wanted, each) for each in of_group]))
    return groups


def _offer(wanted: str, facet: Facet) -> Offer:
    said = f'"{facet.value}"' if " " in facet.value else facet.value
    return Offer(facet, _url(f"{wanted} {facet.operator}:{said}".strip()))


def _chosen(wanted: str) -> list[tuple[str, str, str]]:
    """The operators of the query, each with its value and the URL without it."""
    found = split_operators(wanted, clock.now().date())
    return [(name, value, _url(rest)) for name, value, rest in found]


def _url(wanted: str, offset: int = 0) -> str:
    given = {"q": wanted} | ({"offset": str(offset)} if offset else {})
    return f"/search?{urlencode(given)}"
