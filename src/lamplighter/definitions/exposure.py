"""Whether an agent could carry what is private to a stranger who asks it to. Pure.

Who reads what is private, reads what strangers wrote, and can tell something to anybody, may be
made to do all three at once (Willison, The lethal trifecta, 2025). ``flow`` keeps a run from it;
this tells the author beforehand that the agent could not do its work, and what to do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lamplighter.definitions.agent import SHELL_TOOLS, SOURCE_TOOLS, Agent, Problem
from lamplighter.definitions.nature import FILE_CHANGERS, Label, nature_of, origin_of
from lamplighter.definitions.references import Known
from lamplighter.definitions.tool import refer
from lamplighter.errors import Place

_FIXED = frozenset({"send_email", "webhook"})
"""Tools that reach only whom the agent's file and the settings name."""

_APART = "or leave it to an agent of its own, which reads nothing private"


@dataclass(frozen=True, slots=True)
class _Use:
    """A tool that an agent, or one that it calls, may call.

    Attributes:
        tool: As the file names it.
        key: The field of the file that lets the agent call it.
        brings: The labels of what it returns.
        leads_out: Whether something that was read could decide who learns of a call.
    """

    tool: str
    key: str
    brings: frozenset[Label]
    leads_out: bool

    @property
    def origin(self) -> str:
        return origin_of(self.tool, {})


def check_exposure(agent: Agent, *, file: str, known: Known) -> list[Problem]:
    """What a stranger could have an agent do: tell what is private, change any file."""
    uses = list(_uses(agent, known))
    return [*_leaks(agent, uses, file, known), *_changes(agent, uses, file, known)]


def _leaks(agent: Agent, uses: Sequence[_Use], file: str, known: Known) -> list[Problem]:
    """The first way out on which what is private could be carried to a stranger."""
    return [
        _problem(agent, way, private, file, known)
        for way in uses
        if way.leads_out and any("untrusted" in use.brings for use in uses)
        for private in uses
        if "private" in private.brings and private.origin != way.origin
    ][:1]


def _uses(agent: Agent, known: Known, above: tuple[str, ...] = ()) -> Iterator[_Use]:
    given = agent.actions if agent.type == "org" else agent.tools or ()
    name = "actions" if agent.type == "org" else "tools"
    for tool in agent.allowed_tools:
        key = f"{name}[{given.index(tool)}]" if tool in given else name
        kind, target, _server = refer(tool)
        if kind != "agent":
            yield _use(agent, tool, key, known)
        elif target not in above and (called := known.find(target)):
            for use in _uses(called, known, (*above, agent.name, target)):
                yield _Use(use.tool, key, use.brings, use.leads_out)


def _use(agent: Agent, tool: str, key: str, known: Known) -> _Use:
    nature = nature_of(tool, network=bool(agent.network))
    reads_nothing = tool in SOURCE_TOOLS and not (agent.sources or agent.all_sources)
    brings = frozenset[Label]() if reads_nothing else nature.brings
    leads_out = nature.reaches == "outside" and not _is_fixed(agent, tool, known)
    return _Use(tool, key if tool not in SHELL_TOOLS else "network", brings, leads_out)


def _is_fixed(agent: Agent, tool: str, known: Known) -> bool:
    """Whether the file, or the settings, decide who learns of a call."""
    kind, name, server = refer(tool)
    if kind == "mcp":
        return known.fixes(server, name)
    return tool in _FIXED or (tool == "fetch-url" and agent.fetch is not None)


def _problem(agent: Agent, way: _Use, private: _Use, file: str, known: Known) -> Problem:
    message = (
        f"{way.tool} could tell anybody what {private.tool} reads, if something that the agent "
        "reads asks for it"
    )
    if known.is_foreign(agent):
        message += "; when it has read such things, these calls are held or refused"
    return _tell(agent, way, message, f"{_remedy(way.tool)}, {_APART}", file, known)


def _changes(agent: Agent, uses: Sequence[_Use], file: str, known: Known) -> list[Problem]:
    """The first tool by which a stranger could change any file."""
    reads = any("untrusted" in use.brings for use in uses if use.tool not in FILE_CHANGERS)
    if not reads or agent.writes is not None:
        return []
    return [
        _tell(
            agent,
            use,
            f"{use.tool} could change any file of the workspace, if something that the agent reads "
            "asks for it",
            "say where it may write: writes: [digests/]",
            file,
            known,
        )
        for use in uses
        if use.tool in FILE_CHANGERS and use.tool in agent.allowed_tools
    ][:1]


def _tell(agent: Agent, use: _Use, message: str, hint: str, file: str, known: Known) -> Problem:
    line = agent.lines.get(use.key, agent.lines.get(use.key.partition("[")[0]))
    level: Literal["error", "warning"] = "warning" if known.is_foreign(agent) else "error"
    return Problem(level, message, Place(file, line, use.key), hint)


def _remedy(tool: str) -> str:
    kind, name, server = refer(tool)
    if kind == "mcp":
        return (
            f"if no argument of it decides who learns of a call, say so: fixed = [{name!r}] in "
            f"[mcp.{server}] of lamplighter.toml"
        )
    if tool == "fetch-url":
        return "say which addresses it needs: fetch: {allow: [https://example.org/feed.xml]}"
    return "leave out network" if tool in SHELL_TOOLS else "leave it out"
