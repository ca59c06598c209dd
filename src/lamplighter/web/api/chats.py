"""Chats with agents, and the approvals that they ask for; everybody's own only."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from itertools import count
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from lamplighter.accounts import Caller, is_current
from lamplighter.engine import chat as chats
from lamplighter.engine.chat import Dialogue
from lamplighter.engine.following import Delta, Follower, Told
from lamplighter.errors import NotFound
from lamplighter.roster import Roster, id_of
from lamplighter.store.chat_approvals import Approval, ApprovalState
from lamplighter.store.chats import Chat, Turn
from lamplighter.store.requests import Request as Repeatable
from lamplighter.web.api.asking import ENABLED, Home, Reader, Runner
from lamplighter.web.api.pages import Page, Paging
from lamplighter.web.api.runs import IdempotencyKey

LOOK_SECONDS = 0.2
"""How often a stream looks for something new; another process may carry out the turn."""

LOOKS_PER_BEAT = 75
"""After so many looks a stream says that it is still there."""

router = APIRouter(tags=["chats"], dependencies=[ENABLED])
Id = Annotated[str, Field(max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=chats.MAX_MESSAGE_CHARACTERS)]
Number = Annotated[int, Field(ge=1, le=1_000_000)]


class NewChat(BaseModel):
    """A new chat, perhaps with its first message."""

    model_config = ConfigDict(extra="forbid")

    message: Annotated[str, Field(max_length=chats.MAX_MESSAGE_CHARACTERS)] = ""


class NewMessage(BaseModel):
    """Something that is said."""

    model_config = ConfigDict(extra="forbid")

    message: Text


class NewBranch(BaseModel):
    """Another message instead of that of a turn.

    Attributes:
        turn: The number of the turn.
    """

    model_config = ConfigDict(extra="forbid")

    turn: Number
    message: Text


class NewTitle(BaseModel):
    """What a chat is to be called."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200)]


class Consent(BaseModel):
    """What is approved: this call, or its tool for the whole chat."""

    model_config = ConfigDict(extra="forbid")

    scope: Literal["once", "chat"] = "once"


