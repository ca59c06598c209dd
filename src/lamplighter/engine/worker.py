"""Carries out runs: the workflow's body, with its bounds and its one ending."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa
from ulid import ULID

from lamplighter import clock
from lamplighter.access import owner_of
from lamplighter.agent.budget import Budget, Ending
from lamplighter.allowance import Bound
from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.engine.failures import note_ending, note_uncertain
from lamplighter.engine.purse import make_purse
from lamplighter.engine.record import RecordWriter, RunJournal, redact
from lamplighter.engine.run_logs import write_run
from lamplighter.engine.threads import transact
from lamplighter.errors import Conflict, LamplighterError
from lamplighter.outbox import Outbox, effect_data
from lamplighter.store.agent_records import record_ending
from lamplighter.store.events import recorded_usage, written_keys
from lamplighter.store.outbox import Entry
from lamplighter.store.runs import (
    SUCCESSES,
    Run,
    Status,
    find_cancelled,
    finish_run,
    get_run,
    set_model,
    start_run,
)
from lamplighter.store.steps import kept_steps

if TYPE_CHECKING:
    from lamplighter.engine.preparation import Preparation
    from lamplighter.models.resolve import Resolved

log = logging.getLogger(__name__)


class Worker:
    """Carries out runs in this process.

    Args:
        engine: The workspace's database.
        settings: The workspace's settings.
        on_end: Called after each run, when there is room for another.

    Attributes:
        id: What DBOS and the store know this process by; no other ever has it.
    """

    def __init__(self, engine: sa.Engine, settings: Settings, on_end: Callable[[], None]) -> None:
        self.id = str(ULID())
        self.engine = engine
        self.settings = settings
        self.on_end = on_end
        self.writer = RecordWriter(engine, self.id)
        self.under_way: dict[str, asyncio.Task[object]] = {}
        self.cancelling: set[str] = set()
        self.interruptible: set[str] = set()
        self.prepared: dict[str, Preparation] = {}
        self.one_ended = asyncio.Condition()

    async def carry_out(self, run_id: str) -> str:
        """Do one run, or go on with it after a restart; gives its outcome."""
        task = asyncio.current_task()
        assert task is not None
        self.under_way[run_id] = task
        try:
            run, journal = await transact(self._claim, run_id)
            if run.ended:
                return run.outcome or ""
            written = len(journal.written)
            log.info("%s %s %s", run.agent, run_id, "goes on" if written else "starts")
            if written:
                journal.event(f"resumed:{written}", "resumed", {})
            ending = await self._within_bounds(run, journal)
            if written:  # it may have ended before it came to where it was
                recorded = await transact(recorded_usage, self.engine, run.id)
                ending = ending.covering(recorded[0], priced=recorded[1])
            ending = replace(ending, summary=_storable(redact(ending.summary, journal.secrets)))
            prepared = self.prepared.get(run_id)
            acted = bool(written or (prepared and prepared.bench.outbox.calls))
            await self._finish(run, ending, journal, acted=acted)
            said = "" if run.chat else ending.summary  # a chat is nobody else's
            log.info("%s %s %s: %s", run.agent, run_id, ending.outcome, said)
        finally:
            del self.under_way[run_id]
            self.prepared.pop(run_id, None)
            self.cancelling.discard(run_id)
            self.on_end()
        async with self.one_ended:
            self.one_ended.notify_all()
        return ending.outcome

    async def wait_for_end(self, run_id: str) -> None:
        """Until a run of this process has ended."""
        async with self.one_ended:
            while not (await transact(get_run, self.engine, run_id)).ended:
                await self.one_ended.wait()

    async def stop_cancelled(self) -> None:
        """Interrupt the runs here whose end was asked for."""
        for run_id in await transact(find_cancelled, self.engine):
            if run_id in self.under_way and run_id not in self.cancelling:
                self.cancelling.add(run_id)
                # One that is just beginning sees for itself; one that is ending, ends.
                if run_id in self.interruptible:
                    self.under_way[run_id].cancel()

    async def _within_bounds(self, run: Run, journal: RunJournal) -> Ending:
        """The run's ending, whatever happens on the way."""
        if run.cancel_requested_at is not None or run.id in self.cancelling:
            return Ending("cancelled", "Cancelled.")
        budget = Budget(self.settings.max_iterations)
        self.interruptible.add(run.id)
        try:
            return await self._perform(run, journal, budget)
        except asyncio.CancelledError:
            if run.id not in self.cancelling:
                raise  # the process is going down; the run goes on after the next start
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            prepared = self.prepared.get(run.id)
            if prepared and prepared.spoken:
                prepared.spoken.stop(journal)
            return budget.end("cancelled", "Cancelled.")
        except Exception as error:
            # What we say ourselves needs no traceback.
            log.info("run %s failed", run.id, exc_info=not isinstance(error, LamplighterError))
            message = redact(str(error) or type(error).__name__, journal.secrets)
            journal.event("error", "error", {"error": message, "type": type(error).__name__})
            return budget.end("error", message)
        finally:
            self.interruptible.discard(run.id)

    async def _perform(self, run: Run, journal: RunJournal, budget: Budget) -> Ending:
        prepared = await asyncio.to_thread(self._prepare, run, budget, journal)
        from lamplighter.agent.conversation import converse  # by now imported, in that thread
        from lamplighter.agent.loop import perform

        task, spoken = prepared.task, prepared.spoken
        self.prepared[run.id] = prepared
        if run.model is None:
            journal.change(partial(_record_model, run, prepared.resolved))
        journal.event("started", "started", _start_data(run, prepared))
        assert run.started_at is not None
        seconds = _time_limit(task.agent, self.settings)
        remaining = run.started_at + timedelta(seconds=seconds) - clock.now()
        bound = asyncio.timeout(remaining.total_seconds())
        try:
            async with bound, prepared.bench.servers:
                if spoken:
                    return await converse(task, spoken.talk, journal)
                return await perform(task, journal)
        except TimeoutError:
            if not bound.expired():
                raise  # somebody else's time-out: a provider's, a tool's
            by = Bound("run", "seconds", seconds)
            return budget.end("stopped_by_limit", f"Stopped by {by}.", by)
        finally:
            await prepared.bench.close()

    def _claim(self, run_id: str) -> tuple[Run, RunJournal]:
        """Make a run this worker's; gives it with what earlier attempts have left."""
        with self.engine.begin() as connection:
            run = start_run(connection, run_id, self.id, clock.now())
            written = written_keys(connection, run_id)
            kept = kept_steps(connection, run_id) if written else {}
        return run, RunJournal(run_id, self.writer, written, kept)

    def _prepare(self, run: Run, budget: Budget, journal: RunJournal) -> "Preparation":
        from lamplighter.engine.preparation import prepare

        return prepare(run, budget, journal, self._outbox(run.id), self.settings)

    def _outbox(self, run_id: str) -> Outbox:
        return Outbox(self.engine, run_id, self.id)

    async def _finish(self, run: Run, ending: Ending, journal: RunJournal, *, acted: bool) -> None:
        succeeded = ending.outcome in SUCCESSES
        status: Status = "completed" if succeeded else "failed"
        if ending.outcome == "cancelled":
            status = "cancelled"
        uncertain = await transact(self._give_up_effects, run.id) if acted else []
        for entry in uncertain:
            journal.event(f"effect:{entry.call}", "effect", effect_data(entry))
        by = {"stopped_by": ending.stopped_by.code} if ending.stopped_by else {}
        journal.event(
            "finished",
            "finished",
            {"status": status, "outcome": ending.outcome, "summary": ending.summary, **by},
        )
        try:
            await journal.change(partial(self._end, run, status, ending, uncertain))
        except Conflict as error:
            log.info("nothing more is said here: %s", error)
            return
        if self.settings.rowboat_write_runs and not run.chat:
            await asyncio.to_thread(self._write_log, run.id)

    def _write_log(self, run_id: str) -> None:
        try:
            write_run(self.settings, self.engine, get_run(self.engine, run_id))
        except OSError as error:
            log.warning("cannot write the file of run %s: %s", run_id, error)

    def _give_up_effects(self, run_id: str) -> list[Entry]:
        """Let nothing more happen of what the run intended; gives what is uncertain for good."""
        unsettled = self._outbox(run_id).give_up()
        return [entry for entry in unsettled if entry.state == "uncertain"]

    def _end(
        self,
        run: Run,
        status: Status,
        ending: Ending,
        uncertain: list[Entry],
        connection: sa.Connection,
    ) -> None:
        now, summary, by = clock.now(), ending.summary, ending.stopped_by
        prepared = self.prepared.get(run.id)
        first = finish_run(
            connection,
            run.id,
            self.id,
            status=status,
            outcome=ending.outcome,
            summary=summary,
            error=summary if ending.outcome == "error" else None,
            finished_at=now,
            requests=ending.requests,
            tool_calls=ending.tool_calls,
            input_tokens=ending.input_tokens,
            output_tokens=ending.output_tokens,
            cost_microusd=ending.cost_microusd,
            stopped_by=by.code if by else None,
        )
        if first and run.chat:
            from lamplighter.engine.turn import finish_turn

            finish_turn(connection, run, ending, prepared.spoken if prepared else None, now)
        elif first and not run.dry_run:  # which says nothing of how the agent fares
            self._note(connection, run, status, ending, now)
            note_uncertain(connection, run, uncertain, now)
        if first:
            agent = prepared.task.agent if prepared else None
            purse = make_purse(self.engine, run, self.id, self.settings, agent)
            purse.settle(connection, ending, now)

    def _note(
        self, connection: sa.Connection, run: Run, status: Status, ending: Ending, now: datetime
    ) -> None:
        """What an ending means for the agent: its failures, its record, what it has seen."""
        by = ending.stopped_by
        note_ending(
            connection,
            run,
            status=status,
            summary=ending.summary,
            pause_after=self.settings.pause_after_failures,
            # What a day's limit stops is no fault of the agent, and was told already.
            is_fault=by is None or by.scope == "run",
            now=now,
        )
        seen = run.watermark if status == "completed" else None
        error = _error(status, ending.summary)
        record_ending(connection, run.agent, error, now, watermark=seen)


