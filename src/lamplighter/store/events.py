"""A run's record: append-only, numbered from 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.allowance import Usage
from lamplighter.store.database import reading
from lamplighter.store.tables import events


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a run's record.

    Attributes:
        seq: Its number within the run, from 1, without gaps.
        key: What makes writing it a second time harmless.
        kind: ``started``, ``message``, ``tool_call``, ``tool_result``, ``effect``, ``retry``,
            ``error``, ``finished``.
        data: What happened; its keys depend on the kind.
    """

    run_id: str
    seq: int
    key: str
    at: datetime
    kind: str
    data: dict[str, Any]


_ADD = events.insert()
_KEYS = sa.select(events.c.key).where(events.c.run_id == sa.bindparam("run"))


def add_events(connection: sa.Connection, new: Sequence[Event]) -> None:
    """Write events."""
    if new:
        rows = [{name: getattr(event, name) for name in Event.__slots__} for event in new]
        connection.execute(_ADD, rows)


def list_events(engine: sa.Engine, run_id: str, *, after: int = 0) -> list[Event]:
    """The events of a run whose number is above ``after``, in order."""
    query = sa.select(events).where(events.c.run_id == run_id, events.c.seq > after)
    with reading(engine) as connection:
        return [Event(**row._mapping) for row in connection.execute(query.order_by(events.c.seq))]


def recorded_usage(engine: sa.Engine, run_id: str) -> tuple[Usage, bool]:
    """What the requests and calls in a run's record used, and whether all of the cost is known."""
    total, priced = Usage(), True
    for event in list_events(engine, run_id):
        if event.kind == "tool_result" and "withheld" not in event.data:
            total += Usage(tool_calls=1)
        elif event.kind == "message" and "request" in event.data:
            data = event.data
            cost = data.get("cost_microusd")
            priced &= cost is not None
            total += Usage(
                iterations=1,
                input_tokens=data["input_tokens"],
                output_tokens=data["output_tokens"],
                cost_microusd=cost or 0,
            )
    return total, priced


def list_labels(engine: sa.Engine, run_id: str) -> frozenset[str]:
    """What has come into a run: ``private``, ``untrusted``."""
    query = sa.select(events).where(events.c.run_id == run_id, events.c.kind == "label")
    with reading(engine) as connection:
        return frozenset(str(row.data["label"]) for row in connection.execute(query))


def written_keys(connection: sa.Connection, run_id: str) -> set[str]:
    """The keys of what a run's record holds already."""
    return set(connection.scalars(_KEYS, {"run": run_id}))
