"""Chats, as people use them: begin, say something, decide, stop, branch.

Every function is given who asks, and does what they may; what is somebody else's is not found.
The engine is woken here. A turn is a run (``engine.turn``); it ends when it has to wait for a
decision, and the last one that it waits for begins the next turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from lamplighter import clock
from lamplighter.access import owner_of, short_name
from lamplighter.accounts import Caller, find_caller
from lamplighter.engine.control import wake_engine
from lamplighter.errors import AgentsDisabled, Conflict, Forbidden, InvalidInput, NotFound, Place
from lamplighter.roster import Roster
from lamplighter.store import chat_approvals as approvals
from lamplighter.store import chats
from lamplighter.store.agents import save_version
from lamplighter.store.audit import note
from lamplighter.store.chat_approvals import Approval, ApprovalState
from lamplighter.store.chats import Chat, Turn
from lamplighter.store.contents import copy_contents
from lamplighter.store.database import decide_alone, reading
from lamplighter.store.requests import Request, find_made, note_made
from lamplighter.store.runs import Run, add_runs, new_run_id, request_cancel

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_MESSAGE_CHARACTERS = 100_000
TITLE_CHARACTERS = 80
SUPERSEDED = "a new message came instead of a decision"

Decision = Literal["once", "chat", "deny"]
"""Approve this call; approve this tool for the whole chat; deny this call."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A chat as its viewer sees it.

    Attributes:
        turns: What was said, in order. The record of each is that of its run.
        pending: What waits for the viewer's decision.
    """

    chat: Chat
    turns: list[Turn]
    pending: list[Approval]

    @property
    def running(self) -> Turn | None:
        """The turn that is under way."""
        return self.turns[-1] if self.turns and self.turns[-1].outcome is None else None

    @property
    def waits_for_answer(self) -> bool:
        """Whether the agent has asked something that the next message answers."""
        return bool(self.turns) and self.turns[-1].outcome == "awaiting_answer"


def begin_chat(
    home: Roster, caller: Caller, agent: str, message: str = "", request: Request | None = None
) -> Dialogue:
    """Begin a chat with an agent, any that the caller can find; perhaps with a first message.

    Raises:
        NotFound: There is no such agent.
        InvalidInput: Its text has an error, or the message is too long.
        Forbidden: Its owner may not use the workspace any more.
    """
    name = home.find(caller, agent).name
    now = clock.now()
    with home.engine.begin() as connection:
        decide_alone(connection)
        if request and (made := find_made(connection, request)):
            chat_id = chats.chat_of(connection, made)
        else:
            title = _title(message) or f"Chat with {short_name(name)}"
            chat = chats.new_chat(name, caller.user, title, now)
            chats.add_chat(connection, chat)
            note(connection, caller.user, "chat.begin", chat.id, now=now, detail={"agent": name})
            chat_id = chat.id
            if message:
                _add_turn(connection, home, chat, 1, message, request)
    _wake(home)
    return read_chat(home, caller, chat_id)


def list_chats(
    home: Roster,
    caller: Caller,
    *,
    agent: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[Chat]:
    """The caller's chats, the last used one first; ``after`` is the ``key`` of the last one seen.

    Raises:
        NotFound: There is no such agent.
        InvalidInput: ``after`` is no key.
    """
    _require_enabled(home)
    name = home.find(caller, agent).name if agent else None
    return chats.list_chats(
        home.engine, caller.user, agent=name, after=_read_key(after), limit=limit
    )


def read_chat(home: Roster, caller: Caller, chat_id: str) -> Dialogue:
    """One of the caller's chats.

    Raises:
        NotFound: The caller has no such chat.
    """
    _require_enabled(home)
    with reading(home.engine) as connection:
        chat = chats.find_chat(connection, chat_id, caller.user)
        turns = chats.list_turns(connection, chat_id)
    pending = approvals.list_approvals(
        home.engine, caller.user, chat=chat_id, state="pending", limit=1000
    )
    return Dialogue(chat, turns, pending[::-1])


def read_turns(home: Roster, caller: Caller, chat_id: str, *, after: int = 0) -> list[Turn]:
    """The turns of one of the caller's chats whose number is above ``after``.

    Raises:
        NotFound: The caller has no such chat.
    """
    with reading(home.engine) as connection:
        chats.find_chat(connection, chat_id, caller.user)
        return chats.list_turns(connection, chat_id, after=after)


def say(
    home: Roster, caller: Caller, chat_id: str, message: str, request: Request | None = None
) -> Turn:
    """Say something in a chat; gives the turn that it begins.

    What waits for a decision is denied by it; what the agent has asked is answered.

    Raises:
        NotFound: The caller has no such chat, or the agent is gone.
        InvalidInput: The message is empty or too long, or the agent's text has an error.
        Conflict: The agent is still answering.
    """
    now = clock.now()
    with home.engine.begin() as connection:
        decide_alone(connection)
        chat = chats.find_chat(connection, chat_id, caller.user)
        made = find_made(connection, request) if request else None
        if made:
            return chats.find_turn(connection, chat_id, made)
        last = chats.last_turn(connection, chat_id)
        _refuse_running(last)
        turn = _add_turn(connection, home, chat, last.number + 1 if last else 1, message, request)
        if last and last.run_id:
            _use_decisions(connection, caller, last.run_id, turn, now)
        chats.touch_chat(connection, chat_id, now, title="" if last else _title(message))
    _wake(home)
    return turn


def branch(home: Roster, caller: Caller, chat_id: str, number: int, message: str) -> Dialogue:
    """Begin another chat that is like this one before a turn, and says something else there.

    Raises:
        NotFound: The caller has no such chat, or it no such turn.
        InvalidInput: That turn is none that the caller began with a message, or the new one is
            empty or too long.
    """
    now = clock.now()
    with home.engine.begin() as connection:
        decide_alone(connection)
        old = chats.find_chat(connection, chat_id, caller.user)
        turns = chats.list_turns(connection, chat_id)
        edited = next((turn for turn in turns if turn.number == number), None)
        if edited is None:
            raise NotFound(f"no turn {number} in this chat")
        if not edited.message:
            raise InvalidInput("this turn began with no message", place=Place(field="turn"))
        chat = chats.new_chat(
            old.agent, caller.user, _title(message), now, parent=old.id, parent_turn=number
        )
        chats.add_chat(connection, chat)
        kept = turns[: turns.index(edited)]
        chats.add_turns(connection, [replace(turn, chat=chat.id) for turn in kept])
        turn = _add_turn(connection, home, chat, number, message)
        _copy_files(connection, old, turns, kept, turn)
        note(connection, caller.user, "chat.branch", chat.id, now=now, detail={"from": old.id})
    _wake(home)
    return read_chat(home, caller, chat.id)


def stop(home: Roster, caller: Caller, chat_id: str) -> Turn:
    """Stop what the agent is doing in a chat; gives the turn.

    Raises:
        NotFound: The caller has no such chat.
        Conflict: It is doing nothing.
    """
    now = clock.now()
    with home.engine.begin() as connection:
        decide_alone(connection)
        chats.find_chat(connection, chat_id, caller.user)
        last = chats.last_turn(connection, chat_id)
        if last is None or last.outcome is not None or last.run_id is None:
            raise Conflict("nothing is under way in this chat")
        request_cancel(connection, last.run_id, now)
    _wake(home)
    return last


def rename_chat(home: Roster, caller: Caller, chat_id: str, title: str) -> Chat:
    """Call a chat something else.

    Raises:
        NotFound: The caller has no such chat.
        InvalidInput: The title is empty.
    """
    if not (title := _title(title)):
        raise InvalidInput("a chat needs a title", place=Place(field="title"))
    with home.engine.begin() as connection:
        chat = chats.find_chat(connection, chat_id, caller.user)
        chats.touch_chat(connection, chat_id, chat.updated_at, title)
    return replace(chat, title=title)


def delete_chat(home: Roster, caller: Caller, chat_id: str) -> None:
    """Take a chat away, with all that it holds; what is under way in it ends.

    Raises:
        NotFound: The caller has no such chat.
    """
    now = clock.now()
    with home.engine.begin() as connection:
        decide_alone(connection)
        chats.find_chat(connection, chat_id, caller.user)
        last = chats.last_turn(connection, chat_id)
        if last and last.run_id and last.outcome is None:
            request_cancel(connection, last.run_id, now)
        chats.hide_chat(connection, chat_id, now)
        note(connection, caller.user, "chat.delete", chat_id, now=now)
    _wake(home)


# Approvals


def list_approvals(
    home: Roster,
    caller: Caller,
    *,
    chat: str | None = None,
    state: ApprovalState | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Approval]:
    """What the caller was asked in chats, or in one of them, newest first."""
    _require_enabled(home)
    return approvals.list_approvals(
        home.engine, caller.user, chat=chat, state=state, before=before, limit=limit
    )


def find_approval(home: Roster, caller: Caller, approval_id: str) -> Approval:
    """One of them.

    Raises:
        NotFound: The caller was not asked that.
    """
    _require_enabled(home)
    with reading(home.engine) as connection:
        return approvals.find_approval(connection, approval_id, caller.user)


def decide(
    home: Roster, caller: Caller, approval_id: str, decision: Decision, reason: str = ""
) -> Approval:
    """Decide about a tool call. When the turn waits for nothing more, it goes on.

    The decision and the turn that acts on it are written together, so that it is acted on once,
    whatever happens in between.

    Raises:
        NotFound: The caller was not asked that.
        Conflict: It was decided already, or it has expired.
    """
    now = clock.now()
    with home.engine.begin() as connection:
        decide_alone(connection)
        approval = approvals.find_approval(connection, approval_id, caller.user)
        if approval.state != "pending":
            raise Conflict(f"this approval is {approval.state} already")
        decided = replace(
            approval,
            state="denied" if decision == "deny" else "approved",
            whole_chat=decision == "chat",
            reason=" ".join(reason.split())[:1000] if decision == "deny" else "",
            decided_at=now,
        )
        changed = {name: getattr(decided, name) for name in _DECIDED}
        approvals.change_approvals(connection, [approval.id], **changed)
        _note(connection, caller, decided, now)
        _go_on(connection, home, caller, decided, now)
        decided = approvals.find_approval(connection, approval_id, caller.user)
    _wake(home)
    return decided


_DECIDED = ("state", "whole_chat", "reason", "decided_at")


def _go_on(
    connection: "Connection", home: Roster, caller: Caller, decided: Approval, now: datetime
) -> None:
    """Begin the next turn, if nothing more is asked of the viewer."""
    from lamplighter.engine.turn import questions_of

    last = chats.last_turn(connection, decided.chat)
    if last is None or last.run_id != decided.run_id:
        return
    asked = approvals.asked_by(connection, decided.run_id)
    if any(each.state == "pending" for each in asked) or questions_of(last, asked):
        return
    chat = chats.find_chat(connection, decided.chat, caller.user)
    turn = _add_turn(connection, home, chat, last.number + 1)
    _use_decisions(connection, caller, decided.run_id, turn, now)


def _use_decisions(
    connection: "Connection", caller: Caller, asking: str, turn: Turn, now: datetime
) -> None:
    """Let a turn act on what was decided, and on nothing that comes later."""
    asked = approvals.asked_by(connection, asking)
    pending = [each for each in asked if each.state == "pending"]
    expired = [each.id for each in asked if each.state == "expired"]
    denied = [replace(each, state="denied", reason=SUPERSEDED) for each in pending]
    superseded = {"state": "denied", "reason": SUPERSEDED, "decided_at": now}
    approvals.change_approvals(connection, [each.id for each in denied], **superseded)
    approvals.change_approvals(connection, expired, state="expired")
    for each in denied:
        _note(connection, caller, each, now)
    approvals.change_approvals(connection, [each.id for each in asked], used_by=turn.run_id)


def _add_turn(
    connection: "Connection",
    home: Roster,
    chat: Chat,
    number: int,
    message: str = "",
    request: Request | None = None,
) -> Turn:
    """Write a turn and the run that it is; without a message it goes on with what was decided."""
    _require_enabled(home)
    _check_message(message, needed=number == 1)
    owner = owner_of(chat.agent)
    if owner and find_caller(home.settings, home.engine, owner) is None:
        raise Forbidden("this agent belongs to nobody who may use the workspace")
    entry = home.find(None, chat.agent)
    if entry.agent is None:
        raise InvalidInput(f"the text of {entry.name} has an error, so it cannot answer")
    now = clock.now()
    run = Run(
        id=new_run_id(),
        agent=chat.agent,
        version=save_version(connection, entry, home.settings.timezone, now),
        trigger="chat",
        message=message,
        status="pending",
        created_at=now,
        chat=chat.id,
        viewer=chat.viewer,
    )
    add_runs(connection, [run])
    turn = Turn(chat=chat.id, number=number, run_id=run.id, message=message, created_at=now)
    chats.add_turns(connection, [turn])
    if request:
        note_made(connection, request, run.id)
    return turn


def _copy_files(
    connection: "Connection", old: Chat, turns: Sequence[Turn], kept: Sequence[Turn], turn: Turn
) -> None:
    """Let a branch have what the files hold that were there before it."""
    files = next((each.files for each in reversed(kept) if each.files is not None), {})
    keeper = next(each.run_id for each in turns if each.number == (old.parent_turn or 1))
    if files and keeper and turn.run_id:
        hashes = {file["sha256"] for file in files.values()}
        copy_contents(connection, keeper, turn.run_id, hashes)


def _note(connection: "Connection", caller: Caller, approval: Approval, now: datetime) -> None:
    detail = {"chat": approval.chat, "run": approval.run_id, "tool": approval.tool}
    if approval.whole_chat:
        detail["for"] = "the whole chat"
    action = f"approval.{approval.state}"
    note(connection, caller.user, action, approval.id, now=now, detail=detail)


def _refuse_running(last: Turn | None) -> None:
    if last is not None and last.outcome is None:
        raise Conflict("the agent is still answering; wait for it, or stop it")


def _check_message(message: str, *, needed: bool) -> None:
    if needed and not message.strip():
        raise InvalidInput("say something", place=Place(field="message"))
    if len(message) > MAX_MESSAGE_CHARACTERS:
        raise InvalidInput(
            f"a message has {MAX_MESSAGE_CHARACTERS} characters at most",
            place=Place(field="message"),
        )


def _require_enabled(home: Roster) -> None:
    if not home.settings.agents_enabled:
        raise AgentsDisabled("agents are switched off here; set AGENTS_ENABLED=true to enable them")


def _title(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= TITLE_CHARACTERS else f"{line[: TITLE_CHARACTERS - 1]}…"


def _read_key(key: str | None) -> tuple[datetime, str] | None:
    if key is None:
        return None
    at, _, id = key.partition(" ")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise InvalidInput("this is no cursor that we gave", place=Place(field="cursor")) from error
    if moment.tzinfo is None:
        raise InvalidInput("this is no cursor that we gave", place=Place(field="cursor"))
    return moment, id


def _wake(home: Roster) -> None:
    wake_engine(home.engine, home.settings.state_dir)
