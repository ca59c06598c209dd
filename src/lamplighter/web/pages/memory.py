"""What an agent has noted for its later runs; its owner may look at it, and take it away."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lamplighter.store.notes import MOST_CHARACTERS
from lamplighter.web.api import memory as api
from lamplighter.web.api.agents import readable
from lamplighter.web.api.asking import ENABLED, Home, Reader, Writer
from lamplighter.web.api.memory import NoteView, Restoration, Topic
from lamplighter.web.pages.agent import about
from lamplighter.web.pages.forms import Sent, make
from lamplighter.web.pages.places import agent_url
from lamplighter.web.pages.rendering import go_to, render

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a note has said, the newest first."""

    topic: str
    versions: Sequence[NoteView]


@router.get("/agents/{agent}/memory")
def show_memory(request: Request, agent: str, caller: Reader, home: Home) -> Response:
    """All that an agent has noted."""
    entry = readable(home, caller, agent)
    notes = api.list_agents_notes(agent, caller, home)
    return render(
        request,
        "memory.html",
        **about(home, caller, entry),
        notes=notes,
        size=sum(len(note.text) for note in notes),
        most=MOST_CHARACTERS,
    )


@router.get("/agents/{agent}/memory/versions")
def show_versions(
    request: Request, agent: str, topic: Topic, caller: Reader, home: Home
) -> Response:
    """What a note has said earlier."""
    entry = readable(home, caller, agent)
    versions = api.list_note_versions(agent, topic, caller, home)
    return render(
        request,
        "note.html",
        **about(home, caller, entry),
        earlier=Earlier(topic, versions),
    )


@router.post("/agents/{agent}/memory/forget")
def forget_note(request: Request, agent: str, caller: Writer, home: Home, form: Sent) -> Response:
    """Let an agent not know a note any more."""
    api.forget_agents_note(agent, form.get("topic"), caller, home)
    return go_to(request, f"{agent_url(home, home.find(caller, agent).name)}/memory")


@router.post("/agents/{agent}/memory/restore")
def restore_note(request: Request, agent: str, caller: Writer, home: Home, form: Sent) -> Response:
    """Make a note say again what it has said."""
    wanted = make(Restoration, topic=form.get("topic"), version=form.get("version"))
    api.restore_agents_note(agent, wanted, caller, home)
    return go_to(request, f"{agent_url(home, home.find(caller, agent).name)}/memory")
