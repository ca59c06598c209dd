"""The one way out of a run: effects, exactly as often as they were meant.

An effect changes the world outside the run. Its intent is written first, unique by run and tool
call; then it is performed; then its receipt is written. A process may die between any two of
these. So an intent without a receipt says that nobody knows: the effect is performed again only
where the far side makes that harmless; otherwise it is *uncertain*, and model and people are told.

Whether an effect happens at all is for a ``Policy`` to say, before it is intended: it may also be
held until a person approves it, staged (recorded, and no more), or refused.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from lamplighter import clock
from lamplighter.definitions.effects import PERFORM, Mode, Verdict, of_mode, strictest
from lamplighter.definitions.flow import Flow
from lamplighter.definitions.links import find_links
from lamplighter.definitions.pages import Pages
from lamplighter.errors import ToolFailed, Unconfirmed
from lamplighter.store.outbox import (
    Entry,
    Quota,
    State,
    add_intent,
    doubt_intents,
    find_entry,
    new_intent,
    settle,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

INTERRUPTED = "interrupted before its receipt was written"
IN_WORKSPACE = frozenset({"write", "folder", "move", "remove", "command"})
"""Kinds of effects that change the workspace's files, which nobody takes for trusted anyway."""

TELLING = frozenset({"email", "webhook", "mcp"})
"""Kinds of effects that show somebody else addresses."""

REPEATABLE = timedelta(hours=12)
"""How long an interrupted effect may be repeated, where it may: far sides forget keys in a day."""


class Effect(Protocol):
    """Something that a tool call does to the world.

    Attributes:
        kind: What kind of effect, such as ``file``.
        destination: Where it goes, for people.
        fixed: Whether the trusted side, not the model, has chosen where it goes.
        deduplicates: Whether performing it twice is the same as performing it once.
        done: What the model is told when it has happened; ``None``: the receipt.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102 - told above
    @property
    def destination(self) -> str: ...  # noqa: D102 - told above
    @property
    def fixed(self) -> bool: ...  # noqa: D102 - told above
    @property
    def deduplicates(self) -> bool: ...  # noqa: D102 - told above
    @property
    def done(self) -> str | None: ...  # noqa: D102 - told above

    def prepare(self) -> Mapping[str, Any]:
        """The payload: all that ``act`` needs, as JSON; contents by their SHA-256.

        Raises:
            ToolFailed: It makes no sense; nothing is intended then.
        """
        ...

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do it, by the payload alone, which may stem from an earlier process; give the receipt.

        Raises:
            Unconfirmed: Nobody can tell whether it has happened; the run goes on.
            ToolFailed: It has certainly not happened. After any other error nobody knows; the
                effect is uncertain when its run ends, which an unforeseen error does at once.
        """
        ...


Policy = Callable[[Effect, Mapping[str, Any]], Verdict]
"""Judges an effect by itself and its payload. It is asked once for each, in some thread; an effect
that was held and then approved is not judged again."""


def follow_mode(mode: Mode) -> Policy:
    """The policy that is nothing but an agent's mode of effects."""
    return lambda effect, _payload: of_mode(mode, effect.kind)


def follow_flow(flow: Flow, pages: Pages | None = None) -> Policy:
    """The policy that holds what could be done for somebody whose words the run has read.

    Args:
        flow: What has come in.
        pages: The addresses that the agent's file has fixed; ``None``: a person sees each effect
            beforehand, and so what addresses it has.
    """

    def judge(effect: Effect, payload: Mapping[str, Any]) -> Verdict:
        if effect.kind in IN_WORKSPACE:
            return PERFORM
        links = set[str]()
        if pages is not None and effect.kind in TELLING:
            tell: Callable[[Any], set[str]] = getattr(effect, "links", find_links)
            links = {link for link in tell(payload) if not pages.fixes(link)}
        why = flow.objection(acts=True, fixed=effect.fixed, links=links)
        return Verdict("hold", why) if why else PERFORM

    return judge


def all_of(*policies: Policy) -> Policy:
    """The policy that lets happen only what each of these does; the strictest counts."""
    return lambda effect, payload: strictest(*(policy(effect, payload) for policy in policies))


