"""Many workers on one PostgreSQL: who lives, who is gone, and who goes on with their runs."""

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from lamplighter.store.workers import (
    beat,
    forget_gone,
    give_up_silent,
    join_fleet,
    leave_fleet,
    list_members,
)

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
PATIENCE = timedelta(seconds=5)
"""A process that was not heard of for so long is given up."""

REMEMBERED = timedelta(hours=1)
FENCED = 70
"""Exit code of a process that finds that it was given up (EX_SOFTWARE)."""


class Membership:
    """One process's place in the fleet, kept by a thread of its own.

    A thread, because the event loop may be busy for longer than the others' patience. A process
    that was stopped (SIGSTOP, a laptop's sleep) and woken again finds itself given up and ends at
    once; until then DBOS and the store refuse its writes to runs that are no longer its own.

    Args:
        engine: The shared database.
        worker_id: This process's executor id.
        take_over: Called from the thread with the ids of those that are gone; harmless to repeat.
    """

    def __init__(
        self, engine: sa.Engine, worker_id: str, take_over: Callable[[list[str]], None]
    ) -> None:
        self.engine = engine
        self.worker_id = worker_id
        self.take_over = take_over
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True)

    def join(self) -> None:
        """Become a member, and begin to beat."""
        join_fleet(self.engine, self.worker_id, socket.gethostname(), os.getpid())
        self.thread.start()

    def leave(self) -> None:
        """Stop beating; the others go on with what is left here."""
        self.leaving.set()
        if self.thread.is_alive():
            self.thread.join()
        leave_fleet(self.engine, self.worker_id)

    def _keep_beating(self) -> None:
        while not self.leaving.wait(BEAT_SECONDS):
            try:
                self._beat()
            except Exception:
                # While the database is away nobody can be given up, not even us.
                log.exception("no heartbeat; trying again")

    def _beat(self) -> None:
        if not beat(self.engine, self.worker_id):
            sys.stderr.write("lamplighter: this process was given up by the others; it ends\n")
            sys.stderr.flush()
            os._exit(FENCED)
        for worker_id in give_up_silent(self.engine, PATIENCE):
            log.warning("worker %s is gone; its runs go on elsewhere", worker_id)
        forget_gone(self.engine, REMEMBERED)
        if gone := [member.id for member in list_members(self.engine) if member.gone]:
            self.take_over(gone)
