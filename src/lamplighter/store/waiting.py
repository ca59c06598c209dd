"""What is told of effects that wait for a person: one notice for each run, however many there are.

It is its agent's owner's to see, like all notices of the agent (``sight``). What it says follows
from what waits at the moment, and when nothing does, it is read.
"""

from datetime import datetime

import sqlalchemy as sa

from lamplighter.store.database import decide_alone
from lamplighter.store.notices import put_notice, read_notice_of
from lamplighter.store.tables import outbox, runs

SHOWN = 3
"""Effects that a notice names; of the others it says how many there are."""


def tell_of_held(
    connection: sa.Connection, run_id: str, now: datetime, *, is_news: bool = False
) -> None:
    """Let the notice of a run say what of it waits, in the transaction that changes that.

    Args:
        connection: In a transaction.
        run_id: The run.
        now: When.
        is_news: Whether something more waits, so that a notice that was read is unread again.
    """
    decide_alone(connection)  # or of two that change it neither would see the other's change
    key = f"held:{run_id}"
    held = outbox.c.state == "held"
    if not (names := _names(connection, run_id, held)):
        read_notice_of(connection, key, now)
        return
    agent, wanted = _agent_of(connection, run_id), _listed(names)
    message = (
        f"{agent} wants to do this: {wanted}. It waits for you, for 24 hours. Look at it with: "
        f"lamplighter outbox list --state held --run {run_id}; then: lamplighter outbox show, "
        "approve or deny"
    )
    put_notice(connection, "held", key, message, now=now, agent=agent, is_news=is_news)


def tell_of_expired(connection: sa.Connection, run_id: str, reason: str, now: datetime) -> None:
    """Say what of a run nobody has decided in time; ``reason`` is what such effects have."""
    late = (outbox.c.state == "refused") & (outbox.c.reason == reason)
    agent, names = _agent_of(connection, run_id), _names(connection, run_id, late)
    message = (
        f"Nobody approved this of {agent} within 24 hours, so it has not happened: "
        f"{_listed(names)}. See: lamplighter outbox list --state refused --run {run_id}"
    )
    put_notice(connection, "held", f"expired:{run_id}", message, now=now, agent=agent)


def _names(connection: sa.Connection, run_id: str, which: sa.ColumnElement[bool]) -> list[str]:
    query = sa.select(outbox.c.kind, outbox.c.destination).where(outbox.c.run_id == run_id, which)
    rows = connection.execute(query.order_by(outbox.c.id))
    return [f"{kind} to {destination}" for kind, destination in rows]


def _agent_of(connection: sa.Connection, run_id: str) -> str:
    return str(connection.scalar(sa.select(runs.c.agent).where(runs.c.id == run_id)))


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return "; ".join(names[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
