"""What the holder of a workspace does besides runs: it notices silence and prunes what is old."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa

from lamplighter.config import Settings
from lamplighter.credentials import note_expiries
from lamplighter.search.apart import embed_apart
from lamplighter.search.index import release_memory
from lamplighter.store.chats import delete_chats, list_prunable_chats, list_runs_of
from lamplighter.store.database import pruning_alone
from lamplighter.store.notices import add_notice
from lamplighter.store.retention import (
    Key,
    Retention,
    delete_occurrences,
    delete_read_notices,
    delete_runs,
    delete_versions,
    list_prunable_occurrences,
    list_prunable_runs,
    list_prunable_versions,
)
from lamplighter.store.silences import Silence, list_silences
from lamplighter.workspace import model_providers

T = TypeVar("T")
log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""How long between two looks for silence."""

LOOKS_PER_PRUNING = 60
"""So often does silence come before pruning: once an hour, and at the start."""

VERSIONS_KEPT = 20
"""Texts of each agent that are kept although no run was made with them."""

BATCH = 100
"""Runs, occurrences or texts that are pruned in one transaction."""

AT_A_TIME = 10_000
"""Runs, or occurrences, that are looked for together: finding them may read long indexes."""

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
        forget: Deletes runs from the journal of the durable engine.
    """

    settings: Settings
    engine: sa.Engine
    forget: Callable[[list[str]], None]

    def note_silence(self, now: datetime) -> int:
        """Leave a notice, once, where something was due and nothing came; gives how many."""
        found = list_silences(self.engine, now - GRACE, MOST_NOTICES + 1)
        if not found:
            return 0
        with self.engine.begin() as connection:
            if len(found) > MOST_NOTICES:
                return int(self._note_many(connection, found[0], now))
            for silence in found:
                self._note_one(connection, silence, now)
        return len(found)

    def note_expiries(self, now: datetime) -> None:
        """Leave a notice, once, where what a source signs in with is about to expire."""
        note_expiries(self.engine, self.settings, now)

    def embed(self) -> Iterator[int]:
        """Give the documents vectors that lack one, a batch at each step; gives how many."""
        release_memory()
        settings = self.settings
        providers = model_providers(settings).providers
        return embed_apart(self.engine, settings.database, settings.embedder, providers)

    def prune(self, now: datetime) -> Iterator[int]:
        """Delete what the settings do not keep, a batch at each step; gives how many.

        Delivered files are never touched. While another process prunes, this one does not.
        """
        with pruning_alone(self.engine) as alone:
            if alone:
                yield from self._prune(self._retention(now))

    def _prune(self, retention: Retention) -> Iterator[int]:
        while found := list_prunable_runs(self.engine, retention, AT_A_TIME):
            for run_ids in _batches(found):
                self._delete_runs(run_ids)
                yield len(run_ids)
        while keys := list_prunable_occurrences(self.engine, retention, AT_A_TIME):
            for some in _batches(keys):
                self._delete_occurrences(some)
                yield len(some)
        for versions in _batches(list_prunable_versions(self.engine, VERSIONS_KEPT)):
            with self.engine.begin() as connection:
                delete_versions(connection, versions)
            yield len(versions)
        while chat_ids := list_prunable_chats(self.engine, retention.since, BATCH):
            self._delete_chats(chat_ids)
            yield len(chat_ids)
        with self.engine.begin() as connection:
            deleted = delete_read_notices(connection, retention)
        yield deleted

    def _retention(self, now: datetime) -> Retention:
        days = self.settings.run_retention_days
        return Retention(
            since=now - timedelta(days=days) if days else None,
            most=self.settings.run_retention_count or None,
        )

    def _delete_runs(self, run_ids: list[str]) -> None:
        """The rows come last: if we are interrupted, they are how the rest is found again."""
        self.forget(run_ids)
        with self.engine.begin() as connection:
            delete_runs(connection, run_ids)

    def _delete_chats(self, chat_ids: list[str]) -> None:
        run_ids = list_runs_of(self.engine, chat_ids)
        self._delete_runs(run_ids)
        with self.engine.begin() as connection:
            delete_chats(connection, chat_ids)

    def _delete_occurrences(self, keys: list[Key]) -> None:
        with self.engine.begin() as connection:
            delete_occurrences(connection, keys)

    def _note_one(self, connection: sa.Connection, silence: Silence, now: datetime) -> None:
        message = (
            f"{silence.agent} was due at {silence.due_at:%Y-%m-%d %H:%M} UTC, and nothing came "
            f"for {_in_words(now - silence.due_at)}: {self._reason()}"
        )
        agent = silence.agent
        add_notice(connection, "silent", silence.key, message, now=now, agent=agent)
        log.warning("%s", message)

    def _note_many(self, connection: sa.Connection, first: Silence, now: datetime) -> bool:
        message = (
            f"more than {MOST_NOTICES} schedules were due, the first at "
            f"{first.due_at:%Y-%m-%d %H:%M} UTC ({first.agent}), and nothing came: {self._reason()}"
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


def _batches(items: Sequence[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), BATCH):
        yield list(items[start : start + BATCH])


def _in_words(duration: timedelta) -> str:
    minutes = duration // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} minutes"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
