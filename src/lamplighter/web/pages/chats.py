"""Chats with agents: what was said, what is being done, and what waits for the viewer."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from lamplighter.access import short_name
from lamplighter.accounts import Caller
from lamplighter.engine import chat as chats
from lamplighter.engine.chat import Dialogue
from lamplighter.errors import NotFound
from lamplighter.roster import Roster, id_of
from lamplighter.store.chat_approvals import Approval
from lamplighter.store.chats import Chat, Turn
from lamplighter.store.events import list_events
from lamplighter.web.api import chats as api
from lamplighter.web.api.asking import ENABLED, Home, Reader, Runner
from lamplighter.web.api.chats import Consent, Denial, Id
from lamplighter.web.pages.forms import Sent, make
from lamplighter.web.pages.places import agent_url
from lamplighter.web.pages.rendering import go_to, is_piece, render
from lamplighter.web.pages.timeline import Step, Timeline

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])
PAGE = 50
Named = Annotated[str, Query(max_length=500)]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A turn as the page shows it.

    Attributes:
        steps: What the agent said and did, without the viewer's own words.
        approvals: What it asked the viewer, whatever became of that.
    """

    turn: Turn
    steps: list[Step] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)


@router.get("/chats")
def show_chats(
    request: Request, caller: Reader, home: Home, after: Named | None = None
) -> Response:
    """The viewer's chats, the last used one first, and with whom they could begin another."""
    found = chats.list_chats(home, caller, after=after, limit=PAGE + 1)
    return render(
        request,
        "chats.html",
        chats=[(chat, short_name(chat.agent)) for chat in found[:PAGE]],
        newer="/chats" if after else None,
        older=f"/chats?after={found[PAGE - 1].key}" if len(found) > PAGE else None,
        agents=[(id_of(entry.name), entry.name) for entry in home.read(caller.user).entries],
    )


@router.post("/agents/{agent}/chats")
def begin_chat(request: Request, agent: str, caller: Runner, home: Home, form: Sent) -> Response:
    """Begin a chat, perhaps with a first message."""
    dialogue = chats.begin_chat(home, caller, agent, form.get("message").strip())
    return go_to(request, chat_url(dialogue.chat))


@router.post("/chats")
def begin_chat_with(request: Request, caller: Runner, home: Home, form: Sent) -> Response:
    """Begin a chat with the agent that was chosen."""
    dialogue = chats.begin_chat(home, caller, form.get("agent"), form.get("message").strip())
    return go_to(request, chat_url(dialogue.chat))


@router.get("/chats/{chat}")
def show_chat(request: Request, chat: Id, caller: Reader, home: Home) -> Response:
    """A chat; within its page, all that has changed."""
    dialogue = chats.read_chat(home, caller, chat)
    template = "_chat.html" if is_piece(request) else "chat.html"
    return render(request, template, **_shown(home, caller, dialogue))


@router.post("/chats/{chat}/messages")
def say(request: Request, chat: Id, caller: Runner, home: Home, form: Sent) -> Response:
    """Say something."""
    chats.say(home, caller, chat, form.get("message").strip())
    return _again(request, chat, caller, home)


@router.post("/chats/{chat}/stop")
def stop_chat(request: Request, chat: Id, caller: Runner, home: Home) -> Response:
    """Stop what the agent is doing."""
    chats.stop(home, caller, chat)
    return _again(request, chat, caller, home)


@router.post("/chats/{chat}/branches/{turn}")
def branch_chat(
    request: Request, chat: Id, turn: int, caller: Runner, home: Home, form: Sent
) -> Response:
    """Say something else instead of what was said in a turn, in a chat of its own."""
    dialogue = chats.branch(home, caller, chat, turn, form.get("message").strip())
    return go_to(request, chat_url(dialogue.chat))


@router.post("/chats/{chat}/title")
def rename_chat(request: Request, chat: Id, caller: Runner, home: Home, form: Sent) -> Response:
    """Call a chat something else."""
    title = make(api.NewTitle, title=form.get("title").strip()).title
    chats.rename_chat(home, caller, chat, title)
    return go_to(request, f"/chats/{chat}")


@router.post("/chats/{chat}/delete")
def delete_chat(request: Request, chat: Id, caller: Runner, home: Home) -> Response:
    """Take a chat away."""
    chats.delete_chat(home, caller, chat)
    return go_to(request, "/chats")


@router.get("/approvals")
def show_approvals(request: Request, caller: Reader, home: Home, all: bool = False) -> Response:
    """What chats wait for."""
    found = chats.list_approvals(home, caller, state=None if all else "pending", limit=PAGE)
    template = "_approvals.html" if is_piece(request) else "approvals.html"
    return render(request, template, approvals=found, all=all)


@router.post("/approvals/{approval}/approve")
def approve(request: Request, approval: Id, caller: Runner, home: Home, form: Sent) -> Response:
    """Let a tool call be carried out, or all of its tool in this chat."""
    consent = make(Consent, scope=form.get("scope") or "once")
    found = chats.decide(home, caller, approval, consent.scope)
    return _again(request, found.chat, caller, home)


@router.post("/approvals/{approval}/deny")
def deny(request: Request, approval: Id, caller: Runner, home: Home, form: Sent) -> Response:
    """Let a tool call not be carried out."""
    denial = make(Denial, reason=form.get("reason").strip())
    found = chats.decide(home, caller, approval, "deny", denial.reason)
    return _again(request, found.chat, caller, home)


def chat_url(chat: Chat) -> str:
    """The page of a chat."""
    return f"/chats/{chat.id}"


def _again(request: Request, chat: str, caller: Caller, home: Roster) -> Response:
    """The chat as it is now."""
    if not is_piece(request):
        return go_to(request, f"/chats/{chat}")
    dialogue = chats.read_chat(home, caller, chat)
    return render(request, "_chat.html", **_shown(home, caller, dialogue))


def _shown(home: Roster, caller: Caller, dialogue: Dialogue) -> dict[str, Any]:
    agent = dialogue.chat.agent
    try:
        url = agent_url(home, home.find(caller, agent).name)
    except NotFound:
        url = ""  # it is gone, or not for this viewer any more
    asked = chats.list_approvals(home, caller, chat=dialogue.chat.id, limit=1000)
    return {
        "chat": dialogue.chat,
        "agent": short_name(agent),
        "agent_url": url,
        "exchanges": [_exchange(home, turn, asked) for turn in dialogue.turns],
        "pending": dialogue.pending,
        "running": dialogue.running,
        "waits_for_answer": dialogue.waits_for_answer,
    }


def _exchange(home: Roster, turn: Turn, asked: list[Approval]) -> Exchange:
    if turn.run_id is None:
        return Exchange(turn)
    steps = Timeline.of(list_events(home.engine, turn.run_id)).steps.values()
    return Exchange(
        turn,
        [step for step in steps if _tells(step, turn)],
        [each for each in reversed(asked) if each.run_id == turn.run_id],
    )


def _tells(step: Step, turn: Turn) -> bool:
    """Whether a step is shown; a call that waits is shown as what it asks."""
    waits = step.state == "open" and turn.outcome is not None
    return step.kind in ("model", "tool") and not waits
