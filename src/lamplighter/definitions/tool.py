"""How an agent file names a tool, and what the model calls it. Pure.

A tool is a built-in one (``read_file``), one of an MCP server (``mcp:time/convert_time``), or
another agent (``agent:team/reader``).
"""

import re
from typing import Literal, NamedTuple

AGENT = "agent:"
MCP = "mcp:"
RESERVED = frozenset({"report", "nothing_to_report", "needs_attention"})
"""What a run ends with; no tool can be called so."""

_CALLABLE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Reference(NamedTuple):
    """What the name of a tool in an agent file means.

    Attributes:
        kind: Where the tool comes from.
        name: Of the built-in tool, of the agent, or of the server's tool.
        server: The MCP server; empty for the other kinds.
    """

    kind: Literal["builtin", "agent", "mcp"]
    name: str
    server: str = ""


def refer(tool: str) -> Reference:
    """Take the name of a tool apart."""
    if tool.startswith(AGENT):
        return Reference("agent", tool.removeprefix(AGENT))
    if tool.startswith(MCP):
        server, _, name = tool.removeprefix(MCP).partition("/")
        return Reference("mcp", name, server)
    return Reference("builtin", tool)


def called(tool: str) -> str:
    """What the model calls a tool when the agent file gives it no other name."""
    reference = refer(tool)
    if reference.kind == "builtin":
        return tool
    parts = (reference.server, reference.name) if reference.server else (reference.name,)
    return re.sub(r"[^A-Za-z0-9_-]", "_", "_".join(parts))[:64]


def is_callable(name: str) -> bool:
    """Whether all providers of models take ``name`` as the name of a tool."""
    return _CALLABLE.fullmatch(name) is not None and name not in RESERVED
