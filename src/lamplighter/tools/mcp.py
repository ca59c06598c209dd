"""MCP servers: started when their tools are first asked for, stopped when the run ends."""

import asyncio
import os
import re
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic_core import to_jsonable_python

from lamplighter import clock
from lamplighter.config import McpServer, Settings
from lamplighter.errors import InvalidSettings, ToolFailed, Unconfirmed, Withheld
from lamplighter.secrets import reveal
from lamplighter.store.mcp_tools import pin_tools
from lamplighter.workspace import mcp_servers

if TYPE_CHECKING:
    from pydantic_ai.mcp import MCPToolset
    from sqlalchemy import Engine

T = TypeVar("T")
START_SECONDS = 60.0
CALL_SECONDS = 120.0
LOGS = "mcp"
"""In the state folder: what servers write to their standard error."""


@dataclass(frozen=True, slots=True)
class ServerTool:
    """One tool of a server.

    Attributes:
        schema: JSON Schema of its arguments.
        reads: Whether the server says that it changes nothing.
        repeatable: Whether the server says that twice is the same as once.
        changed: Whether all that is no longer what somebody has trusted.
    """

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    reads: bool = False
    repeatable: bool = False
    changed: bool = False

    @property
    def definition(self) -> dict[str, Any]:
        """All that its server says of it, as JSON."""
        return {
            "description": self.description,
            "schema": dict(self.schema),
            "reads": self.reads,
            "repeatable": self.repeatable,
        }


class Connection:
    """A running server. One task opens and closes it, as its protocol wants it.

    Args:
        toolset: Speaks to the server.
    """

    def __init__(self, toolset: "MCPToolset[Any]") -> None:
        self.toolset = toolset
        self.stopped = asyncio.Event()
        self.ready: asyncio.Future[list[ServerTool]] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._run())

    async def tools(self) -> list[ServerTool]:
        """Its tools, once it is up."""
        return await asyncio.wait_for(asyncio.shield(self.ready), START_SECONDS)

    async def stop(self) -> None:
        """Stop the server."""
        self.stopped.set()
        if not self.ready.done():
            self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    async def _run(self) -> None:
        try:
            async with self.toolset:
                self.ready.set_result([_tool(each) for each in await self.toolset.list_tools()])
                await self.stopped.wait()
        except Exception as error:  # noqa: BLE001 - whatever a server does, its caller is told
            if not self.ready.done():
                self.ready.set_exception(error)
                self.ready.exception()  # asked for, so that nobody need fetch it


