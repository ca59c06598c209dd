"""Which agents there are by the database's word, and what became of their texts, by whom."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.errors import NotFound
from lamplighter.store.database import reading
from lamplighter.store.tables import agent_changes, agent_versions, agents


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an agent's text.

    Attributes:
        number: From 1 on.
        version: What the text is known by.
        author: A user; empty if the file was edited.
        text: The whole text.
    """

    number: int
    version: str
    author: str
    at: datetime
    text: str


def list_names(engine: sa.Engine) -> list[str]:
    """The names of all agents that the database knows, in order."""
    with reading(engine) as connection:
        return list(connection.scalars(sa.select(agents.c.name).order_by(agents.c.name)))


def read_texts(engine: sa.Engine, names: Collection[str]) -> dict[str, str]:
    """The current texts of these agents."""
    query = sa.select(agents.c.name, agent_versions.c.text).join_from(agents, agent_versions)
    with reading(engine) as connection:
        rows = connection.execute(query.where(agents.c.name.in_(names)))
        return {row.name: row.text for row in rows}


def list_changes(engine: sa.Engine, agent: str) -> list[Change]:
    """All changes of an agent, the newest first."""
    query = _changes_of(agent).order_by(agent_changes.c.number.desc())
    with reading(engine) as connection:
        return [_change(row) for row in connection.execute(query)]


def get_change(engine: sa.Engine, agent: str, number: int) -> Change:
    """One change of an agent.

    Raises:
        NotFound: There is none of this number.
    """
    query = _changes_of(agent).where(agent_changes.c.number == number)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"{agent} has no version {number}")
    return _change(row)


def find_text(engine: sa.Engine, version: str) -> str:
    """The text that is known by ``version``; empty if there is none."""
    query = sa.select(agent_versions.c.text).where(agent_versions.c.id == version)
    with reading(engine) as connection:
        return connection.scalar(query) or ""


def is_kept(engine: sa.Engine, agent: str, version: str) -> bool:
    """Whether an agent is, or was, what is known by ``version``; else that was only tried."""
    table = agent_changes.c
    kept = sa.exists().where(table.agent == agent, table.version == version)
    with reading(engine) as connection:
        return bool(connection.scalar(sa.select(kept)))


def shared_histories(engine: sa.Engine) -> set[str]:
    """The agents whose runs everybody may see."""
    query = sa.select(agents.c.name).where(agents.c.shares_history)
    with reading(engine) as connection:
        return set(connection.scalars(query))


def share_history(connection: sa.Connection, agent: str, shared: bool) -> None:
    """Let everybody see an agent's runs, or not."""
    mine = agents.update().where(agents.c.name == agent)
    connection.execute(mine.values(shares_history=shared))


def _changes_of(agent: str) -> sa.Select[Any]:
    chosen = sa.select(agent_changes, agent_versions.c.text)
    return chosen.join_from(agent_changes, agent_versions).where(agent_changes.c.agent == agent)


def _change(row: sa.Row[Any]) -> Change:
    return Change(**{name: getattr(row, name) for name in Change.__slots__})
