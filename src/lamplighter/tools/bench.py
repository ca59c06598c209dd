"""What the tools of one run work on."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_ai import RunContext

from lamplighter.config import Settings
from lamplighter.definitions.flow import Flow
from lamplighter.definitions.pages import Pages
from lamplighter.definitions.recipients import TO_NOBODY, Correspondence
from lamplighter.errors import ToolFailed
from lamplighter.outbox import Outbox
from lamplighter.tools import delivery, documents, files
from lamplighter.tools.mcp import Servers
from lamplighter.tools.places import Places
from lamplighter.tools.shell import Shell
from lamplighter.workspace import security

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Memory:
    """Whose memory a run has.

    Attributes:
        engine: The workspace's database.
        agent: The agent.
        run_id: The run itself, which is none of the earlier ones.
    """

    engine: "Engine"
    agent: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Workbench:
    """What the tools of one run work on.

    Attributes:
        library: What the run may see.
        run_files: The run's own files.
        destination: Where its results go.
        outbox: The way to them, and to all else outside the run.
        settings: The workspace's settings.
        servers: The MCP servers, as long as the run is under way.
        allowed: The tools that the agent may call, as its file names them.
        pages: What of the web it may fetch.
        writes: Where it may change files; ``None``: wherever runs may.
        email: To whom it may write.
        webhooks: The URLs that it may call, by name.
        shell: Where its commands run; ``None``: nowhere.
        flow: What has come into the run, which decides what may go out.
        memory: What the agent has noted in its runs; ``None``: this is none of them.
    """

    library: documents.Library
    run_files: files.RunFiles
    destination: delivery.Delivery
    outbox: Outbox
    settings: Settings
    servers: Servers
    allowed: frozenset[str] = frozenset()
    pages: Pages = field(default_factory=Pages)
    writes: tuple[str, ...] | None = None
    email: Correspondence = TO_NOBODY
    webhooks: Mapping[str, str] = field(default_factory=dict)
    shell: Shell | None = None
    flow: Flow = field(default_factory=Flow)
    memory: Memory | None = None

    def apply_files(self, changes: Mapping[str, Any]) -> None:
        """Have what a step did to the run's files."""
        self.run_files.apply(files.read_changes(changes))

    def keep_texts(self, texts: Mapping[str, str]) -> Mapping[str, Any]:
        """Write texts into the run's files, as far as there is room; gives the changes, as JSON."""
        changes: files.FileChanges = {}
        for path, text in texts.items():
            with suppress(ToolFailed):
                changes |= self.run_files.write_bytes(path, text.encode(errors="replace"))
        return files.changes_data(changes)

    async def close(self) -> None:
        """End its sandbox; what was in it and is none of the run's files is gone."""
        if self.shell is not None:
            await self.shell.close()

    def places(self) -> Places:
        """Where in the workspace, and outside it, the run may go; as allowed at this moment."""
        settings = self.settings
        return Places(settings.workspace, security(settings), settings.key_path, self.writes)


Context = RunContext[Workbench]
"""What each tool gets besides the model's arguments."""


def call_of(ctx: Context) -> str:
    """The key of a tool call within its run; the id alone may come back in a later request."""
    return f"{ctx.run_step}:{ctx.tool_call_id}"
