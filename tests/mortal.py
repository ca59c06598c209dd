"""Processes of Lamplighter that die at a chosen moment, and others that go on after them.

Run as a program it is such a process. It is born of ``warm``, so that each takes a fraction of a
second, and shares nothing with the next one but the workspace.

The moments of such a child are the commits of its transactions, told apart by the tables that they
wrote to, and those of its effects. ``Watched`` tells the latter in a test's own process, too.
"""

import asyncio
import faulthandler
import functools
import json
import logging
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import sqlalchemy as sa
import warm
from dbos import DBOS
from sqlalchemy.engine.default import DefaultDialect

from lamplighter.accounts import OWNER_ID, Caller
from lamplighter.config import Settings
from lamplighter.engine import fleet
from lamplighter.engine.chat import decide
from lamplighter.engine.holder import Holder, hold, making_rounds
from lamplighter.engine.manual import request_run
from lamplighter.engine.record import RunJournal
from lamplighter.outbox import Effect, Outbox, Outcome
from lamplighter.roster import Roster
from lamplighter.store import steps
from lamplighter.store.database import is_shared, open_database, reading
from lamplighter.store.outbox import Quota
from lamplighter.store.runs import ACTIVE, Run, get_run
from lamplighter.store.tables import runs
from lamplighter.store.workers import give_up_silent
from lamplighter.tools.delivery import FileDelivery
from lamplighter.workspace import load_settings

MOMENTS = ("before the intent", "before the act", "before the receipt", "before the checkpoint")
"""Those of an effect."""

LINES = "lines.txt"
"""A delivery of this appends a line to a file instead, which a second one cannot undo."""

LOG = "mortal.jsonl"
"""In the workspace: what its children say of themselves; each line is there once it is written."""

PATIENCE_SECONDS = 60
OWNER = Caller(OWNER_ID, admin=True)
WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+(?:\w+\.)?\"?(\w+)", re.IGNORECASE)

perform = Outbox.perform
step = RunJournal.step
Reach = Callable[[str], None]
Moment = tuple[str, int]
"""What is reached, and for the how many-th time."""


# --- Effects ---


