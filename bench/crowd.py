"""Many agents in a database, made from one: the rows that saving as many files would write."""

from datetime import datetime

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.store.agents import save_agents
from lamplighter.store.tables import EPOCH, MILLISECOND, schedules
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

COPIES = (
    """
    INSERT INTO agent_versions (id, agent, text, timezone, created_at)
    {numbers}
    SELECT substr(id, 1, 56) || i, 'agent-' || i, text, timezone, created_at
    FROM numbers, agent_versions WHERE agent = :template
    """,
    """
    INSERT INTO agents (name, version, enabled, failures)
    {numbers}
    SELECT 'agent-' || i, substr(version, 1, 56) || i, enabled, failures
    FROM numbers, agents WHERE name = :template
    """,
    """
    INSERT INTO schedules (id, agent, spec, anchor_at, enabled, next_due_at)
    {numbers}
    SELECT 'agent-' || i || '#1', 'agent-' || i, spec, anchor_at, enabled,
        :first + (i - 10000000) * :step
    FROM numbers, schedules WHERE agent = :template
    """,
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
            connection.execute(sa.text(copy.format(numbers=NUMBERS)), values)
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
