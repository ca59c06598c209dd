"""A turn of a chat, as the engine carries it out: with its viewer's permissions, and no others'.

Of background runs it has nothing: neither their files, nor what is new since them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.access import Scope, owner_of
from lamplighter.accounts import Caller, find_caller, viewer_scope
from lamplighter.agent.calls import Asked, Need
from lamplighter.agent.conversation import (
    Talk,
    answered_calls,
    assistant_messages,
    open_calls,
    user_messages,
)
from lamplighter.definitions.agent import ORG_ONLY_TOOLS, Agent
from lamplighter.definitions.effects import PERFORM, Verdict
from lamplighter.definitions.flow import Flow
from lamplighter.definitions.nature import LABELS, SPAWN, Label, nature_of
from lamplighter.definitions.tool import MCP, refer
from lamplighter.engine.record import redact, redact_data
from lamplighter.errors import Forbidden
from lamplighter.outbox import Effect, Policy
from lamplighter.roster import Roster
from lamplighter.store.chat_approvals import (
    Approval,
    add_approvals,
    approval_id,
    asked_by,
    change_approvals,
    list_grants,
    used_by,
)
from lamplighter.store.chats import Turn, end_turn, find_chat, list_turns, write_draft
from lamplighter.store.database import reading
from lamplighter.store.events import list_labels
from lamplighter.store.runs import Run
from lamplighter.tools.assistance import is_question
from lamplighter.tools.bench import Workbench
from lamplighter.tools.files import changes_data
from lamplighter.workspace import mcp_servers

if TYPE_CHECKING:
    from lamplighter.agent.budget import Ending
    from lamplighter.agent.journal import Journal
    from lamplighter.agent.loop import Task
    from lamplighter.config import Settings

APPROVAL_HOURS = 24
DRAFT_SECONDS = 0.2
"""How often what the model is saying is written down, at most."""

AWAITING = ("awaiting_approval", "awaiting_answer")
EXECUTE_MCP = "executeMcpTool"
OF_OWNERS = ("notify-user", "save-to-memory")
"""Tools that speak to an agent's owner, or to its later runs."""

CHANGED = "Not carried out: the agent has been changed since this was asked."
EXPIRED = f"Not carried out: nobody decided within {APPROVAL_HOURS} hours."


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a turn goes on from.

    Attributes:
        viewer: Whose chat it is.
        earlier: The turns before.
        decisions: What was decided about calls of the last of them.
        grants: The tools that are approved for the whole chat.
        keeper: The run that keeps what the files of the chat hold.
        labels: What has come into the earlier turns, and is before the model's eyes.
    """

    viewer: Caller
    earlier: list[Turn]
    decisions: list[Approval]
    grants: frozenset[str]
    keeper: str
    labels: frozenset[Label] = frozenset()

    @property
    def waits(self) -> bool:
        """Whether this turn goes on with calls of the one before."""
        return bool(self.earlier) and self.earlier[-1].outcome in AWAITING

    @property
    def files(self) -> dict[str, Any]:
        """The files as they were left."""
        return next((t.files for t in reversed(self.earlier) if t.files is not None), {})


def load_conversation(run: Run, engine: sa.Engine, settings: "Settings") -> Conversation:
    """What a turn goes on from, and who its viewer is now.

    Raises:
        NotFound: The chat was deleted.
        Forbidden: The viewer, or the agent's owner, may not use the workspace any more.
    """
    assert run.chat is not None
    assert run.viewer is not None
    viewer, owner = find_caller(settings, engine, run.viewer), owner_of(run.agent)
    if viewer is None or (owner and find_caller(settings, engine, owner) is None):
        raise Forbidden("this chat's viewer, or its agent's owner, may not use the workspace")
    with reading(engine) as connection:
        chat = find_chat(connection, run.chat, run.viewer)
        turns = list_turns(connection, chat.id)
        earlier = [turn for turn in turns if turn.run_id != run.id]
        before = earlier[-1].run_id if earlier else None
        first = next(turn for turn in turns if turn.number == (chat.parent_turn or 1))
        return Conversation(
            viewer=viewer,
            earlier=earlier,
            decisions=asked_by(connection, before) if before else [],
            grants=list_grants(connection, chat.id, run.created_at),
            keeper=first.run_id or run.id,
            labels=_labels(engine, earlier),
        )


def _labels(engine: sa.Engine, turns: Sequence[Turn]) -> frozenset[Label]:
    """What has come into turns; of a turn whose record is gone, nobody knows, so all."""
    found: set[Label] = set()
    for turn in turns:
        if turn.run_id is None:
            return frozenset(LABELS)
        kept = list_labels(engine, turn.run_id)
        found.update(label for label in LABELS if label in kept)
    return frozenset(found)


def viewing_scope(agent: Agent, viewer: Caller, engine: sa.Engine, settings: "Settings") -> Scope:
    """What an agent may see in a chat: what its viewer may see now, within its sources."""
    sources = set(settings.sources) if agent.all_sources else set(agent.sources)
    return viewer_scope(settings, engine, viewer.user).narrowed(Scope.organisation(sources))


def absent_tools(agent: Agent, viewer: Caller, home: Roster) -> dict[str, str]:
    """Those of an agent's tools that this viewer has no right to have called -> why."""
    if not home.settings.team:
        return {}
    found = {}
    servers = mcp_servers(home.settings)
    for_members = [name for name, server in servers.items() if server.members]
    for tool in agent.allowed_tools:
        kind, _, server = refer(tool)
        if tool in ORG_ONLY_TOOLS and not viewer.admin:
            found[tool] = "only admins may have it called"
        elif kind == "mcp" and not viewer.admin and server not in for_members:
            found[tool] = f"the MCP server {server!r} is not for members"
        elif tool in OF_OWNERS and not home.may_change(viewer, agent.name):
            found[tool] = "it is for those who may change the agent"
    return found


