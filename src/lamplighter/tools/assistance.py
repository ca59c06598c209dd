"""Rowboat's tools beside files: people, skills, memory."""

# ruff: noqa: D417 - the model reads these docstrings, gives no ctx, and knows these names

import asyncio
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_ai import Tool

from lamplighter import clock
from lamplighter.definitions.markdown import MAX_SIZE_BYTES
from lamplighter.definitions.skill import FILE, Skill, read_skill
from lamplighter.errors import InvalidInput, ToolFailed
from lamplighter.outbox import Outcome
from lamplighter.store.notes import append_note
from lamplighter.store.notices import add_notice
from lamplighter.tools import tree
from lamplighter.tools.bench import Context, Memory, Workbench, call_of
from lamplighter.tools.files import MAX_FILE_BYTES
from lamplighter.tools.places import Spot

if TYPE_CHECKING:
    from sqlalchemy import Engine

MEMORY = "memory"
"""The workspace's folder of what agents have noted for themselves, a file for each."""

ASK = "ask-human"
SKILLS = ("skills", "~/.agents/skills")
SAVED = "saved"
"""The topic of these notes for ``recall``."""
MAX_NOTE_CHARACTERS = 10_000
NOBODY = (
    "Nobody is there to answer: this is a background run. Decide for yourself and say in your "
    "report what you assumed; if you cannot go on without an answer, call needs_attention."
)


def is_question(tool: str) -> bool:
    """Whether a tool asks a person. In a chat somebody is there, so the turn ends with it."""
    return tool == ASK


def ask_human(
    ctx: Context,
    question: str,
    options: list[str] | None = None,
    multiSelect: bool = False,
) -> dict[str, Any]:
    """Ask the person that you work for, if somebody is there.

    Args:
        question: What to ask.
        options: Answers to choose from.
        multiSelect: Whether several may be chosen.
    """
    return {"available": False, "message": NOBODY}


async def load_skill(ctx: Context, skillName: str) -> dict[str, Any]:
    """Read how something is done.

    Args:
        skillName: The skill's name.
    """
    skills = await asyncio.to_thread(lambda: dict(_skills(ctx.deps.settings.workspace)))
    for folder, skill in skills.items():
        if skillName in (folder, skill.name):
            tools = {"tools": list(skill.tools)} if skill.tools else {}
            return {"success": True, "skillName": skill.name, "content": skill.body, **tools}
    known = ", ".join(f"{skill.name} ({skill.description})" for skill in skills.values())
    raise ToolFailed(f"there is no skill {skillName!r}. Skills: {known or 'none'}")


async def notify_user(ctx: Context, message: str, title: str | None = None) -> Outcome:
    """Leave a notice for the person that you work for.

    Args:
        message: What they should know.
        title: A few words before it.
    """
    bench = ctx.deps
    key = f"message:{bench.outbox.run_id}:{bench.outbox.within}{call_of(ctx)}"
    text = f"{title}: {message}" if title else message
    effect = Notify(bench.outbox.engine, bench.destination.agent, key, text)
    return await bench.outbox.perform(call_of(ctx), effect)


async def save_to_memory(ctx: Context, note: str) -> Outcome:
    """Note something for later runs.

    Args:
        note: What to remember.
    """
    bench = ctx.deps
    mark = f"{bench.outbox.run_id}/{bench.outbox.within}{call_of(ctx)}"
    spot = memory_of(bench.settings.workspace, bench.destination.agent)
    labels = tuple(sorted(bench.flow.labels))
    effect = Remember(spot, note, mark, labels, bench.memory)
    return await bench.outbox.perform(call_of(ctx), effect)


