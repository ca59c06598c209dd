"""Follow a chat: what is told in its turns, and what the model is just saying.

Events last, and are numbered; a ``Delta`` is gone once the message is there that it is a part of.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lamplighter.accounts import Caller
from lamplighter.engine.chat import read_turns
from lamplighter.roster import Roster
from lamplighter.store.chats import Turn
from lamplighter.store.events import Event, list_events


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of a turn's record.

    Attributes:
        turn: The turn's number.
    """

    turn: int
    event: Event


@dataclass(frozen=True, slots=True)
class Delta:
    """A further part of what the model is saying.

    Attributes:
        turn: The turn's number.
        request: The number of the model's request, as its message will have it.
        offset: Characters that stand before it; 0: what was said before it counts no more.
    """

    turn: int
    request: int
    offset: int
    text: str


@dataclass
class Follower:
    """Somebody who follows a chat of theirs.

    Attributes:
        turn: The number of the turn that they are at.
        seq: The last event of it that they have.
        idle: Whether nothing was under way when they last looked.
        outcome: How the last turn ended, as far as they know.
    """

    home: Roster
    caller: Caller
    chat: str
    turn: int = 1
    seq: int = 0
    idle: bool = field(default=False, init=False)
    outcome: str | None = field(default=None, init=False)
    _said: int = field(default=0, init=False)
    _drafted: str = field(default="", init=False)

    def look(self) -> list[Told | Delta]:
        """What is new.

        Raises:
            NotFound: The caller has no such chat, or no more.
        """
        turns = read_turns(self.home, self.caller, self.chat, after=self.turn - 1)
        found = [new for turn in turns for new in self._read(turn)]
        self.outcome = turns[-1].outcome if turns else None
        self.idle = not turns or self.outcome is not None
        return found

    def _read(self, turn: Turn) -> Iterator[Told | Delta]:
        if turn.number > self.turn:
            self.turn, self.seq, self._said, self._drafted = turn.number, 0, 0, ""
        # All of them: also those that they have tell which message a draft belongs to.
        for event in list_events(self.home.engine, turn.run_id) if turn.run_id else ():
            if _is_message(event) and event.data["request"] > self._said:
                self._said, self._drafted = event.data["request"], ""
            if event.seq > self.seq:
                self.seq = event.seq
                yield Told(turn.number, event)
        draft = turn.draft if turn.outcome is None else None
        if draft and draft["request"] > self._said:
            yield from self._read_draft(turn.number, draft["request"], draft["text"])

    def _read_draft(self, turn: int, request: int, text: str) -> Iterator[Delta]:
        offset = len(self._drafted) if text.startswith(self._drafted) else 0
        if text[offset:]:
            yield Delta(turn, request, offset, text[offset:])
        self._drafted = text


def _is_message(event: Event) -> bool:
    """Whether it is one of the model's own, and not of an agent that was called."""
    return event.kind == "message" and "request" in event.data and "subflow" not in event.data
