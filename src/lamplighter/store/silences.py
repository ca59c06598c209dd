"""Schedules that were due and have nothing to show for it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from lamplighter.store.database import reading
from lamplighter.store.tables import agents, notices, schedules

_KEY = sa.literal("silent:") + schedules.c.id + "@"
_KEY += sa.cast(sa.type_coerce(schedules.c.next_due_at, sa.BigInteger), sa.Text)


@dataclass(frozen=True, slots=True)
class Silence:
    """A due moment at which nothing came.

    Attributes:
        key: Of the notice about it; it changes when the schedule goes on.
    """

    key: str
    agent: str
    due_at: datetime


def list_silences(engine: sa.Engine, before: datetime, limit: int) -> list[Silence]:
    """Schedules that were due ``before`` and are still waiting, without those already told.

    A past moment that somebody has just written down was not missed by anybody. Those of paused
    agents are left out: nobody expects anything of them. The longest overdue come first.
    """
    told = sa.exists().where(notices.c.key == _KEY)
    paused = sa.exists().where(agents.c.name == schedules.c.agent, agents.c.paused_at.is_not(None))
    query = (
        sa.select(_KEY.label("key"), schedules.c.agent, schedules.c.next_due_at)
        .where(schedules.c.next_due_at < before, schedules.c.anchor_at < before, ~told, ~paused)
        .order_by(schedules.c.next_due_at)
        .limit(limit)
    )
    with reading(engine) as connection:
        return [Silence(*row) for row in connection.execute(query)]
