"""What is old enough to go: runs with their records, occurrences, read notices, old texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.store.database import reading
from lamplighter.store.runs import ACTIVE
from lamplighter.store.tables import agent_versions, agents, notices, occurrences, runs

Key = tuple[str, datetime]
"""Schedule and due moment of an occurrence."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept.

    Attributes:
        since: What ended before goes; ``None`` keeps everything, however old.
        most: Runs, and occurrences, that an agent keeps; ``None`` keeps all.
    """

    since: datetime | None
    most: int | None

    def excludes(self, moment: sa.ColumnElement[Any], rank: sa.ColumnElement[int]) -> Any:
        """Whether something of that age and rank (1 is the newest of its agent) goes."""
        too_old = sa.false() if self.since is None else moment < self.since
        too_many = sa.false() if self.most is None else rank > self.most
        return sa.or_(too_old, too_many)


def list_prunable_runs(engine: sa.Engine, retention: Retention) -> list[str]:
    """Ids of runs that may go, oldest first; never of active ones."""
    newest_first = (runs.c.finished_at.desc(), runs.c.id.desc())
    rank = sa.func.row_number().over(partition_by=runs.c.agent, order_by=newest_first)
    ended = (
        sa.select(runs.c.id, runs.c.finished_at, rank.label("rank"))
        .where(runs.c.status.not_in(ACTIVE))
        .subquery()
    )
    old = retention.excludes(ended.c.finished_at, ended.c.rank)
    with reading(engine) as connection:
        return list(connection.scalars(sa.select(ended.c.id).where(old).order_by(ended.c.id)))


def delete_runs(connection: sa.Connection, run_ids: Sequence[str]) -> None:
    """Delete runs with their events."""
    connection.execute(runs.delete().where(runs.c.id.in_(run_ids), runs.c.status.not_in(ACTIVE)))


def list_prunable_occurrences(engine: sa.Engine, retention: Retention) -> list[Key]:
    """Occurrences that may go.

    The newest of each schedule stays: it is how a past `once` is known to have happened.
    """
    by_time = occurrences.c.due_at.desc()
    ranked = sa.select(
        occurrences.c.schedule_id,
        occurrences.c.due_at,
        sa.func.row_number().over(partition_by=occurrences.c.agent, order_by=by_time).label("rank"),
        sa.func.row_number()
        .over(partition_by=occurrences.c.schedule_id, order_by=by_time)
        .label("own_rank"),
    ).subquery()
    old = retention.excludes(ranked.c.due_at, ranked.c.rank)
    query = sa.select(ranked.c.schedule_id, ranked.c.due_at).where(ranked.c.own_rank > 1, old)
    with reading(engine) as connection:
        return [(row.schedule_id, row.due_at) for row in connection.execute(query)]


def delete_occurrences(connection: sa.Connection, keys: Sequence[Key]) -> None:
    """Delete occurrences."""
    each = occurrences.delete().where(
        occurrences.c.schedule_id == sa.bindparam("schedule"),
        occurrences.c.due_at == sa.bindparam("due"),
    )
    connection.execute(each, [{"schedule": schedule, "due": due} for schedule, due in keys])


def list_prunable_versions(engine: sa.Engine, kept: int) -> list[str]:
    """Ids of texts of agents that no run was made with, but for the newest ``kept`` of each agent.

    The current ones are never among them.
    """
    newest_first = (agent_versions.c.created_at.desc(), agent_versions.c.id)
    rank = sa.func.row_number().over(partition_by=agent_versions.c.agent, order_by=newest_first)
    ranked = sa.select(agent_versions.c.id, rank.label("rank")).subquery()
    used = sa.union(sa.select(runs.c.version), sa.select(agents.c.version)).subquery()
    query = (
        sa.select(ranked.c.id)
        .outerjoin(used, used.c.version == ranked.c.id)
        .where(ranked.c.rank > kept, used.c.version.is_(None))
    )
    with reading(engine) as connection:
        return list(connection.scalars(query))


def delete_versions(connection: sa.Connection, versions: Sequence[str]) -> None:
    """Delete texts of agents, unless a run was made with one meanwhile."""
    used = sa.exists().where(runs.c.version == agent_versions.c.id)
    connection.execute(agent_versions.delete().where(agent_versions.c.id.in_(versions), ~used))


def delete_read_notices(connection: sa.Connection, retention: Retention) -> int:
    """Delete the notices that were read long enough ago; gives how many."""
    if retention.since is None:
        return 0
    read = notices.delete().where(notices.c.read_at < retention.since)
    return connection.execute(read).rowcount
