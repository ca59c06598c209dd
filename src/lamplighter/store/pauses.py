"""Which agents are paused, and how often they have failed in a row.

A pause is not ``enabled: false``: that stands in the agent's file, which is the person's.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.store.database import reading
from lamplighter.store.tables import agents

BY_HAND = "by hand"
"""The reason of a pause that a person asked for."""

DEACTIVATED = "its owner is deactivated"
"""The reason of a pause that ends when its owner may sign in again."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why and since when an agent's schedules do not fire."""

    at: datetime
    reason: str


_PAUSES = sa.select(agents.c.name, agents.c.paused_at, agents.c.paused_reason).where(
    agents.c.paused_at.is_not(None)
)


def find_pauses(connection: sa.Connection, names: Collection[str]) -> dict[str, Pause]:
    """The pauses of those of some agents that are paused, by the agent's name."""
    return _pauses(connection.execute(_PAUSES.where(agents.c.name.in_(names))))


def list_pauses(engine: sa.Engine) -> dict[str, Pause]:
    """The pauses of all agents that are paused, by the agent's name."""
    with reading(engine) as connection:
        return _pauses(connection.execute(_PAUSES))


def pause_agent(connection: sa.Connection, agent: str, reason: str, now: datetime) -> bool:
    """Pause an agent; ``False`` if it is paused already."""
    mine = (agents.c.name == agent) & agents.c.paused_at.is_(None)
    paused = agents.update().where(mine).values(paused_at=now, paused_reason=reason)
    return connection.execute(paused).rowcount == 1


def pause_agents_of(connection: sa.Connection, user: str, now: datetime) -> None:
    """Let no schedule of a user's agents fire; those that are paused already stay as they are."""
    theirs = agents.c.name.startswith(f"{user}/", autoescape=True) & agents.c.paused_at.is_(None)
    paused = agents.update().where(theirs)
    connection.execute(paused.values(paused_at=now, paused_reason=DEACTIVATED))


def resume_agents_of(connection: sa.Connection, user: str) -> None:
    """End what ``pause_agents_of`` began."""
    theirs = agents.c.name.startswith(f"{user}/", autoescape=True)
    theirs &= agents.c.paused_reason == DEACTIVATED
    resumed = agents.update().where(theirs)
    connection.execute(resumed.values(paused_at=None, paused_reason=None))


def resume_agent(connection: sa.Connection, agent: str) -> bool:
    """End an agent's pause and forget its failures; ``False`` if it was not paused."""
    was_paused = agent in find_pauses(connection, [agent])
    connection.execute(
        agents.update()
        .where(agents.c.name == agent)
        .values(paused_at=None, paused_reason=None, failures=0)
    )
    return was_paused


def resume_edited(connection: sa.Connection, names: Collection[str]) -> None:
    """Give agents whose text has changed another chance, unless a person paused them."""
    if not names:
        return
    edited = agents.c.name.in_(names)
    connection.execute(agents.update().where(edited).values(failures=0))
    by_failures = agents.c.paused_reason.not_in([BY_HAND, DEACTIVATED])
    resumed = agents.update().where(edited, by_failures)
    connection.execute(resumed.values(paused_at=None, paused_reason=None))


def count_failure(connection: sa.Connection, agent: str) -> int:
    """Count one more failure of an agent; gives how many there are in a row."""
    mine = agents.c.name == agent
    connection.execute(agents.update().where(mine).values(failures=agents.c.failures + 1))
    return connection.scalar(sa.select(agents.c.failures).where(mine)) or 0


_FORGET = (
    agents.update()
    .where(agents.c.name == sa.bindparam("agent"), agents.c.failures > 0)
    .values(failures=0)
)


def forget_failures(connection: sa.Connection, agent: str) -> None:
    """Begin to count anew, after a success."""
    connection.execute(_FORGET, {"agent": agent})


def _pauses(rows: Iterable[sa.Row[Any]]) -> dict[str, Pause]:
    return {row.name: Pause(row.paused_at, row.paused_reason or "") for row in rows}