def _time_limit(agent: Agent, settings: Settings) -> float:
    """Seconds that a run may take."""
    seconds = agent.limits.timeout_seconds or settings.run_timeout_seconds
    most = settings.budgets.run.time
    return seconds if most is None else min(seconds, most)


def _storable(text: str) -> str:
    """``text`` without what a database refuses in a text, so that every run can end."""
    return text.encode(errors="replace").decode().replace("\x00", "?")


def _error(status: Status, summary: str) -> str | None:
    return None if status == "completed" else summary or status


def _record_model(run: Run, resolved: "Resolved", connection: sa.Connection) -> None:
    set_model(connection, run.id, resolved.name, resolved.label)


def _principal(run: Run, agent: Agent) -> str:
    """Whose permissions a run has."""
    return run.viewer or (
        "organisation" if agent.type == "org" else owner_of(agent.name) or "owner"
    )


def _start_data(run: Run, prepared: "Preparation") -> dict[str, object]:
    """What a run may do, for its record."""
    agent, resolved = prepared.task.agent, prepared.resolved
    missing = {"missing": prepared.missing} if prepared.missing else {}
    return {
        "agent": agent.name,
        "version": run.version,
        "trigger": run.trigger,
        "model": resolved.name,
        "label": resolved.label,
        "tools": list(agent.allowed_tools),
        "sources": "all" if agent.all_sources else list(agent.sources),
        "acts_as": _principal(run, agent),
        **missing,
    }
