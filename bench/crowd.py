"""Many agents in a database, made from one: the rows that saving as many files would write."""

from datetime import datetime

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.store.agents import save_agents
from lamplighter.store.columns import EPOCH, MILLISECOND
from lamplighter.store.tables import agent_versions, agents, schedules
from lamplighter.testing import Workspace, call, turn
from lamplighter.workspace import read_catalogue

TEMPLATE = "template"
FILE = """---
description: One of very many.
schedule: weekdays at 8:30
model: scripted:script.yaml
---
Look at what is new since the last time, and report it in a few lines.
"""

NUMBERS = """
WITH RECURSIVE numbers(i) AS (
    SELECT 10000000 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < 10000000 + :count
)
"""
"""Numbers of eight digits, so that they can stand for the end of a version's id."""

NAME = "'agent-' || i"


def _copy(table: sa.Table, template: str, **other: str) -> sa.TextClause:
    """Copy a row for each number, with ``other`` values in some of its columns."""
    names = [column.name for column in table.columns]
    values = ", ".join(other.get(name, name) for name in names)
    return sa.text(
        f"INSERT INTO {table.name} ({', '.join(names)}) {NUMBERS}"
        f"SELECT {values} FROM numbers, {table.name} WHERE {template} = :template"
    )


COPIES = (
    _copy(agent_versions, "agent", id="substr(id, 1, 56) || i", agent=NAME),
    _copy(agents, "name", name=NAME, version="substr(version, 1, 56) || i"),
    _copy(
        schedules,
        "agent",
        id=f"{NAME} || '#1'",
        agent=NAME,
        next_due_at=":first + (i - 10000000) * :step",
    ),
)


def fill(workspace: Workspace, count: int, first: datetime, hours: int = 24) -> None:
    """Make ``count`` agents, each with a schedule, due one after the other.

    Args:
        workspace: Whose database it is.
        count: How many; at most 90 millions.
        first: When the first of them is due.
        hours: Until the last of them is due.
    """
    workspace.script([turn(call("report", summary="Nothing is new."))])
    workspace.write(f"agents/{TEMPLATE}.md", FILE)
    catalogue = read_catalogue(workspace.settings)
    values = {
        "count": count,
        "template": TEMPLATE,
        "first": (first - EPOCH) // MILLISECOND,
        "step": hours * 3_600_000 // count,
    }
    with workspace.engine.begin() as connection:
        save_agents(connection, catalogue, "UTC", clock.now())
        for copy in COPIES:
            connection.execute(copy, values)
    with workspace.engine.connect() as connection:  # as either database does by itself in time
        connection.exec_driver_sql("ANALYZE")
        connection.commit()


def make_due(workspace: Workspace, dues: list[datetime]) -> None:
    """Let one agent of the crowd after the other be due at these moments."""
    this = schedules.c.id == sa.bindparam("schedule")
    moved = schedules.update().where(this).values(next_due_at=sa.bindparam("due"))
    rows = [
        {"schedule": f"agent-{10_000_000 + number}#1", "due": due}
        for number, due in enumerate(dues)
    ]
    with workspace.engine.begin() as connection:
        connection.execute(moved, rows)
