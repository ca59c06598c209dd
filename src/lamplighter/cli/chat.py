"""``lamplighter chat``: talk with an agent."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.approval import approval_data
from lamplighter.cli.asker import identify_asker, token_option
from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table, printable
from lamplighter.cli.timeline import brief, iso
from lamplighter.errors import InvalidInput

if TYPE_CHECKING:
    from lamplighter.accounts import Caller
    from lamplighter.engine.chat import Decision, Dialogue
    from lamplighter.engine.following import Delta, Told
    from lamplighter.roster import Roster
    from lamplighter.store.chat_approvals import Approval
    from lamplighter.store.chats import Chat, Turn

ENDED_BADLY = 3
BAD = ("error", "stopped_by_limit", "cancelled")
LOOK_SECONDS = 0.1


@click.command()
@click.argument("agent", required=False)
@click.option("--message", "-m", help="Say this, show the answer, and end.")
@click.option("--chat", "chat_id", metavar="ID", help="Go on with this chat.")
@click.option("--list", "lists", is_flag=True, help="List your chats.")
@click.option("--json", "as_json", is_flag=True, help="With -m or --list: one JSON document.")
@token_option
@click.pass_obj
def command(  # noqa: PLR0913 - one for each option
    context: Context,
    agent: str | None,
    message: str | None,
    chat_id: str | None,
    lists: bool,
    as_json: bool,
    token: str | None,
) -> int:
    """Talk with AGENT. It sees what you may see, and asks before it changes anything.

    Ctrl-C stops an answer; Ctrl-D ends the conversation, which can be gone on with.

    \b
    Examples:
      lamplighter chat daily-digest
      lamplighter chat daily-digest -m "What is new?" --json
      lamplighter chat --chat 01J8 -m "And yesterday?"
      lamplighter chat --list

    Exit code 3: the answer ended badly.
    """
    home, caller = identify_asker(context, token, "read" if lists else "run")
    if lists:
        return _list(home, caller, agent, as_json)
    if as_json and message is None:
        raise InvalidInput("--json needs a message", hint="-m MESSAGE")
    talk = Talk(home, caller, quiet=as_json)
    with _carried_out(home):
        talk.open(agent, chat_id)
        if message is None:
            return talk.converse()
        talk.say(message)
    if as_json:
        print_json(dialogue_data(talk.read()))
    return ENDED_BADLY if talk.read().turns[-1].outcome in BAD else 0


@dataclass
class Talk:
    """A conversation on a terminal.

    Attributes:
        quiet: Whether nothing is to be shown while it goes on.
        chat: The chat's id.
        shown: How much of the message to come has been shown.
    """

    home: "Roster"
    caller: "Caller"
    quiet: bool = False
    chat: str = ""
    seen: tuple[int, int] = (1, 0)
    shown: str = ""

    def open(self, agent: str | None, chat_id: str | None) -> None:
        """Begin a chat with an agent, or go on with one."""
        from lamplighter.engine.chat import begin_chat, list_chats

        if chat_id:
            known = list_chats(self.home, self.caller, limit=1000)
            found = [each.id for each in known if each.id.endswith(chat_id.upper())]
            self.chat = found[0] if len(found) == 1 else chat_id
            turns = self.read().turns
            running = bool(turns) and turns[-1].outcome is None
            self.seen = (len(turns) if running else len(turns) + 1, 0)
            self._follow()
        elif agent:
            self.chat = begin_chat(self.home, self.caller, agent).chat.id
        else:
            raise InvalidInput("with whom? Give an AGENT, or --chat ID")

    def read(self) -> "Dialogue":
        """The chat as it is."""
        from lamplighter.engine.chat import read_chat

        return read_chat(self.home, self.caller, self.chat)

    def converse(self) -> int:
        """Until the person ends it."""
        click.echo(f"Chat {self.chat} with {printable(self.read().chat.agent)}", err=True)
        self._settle()
        while (message := _ask("> ")) is not None:
            if message.strip():
                self.say(message)
                self._settle()
        click.echo(f"Go on with: lamplighter chat --chat {self.chat}", err=True)
        return 0

    def say(self, message: str) -> None:
        """Say something, and show what comes of it."""
        from lamplighter.engine.chat import say

        say(self.home, self.caller, self.chat, message)
        self._follow()
        if not self.quiet and not sys.stdin.isatty():
            for each in self.read().pending:
                click.echo(f"Waits: lamplighter approval approve {each.id}", err=True)

    def _settle(self) -> None:
        """Ask about all that waits for a decision."""
        from lamplighter.engine.chat import decide

        while pending := self.read().pending:
            decision = _ask_approval(pending[0])
            if decision is None:
                click.echo("It waits. A message instead of a decision denies it.", err=True)
                return
            decide(self.home, self.caller, pending[0].id, *decision)
            self._follow()

    def _follow(self) -> None:
        """Show what happens until nothing is under way; Ctrl-C stops it."""
        from lamplighter.engine.following import Follower

        follower = Follower(self.home, self.caller, self.chat, *self.seen)
        while not follower.idle:
            try:
                for new in follower.look():
                    self._show(new)
                time.sleep(LOOK_SECONDS)
            except KeyboardInterrupt:
                self._stop()
        self.seen = (follower.turn, follower.seq)

    def _stop(self) -> None:
        from lamplighter.engine.chat import stop
        from lamplighter.errors import Conflict

        try:
            stop(self.home, self.caller, self.chat)
        except Conflict:
            return  # it has ended meanwhile

    def _show(self, new: "Told | Delta") -> None:
        from lamplighter.engine.following import Delta

        if self.quiet:
            return
        if isinstance(new, Delta):
            if new.offset == 0 and self.shown:
                click.echo()
            self.shown = (self.shown if new.offset else "") + new.text
            click.echo(printable_text(new.text), nl=False)
            return
        event, shown = new.event, self.shown
        text = _describe(event.kind, event.data)
        if shown and event.kind == "message":
            self.shown = ""
            whole = text or ""
            click.echo(printable_text(whole.removeprefix(shown)))  # after what was shown of it
        elif text:
            click.echo(printable_text(text), err=event.kind != "message")


def printable_text(text: str) -> str:
    """Text of several lines that cannot steer a terminal."""
    return "\n".join(printable(line) for line in text.split("\n"))


def dialogue_data(dialogue: "Dialogue") -> dict[str, Any]:
    """A chat as JSON data."""
    return {
        **_chat_data(dialogue.chat),
        "turns": [_turn_data(turn) for turn in dialogue.turns],
        "pending": [approval_data(each) for each in dialogue.pending],
    }


def _describe(kind: str, data: dict[str, Any]) -> str | None:
    """What is shown of an entry of the record."""
    match kind:
        case "message" if data["role"] == "assistant" and "subflow" not in data:
            return str(data["content"])
        case "tool_call":
            return f"  → {data['tool']} {brief(data['arguments'])}"
        case "tool_result" if "error" in data:
            return f"  ✗ {data['tool']}: {data['error']}"
        case "question":
            options = "".join(f"\n  - {option}" for option in data.get("options") or ())
            return f"{data.get('question', '?')}{options}"
        case "error":
            return f"  ✗ {data['error']}"
        case "finished" if data["outcome"] in ("stopped_by_limit", "cancelled"):
            return f"  ■ {data['summary']}"
    return None


def _ask(prompt: str) -> str | None:
    """A line that somebody types; ``None`` at the end of the input."""
    try:
        return input(prompt if sys.stdin.isatty() else "")
    except EOFError:
        return None


def _ask_approval(approval: "Approval") -> "tuple[Decision, str] | None":
    """What somebody types about a tool call; ``None``: nothing. A single key decides nothing."""
    click.echo(f"May it call {printable(approval.tool)}?", err=True)
    for name, value in approval.arguments.items():
        click.echo(f"  {printable(name)}: {printable_text(brief(value))}", err=True)
    while (answer := _ask("yes, chat (always in this chat), no [REASON], or later: ")) is not None:
        word, _, rest = answer.strip().partition(" ")
        match word.casefold():
            case "yes" if not rest:
                return "once", ""
            case "chat" if not rest:
                return "chat", ""
            case "no":
                return "deny", rest.strip()
            case "later" if not rest:
                return None
        click.echo("Type yes, chat, no or later.", err=True)
    return None


@contextmanager
def _carried_out(home: "Roster") -> Iterator[None]:
    """Where nobody serves the workspace, carry out here what is asked for."""
    from lamplighter.engine.control import wake_engine

    if wake_engine(home.engine, home.settings.state_dir):
        yield
        return
    holding = _Holding(home)
    holding.start()
    try:
        yield
    finally:
        holding.end()


class _Holding(threading.Thread):
    """Holds the workspace beside the terminal, which has the main thread for Ctrl-C."""

    def __init__(self, home: "Roster") -> None:
        super().__init__(name="holding", daemon=True)
        self.home = home
        self.ready = threading.Event()
        self.error: BaseException | None = None

    def start(self) -> None:
        """Begin, and wait until it works."""
        super().start()
        self.ready.wait()
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        """Until ``end``."""
        try:
            asyncio.run(self._hold())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for it
            self.error = error
        self.ready.set()

    def end(self) -> None:
        """Let go of the workspace."""
        self.loop.call_soon_threadsafe(self.over.set)
        self.join()

    async def _hold(self) -> None:
        from lamplighter.engine.holder import hold, making_rounds
        from lamplighter.sync import sync_all

        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        settings = self.home.settings
        async with hold(settings, fires=False) as holder:
            await asyncio.to_thread(sync_all, self.home.engine, settings)
            async with making_rounds(holder):
                self.ready.set()
                await self.over.wait()


def _list(home: "Roster", caller: "Caller", agent: str | None, as_json: bool) -> int:
    from lamplighter.engine.chat import list_chats

    found = list_chats(home, caller, agent=agent, limit=1000)
    if as_json:
        print_json([_chat_data(chat) for chat in found])
    elif not found:
        click.echo("There are no chats yet. Begin one: lamplighter chat AGENT")
    else:
        rows = [
            [chat.id, chat.agent, f"{chat.updated_at.astimezone():%Y-%m-%d %H:%M}", chat.title]
            for chat in found
        ]
        print_table(["chat", "agent", "used", "title"], rows)
    return 0


def _chat_data(chat: "Chat") -> dict[str, Any]:
    names = ("id", "agent", "title", "parent", "parent_turn")
    times = {"created_at": iso(chat.created_at), "updated_at": iso(chat.updated_at)}
    return {name: getattr(chat, name) for name in names} | times


def _turn_data(turn: "Turn") -> dict[str, Any]:
    names = ("number", "run_id", "message", "outcome", "answer")
    return {name: getattr(turn, name) for name in names} | {"created_at": iso(turn.created_at)}
