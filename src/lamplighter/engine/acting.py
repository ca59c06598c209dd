"""Whom an agent acts for: what it may see and what it may call, at this moment."""

import sqlalchemy as sa

from lamplighter.access import OWNER, Scope, agent_of, may_call, owner_of
from lamplighter.config import Settings
from lamplighter.definitions.agent import ALL_TOOLS, Agent
from lamplighter.definitions.rowboat.tools import IN_TEAMS
from lamplighter.definitions.tool import refer
from lamplighter.errors import Forbidden, ToolFailed
from lamplighter.store.agents import current_versions
from lamplighter.store.database import reading
from lamplighter.store.users import find_active_user, principals_of
from lamplighter.workspace import mcp_servers


def acting_scope(agent: Agent, engine: sa.Engine, settings: Settings) -> Scope:
    """What an agent may see now: its owner's permissions of this moment, within its sources.

    Raises:
        Forbidden: Its owner may not use the workspace any more.
    """
    sources = set(settings.sources) if agent.all_sources else set(agent.sources)
    if not settings.team:
        return Scope.of({OWNER}, sources)
    owner = owner_of(agent.name)
    if agent.type == "org" and owner is None:
        return Scope.organisation(sources)
    with reading(engine) as connection:
        user = find_active_user(connection, owner) if owner else None
    if user is None:
        raise Forbidden(f"{agent.name} belongs to nobody who may use this workspace")
    return Scope.of(principals_of(engine, user.id), sources)


def find_callee(  # noqa: D417 - the workspace goes without saying
    called: str, *, caller: str, first: str, engine: sa.Engine, settings: Settings
) -> tuple[str, str]:
    """The agent that another one may call by this name: its whole name, and its version.

    Args:
        called: As the caller's file has it. In a team its owner's agents come before those of the
            organisation.
        caller: The agent that calls.
        first: The agent whose run it is; what its owner may call counts.

    Raises:
        ToolFailed: There is none, or it is not for this agent.
    """
    owner = owner_of(caller) if settings.team else None
    names = [agent_of(owner, called), called] if owner else [called]
    with reading(engine) as connection:
        current = current_versions(connection, names)
    name = next((name for name in names if name in current), None)
    if name is None or (
        settings.team and not may_call(owner_of(first), name, admin=_is_admin(first, engine))
    ):
        raise ToolFailed(f"there is no agent {called!r} to call, or its file has an error")
    return name, current[name][0]


def withheld_tools(agent: Agent, engine: sa.Engine, settings: Settings) -> dict[str, str]:
    """The tools that an agent lists and may not call in a team -> why."""
    if not settings.team:
        return {}
    servers = mcp_servers(settings)
    is_admins = owner_of(agent.name) is None or _is_admin(agent.name, engine)
    withheld = {}
    for tool in agent.allowed_tools:
        kind, _, server = refer(tool)
        if kind == "builtin" and tool not in (*ALL_TOOLS, *IN_TEAMS):
            withheld[tool] = "it is not for teams"
        if kind == "mcp" and not (is_admins or (server in servers and servers[server].members)):
            withheld[tool] = f"the MCP server {server!r} is not for agents of members"
    return withheld


def _is_admin(agent: str, engine: sa.Engine) -> bool:
    """Whether an agent belongs to somebody who is an admin."""
    owner = owner_of(agent)
    if owner is None:
        return False
    with reading(engine) as connection:
        user = find_active_user(connection, owner)
    return user is not None and user.admin