def as_approved(policy: Policy, *, by_owner: bool) -> Policy:
    """A policy for effects that the viewer has approved already, each by itself.

    What it would hold until the agent's owner decides happens if that is the viewer; else it is
    refused, since a chat is not for the owner to look into.
    """

    def judge(effect: Effect, payload: Mapping[str, Any]) -> Verdict:
        verdict = policy(effect, payload)
        if verdict.act != "hold":
            return verdict
        return PERFORM if by_owner else Verdict("refuse", f"in a chat, {verdict.reason}")

    return judge


def make_talk(
    run: Run,
    agent: Agent,
    conversation: Conversation,
    absent: Mapping[str, str],
    drafts: "Drafts",
    flow: Flow,
) -> Talk:
    """How this turn talks with its viewer."""

    def need(name: str, arguments: Mapping[str, Any]) -> Need:
        return _need(agent, conversation.grants, flow, name, arguments)

    def tell(journal: "Journal", asked: Asked) -> None:
        _tell(run, journal, asked)

    viewer = conversation.viewer.user
    return Talk(
        history=[_messages(turn) for turn in conversation.earlier],
        waits=conversation.waits,
        decided={each.call: _refusal(agent, each) for each in conversation.decisions},
        viewer=viewer if "@" in viewer else "the owner of this workspace",
        absent=absent,
        need=need,
        draft=drafts,
        tell=tell,
    )