@dataclass(frozen=True)
class Line:
    """An effect whose repetition is not harmless."""

    file: Path
    text: str = "x"
    kind = "line"
    fixed = True
    deduplicates = False
    done = "Appended."

    @property
    def destination(self) -> str:
        return self.file.name

    def prepare(self) -> dict[str, Any]:
        return {"line": f"{self.text}\n"}

    async def act(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        with self.file.open("a") as stream:
            stream.write(payload["line"])
        return {"size_bytes": self.file.stat().st_size}


@dataclass(frozen=True)
class Watched:
    """An effect that tells which moment it has reached."""

    effect: Effect
    reach: Reach

    @property
    def kind(self) -> str:
        return self.effect.kind

    @property
    def destination(self) -> str:
        return self.effect.destination

    @property
    def fixed(self) -> bool:
        return self.effect.fixed

    @property
    def deduplicates(self) -> bool:
        return self.effect.deduplicates

    @property
    def done(self) -> str | None:
        return self.effect.done

    def prepare(self) -> Mapping[str, Any]:
        self.reach("before the intent")
        return self.effect.prepare()

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        self.reach("before the act")
        receipt = await self.effect.act(payload)
        self.reach("before the receipt")
        return receipt


async def perform_watched(
    box: Outbox, call: str, effect: Effect, reach: Reach, quota: Quota | None = None
) -> Outcome:
    """``Outbox.perform``, telling which moments it reaches."""
    outcome = await perform(box, call, Watched(effect, reach), quota=quota)
    reach("before the checkpoint")
    return outcome


# --- A child ---


@dataclass(frozen=True)
class Order:
    """What a child is to do: wait for the end of all runs, then begin some and wait for theirs.

    Attributes:
        agents: Of whom it begins a run.
        model: Which model they use.
        moment: When it dies, counted from the request of those runs.
        after_seconds: When it dies, counted from its birth.
        approvals: Of chats, which it gives; what follows is among the runs.
        approved: Whether it only performs what was approved; it may die from its birth on.
    """

    workspace: str
    agents: tuple[str, ...] = ()
    model: str = ""
    moment: Moment | None = None
    after_seconds: float | None = None
    approvals: tuple[str, ...] = ()
    approved: bool = False


class Child:
    """A process that carries an order out, and says in the log what it does."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.workspace = Path(order.workspace)
        self.reached: Counter[str] = Counter()
        self.armed = False
        self.log = os.open(self.workspace / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def say(self, **what: object) -> None:
        os.write(self.log, (json.dumps(what) + "\n").encode())

    def reach(self, moment: str) -> None:
        """Count a moment, and die if it is the one."""
        if not self.armed:
            return
        self.reached[moment] += 1
        if self.order.moment == (moment, self.reached[moment]):
            os.kill(os.getpid(), signal.SIGKILL)

    async def live(self) -> None:
        settings = load_settings(self.workspace, timezone="UTC")
        self._tell_kept(settings.database)
        if self.order.approved:
            await self.perform_approved(settings)
        async with hold(settings, fires=False) as holder, making_rounds(holder):
            await _await_ends(holder)
            self.armed = True
            for agent in self.order.agents:
                request_run(settings, holder.engine, agent, model=self.order.model)
            for approval in self.order.approvals:
                decide(Roster(settings, holder.engine), OWNER, approval, "once")
            holder.woken.set()
            await _await_ends(holder)
            self.say(reached=self.reached)
            os._exit(0)

    async def perform_approved(self, settings: Settings) -> NoReturn:
        self.armed = True
        async with hold(settings, fires=False) as holder:
            await holder.approved.begin()
            await holder.approved.end(PATIENCE_SECONDS)
            os._exit(0)

    def watch(self) -> None:
        """Have commits, steps and effects tell when they come."""
        sa.event.listen(sa.Engine, "before_cursor_execute", _note_table)
        DefaultDialect.do_commit = functools.partialmethod(_commit, self.reach)  # type: ignore[method-assign, assignment]
        Outbox.perform = functools.partialmethod(_perform, self)  # type: ignore[method-assign, assignment]
        RunJournal.step = functools.partialmethod(_step, self)  # type: ignore[method-assign, assignment]

    def _tell_kept(self, database: Path | str) -> None:
        """Which steps are in the journal, so that none of them begins again."""
        engine = open_database(database)
        for run in active_runs(engine):
            self.say(run=run.id, kept=list(kept_steps(engine, run.id)))
        if is_shared(engine):
            # All before us are dead; the test knows that and need not wait for the silence.
            give_up_silent(engine, timedelta(0))
            fleet.BEAT_SECONDS = 0.05
        engine.dispose()


async def _await_ends(holder: Holder) -> None:
    for run in active_runs(holder.engine):
        await holder.worker.wait_for_end(run.id)
    # A run ends a little before its workflow does.
    while await DBOS.list_workflows_async(status="PENDING"):  # noqa: ASYNC110 - DBOS tells nobody
        await asyncio.sleep(0.01)


def active_runs(engine: sa.Engine) -> list[Run]:
    """The runs that have not ended, turns of chats too."""
    with reading(engine) as connection:
        found = connection.scalars(sa.select(runs.c.id).where(runs.c.status.in_(ACTIVE)))
        return [get_run(engine, id) for id in found]


def kept_steps(engine: sa.Engine, run_id: str) -> dict[int, str]:
    """A run's finished steps, by number and name."""
    with reading(engine) as connection:
        return {number: step.name for number, step in steps.kept_steps(connection, run_id).items()}


def _note_table(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
    if found := WRITES.match(statement):
        connection.info.setdefault("written", set()).add(found[1])


def _commit(_dialect: DefaultDialect, reach: Reach, connection: Any) -> None:
    """Commit; what was only read is nobody's moment."""
    written = connection.info.pop("written", set())
    # What else shares the commit of a step is a matter of speed.
    tables = ", ".join(sorted(written & {"steps"} or written))
    if tables:
        reach(f"before a commit to {tables}")
    connection.commit()
    if tables:
        reach(f"after a commit to {tables}")


async def _perform(
    box: Outbox, child: Child, call: str, effect: Effect, quota: Quota | None = None
) -> Outcome:
    if isinstance(effect, FileDelivery) and effect.path == LINES:
        effect = Line(effect.delivery.workspace / LINES, f"{box.run_id} {call}")
    return await perform_watched(box, call, effect, child.reach, quota)


async def _step(journal: RunJournal, child: Child, name: str, call: Callable[[], Any]) -> Any:
    number = journal.taken + 1

    async def begin() -> Any:
        child.say(run=journal.run_id, begun=number, name=name)
        return await call()

    return await step(journal, name, begin)


def start_child(order: Order) -> warm.Process:
    """A process that carries the order out."""
    environment = {"PATH": os.environ["PATH"]}
    return warm.start(
        json.dumps(asdict(order)), environment=environment, stdout=2, stderr=2, program=__file__
    )


def bear(order: Order) -> int:
    """The exit code of a process that carried the order out, or minus the signal it died of."""
    process = start_child(order)
    by_time = order.after_seconds is not None
    try:
        return process.wait(order.after_seconds if by_time else PATIENCE_SECONDS)
    except TimeoutError:
        process.send_signal(signal.SIGKILL if by_time else signal.SIGABRT)
        return process.wait()


def read_order(text: str) -> Order:
    """An order as ``bear`` writes it."""
    read = json.loads(text)
    moment = tuple(read.pop("moment") or ())
    return Order(**read, moment=moment or None)


if __name__ == "__main__":
    faulthandler.enable()  # one that hangs tells where
    logging.getLogger("lamplighter").addHandler(logging.NullHandler())
    newborn = Child(read_order(sys.argv[1]))
    newborn.watch()
    asyncio.run(newborn.live())
