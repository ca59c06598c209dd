"""Which agents' runs, notices and effects somebody may see."""

from dataclasses import dataclass

import sqlalchemy as sa

from lamplighter.access import owner_of


@dataclass(frozen=True, slots=True)
class Sight:
    """What of the record is for somebody's eyes.

    Attributes:
        user: Whose agents; ``None``: everybody's, in a workspace that has only its owner.
        organisation: Whether the organisation's agents too, and what concerns the workspace.
        shared: Other agents of the organisation, whose history is for everybody.
    """

    user: str | None
    organisation: bool
    shared: frozenset[str] = frozenset()

    def admits(self, agent: str | None) -> bool:
        """Whether what concerns this agent is visible; ``None``: the whole workspace."""
        if self.user is None:
            return True
        owner = owner_of(agent) if agent else None
        return owner == self.user or (owner is None and self.organisation) or agent in self.shared

    def clause(self, agent: sa.ColumnElement[str | None]) -> sa.ColumnElement[bool]:
        """``admits`` in SQL."""
        if self.user is None:
            return sa.true()
        found = agent.startswith(f"{self.user}/", autoescape=True) | agent.in_(sorted(self.shared))
        if self.organisation:
            found |= agent.is_(None) | ~agent.contains("@")
        return found

    def of_runs(self, runs: sa.FromClause) -> sa.ColumnElement[bool]:
        """Which runs are visible: those of such agents, but of chats only their viewer's."""
        if self.user is None:
            return sa.true()
        background = runs.c.viewer.is_(None) & self.clause(runs.c.agent)
        return background | (runs.c.viewer == self.user)


EVERYTHING = Sight(None, True)
"""What the owner of a personal workspace may see."""
