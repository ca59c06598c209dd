"""What an agent may do, in words: of each tool, what it does and how far it reaches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from lamplighter.definitions.agent import ALL_TOOLS, ORG_ONLY_TOOLS
from lamplighter.definitions.nature import nature_of
from lamplighter.definitions.rowboat.tools import TOOLS as FOLDER_TOOLS
from lamplighter.definitions.tool import refer
from lamplighter.models.resolve import list_models
from lamplighter.roster import Roster
from lamplighter.workspace import mcp_servers, model_providers

REACHES = {
    "nothing": "",
    "workspace": "writes in the workspace",
    "outside": "acts outside",
}
DOINGS = {
    "list_documents": "List the documents of its sources",
    "search_documents": "Search the documents of its sources",
    "read_document": "Read a document of its sources",
    "search_people": "Find people, and who wrote what it may read",
    "read_file": "Read a file of its own run",
    "write_file": "Write a file of its own run",
    "deliver_file": "Publish a file of its run as a result",
    "run_bash": "Run shell commands in the sandbox",
    "run_python": "Run Python in the sandbox",
    "send_email": "Send e-mail",
}


@dataclass(frozen=True, slots=True)
class Capability:
    """A tool that an agent may be given.

    Attributes:
        name: As agent files have it.
        does: What it allows, in a few words.
        reach: ``nothing`` but the run's own files, the ``workspace``, or ``outside``.
        brings: Whether what it returns may be private or written by strangers.
    """

    name: str
    does: str
    reach: str
    brings: bool

    @property
    def reaches(self) -> str:
        """How far it reaches, in words; empty: not beyond its run."""
        return REACHES[self.reach]


def explain_tools(tools: Iterable[str], *, network: bool = False) -> list[Capability]:
    """What these tools allow, by their names in agent files."""
    return [explain_tool(tool, network=network) for tool in tools]


def explain_tool(tool: str, *, network: bool = False) -> Capability:
    """What a tool allows."""
    nature = nature_of(tool, network=network)
    kind, name, server = refer(tool)
    does = {
        "agent": f"Let the agent {name} do something",
        "mcp": f"Call {name} of the MCP server {server}",
    }.get(kind) or DOINGS.get(tool, "")
    if network and tool in ("run_bash", "run_python"):
        does += ", with the network that it lists"
    does = does or _first_sentences().get(tool, "")
    return Capability(tool, does, nature.reaches, bool(nature.brings))


def offered_tools(home: Roster) -> Mapping[str, list[Capability]]:
    """The tools that an agent can be given here, in groups."""
    groups: dict[str, tuple[str, ...]] = {"Documents and results": ALL_TOOLS}
    if not home.settings.team:
        servers = [f"mcp:{name}/*" for name in mcp_servers(home.settings)]
        groups |= {"The workspace's files and more": FOLDER_TOOLS}
        groups |= {"MCP servers": tuple(servers)} if servers else {}
    return {title: explain_tools(names) for title, names in groups.items()}


def offered_actions(home: Roster) -> list[Capability]:
    """What an agent of the organisation can be allowed."""
    return explain_tools((*ALL_TOOLS, *ORG_ONLY_TOOLS))


def offered_models(home: Roster) -> list[str]:
    """The models that could serve here, and the beginnings of those of the settings' providers."""
    named = [f"{name}:" for name in model_providers(home.settings).providers]
    return [*list_models(home.settings), *named]


@cache
def _first_sentences() -> Mapping[str, str]:
    """What models are told of the other tools."""
    from lamplighter.tools.toolset import TOOLS

    return {
        name: (tool.description or "").partition("\n")[0].rstrip(".")
        for name, tool in TOOLS.items()
    }