@dataclass(frozen=True, slots=True)
class Notify:
    """A notice, left once."""

    engine: "Engine"
    agent: str
    key: str
    text: str
    kind = "notice"
    fixed = True
    destination = "the owner"
    deduplicates = True
    done = "The notice is there."

    def prepare(self) -> dict[str, Any]:
        """What it says."""
        if not self.text.strip() or len(self.text) > MAX_NOTE_CHARACTERS:
            raise ToolFailed(f"a notice has from 1 to {MAX_NOTE_CHARACTERS} characters")
        return {"key": self.key, "message": self.text}

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Leave it."""
        await asyncio.to_thread(self._leave, payload)
        return {}

    def _leave(self, payload: Mapping[str, Any]) -> None:
        with self.engine.begin() as connection:
            add_notice(
                connection,
                "message",
                payload["key"],
                f"{self.agent} says: {payload['message']}",
                now=clock.now(),
                agent=self.agent,
            )


@dataclass(frozen=True, slots=True)
class Remember:
    """A note at the end of the agent's file of notes, written there once, and into its memory."""

    spot: Spot
    note: str
    mark: str
    labels: tuple[str, ...] = ()
    memory: Memory | None = None
    kind = "note"
    fixed = True
    deduplicates = True
    done = "Noted."

    @property
    def destination(self) -> str:
        """The file."""
        return self.spot.shown

    def prepare(self) -> dict[str, Any]:
        """The entry as it will stand there."""
        if not self.note.strip() or len(self.note) > MAX_NOTE_CHARACTERS:
            raise ToolFailed(f"a note has from 1 to {MAX_NOTE_CHARACTERS} characters")
        text = " ".join(self.note.split())
        at = f"{clock.now():%Y-%m-%d %H:%M} UTC"
        return {
            "entry": f"- {at}: {text} <!-- {self.mark} -->\n",
            "line": f"{at}: {text}",
            "labels": list(self.labels),
            "origin": self.mark,
        }

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Append it, unless it is there."""
        receipt = await asyncio.to_thread(self._append, payload["entry"])
        if self.memory is not None:
            await asyncio.to_thread(self._note, self.memory, payload)
        return receipt

    def _note(self, memory: Memory, payload: Mapping[str, Any]) -> None:
        with memory.engine.begin() as connection:
            append_note(
                connection,
                memory.agent,
                SAVED,
                payload["line"],
                labels=payload["labels"],
                origin=payload["origin"],
                now=clock.now(),
            )

    def _append(self, entry: str) -> Mapping[str, Any]:
        found = tree.examine(self.spot)
        title = f"# Notes of {self.spot.shown.removeprefix(MEMORY + '/').removesuffix('.md')}"
        text = f"{title}\n\nWritten by the agent in its runs; nobody has checked them.\n\n"
        if found is not None:
            text = tree.read_bytes(self.spot)[0].decode("utf-8", errors="replace")
        if f"<!-- {self.mark} -->" not in text:
            content = f"{text.rstrip()}\n{entry}" if found else text + entry
            if len(content) > MAX_FILE_BYTES:
                raise ToolFailed(f"{self.spot.shown} is full")
            etag = found.etag if found else None
            tree.write_bytes(self.spot, content.encode(), expected_etag=etag)
        return {"path": self.spot.shown}


def memory_of(workspace: Path, agent: str) -> Spot:
    """The file of an agent's notes."""
    *folders, name = agent.split("/")
    parts = (MEMORY, *folders, f"{name}.md")
    return Spot(workspace.resolve(), parts, "/".join(parts), inside=True)


def _skills(workspace: Path) -> Iterator[tuple[str, Skill]]:
    """The skills by their folders; the workspace's own win."""
    seen: set[str] = set()
    for place in SKILLS:
        top = workspace / Path(place).expanduser()
        for folder in sorted(top.iterdir()) if top.is_dir() else ():
            if folder.name not in seen and (skill := _read(folder)):
                seen.add(folder.name)
                yield folder.name, skill


def _read(folder: Path) -> Skill | None:
    file = folder / FILE
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_SIZE_BYTES:
            return None
        return read_skill(file.read_text("utf-8"), folder.name)
    except (OSError, InvalidInput, UnicodeDecodeError):
        return None


TOOLS: dict[str, Tool[Workbench]] = {
    tool.name: tool
    for tool in (
        Tool(ask_human, name=ASK, docstring_format="google"),
        Tool(load_skill, name="loadSkill", docstring_format="google"),
        Tool(notify_user, name="notify-user", docstring_format="google", sequential=True),
        Tool(save_to_memory, name="save-to-memory", docstring_format="google", sequential=True),
    )
}
