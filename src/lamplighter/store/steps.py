"""The finished steps of runs: what an interrupted run goes on from."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from lamplighter.store.tables import steps


@dataclass(frozen=True, slots=True)
class Step:
    """A finished step of a run.

    Attributes:
        number: Its number within the run, from 1, in the order in which steps begin.
        name: What was done.
        value: What came of it, as JSON text.
    """

    run_id: str
    number: int
    name: str
    value: str


_ADD = steps.insert()
_KEPT = sa.select(steps).where(steps.c.run_id == sa.bindparam("run")).order_by(steps.c.number)


def add_steps(connection: sa.Connection, new: Sequence[Step]) -> None:
    """Write finished steps."""
    if new:
        rows = [{name: getattr(step, name) for name in Step.__slots__} for step in new]
        connection.execute(_ADD, rows)


def kept_steps(connection: sa.Connection, run_id: str) -> dict[int, Step]:
    """The finished steps of a run, by number."""
    found = connection.execute(_KEPT, {"run": run_id})
    return {row.number: Step(**row._mapping) for row in found}
