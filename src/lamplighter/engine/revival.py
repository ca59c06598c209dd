"""Effects from the outbox, as something that acts again: by the agent's rights of this moment.

What was held is performed hours later, when its run has ended and its agent may be another. So
everything is asked anew, of the agent as it is now: whether it may call the tool, whom it may
write to, which URL a name stands for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.nature import NATURES
from lamplighter.definitions.tool import MCP
from lamplighter.engine.acting import acting_scope, withheld_tools
from lamplighter.errors import Forbidden, NotFound, ToolFailed
from lamplighter.outbox import Effect
from lamplighter.roster import Roster
from lamplighter.store.outbox import Entry
from lamplighter.store.runs import Run, get_run
from lamplighter.tools.assistance import Notify, Remember, memory_of
from lamplighter.tools.bench import Memory
from lamplighter.tools.changes import MakeFolder, Move, Remove, Write, trash_of
from lamplighter.tools.command import Changed
from lamplighter.tools.delivery import Delivery, FileDelivery
from lamplighter.tools.email import EmailSending
from lamplighter.tools.files import RunFiles
from lamplighter.tools.mcp import Servers, ServerTool
from lamplighter.tools.mcp_tools import McpCall
from lamplighter.tools.memory import Noting
from lamplighter.tools.mirror import Mirror
from lamplighter.tools.places import Places
from lamplighter.tools.web import Request, Submission
from lamplighter.tools.webhook import WebhookCall
from lamplighter.workspace import mcp_servers, security

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Situation:
    """What an effect is revived from.

    Attributes:
        entry: As it stands in the outbox.
        run: Whose it is.
        agent: Whose call it was, as it is now.
        settings: The workspace's settings.
        engine: Its database.
        servers: For calls of MCP servers.
    """

    entry: Entry
    run: Run
    agent: Agent
    settings: Settings
    engine: "Engine"
    servers: Servers

    @property
    def files(self) -> RunFiles:
        """What the run's contents are kept by."""
        return RunFiles(self.engine, self.run.id, 0)

    @property
    def places(self) -> Places:
        """Where in the workspace runs may go now."""
        settings = self.settings
        return Places(settings.workspace, security(settings), settings.key_path, self.agent.writes)


def revive(entry: Entry, home: Roster, servers: Servers) -> Effect:
    """What performs an effect of the outbox, if its agent may do it now.

    Raises:
        Forbidden: It may not.
    """
    run = get_run(home.engine, entry.run_id)
    agent = _find_agent(home, entry.agent or run.agent)
    wanted = _wanted_tools(entry, home.settings)
    wanted -= withheld_tools(agent, home.engine, home.settings).keys()
    acting = [agent, _find_agent(home, run.agent)] if agent.name != run.agent else [agent]
    for each in acting:
        # Its own agent has to have the tool; the one that called it only must not be an agent of
        # the organisation without it, which nothing that it calls may go beyond.
        tools = each.allowed_tools if each is agent else each.actions
        if (each is agent or each.type == "org") and not wanted & set(tools):
            raise Forbidden(f"{each.name} may not do this any more: {' or '.join(sorted(wanted))}")
    situation = Situation(entry, run, agent, home.settings, home.engine, servers)
    try:
        effect = MAKERS[entry.kind](situation)
        if hasattr(effect, "check"):
            effect.check(entry.payload)
    except ToolFailed as error:
        raise Forbidden(str(error)) from error
    return effect


def check_permission(entry: Entry, home: Roster) -> None:
    """See whether an effect may still happen.

    Raises:
        Forbidden: It may not.
    """
    revive(entry, home, Servers(home.settings, home.engine))


def _find_agent(home: Roster, name: str) -> Agent:
    try:
        agent = home.find(None, name).agent
    except NotFound as error:
        raise Forbidden(f"the agent {name} is gone") from error
    if agent is None:
        raise Forbidden(f"the file of {name} has an error")
    acting_scope(agent, home.engine, home.settings)  # its owner may still use the workspace
    return agent