class Servers:
    """The MCP servers of a workspace, for one run; a context manager that stops them all.

    Args:
        settings: The workspace's settings.
        engine: Its database, which knows what their tools were trusted for.
    """

    def __init__(self, settings: Settings, engine: "Engine") -> None:
        self.settings = settings
        self.engine = engine
        self.seen: dict[str, list[ServerTool]] = {}
        self.connections: dict[str, Connection] = {}

    async def __aenter__(self) -> Self:
        """Nothing is started yet."""
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Stop what was started."""
        connections, self.connections = self.connections, {}
        await asyncio.gather(*(each.stop() for each in connections.values()))

    def known(self) -> dict[str, McpServer]:
        """All servers, by name."""
        return mcp_servers(self.settings)

    def fixes(self, name: str, tool: str) -> bool:
        """Whether the settings say that what a tool is told goes nowhere that it could choose."""
        server = self.known().get(name)
        return server is not None and server.fixes(tool)

    async def tools(self, name: str) -> list[ServerTool]:
        """The tools of a server that may be used; it is started if it is not running.

        Raises:
            ToolFailed: There is no such server, or it does not start.
        """
        return [tool for tool in await self.offered(name) if not tool.changed]

    async def offered(self, name: str) -> list[ServerTool]:
        """All tools of a server, those included that are no longer what was trusted.

        Raises:
            ToolFailed: There is no such server, or it does not start.
        """
        offered = await self._ask(name)
        if name not in self.seen:
            self.seen[name] = await asyncio.to_thread(self._compare, name, offered)
        return self.seen[name]

    def _compare(self, name: str, offered: list[ServerTool]) -> list[ServerTool]:
        definitions = {tool.name: tool.definition for tool in offered}
        changed = pin_tools(self.engine, name, definitions, clock.now())
        return [replace(tool, changed=tool.name in changed) for tool in offered]

    async def _ask(self, name: str) -> list[ServerTool]:
        connection = self.connections.get(name)
        if connection is None or connection.task.done():
            self.seen.pop(name, None)
            connection = self.connections[name] = self._start(name)
        try:
            return await connection.tools()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await self._drop(name)
            raise ToolFailed(f"the MCP server {name!r} does not start: {_why(error)}") from error

    async def call(self, name: str, tool: str, arguments: dict[str, Any]) -> Any:
        """The JSON value of a tool.

        Raises:
            ToolFailed: It was not called, or the server says that it failed.
            Unconfirmed: The server was gone, or silent, before it answered.
        """
        from fastmcp.exceptions import ToolError
        from pydantic_ai.exceptions import ModelRetry
        from pydantic_ai.exceptions import ToolFailed as ModelToolFailed

        found = next((each for each in await self.offered(name) if each.name == tool), None)
        if found is None:
            raise ToolFailed(f"the MCP server {name!r} has no tool {tool!r}")
        if found.changed:
            raise Withheld(
                f"{name}/{tool} has changed since it was trusted; a person has to look at it: "
                f"lamplighter mcp approve {name}"
            )
        call = self.connections[name].toolset.direct_call_tool(tool, arguments)
        try:
            return to_jsonable_python(await self._unless_gone(name, call))
        except (ToolError, ModelRetry, ModelToolFailed) as error:
            raise ToolFailed(f"{name}/{tool}: {_why(error)}") from error
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await self._drop(name)
            message = f"the MCP server {name!r} did not answer {tool!r}: {_why(error)}"
            raise Unconfirmed(message) from error

    async def _unless_gone(self, name: str, call: Coroutine[Any, Any, T]) -> T:
        """The result of ``call``, unless the server ends first."""
        calling = asyncio.ensure_future(call)
        gone = self.connections[name].task
        try:
            await asyncio.wait(
                (calling, gone), timeout=CALL_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if calling.done():
                return calling.result()
            raise TimeoutError("it ended" if gone.done() else f"{CALL_SECONDS:g} s have passed")
        finally:
            calling.cancel()

    async def _drop(self, name: str) -> None:
        self.seen.pop(name, None)
        if connection := self.connections.pop(name, None):
            await connection.stop()

    def _start(self, name: str) -> Connection:
        server = self.known().get(name)
        if server is None:
            raise ToolFailed(f"there is no MCP server {name!r}")
        try:
            return Connection(_toolset(name, server, self.settings))
        except (InvalidSettings, OSError) as error:
            raise ToolFailed(f"the MCP server {name!r} cannot be started: {error}") from error


def _toolset(name: str, server: McpServer, settings: Settings) -> "MCPToolset[Any]":
    from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
    from pydantic_ai.mcp import MCPToolset

    values = {
        key: reveal(value, name=f"{key} of {name}")
        for key, value in (server.headers if server.url else server.env).items()
    }
    if server.url:
        transport: Any = StreamableHttpTransport(server.url, headers=values)
    else:
        log = settings.state_dir / LOGS / f"{re.sub(r'[^A-Za-z0-9_-]', '_', name)}.log"
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        transport = StdioTransport(
            os.path.expanduser(server.command or ""),
            list(server.args),
            env=values,
            cwd=str(settings.workspace),
            keep_alive=False,
            log_file=log,
        )
    return MCPToolset(transport, id=name, tool_error_behavior="error", init_timeout=START_SECONDS)


def _tool(found: Any) -> ServerTool:
    hints = found.annotations
    return ServerTool(
        name=found.name,
        description=found.description or "",
        schema=found.input_schema,
        reads=hints is not None and hints.read_only_hint is True,
        repeatable=hints is not None and hints.idempotent_hint is True,
    )


def _why(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text if len(text) <= 500 else f"{text[:500]}..."
