"""Whether what an agent names is there: its tools, actions and sources. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from lamplighter.definitions.agent import SHELL_TOOLS, SOURCE_TOOLS, Agent, Problem, runs_commands
from lamplighter.definitions.catalogue import Catalogue, Entry
from lamplighter.definitions.spelling import hint_at
from lamplighter.errors import Place


def check_references(
    agent: Agent, *, file: str, tools: Collection[str], sources: Collection[str]
) -> list[Problem]:
    """Compare an agent with the ``tools`` and ``sources`` that there are."""
    return [
        *_unknown(agent, "tools", file, tools),
        *_unknown(agent, "actions", file, tools),
        *_unknown(agent, "sources", file, sources),
        *_idle_parts(agent, file),
    ]


def check_catalogue(
    catalogue: Catalogue, *, tools: Collection[str], sources: Collection[str]
) -> Catalogue:
    """The catalogue, with what ``check_references`` finds added to its entries."""

    def check(entry: Entry) -> Entry:
        if entry.agent is None:
            return entry
        found = check_references(entry.agent, file=entry.file, tools=tools, sources=sources)
        return replace(entry, problems=(*entry.problems, *found))

    return Catalogue(tuple(map(check, catalogue.entries)))


def _unknown(agent: Agent, name: str, file: str, known: Collection[str]) -> Iterator[Problem]:
    given: tuple[str, ...] = getattr(agent, name) or ()
    for number, word in enumerate(given):
        if word not in known:
            line = agent.lines.get(f"{name}[{number}]", agent.lines.get(name))
            kind = "Sources" if name == "sources" else "Tools"
            message = f"unknown {kind.lower().removesuffix('s')} {word!r}"
            place = Place(file, line, f"{name}[{number}]")
            yield Problem("error", message, place, hint_at(word, known, kind))


def _idle_parts(agent: Agent, file: str) -> Iterator[Problem]:
    """What has no effect because its counterpart is missing."""

    def warn(name: str, message: str, hint: str) -> Problem:
        return Problem("warning", message, Place(file, agent.lines.get(name), name), hint)

    reads = any(tool in SOURCE_TOOLS for tool in agent.allowed_tools)
    if reads and not agent.sources:
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
