"""What tools bring into a run, and what they do to the world. Pure.

Every built-in tool is named here: one that is not is taken for the worst. Where a tool's nature
depends on its agent (a command that may reach the network), the worse is told by ``nature_of``.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from lamplighter.definitions.tool import refer

Label = Literal["private", "untrusted"]
"""What content is: not for everybody, or written by somebody who must not be obeyed."""
LABELS: tuple[Label, ...] = get_args(Label)
Reach = Literal["nothing", "workspace", "outside"]
"""What a call changes: nothing but the run's own files, what the workspace keeps, or the world."""


class Nature(NamedTuple):
    """What a tool is to the flow of information.

    Attributes:
        brings: The labels of what it returns; empty: only what the run has known.
        reaches: Where its doing ends.
        echoes: Whether it gives back what the run itself has made: as untrusted as the run is.
    """

    brings: frozenset[Label]
    reaches: Reach
    echoes: bool = False


_NONE: frozenset[Label] = frozenset()
_UNTRUSTED: frozenset[Label] = frozenset({"untrusted"})
_BOTH: frozenset[Label] = frozenset({"private", "untrusted"})

HARMLESS = Nature(_NONE, "nothing")
ECHO = Nature(_NONE, "nothing", echoes=True)
WORST = Nature(_BOTH, "outside")
_READS = Nature(_BOTH, "nothing")
_KEEPS = Nature(_NONE, "workspace")
_FETCHES = Nature(_UNTRUSTED, "outside")

SPAWN = "spawn-agent"
"""The tool that calls any agent, or a helper without a name."""

_LONGEST = 100
"""Characters of an origin."""

_FOLDER_READERS = ("getRoot", "exists", "stat", "glob", "grep", "readdir", "readFile")
_FILE_READERS = ("getRoot", "exists", "stat", "glob", "grep", "list", "readText")
_FOLDER_WRITERS = ("mkdir", "remove", "writeFile", "edit", "rename", "copy")
_FILE_WRITERS = ("mkdir", "remove", "writeText", "editText", "rename", "copy")

FILE_CHANGERS = frozenset(
    {f"workspace-{name}" for name in _FOLDER_WRITERS}
    | {f"file-{name}" for name in _FILE_WRITERS}
    | {"executeCommand"}
)
"""Tools that change files of the workspace, by paths that the model chooses."""

READERS = frozenset(
    {f"workspace-{name}" for name in _FOLDER_READERS} | {f"file-{name}" for name in _FILE_READERS}
)
"""Tools that read files of the workspace."""

NATURES: dict[str, Nature] = {
    **dict.fromkeys(("list_documents", "search_documents", "read_document"), _READS),
    "search_people": _READS,
    "read_file": ECHO,
    "write_file": HARMLESS,
    "run_bash": ECHO,
    "run_python": ECHO,
    "deliver_file": _KEEPS,
    "remember": _KEEPS,
    # What it gives back carries the labels of the runs that wrote it.
    "recall": ECHO,
    "send_email": Nature(_NONE, "outside"),
    "webhook": Nature(_NONE, "outside"),
    **dict.fromkeys(READERS, _READS),
    # What they answer has parts of the files: the lines around an edit, the names in a folder.
    **dict.fromkeys(FILE_CHANGERS, Nature(_BOTH, "workspace")),
    "ask-human": HARMLESS,
    "loadSkill": HARMLESS,
    "notify-user": _KEEPS,
    "save-to-memory": _KEEPS,
    "listMcpServers": HARMLESS,
    "listMcpTools": Nature(_UNTRUSTED, "nothing"),
    "executeMcpTool": WORST,
    "fetch-url": _FETCHES,
    "web-search": _FETCHES,
}
"""Of the built-in tools, by the names that agent files have for them."""

_NETWORKED = ("run_bash", "run_python", "executeCommand")
_NAMED_BY = {
    "read_document": "id",
    "fetch-url": "url",
    "listMcpTools": "serverName",
    "executeMcpTool": "serverName",
    "workspace-readFile": "path",
    "file-readText": "path",
}
"""The argument that says where what a tool returns is from."""


def nature_of(tool: str, *, network: bool = False) -> Nature:
    """The nature of a tool, as an agent file names it.

    Args:
        tool: Such as ``read_document``, ``mcp:time/convert_time`` or ``agent:team/reader``.
        network: Whether the agent's commands may reach anything.
    """
    kind = refer(tool).kind
    if kind == "agent" or tool == SPAWN:
        return ECHO  # what it brings in and does, its own tools bring in and do
    if kind == "mcp":
        return WORST
    nature = NATURES.get(tool, WORST)
    if network and tool in _NETWORKED:
        return Nature(nature.brings | _UNTRUSTED, "outside", nature.echoes)
    return nature


def tells_links(tool: str) -> bool:
    """Whether an address in what a tool returns is none that the run itself has put there."""
    return not nature_of(tool).echoes and tool not in READERS | FILE_CHANGERS


def origin_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """Where what a tool returns is from, for people and models; one short line."""
    kind, name, server = refer(tool)
    if kind == "builtin":
        name = str(arguments.get(_NAMED_BY.get(tool, ""), "") or tool)
        if tool in ("executeMcpTool", "listMcpTools"):
            kind, server = "mcp", name
        elif name.startswith(("mcp ", "agent ")):
            name = f"{tool} {name}"  # or a file could be taken for a server
    named = name if kind == "builtin" else f"{kind} {server or name}"
    shown = "".join(c for c in named if c.isprintable() and c not in "<>")
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
