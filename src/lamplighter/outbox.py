"""The one way out of a run: effects, exactly as often as they were meant.

An effect changes the world outside the run. Its intent is written first, unique by run and tool
call; then it is performed; then its receipt is written. A process may die between any two of
these. So an intent without a receipt says that nobody knows: the effect is performed again only
where the far side makes that harmless; otherwise it is *uncertain*, and model and people are told.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lamplighter.errors import ToolFailed, Unconfirmed
from lamplighter.store.outbox import (
    Entry,
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


class Effect(Protocol):
    """Something that a tool call does to the world.

    Attributes:
        kind: What kind of effect, such as ``file``.
        destination: Where it goes, for people.
        deduplicates: Whether performing it twice is the same as performing it once.
        done: What the model is told when it has happened; ``None``: the receipt.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102 - told above
    @property
    def destination(self) -> str: ...  # noqa: D102 - told above
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
        told: dict[str, Any] = {"error": self._trouble}
        if self.entry.state == "sent":
            told = {"result": self.entry.receipt if self.done is None else self.done}
        return told | {"effect": effect_data(self.entry)}

    @property
    def _trouble(self) -> str:
        entry = self.entry
        if entry.state == "failed":
            return entry.error or ""
        return (
            f"It is uncertain whether this happened ({entry.kind} to {entry.destination}): "
            f"{entry.error}. It was not repeated. Do not assume that it happened or that it did "
            "not, do not try it again, and say so in your report."
        )


@dataclass(frozen=True, slots=True)
class Outbox:
    """The way out of one run.

    Attributes:
        engine: The workspace's database.
        run_id: The run.
        worker: The process that carries it out. Once that is another, nothing new is intended.
        within: What keys of calls begin with, for an agent that was called in the run.
    """

    engine: "Engine"
    run_id: str
    worker: str
    within: str = ""

    async def perform(self, call: str, effect: Effect) -> Outcome:
        """Perform an effect unless this tool call has done so; never blindly a second time.

        Args:
            call: The tool call, unique within the run and the same after a restart.
            effect: What to do. After a restart the payload that was intended counts, no new one.

        Raises:
            ToolFailed: The effect makes no sense, so nothing was intended.
            Conflict: The run is carried out by another process, so nothing was intended.
        """
        entry, is_new = await asyncio.to_thread(self._intend, f"{self.within}{call}", effect)
        if is_new or (entry.state == "intended" and effect.deduplicates):
            entry = await self._act(entry, effect, is_new)
        elif entry.state == "intended":
            entry = await self._settle(entry, "uncertain", error=INTERRUPTED)
        return Outcome(entry, effect.done)

    def knows(self, call: str) -> bool:
        """Whether a tool call has intended something already, before a restart."""
        return find_entry(self.engine, self.run_id, f"{self.within}{call}") is not None

    def give_up(self) -> list[Entry]:
        """End all doubts of a run that ends, as uncertain; gives what has no receipt."""
        return doubt_intents(self.engine, self.worker, self.run_id, INTERRUPTED)

    def _intend(self, call: str, effect: Effect) -> tuple[Entry, bool]:
        """The intent of a tool call, and whether it is new."""
        earlier = find_entry(self.engine, self.run_id, call)
        if earlier is None:
            payload = effect.prepare()
            intent = new_intent(self.run_id, call, effect.kind, effect.destination, payload)
            if add_intent(self.engine, self.worker, intent):
                return intent, True
            earlier = find_entry(self.engine, self.run_id, call)
            assert earlier is not None
        return earlier, False

    async def _act(self, entry: Entry, effect: Effect, is_first: bool) -> Entry:
        try:
            receipt = await effect.act(entry.payload)
        except Unconfirmed as error:
            return await self._settle(entry, "uncertain", error=str(error))
        except ToolFailed as error:
            # Of an earlier attempt nobody knows, even if this one has certainly failed.
            state: State = "failed" if is_first else "uncertain"
            return await self._settle(entry, state, error=str(error))
        return await self._settle(entry, "sent", receipt=receipt)

    async def _settle(self, entry: Entry, state: State, **came: Any) -> Entry:
        return await asyncio.to_thread(settle, self.engine, entry.id, state, **came)


def effect_data(entry: Entry) -> dict[str, Any]:
    """An effect as the data of the event that tells of it."""
    data = {
        "id": entry.id,
        "call": entry.call,
        "effect": entry.kind,
        "destination": entry.destination,
        "state": entry.state,
        "receipt": entry.receipt,
        "error": entry.error,
    }
    return {key: value for key, value in data.items() if value is not None}