class Denial(BaseModel):
    """Why a call is denied; the agent is told."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=1000)] = ""


class ChatView(BaseModel):
    """A chat.

    Attributes:
        agent_id: What URLs call the agent.
        parent: The chat that it branched from.
        parent_turn: The number of the first turn that is another one here.
    """

    id: str
    agent: str
    agent_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    parent: str | None
    parent_turn: int | None


class TurnView(BaseModel):
    """What you say, and what the agent does about it.

    Attributes:
        run_id: Its record is that of this run.
        message: Empty if it goes on with what you decided.
        outcome: ``answered``, ``awaiting_approval``, ``awaiting_answer``, ``stopped_by_limit``,
            ``error`` or ``cancelled``; null while it is under way.
        answer: What you were told last.
    """

    number: int
    run_id: str | None
    message: str
    created_at: datetime
    outcome: str | None
    answer: str | None


class ApprovalView(BaseModel):
    """A tool call that waits for you, or did.

    Attributes:
        run_id: The turn that asks.
        tool: What is approved.
        state: ``approved`` is not carried out yet; ``completed`` is.
    """

    id: str
    chat: str
    run_id: str
    tool: str
    arguments: dict[str, Any]
    state: ApprovalState
    whole_chat: bool
    reason: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None


class DialogueView(ChatView):
    """A chat with all that was said.

    Attributes:
        pending: What waits for your decision; a message instead of one denies it.
    """

    turns: list[TurnView]
    pending: list[ApprovalView]


@router.get("/agents/{agent}/chats")
def list_agents_chats(agent: str, caller: Reader, home: Home, paging: Paging) -> Page[ChatView]:
    """List your chats with an agent, the last used one first."""
    return _list(home, caller, paging, agent)


@router.post("/agents/{agent}/chats", status_code=201)
def begin_chat(
    agent: str,
    caller: Runner,
    home: Home,
    body: NewChat | None = None,
    idempotency_key: IdempotencyKey = None,
) -> DialogueView:
    """Begin a chat with an agent; with the same Idempotency-Key and a message, only once."""
    message = (body or NewChat()).message
    request = _repeatable(caller, idempotency_key, f"{agent}\0{message}")
    return view_dialogue(chats.begin_chat(home, caller, agent, message, request))


@router.get("/chats")
def list_all_chats(caller: Reader, home: Home, paging: Paging) -> Page[ChatView]:
    """List your chats, the last used one first."""
    return _list(home, caller, paging, None)


@router.get("/chats/{chat}")
def show_chat(chat: Id, caller: Reader, home: Home) -> DialogueView:
    """Show a chat, with what was said and what waits for you."""
    return view_dialogue(chats.read_chat(home, caller, chat))


@router.patch("/chats/{chat}")
def rename_chat(chat: Id, body: NewTitle, caller: Runner, home: Home) -> ChatView:
    """Call a chat something else."""
    return _view(chats.rename_chat(home, caller, chat, body.title))


@router.delete("/chats/{chat}", status_code=204)
def delete_chat(chat: Id, caller: Runner, home: Home) -> None:
    """Take a chat away, with all that it holds."""
    chats.delete_chat(home, caller, chat)


@router.post("/chats/{chat}/messages", status_code=202)
def say(
    chat: Id,
    body: NewMessage,
    caller: Runner,
    home: Home,
    idempotency_key: IdempotencyKey = None,
) -> TurnView:
    """Say something; with the same Idempotency-Key, only once."""
    request = _repeatable(caller, idempotency_key, f"{chat}\0{body.message}")
    return _view_turn(chats.say(home, caller, chat, body.message, request))


@router.post("/chats/{chat}/branches", status_code=201)
def branch_chat(chat: Id, body: NewBranch, caller: Runner, home: Home) -> DialogueView:
    """Begin another chat from an earlier message on, with another message."""
    return view_dialogue(chats.branch(home, caller, chat, body.turn, body.message))


@router.post("/chats/{chat}/stop", status_code=202)
def stop_chat(chat: Id, caller: Runner, home: Home) -> TurnView:
    """Stop what the agent is doing."""
    return _view_turn(chats.stop(home, caller, chat))


@router.get(
    "/chats/{chat}/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def stream_chat(
    chat: Id,
    caller: Reader,
    home: Home,
    after: Annotated[int, Query(ge=0, le=1_000_000, description="Only turns after this.")] = 0,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
) -> StreamingResponse:
    """Follow a chat until nothing is under way: its turns' events, after ``Last-Event-ID``.

    What the model is just saying comes in events ``delta`` without ids; its ``message`` replaces
    them.
    """
    await asyncio.to_thread(chats.read_turns, home, caller, chat)
    follower = Follower(home, caller, chat, *_read_id(last_event_id, after))
    return StreamingResponse(_follow(follower), media_type="text/event-stream")


# Approvals


@router.get("/approvals", tags=["approvals"])
def list_approvals(
    caller: Reader, home: Home, paging: Paging, state: ApprovalState | None = None
) -> Page[ApprovalView]:
    """List what chats asked you, newest first. What background runs hold back is in the outbox."""
    found = chats.list_approvals(
        home, caller, state=state, before=paging.after, limit=paging.limit + 1
    )
    return paging.page([view_approval(each) for each in found], lambda each: each.id)


@router.get("/approvals/{approval}", tags=["approvals"])
def show_approval(approval: Id, caller: Reader, home: Home) -> ApprovalView:
    """Show one of them."""
    return view_approval(chats.find_approval(home, caller, approval))


@router.post("/approvals/{approval}/approve", tags=["approvals"])
def approve(approval: Id, caller: Runner, home: Home, body: Consent | None = None) -> ApprovalView:
    """Let a tool call be carried out, or all of its tool in this chat."""
    scope = (body or Consent()).scope
    return view_approval(chats.decide(home, caller, approval, scope))


@router.post("/approvals/{approval}/deny", tags=["approvals"])
def deny(approval: Id, caller: Runner, home: Home, body: Denial | None = None) -> ApprovalView:
    """Let a tool call not be carried out."""
    reason = (body or Denial()).reason
    return view_approval(chats.decide(home, caller, approval, "deny", reason))


def view_dialogue(dialogue: Dialogue) -> DialogueView:
    """A chat with its turns, as clients see it."""
    return DialogueView(
        **_view(dialogue.chat).model_dump(),
        turns=[_view_turn(turn) for turn in dialogue.turns],
        pending=[view_approval(each) for each in dialogue.pending],
    )


def view_approval(approval: Approval) -> ApprovalView:
    """An approval as clients see it."""
    return ApprovalView(**{name: getattr(approval, name) for name in ApprovalView.model_fields})


# Streams


async def _follow(follower: Follower) -> AsyncIterator[str]:
    """What is new in a chat, until nothing is under way, or the caller may not see it any more."""
    for look in count(1):
        try:
            found = await asyncio.to_thread(_look, follower)
        except NotFound:
            return
        for new in found:
            yield _say(new)
        if follower.idle:
            yield f"event: end\ndata: {json.dumps({'outcome': follower.outcome})}\n\n"
            return
        if look % LOOKS_PER_BEAT == 0:
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_SECONDS)


def _look(follower: Follower) -> list[Told | Delta]:
    home = follower.home
    if not is_current(home.settings, home.engine, follower.caller):
        raise NotFound("signed out")
    return follower.look()


def _say(new: Told | Delta) -> str:
    if isinstance(new, Delta):
        return f"event: delta\ndata: {json.dumps(asdict(new), ensure_ascii=False)}\n\n"
    event = new.event
    data = {"turn": new.turn, "seq": event.seq, "at": event.at.isoformat()}
    data |= {"kind": event.kind, "data": event.data}
    id, text = f"{new.turn}.{event.seq}", json.dumps(data, ensure_ascii=False)
    return f"id: {id}\nevent: {event.kind}\ndata: {text}\n\n"


def _read_id(id: str | None, after: int) -> tuple[int, int]:
    turn, _, seq = (id or "").partition(".")
    if turn.isdecimal() and seq.isdecimal():
        return min(int(turn), 1_000_000), min(int(seq), 1_000_000_000)
    return after + 1, 0


def _list(home: Roster, caller: Caller, paging: Paging, agent: str | None) -> Page[ChatView]:
    found = chats.list_chats(home, caller, agent=agent, after=paging.after, limit=paging.limit + 1)
    keys = {each.id: each.key for each in found}
    return paging.page([_view(each) for each in found], lambda each: keys[each.id])


def _view(chat: Chat) -> ChatView:
    named = {name: getattr(chat, name) for name in ChatView.model_fields if name != "agent_id"}
    return ChatView(agent_id=id_of(chat.agent), **named)


def _view_turn(turn: Turn) -> TurnView:
    return TurnView(**{name: getattr(turn, name) for name in TurnView.model_fields})


def _repeatable(caller: Caller, key: str | None, asked: str) -> Repeatable | None:
    if not key:
        return None
    return Repeatable(caller.user, key, hashlib.sha256(f"chat\0{asked}".encode()).hexdigest())
