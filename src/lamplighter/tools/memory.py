"""``remember`` and ``recall``: what an agent notes for its later runs, with the labels of each."""

# ruff: noqa: D417 - the model reads these docstrings, and gives no ctx

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_ai import Tool

from lamplighter import clock
from lamplighter.definitions.nature import LABELS
from lamplighter.errors import InvalidInput, ToolFailed
from lamplighter.outbox import Outcome
from lamplighter.store.events import list_labels
from lamplighter.store.notes import Note, check_note, list_notes, write_note
from lamplighter.store.runs import find_last_report
from lamplighter.terms import index_terms
from lamplighter.tools.bench import Context, Memory, call_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

SHOWN_CHARACTERS = 30_000
"""Of notes that one ``recall`` gives whole; of those beyond only the topics."""

NONE = "This run has no memory: it was started by another agent, or in a conversation."


@dataclass(frozen=True, slots=True)
class Noting:
    """A note, written once."""

    engine: "Engine"
    agent: str
    topic: str
    note: str
    labels: frozenset[str]
    origin: str
    kind = "memory"
    fixed = True
    deduplicates = True
    done = "Noted."

    @property
    def destination(self) -> str:
        """Whose memory, and the topic."""
        return f"memory of {self.agent}" + (f": {self.topic}" if self.topic else "")

    def prepare(self) -> dict[str, Any]:
        """The note, with the labels that the run has at this moment."""
        try:
            check_note(self.topic, self.note)
        except InvalidInput as error:
            raise ToolFailed(str(error)) from error
        return {
            "agent": self.agent,
            "topic": self.topic,
            "text": self.note,
            "labels": sorted(self.labels),
            "origin": self.origin,
        }

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write it."""
        return await asyncio.to_thread(self._write, payload)

    def _write(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            with self.engine.begin() as connection:
                note = write_note(connection, **payload, now=clock.now())
        except InvalidInput as error:
            raise ToolFailed(str(error)) from error
        return {"topic": note.topic, "version": note.version}


@dataclass(frozen=True, slots=True)
class Recalled:
    """What an agent knows, and what its writers had taken in when they wrote it."""

    result: Any
    labels: frozenset[str]

    @property
    def answer(self) -> dict[str, Any]:
        """JSON: ``result``; ``labels``, which come into the run with it."""
        return {"result": self.result, "labels": sorted(self.labels)}


async def remember(ctx: Context, note: str, topic: str = "") -> Outcome:
    """Note something for your later runs.

    Args:
        note: What to remember, whole: it replaces what you have noted under the same topic.
        topic: A few words by which you find it again, like: open invoices.
    """
    bench = ctx.deps
    memory = _require(bench.memory)
    origin = f"{bench.outbox.run_id}/{bench.outbox.within}{call_of(ctx)}"
    labels = frozenset(bench.flow.labels)
    effect = Noting(memory.engine, memory.agent, topic.strip(), note, labels, origin)
    return await bench.outbox.perform(call_of(ctx), effect)


async def recall(ctx: Context, query: str = "") -> Recalled:
    """Read what you have noted in earlier runs, and what the last one has reported.

    Args:
        query: Words to look for in your notes; empty gives all of them, and the last report.
    """
    memory = _require(ctx.deps.memory)
    return await asyncio.to_thread(_recall, memory, query)


def _recall(memory: Memory, query: str) -> Recalled:
    notes = list_notes(memory.engine, memory.agent)
    if query.strip():
        notes = _matching(notes, query)
        if not notes:
            return Recalled("You have no such notes.", frozenset())
        return Recalled(_shown(notes), _labels(notes))
    result, labels = _shown(notes), _labels(notes)
    if last := find_last_report(memory.engine, memory.agent, but=memory.run_id):
        at = last.finished_at or last.created_at
        result["last_report"] = {"at": _moment(at), "summary": last.summary}
        # Another program's record does not say what had come into its run.
        is_ours = last.trigger != "imported"
        labels |= list_labels(memory.engine, last.id) if is_ours else frozenset(LABELS)
    return Recalled(result, labels) if notes or last else Recalled(
        "You have noted nothing yet, and reported nothing.", frozenset()
    )  # fmt: skip


def _matching(notes: Iterable[Note], query: str) -> list[Note]:
    """Those that share a word with the query; those with most first, else the newest."""
    wanted = set(index_terms(query))
    found = [(len(wanted & set(index_terms(f"{note.topic} {note.text}"))), note) for note in notes]
    found = sorted((each for each in found if each[0]), key=lambda each: -each[0])
    return [note for _count, note in found]


def _shown(notes: Iterable[Note]) -> dict[str, Any]:
    shown: list[dict[str, Any]] = []
    more: list[str] = []
    size = 0
    for note in notes:
        size += len(note.text)
        if size > SHOWN_CHARACTERS and shown:
            more.append(note.topic)
        else:
            shown.append({"topic": note.topic, "at": _moment(note.at), "note": note.text})
    return {"notes": shown, **({"more_topics": more} if more else {})}


def _labels(notes: Iterable[Note]) -> frozenset[str]:
    return frozenset(label for note in notes for label in note.labels)


def _moment(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _require(memory: Memory | None) -> Memory:
    if memory is None:
        raise ToolFailed(NONE)
    return memory


TOOLS: dict[str, Tool[Any]] = {
    "recall": Tool(recall, docstring_format="google"),
    "remember": Tool(remember, docstring_format="google", sequential=True),
}
