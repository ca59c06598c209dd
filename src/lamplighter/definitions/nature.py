"""What tools bring into a run, and what they do to the world. Pure.

Every built-in tool is named here: one that is not is taken for the worst. Where a tool's nature
depends on its agent (a command that may reach the network), the worse is told by ``nature_of``.
"""

from typing import Literal, NamedTuple

from lamplighter.definitions.tool import refer

Label = Literal["private", "untrusted"]
"""What content is: not for everybody, or written by somebody who must not be obeyed."""
Reach = Literal["nothing", "workspace", "outside"]
"""What a call changes: nothing but the run's own files, what the workspace keeps, or the world."""


class Nature(NamedTuple):
    """What a tool is to the flow of information.

    Attributes:
        brings: The labels of what it returns; empty: only what the run has known.
        reaches: Where its doing ends.
    """

    brings: frozenset[Label]
    reaches: Reach


_NONE: frozenset[Label] = frozenset()
_UNTRUSTED: frozenset[Label] = frozenset({"untrusted"})
_BOTH: frozenset[Label] = frozenset({"private", "untrusted"})

HARMLESS = Nature(_NONE, "nothing")
WORST = Nature(_BOTH, "outside")
_READS = Nature(_BOTH, "nothing")
_KEEPS = Nature(_NONE, "workspace")
_FETCHES = Nature(_UNTRUSTED, "outside")

_FOLDER_READERS = ("getRoot", "exists", "stat", "glob", "grep", "readdir", "readFile")
_FILE_READERS = ("getRoot", "exists", "stat", "glob", "grep", "list", "readText")
_FOLDER_WRITERS = ("mkdir", "remove", "writeFile", "edit", "rename", "copy")
_FILE_WRITERS = ("mkdir", "remove", "writeText", "editText", "rename", "copy")

NATURES: dict[str, Nature] = {
    **dict.fromkeys(("list_documents", "search_documents", "read_document"), _READS),
    "search_people": _READS,
    "read_file": HARMLESS,
    "write_file": HARMLESS,
    "run_bash": HARMLESS,
    "run_python": HARMLESS,
    "deliver_file": _KEEPS,
    "send_email": Nature(_NONE, "outside"),
    "webhook": Nature(_NONE, "outside"),
    **{f"workspace-{name}": _READS for name in _FOLDER_READERS},
    **{f"file-{name}": _READS for name in _FILE_READERS},
    # What they answer has parts of the files: the lines around an edit, the names in a folder.
    **{f"workspace-{name}": Nature(_BOTH, "workspace") for name in _FOLDER_WRITERS},
    **{f"file-{name}": Nature(_BOTH, "workspace") for name in _FILE_WRITERS},
    "executeCommand": Nature(_BOTH, "workspace"),
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


def nature_of(tool: str, *, network: bool = False) -> Nature:
    """The nature of a tool, as an agent file names it.

    Args:
        tool: Such as ``read_document``, ``mcp:time/convert_time`` or ``agent:team/reader``.
        network: Whether the agent's commands may reach anything.
    """
    if refer(tool).kind != "builtin":
        return WORST
    nature = NATURES.get(tool, WORST)
    return WORST if network and tool in _NETWORKED else nature
