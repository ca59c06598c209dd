"""Whether what an agent names is there: its tools, actions and sources. Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from lamplighter.definitions.agent import SHELL_TOOLS, SOURCE_TOOLS, Agent, Problem, runs_commands
from lamplighter.definitions.spelling import hint_at
from lamplighter.definitions.tool import refer
from lamplighter.errors import Place


@dataclass(frozen=True, slots=True)
class Known:
    """What there is.

    Attributes:
        tools: Names of the built-in tools.
        sources: Names of the sources.
        agents: Gives the names of the agents, of which there may be many; ``None``: not known here.
        servers: Names of the MCP servers.
        unavailable: Built-in tools that are known but not there, and why; agents do without.
        find: Finds an agent.
        fixes: Whether the settings say of a server and its tool that no argument decides who
            learns of a call.
        is_foreign: Whether an agent is another program's, and so to be taken as it is.
    """

    tools: Collection[str]
    sources: Collection[str]
    agents: Callable[[], Collection[str]] | None = tuple
    servers: Collection[str] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)
    find: Callable[[str], Agent | None] = lambda _name: None
    fixes: Callable[[str, str], bool] = lambda _server, _tool: False
    is_foreign: Callable[[Agent], bool] = lambda _agent: False


def check_references(agent: Agent, *, file: str, known: Known) -> list[Problem]:
    """Compare an agent with what there is."""
    return [
        *_unknown_tools(agent, "tools", file, known),
        *_unknown_tools(agent, "actions", file, known),
        *_unknown_sources(agent, file, known.sources),
        *_idle_parts(agent, file),
    ]


def _unknown_tools(agent: Agent, name: str, file: str, known: Known) -> Iterator[Problem]:
    given: tuple[str, ...] = getattr(agent, name) or ()
    for number, word in enumerate(given):
        key = f"{name}[{number}]"
        place = Place(file, agent.lines.get(key, agent.lines.get(name)), key)
        if found := _unknown_tool(word, place, known):
            yield found


def _unknown_tool(tool: str, place: Place, known: Known) -> Problem | None:
    kind, name, server = refer(tool)
    if kind == "agent" and known.agents is not None and name not in (agents := known.agents()):
        hint = hint_at(name, agents, "Agents")
        return Problem("error", f"unknown agent {name!r}", place, hint)
    if kind == "mcp" and server not in known.servers:
        hint = hint_at(server, known.servers, "MCP servers")
        return Problem("warning", f"unknown MCP server {server!r}; calls fail", place, hint)
    if kind != "builtin" or tool in known.tools:
        return None
    if why := known.unavailable.get(tool):
        return Problem("warning", f"the tool {tool!r} is not available", place, why)
    return Problem("error", f"unknown tool {tool!r}", place, hint_at(tool, known.tools, "Tools"))


def _unknown_sources(agent: Agent, file: str, known: Collection[str]) -> Iterator[Problem]:
    for number, name in enumerate(agent.sources):
        if name not in known:
            key = f"sources[{number}]"
            place = Place(file, agent.lines.get(key, agent.lines.get("sources")), key)
            hint = hint_at(name, known, "Sources")
            yield Problem("error", f"unknown source {name!r}", place, hint)


def _idle_parts(agent: Agent, file: str) -> Iterator[Problem]:
    """What has no effect because its counterpart is missing."""

    def warn(name: str, message: str, hint: str) -> Problem:
        return Problem("warning", message, Place(file, agent.lines.get(name), name), hint)

    yield from _idle_outward(agent, warn)
    reads = any(tool in SOURCE_TOOLS for tool in agent.allowed_tools)
    if reads and not (agent.sources or agent.all_sources):
        hint = "name its sources, or list only the tools that it needs"
        yield warn("tools", "the agent may read documents, but has no sources", hint)
    if agent.sources and not reads:
        hint = f"allow one of {', '.join(SOURCE_TOOLS)}"
        yield warn("sources", "the agent has sources, but no tool that reads them", hint)
    if agent.network and not runs_commands(agent):
        hint = f"allow one of {', '.join(SHELL_TOOLS)}, or leave network out"
        yield warn("network", "the agent runs no commands that could use a network", hint)
    if agent.type == "org" and agent.tools is not None:
        for action in agent.actions:
            if action not in agent.tools:
                yield warn("actions", f"{action} is not among its tools", "add it to tools")


def _idle_outward(agent: Agent, warn: Callable[[str, str, str], Problem]) -> Iterator[Problem]:
    if "send_email" in agent.allowed_tools and not agent.email.to:
        hint = "like email: {to: [ann@x.org]}"
        yield warn("email", "the agent may send e-mail, but to nobody", hint)
    if agent.email.to and "send_email" not in agent.allowed_tools:
        hint = "send_email is for org agents with it in actions"
        yield warn("email", "the agent cannot send e-mail", hint)
    if bool(agent.webhooks) != ("webhook" in agent.allowed_tools):
        hint = "webhooks: {NAME: URL} and the tool webhook belong together"
        yield warn("webhooks", "the agent has either webhooks or the tool for them", hint)
