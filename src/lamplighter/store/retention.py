"""What is old enough to go: runs with their records, occurrences, read notices, old texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.store.database import reading
from lamplighter.store.runs import ACTIVE
from lamplighter.store.tables import (
    agent_changes,
    agent_versions,
    agents,
    notices,
    occurrences,
    outbox,
    runs,
)

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


def list_prunable_runs(engine: sa.Engine, retention: Retention, limit: int) -> list[str]:
    """Ids of some background runs that may go, at most twice ``limit``; never of active ones.

    Nor of those with an effect that waits for a person. Turns go with their chats.
    """
    waits = sa.exists().where(
        outbox.c.run_id == runs.c.id, outbox.c.state.in_(("held", "approved"))
    )
    ended = runs.c.status.not_in(ACTIVE) & runs.c.chat.is_(None) & ~waits
    wanted = []
    if retention.since is not None:
        old = sa.select(runs.c.id).where(ended, runs.c.finished_at < retention.since)
        wanted.append(old.order_by(runs.c.finished_at).limit(limit))
    if retention.most is not None:
        newest_first = (runs.c.finished_at.desc(), runs.c.id.desc())
        rank = sa.func.row_number().over(partition_by=runs.c.agent, order_by=newest_first)
        mine = sa.select(runs.c.id, rank.label("rank")).where(ended)
        ranked = mine.where(runs.c.agent.in_(_crowded(runs, retention.most))).subquery()
        too_many = sa.select(ranked.c.id).where(ranked.c.rank > retention.most)
        wanted.append(too_many.limit(limit))
    with reading(engine) as connection:
        return sorted({id_ for query in wanted for id_ in connection.scalars(query)})


def delete_runs(connection: sa.Connection, run_ids: Sequence[str]) -> None:
    """Delete runs with their events."""
    connection.execute(runs.delete().where(runs.c.id.in_(run_ids), runs.c.status.not_in(ACTIVE)))


def list_prunable_occurrences(engine: sa.Engine, retention: Retention, limit: int) -> list[Key]:
    """Some occurrences that may go, at most twice ``limit``.

    The newest of each schedule stays: it is how a past `once` is known to have happened.
    """
    columns = (occurrences.c.schedule_id, occurrences.c.due_at)
    wanted = []
    if retention.since is not None:
        old = sa.select(*columns).where(occurrences.c.due_at < retention.since, _has_newer())
        wanted.append(old.order_by(occurrences.c.due_at).limit(limit))
    if retention.most is not None:
        by_time = occurrences.c.due_at.desc()
        rank = sa.func.row_number().over(partition_by=occurrences.c.agent, order_by=by_time)
        mine = sa.select(*columns, rank.label("rank"), _has_newer().label("has_newer"))
        crowded = occurrences.c.agent.in_(_crowded(occurrences, retention.most))
        ranked = mine.where(crowded).subquery()
        too_many = sa.select(ranked.c.schedule_id, ranked.c.due_at)
        too_many = too_many.where(ranked.c.rank > retention.most, ranked.c.has_newer)
        wanted.append(too_many.limit(limit))
    with reading(engine) as connection:
        found = {tuple(row) for query in wanted for row in connection.execute(query)}
    return sorted(found)


def _crowded(table: sa.Table, most: int) -> sa.Select[Any]:
    """The agents that have more than ``most`` rows; few, so that only few rows are ranked."""
    return sa.select(table.c.agent).group_by(table.c.agent).having(sa.func.count() > most)


def _has_newer() -> sa.Exists:
    """Whether the occurrence's schedule has a newer one."""
    newer = occurrences.alias()
    return sa.exists().where(
        newer.c.schedule_id == occurrences.c.schedule_id, newer.c.due_at > occurrences.c.due_at
    )


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
    unused = agent_versions.c.id.in_(versions) & ~used
    gone = sa.select(agent_versions.c.id).where(unused)
    connection.execute(agent_changes.delete().where(agent_changes.c.version.in_(gone)))
    connection.execute(agent_versions.delete().where(unused))


def delete_read_notices(connection: sa.Connection, retention: Retention) -> int:
    """Delete the notices that were read long enough ago; gives how many."""
    if retention.since is None:
        return 0
    read = notices.delete().where(notices.c.read_at < retention.since)
    return connection.execute(read).rowcount
