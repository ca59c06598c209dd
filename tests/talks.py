"""Chats whose turns are carried out here, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lamplighter.accounts import OWNER_ID, Caller
from lamplighter.engine import chat as chats
from lamplighter.engine.chat import Dialogue
from lamplighter.engine.holder import Holder, hold, making_rounds
from lamplighter.roster import Roster
from lamplighter.store.events import Event, list_events
from lamplighter.store.outbox import Entry, list_entries
from lamplighter.testing import Workspace

PATIENCE_SECONDS = 60
OWNER = Caller(OWNER_ID, admin=True)
TOOLS = "[list_documents, read_document, read_file, write_file, deliver_file, ask-human]"
HELPER = f"---\nmodel: scripted:script.yaml\nsources: [notes]\ntools: {TOOLS}\n---\nHelp."


@dataclass(frozen=True)
class Talks:
    """Somebody who chats in a workspace."""

    workspace: Workspace
    caller: Caller = OWNER

    @property
    def home(self) -> Roster:
        return Roster(self.workspace.settings, self.workspace.engine)

    async def begin(self, message: str, agent: str = "helper") -> Dialogue:
        """A new chat, once its first turn has ended."""
        begun = await asyncio.to_thread(chats.begin_chat, self.home, self.caller, agent, message)
        return await self.settled(begun.chat.id)

    async def say(self, chat: str, message: str) -> Dialogue:
        await asyncio.to_thread(chats.say, self.home, self.caller, chat, message)
        return await self.settled(chat)

    async def decide(self, said: Dialogue, decision: chats.Decision, reason: str = "") -> Dialogue:
        """Decide about what waits first; the chat, once what follows has ended."""
        first = said.pending[0].id
        await asyncio.to_thread(chats.decide, self.home, self.caller, first, decision, reason)
        return await self.settled(said.chat.id)

    async def settled(self, chat: str) -> Dialogue:
        """A chat, once nothing is under way in it."""
        await until(lambda: not self.read(chat).running)
        return self.read(chat)

    def read(self, chat: str) -> Dialogue:
        return chats.read_chat(self.home, self.caller, chat)

    def told(self, said: Dialogue, *, turn: int = -1) -> list[Event]:
        """The record of a turn, by default the last one."""
        run_id = said.turns[turn].run_id
        assert run_id is not None
        return list_events(self.workspace.engine, run_id)

    def results(self, said: Dialogue, *, turn: int = -1) -> str:
        """What tools have answered in a turn."""
        return "\n".join(
            str(event.data) for event in self.told(said, turn=turn) if event.kind == "tool_result"
        )

    def effects(self) -> list[Entry]:
        return list_entries(self.workspace.engine)


async def until(probe: Callable[[], object]) -> None:
    """Wait until ``probe`` is true; others change the database and tell nobody."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await asyncio.to_thread(probe):  # noqa: ASYNC110 - it is told nothing
            await asyncio.sleep(0.01)


@asynccontextmanager
async def working(workspace: Workspace) -> AsyncIterator[Holder]:
    """Let what is asked for be carried out while the block runs."""
    async with hold(workspace.settings, fires=False) as holder, making_rounds(holder):
        yield holder
