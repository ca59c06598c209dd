"""What the tools of one run work on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_ai import RunContext

from lamplighter.access import Scope
from lamplighter.config import Settings
from lamplighter.outbox import Outbox
from lamplighter.tools import delivery, files
from lamplighter.tools.mcp import Servers
from lamplighter.tools.places import Places
from lamplighter.workspace import security

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Workbench:
    """What the tools of one run work on.

    Attributes:
        engine: The workspace's database.
        scope: What the run may see.
        run_files: The run's own folder.
        destination: Where its results go.
        outbox: The way to them, and to all else outside the run.
        settings: The workspace's settings.
        servers: The MCP servers, as long as the run is under way.
        allowed: The tools that the agent may call, as its file names them.
    """

    engine: "Engine"
    scope: Scope
    run_files: files.RunFiles
    destination: delivery.Delivery
    outbox: Outbox
    settings: Settings
    servers: Servers
    allowed: frozenset[str] = frozenset()

    def places(self) -> Places:
        """Where in the workspace, and outside it, the run may go; as allowed at this moment."""
        return Places(self.settings.workspace, security(self.settings))


Context = RunContext[Workbench]
"""What each tool gets besides the model's arguments."""


def call_of(ctx: Context) -> str:
    """The key of a tool call within its run; the id alone may come back in a later request."""
    return f"{ctx.run_step}:{ctx.tool_call_id}"