def allow(_effect: Effect, _payload: Mapping[str, Any]) -> Verdict:
    """The policy that lets everything happen."""
    return PERFORM


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an effect: what a tool gives to the loop.

    Attributes:
        entry: As it stands in the outbox.
        done: What the model is told if it has happened; ``None``: the receipt.
    """

    entry: Entry
    done: str | None

    @property
    def answer(self) -> dict[str, Any]:
        """JSON: ``result`` or ``error``, what the model is told; ``effect``, for the record."""
        entry = self.entry
        is_at_work = entry.state == "intended" and entry.worker  # approved meanwhile
        told: dict[str, Any] = {"error": entry.error or entry.reason or ""}
        match entry.state:
            case "sent":
                told = {"result": entry.receipt if self.done is None else self.done}
            case _ if entry.state in ("held", "approved") or is_at_work:
                told = {"result": f"held: {self._what} waits for a person's approval. {_HELD}"}
            case "staged":
                told = {"result": f"staged: {self._what} was recorded, and not done. {_STAGED}"}
            case "refused":
                told = {"error": f"Refused: {entry.reason}. It has not happened."}
            case "intended" | "uncertain":
                told = {"error": f"It is uncertain whether this happened: {self._trouble}"}
        return told | {"effect": effect_data(entry)}

    @property
    def _what(self) -> str:
        return f"this ({self.entry.kind} to {self.entry.destination})"

    @property
    def _trouble(self) -> str:
        return (
            f"{self.entry.kind} to {self.entry.destination}: {self.entry.error}. It was not "
            "repeated. Do not assume that it happened or that it did not, do not try it again, "
            "and say so in your report."
        )


_HELD = (
    "It has not happened yet. They decide later, when this run has ended: do not wait for it, do "
    "not try it again, go on, and say in your report that it waits."
)
_STAGED = (
    "This is a rehearsal in which nothing leaves: go on as if it had happened, and do not try it "
    "again."
)


@dataclass(frozen=True, slots=True)
class Outbox:
    """The way out of one run.

    Attributes:
        engine: The workspace's database.
        run_id: The run.
        worker: The process that carries it out. Once that is another, nothing new is intended.
        agent: The agent whose calls these are: the run's, or one that was called in it.
        within: What keys of calls begin with, for an agent that was called in the run.
        policy: Says what may happen.
        calls: Those that have intended something in this process, or may have.
    """

    engine: "Engine"
    run_id: str
    worker: str
    agent: str = ""
    within: str = ""
    policy: Policy = field(default=allow)
    calls: set[str] = field(default_factory=set)

    async def perform(self, call: str, effect: Effect, *, quota: Quota | None = None) -> Outcome:
        """Perform an effect unless this tool call has done so; never blindly a second time.

        Args:
            call: The tool call, unique within the run and the same after a restart.
            effect: What to do. After a restart the payload that was intended counts, no new one,
                and what the policy said of it then.
            quota: How many of this kind there may be.

        Raises:
            ToolFailed: The effect makes no sense, or is one too many, so nothing was intended.
            Conflict: The run is carried out by another process, so nothing was intended.
        """
        call = f"{self.within}{call}"
        self.calls.add(call)
        entry, is_new = await asyncio.to_thread(self._intend, call, effect, quota)
        if entry.state == "intended" and entry.worker is None:
            entry = await go_on(self.engine, entry, effect, is_new=is_new)
        return Outcome(entry, effect.done)

    def knows(self, call: str) -> bool:
        """Whether a tool call has intended something already, before a restart."""
        return find_entry(self.engine, self.run_id, f"{self.within}{call}") is not None

    def give_up(self) -> list[Entry]:
        """End all doubts of a run that ends, as uncertain; gives what has no receipt."""
        return doubt_intents(self.engine, self.worker, self.run_id, INTERRUPTED)

    def _intend(self, call: str, effect: Effect, quota: Quota | None) -> tuple[Entry, bool]:
        """The intent of a tool call, and whether it is new."""
        earlier = find_entry(self.engine, self.run_id, call)
        if earlier is None:
            payload = effect.prepare()
            verdict = self.policy(effect, payload)
            intent = new_intent(
                self.run_id,
                call,
                effect.kind,
                effect.destination,
                payload,
                agent=self.agent,
                verdict=verdict,
            )
            if add_intent(self.engine, self.worker, intent, quota):
                return intent, True
            earlier = find_entry(self.engine, self.run_id, call)
            assert earlier is not None
        return earlier, False


async def go_on(engine: "Engine", entry: Entry, effect: Effect, *, is_new: bool) -> Entry:
    """Bring an intent to its end: act, or, if an earlier process may have, do so only if harmless.

    Args:
        engine: The workspace's database.
        entry: Intended, by this process alone.
        effect: What acts on its payload.
        is_new: Whether nobody can have acted yet, since it was intended or was to be done again.
    """
    if not is_new:
        is_recent = clock.now() - entry.updated_at < REPEATABLE
        if not (effect.deduplicates and is_recent):
            return await _settle(engine, entry, "uncertain", error=INTERRUPTED)
    try:
        receipt = await effect.act(entry.payload)
    except Unconfirmed as error:
        return await _settle(engine, entry, "uncertain", error=str(error))
    except ToolFailed as error:
        # Of an earlier attempt nobody knows, even if this one has certainly failed.
        in_doubt = not is_new or entry.again_after == "uncertain"
        state: State = "uncertain" if in_doubt else "failed"
        return await _settle(engine, entry, state, error=str(error))
    return await _settle(engine, entry, "sent", receipt=receipt)


async def _settle(engine: "Engine", entry: Entry, state: State, **came: Any) -> Entry:
    return await asyncio.to_thread(settle, engine, entry.id, state, **came)


def effect_data(entry: Entry) -> dict[str, Any]:
    """An effect as the data of the event that tells of it."""
    data = {
        "id": entry.id,
        "call": entry.call,
        "effect": entry.kind,
        "destination": entry.destination,
        "state": entry.state,
        "reason": entry.reason or None,
        "receipt": entry.receipt,
        "error": entry.error,
    }
    return {key: value for key, value in data.items() if value is not None}
