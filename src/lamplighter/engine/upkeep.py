"""What the holder of a workspace does besides runs: it notices silence."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from lamplighter.config import Settings
from lamplighter.store.notices import add_notice
from lamplighter.store.silences import Silence, list_silences

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""How long between two looks for silence."""

GRACE = timedelta(minutes=5)
"""How late a schedule may be before that is a silence."""

MOST_NOTICES = 20
"""Silences that get a notice each; more of them at once share one."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The upkeep of one workspace.

    Attributes:
        settings: The workspace's settings.
        engine: Its database.
    """

    settings: Settings
    engine: sa.Engine

    def note_silence(self, now: datetime) -> int:
        """Leave a notice, once, where something was due and nothing came; gives how many."""
        with self.engine.begin() as connection:
            found = list_silences(connection, now - GRACE)
            if len(found) > MOST_NOTICES:
                return int(self._note_many(connection, found, now))
            for silence in found:
                self._note_one(connection, silence, now)
        return len(found)

    def _note_one(self, connection: sa.Connection, silence: Silence, now: datetime) -> None:
        message = (
            f"{silence.agent} was due at {silence.due_at:%Y-%m-%d %H:%M} UTC, and nothing came "
            f"for {_in_words(now - silence.due_at)}: {self._reason()}"
        )
        agent = silence.agent
        add_notice(connection, "silent", silence.key, message, now=now, agent=agent)
        log.warning("%s", message)

    def _note_many(self, connection: sa.Connection, silences: list[Silence], now: datetime) -> bool:
        first = silences[0]
        message = (
            f"{len(silences)} schedules were due, the first at {first.due_at:%Y-%m-%d %H:%M} UTC "
            f"({first.agent}), and nothing came: {self._reason()}"
        )
        new = add_notice(connection, "silent", f"many-{first.key}", message, now=now)
        if new:
            log.warning("%s", message)
        return new

    def _reason(self) -> str:
        if not self.settings.agents_enabled:
            return "schedules do not fire while AGENTS_ENABLED is false. Set it to true in .env"
        return (
            "the workspace was not served, or this machine slept. What became of each due moment "
            "is told by: lamplighter schedule history AGENT"
        )


def _in_words(duration: timedelta) -> str:
    minutes = duration // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} minutes"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