@dataclass
class Drafts:
    """Writes down what the model is saying, now and then, for whoever watches.

    Attributes:
        request: The number of the model's request.
        text: All that was said in it.
        written_at: When it was last written down, in seconds of the monotonic clock.
    """

    engine: sa.Engine
    worker: str
    run_id: str
    request: int = 0
    text: str = ""
    written_at: float = 0.0

    async def __call__(self, request: int, text: str) -> None:
        """Keep what was said so far in the request of that number."""
        self.request, self.text = request, text
        if clock.monotonic() - self.written_at < DRAFT_SECONDS:
            return
        self.written_at = clock.monotonic()
        # The last word is held back: a secret is only known by its whole.
        told = redact(text[: _end_of_words(text)])
        if not told:
            return
        draft = {"request": request, "text": told}
        await asyncio.to_thread(write_draft, self.engine, self.worker, self.run_id, draft)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn that has begun: what its end is told by.

    Attributes:
        task: Its work.
        talk: What it adds and asks.
        drafts: What the model is just saying.
        bench: Where its files are.
    """

    task: "Task"
    talk: Talk
    drafts: Drafts
    bench: Workbench

    def stop(self, journal: "Journal") -> None:
        """Keep what the model was saying when it was stopped: its viewer has heard it."""
        drafts = self.drafts
        if not drafts.text or drafts.request <= self.task.budget.requests:
            return
        self.talk.added += assistant_messages(drafts.text)
        usage = dict.fromkeys(("input_tokens", "output_tokens", "seconds"), 0)
        said = {"role": "assistant", "content": drafts.text, "request": drafts.request}
        journal.event(f"request:{drafts.request}", "message", said | usage | {"stopped": True})


def finish_turn(
    connection: sa.Connection, run: Run, ending: "Ending", spoken: Spoken | None, now: datetime
) -> None:
    """Write what a turn has left, and what it asks; in the transaction that ends its run."""
    added = spoken.talk.added if spoken else []
    if not added and run.message:
        added = user_messages(run.message)
    end_turn(
        connection,
        run.id,
        outcome=ending.outcome,
        answer=redact(ending.summary),
        messages=redact_data(added),
        files=changes_data({**spoken.bench.run_files.entries}) if spoken else None,
    )
    done = answered_calls(added)
    used = [each for each in used_by(connection, run.id) if each.state == "approved"]
    carried_out = [each.id for each in used if each.call in done]
    change_approvals(connection, carried_out, state="completed")
    if spoken and ending.outcome == "awaiting_approval":
        asked = [each for each in spoken.talk.asked if each.kind == "approval"]
        add_approvals(connection, [_approval(run, spoken.task.agent, each, now) for each in asked])


def questions_of(turn: Turn, approvals: list[Approval]) -> list[str]:
    """The calls that a turn has ended with and that wait for an answer in words."""
    asked = {each.call for each in approvals}
    return [call for call in open_calls(turn.messages or []) if call not in asked]


def _messages(turn: Turn) -> list[Any]:
    """What a turn has added; of one that could not begin, what its viewer said."""
    if turn.messages is None:
        return user_messages(turn.message) if turn.message else []
    return turn.messages


def _need(
    agent: Agent, grants: frozenset[str], flow: Flow, name: str, arguments: Mapping[str, Any]
) -> Need:
    known = agent.tool_names.get(name)
    if known is None:
        return "nothing"  # there is no such tool, as it will be told
    if is_question(known):
        return "answer"
    if known == SPAWN or refer(known).kind == "agent":
        return "nothing"  # those that are called in a chat only read
    reaches = nature_of(known, network=bool(agent.network)).reaches
    # What was granted once for all is asked again when strangers could be the ones who want it.
    granted = _action(known, arguments) in grants and not (
        reaches == "outside" and flow.is_untrusted
    )
    return "nothing" if reaches == "nothing" or granted else "approval"


def _action(known: str, arguments: Mapping[str, Any]) -> str:
    """What exactly is approved: of the tool that calls servers' tools, the one it is to call."""
    if known != EXECUTE_MCP:
        return known
    return f"{MCP}{arguments.get('serverName')}/{arguments.get('toolName')}"


def _refusal(agent: Agent, approval: Approval) -> str | None:
    """Why a call is not to be carried out; ``None`` if it is."""
    known = agent.tool_names.get(approval.name)
    if approval.state == "expired":
        return EXPIRED
    if approval.state == "denied":
        return f"Denied: {approval.reason}" if approval.reason else "Denied."
    if known is None or _action(known, approval.arguments) != approval.tool:
        return CHANGED
    return None


def _tell(run: Run, journal: "Journal", asked: Asked) -> None:
    told = {"tool_call_id": asked.call, "tool": asked.name}
    if asked.kind == "answer":
        journal.event(f"question:{asked.call}", "question", told | asked.arguments)
        return
    id = approval_id(run.id, asked.call)
    data = told | {"approval": id, "arguments": asked.arguments}
    journal.event(f"approval:{asked.call}", "approval", data)


def _approval(run: Run, agent: Agent, asked: Asked, now: datetime) -> Approval:
    assert run.chat is not None
    assert run.viewer is not None
    return Approval(
        id=approval_id(run.id, asked.call),
        chat=run.chat,
        run_id=run.id,
        call=asked.call,
        tool=_action(agent.tool_names[asked.name], asked.arguments),
        name=asked.name,
        arguments=redact_data(asked.arguments),
        asked=run.viewer,
        created_at=now,
        expires_at=now + timedelta(hours=APPROVAL_HOURS),
    )


def _end_of_words(text: str) -> int:
    """Where the last thing ends that cannot be a part of something longer."""
    end = len(text)
    while end and text[end - 1].isascii() and not text[end - 1].isspace():
        end -= 1
    return end
