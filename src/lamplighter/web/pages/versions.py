"""How an agent has changed, by whom; and back to what it was."""

import difflib
from typing import Literal, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lamplighter.store.versions import get_change, list_changes
from lamplighter.web.api import agents as api
from lamplighter.web.api.asking import ENABLED, Home, Reader, Writer
from lamplighter.web.api.pages import Paging
from lamplighter.web.pages.agent import about
from lamplighter.web.pages.places import agent_url
from lamplighter.web.pages.rendering import go_to, render

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])


class Change(NamedTuple):
    """A line of a comparison."""

    kind: Literal["old", "new", "same", "at"]
    text: str


@router.get("/agents/{agent}/versions")
def show_versions(
    request: Request, agent: str, caller: Reader, home: Home, paging: Paging
) -> Response:
    """All that an agent was, the newest first."""
    api.list_versions(agent, caller, home, paging)  # which says who may
    entry = home.find(caller, agent)
    return render(
        request,
        "versions.html",
        **about(home, caller, entry),
        changes=list_changes(home.engine, entry.name),
    )


@router.get("/agents/{agent}/versions/{number}")
def show_version(request: Request, agent: str, number: int, caller: Reader, home: Home) -> Response:
    """What a change has changed, and the text that it made."""
    change = api.show_version(agent, number, caller, home)
    entry = home.find(caller, agent)
    before = get_change(home.engine, entry.name, number - 1).text if number > 1 else ""
    newest = max(each.number for each in list_changes(home.engine, entry.name))
    return render(
        request,
        "version.html",
        **about(home, caller, entry),
        change=change,
        lines=compare_texts(before, change.text),
        is_newest=number == newest,
    )


@router.post("/agents/{agent}/versions/{number}/restore")
def restore_version(
    request: Request, agent: str, number: int, caller: Writer, home: Home, response: Response
) -> Response:
    """Make an agent what it was."""
    api.restore_version(agent, number, caller, home, response)
    return go_to(request, f"{agent_url(home, home.find(caller, agent).name)}?done=restored")


def compare_texts(old: str, new: str) -> list[Change]:
    """What differs, with three lines around each difference."""
    kinds: dict[str, Literal["old", "new", "same", "at"]] = {"-": "old", "+": "new", "@": "at"}
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm=""))[2:]
    return [Change(kinds.get(line[:1], "same"), line) for line in lines]
