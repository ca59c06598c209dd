"""What follows from how runs end: notices, and a pause for an agent that fails again and again."""

import logging
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from lamplighter.store.notices import Kind, add_notice, put_notice
from lamplighter.store.outbox import Entry
from lamplighter.store.pauses import count_failure, forget_failures, pause_agent
from lamplighter.store.runs import Run, Status

log = logging.getLogger(__name__)


def note_ending(  # noqa: PLR0913 - what follows depends on so much
    connection: sa.Connection,
    run: Run,
    *,
    status: Status,
    summary: str,
    pause_after: int,
    is_fault: bool = True,
    now: datetime,
) -> None:
    """Draw the consequences of a run's ending; in the transaction that records it.

    The first failure in a row leaves a notice, and so does the one that pauses the agent.
    Cancelled runs say nothing about an agent.

    Args:
        connection: In a transaction.
        run: The run that has ended.
        status: How it ended.
        summary: What it said at its end, without secrets.
        pause_after: The number of failures in a row that pauses an agent; 0 never does.
        is_fault: Whether a failure is the agent's.
        now: When it ended.
    """
    if status == "completed":
        forget_failures(connection, run.agent)
    elif status == "failed" and is_fault:
        _note_failure(connection, run, summary, pause_after, now)


def note_uncertain(
    connection: sa.Connection, run: Run, entries: Iterable[Entry], now: datetime
) -> None:
    """Leave a notice for each effect of which nobody knows whether it has happened."""
    for entry in entries:
        message, key = _doubt(run, entry), f"uncertain:{entry.id}"
        add_notice(connection, "uncertain", key, message, now=now, agent=run.agent)
        log.warning("%s", message)


def note_after_approval(connection: sa.Connection, run: Run, entry: Entry, now: datetime) -> None:
    """Leave a notice if an effect that somebody has approved did not happen, or may not have."""
    if entry.state == "sent":
        return
    kind: Kind = "uncertain" if entry.state == "uncertain" else "failure"
    key = f"{'uncertain' if kind == 'uncertain' else 'approved'}:{entry.id}"
    message = _doubt(run, entry) if kind == "uncertain" else _failed(run, entry)
    put_notice(connection, kind, key, message, now=now, agent=run.agent)
    log.warning("%s", message)


def _doubt(run: Run, entry: Entry) -> str:
    return (
        f"It is uncertain whether a run of {run.agent} did this: {entry.kind} to "
        f"{entry.destination}. It was not repeated. See: lamplighter outbox show {entry.id}; to "
        "have it done again all the same: lamplighter outbox resend"
    )


def _failed(run: Run, entry: Entry) -> str:
    return (
        f"You approved this of {run.agent}, and it has not happened: {entry.kind} to "
        f"{entry.destination}: {_sentence(entry.error or entry.state)} See: lamplighter outbox "
        f"show {entry.id}"
    )


def _note_failure(
    connection: sa.Connection, run: Run, summary: str, pause_after: int, now: datetime
) -> None:
    failures = count_failure(connection, run.agent)
    if failures == 1:
        message = (
            f"{run.agent} failed: {_sentence(summary)} See: lamplighter run show {run.id} --events"
        )
        add_notice(connection, "failure", f"failure:{run.id}", message, now=now, agent=run.agent)
    if not pause_after or failures < pause_after:
        return
    reason = f"{failures} runs in a row failed" if failures > 1 else "a run failed"
    if pause_agent(connection, run.agent, reason, now):
        message = (
            f"{run.agent} is paused, because {reason}; the last one: {_sentence(summary)} Its "
            "schedules do not fire until its file is changed, or you resume it with: "
            f"lamplighter agent resume {run.agent}"
        )
        add_notice(connection, "paused", f"paused:{run.id}", message, now=now, agent=run.agent)
        log.warning("%s", message)


def _sentence(text: str) -> str:
    """What others said, with an end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