def _wanted_tools(entry: Entry, settings: Settings) -> set[str]:
    """The tools of which the agent has to have one."""
    if entry.kind == "mcp":
        return set(_wanted_of_server(entry.payload, settings))
    if entry.kind not in _TOOLS:
        raise Forbidden(f"nothing here performs this kind of effect: {entry.kind}")
    return set(_TOOLS[entry.kind])


def _wanted_of_server(payload: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    yield f"{MCP}{payload['server']}/{payload['tool']}"
    server = mcp_servers(settings).get(payload["server"])
    if server is not None and payload["tool"] in server.tools:
        yield "executeMcpTool"


def _delivery(found: Situation) -> Effect:
    place = Delivery(found.settings.workspace, found.run.agent, found.run.id)
    return FileDelivery(found.files, place, found.entry.payload["path"])


def _email(found: Situation) -> Effect:
    account, allowed = found.settings.email, found.agent.email
    return EmailSending(account, allowed, found.engine, found.run.id)


def _webhook(found: Situation) -> Effect:
    networks, payload = found.settings.internal_networks, found.entry.payload
    return WebhookCall(found.agent.webhooks, networks, payload["name"], payload["data"])


def _mcp(found: Situation) -> Effect:
    payload = found.entry.payload
    tool = ServerTool(payload["tool"], "")
    return McpCall(found.servers, payload["server"], tool, payload["arguments"])


def _note(found: Situation) -> Effect:
    memory = Memory(found.engine, found.run.agent, found.run.id)
    return Remember(memory_of(found.settings.workspace, found.run.agent), "", "", (), memory)


def _memory(found: Situation) -> Effect:
    return Noting(found.engine, found.run.agent, "", "", frozenset(), "")


def _notice(found: Situation) -> Effect:
    return Notify(found.engine, found.run.agent, found.entry.payload["key"], "")


def _write(found: Situation) -> Effect:
    return Write(found.places.find(found.entry.payload["path"], "write"), b"", found.files)


def _folder(found: Situation) -> Effect:
    payload = found.entry.payload
    return MakeFolder(found.places.find(payload["path"], "write"), payload["parents"])


def _move(found: Situation) -> Effect:
    payload, places = found.entry.payload, found.places
    source, target = places.find(payload["from"], "delete"), places.find(payload["to"], "write")
    return Move(source, target, payload["overwrite"])


def _remove(found: Situation) -> Effect:
    payload, places = found.entry.payload, found.places
    trash = trash_of(places) if payload["trash"] else None
    return Remove(places.find(payload["path"], "delete"), payload["recursive"], trash)


def _command(found: Situation) -> Effect:
    return Changed(Mirror(found.places), found.files, found.entry.payload["command"])


def _submission(found: Situation) -> Effect:
    return Submission(Request(**found.entry.payload), found.agent.pages)


_CHANGERS = frozenset(
    name
    for name, nature in NATURES.items()
    if nature.reaches == "workspace" and name.startswith(("workspace-", "file-"))
)
_TOOLS: dict[str, frozenset[str]] = {
    "file": frozenset({"deliver_file"}),
    "email": frozenset({"send_email"}),
    "webhook": frozenset({"webhook"}),
    "note": frozenset({"save-to-memory"}),
    "memory": frozenset({"remember"}),
    "notice": frozenset({"notify-user"}),
    "http": frozenset({"fetch-url"}),
    "command": frozenset({"executeCommand"}),
    **dict.fromkeys(("write", "folder", "move", "remove"), _CHANGERS),
}
"""Kinds of effects, and the tools by which an agent has them."""

MAKERS: dict[str, Callable[[Situation], Effect]] = {
    "file": _delivery,
    "email": _email,
    "webhook": _webhook,
    "mcp": _mcp,
    "note": _note,
    "memory": _memory,
    "notice": _notice,
    "http": _submission,
    "command": _command,
    "write": _write,
    "folder": _folder,
    "move": _move,
    "remove": _remove,
}
