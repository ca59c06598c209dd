"""Tools of MCP servers as an agent's own, and Rowboat's three tools to reach them."""

# ruff: noqa: D417 - the model reads these docstrings, gives no ctx, and knows these names

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_ai import RunContext, Tool
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset
from pydantic_ai.toolsets.abstract import ToolsetTool

from lamplighter.definitions.agent import Agent
from lamplighter.definitions.nature import origin_of
from lamplighter.definitions.tool import MCP, refer
from lamplighter.errors import ToolFailed, Withheld
from lamplighter.outbox import Outcome
from lamplighter.tools.bench import Context, Workbench, call_of
from lamplighter.tools.mcp import Servers, ServerTool


@dataclass(frozen=True, slots=True)
class McpCall:
    """A call of a server's tool, which may change whatever the server can."""

    servers: Servers
    server: str
    tool: ServerTool
    arguments: Mapping[str, Any]
    fixed: bool = False
    kind = "mcp"
    done = None

    @property
    def deduplicates(self) -> bool:
        """If the server says so."""
        return self.tool.repeatable

    @property
    def destination(self) -> str:
        """The server and its tool."""
        return f"{self.server}/{self.tool.name}"

    def prepare(self) -> dict[str, Any]:
        """All that is sent."""
        return {"server": self.server, "tool": self.tool.name, "arguments": dict(self.arguments)}

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call it."""
        arguments = payload["arguments"]
        return {"result": await self.servers.call(payload["server"], payload["tool"], arguments)}


class McpTools(AbstractToolset[Workbench]):
    """The tools of servers that an agent names, one by one.

    A server that does not start leaves its tools there; calling one says why it cannot be used.

    Args:
        agent: The agent.
        servers: The servers of its run.
    """

    def __init__(self, agent: Agent, servers: Servers) -> None:
        self.wanted = {
            name: refer(tool) for name, tool in agent.tool_names.items() if tool.startswith(MCP)
        }
        self.servers = servers
        self.made: FunctionToolset[Workbench] | None = None

    @property
    def id(self) -> str | None:
        """None is needed: each belongs to one run."""
        return None

    async def get_tools(self, ctx: RunContext[Workbench]) -> dict[str, ToolsetTool[Workbench]]:
        """The tools, as their servers describe them."""
        if self.made is None:
            found = {name: await self._find(*ref[1:]) for name, ref in self.wanted.items()}
            self.made = FunctionToolset(
                [
                    _tool(name, self.wanted[name].server, tool)
                    for name, tool in found.items()
                    if not tool.changed
                ]
            )
        return await self.made.get_tools(ctx)

    async def call_tool(
        self,
        name: str,
        tool_args: dict[str, Any],
        ctx: RunContext[Workbench],
        tool: ToolsetTool[Workbench],
    ) -> Any:
        """Call one."""
        assert self.made is not None
        return await self.made.call_tool(name, tool_args, ctx, tool)

    async def _find(self, name: str, server: str) -> ServerTool:
        try:
            offered = await self.servers.offered(server)
        except ToolFailed:
            offered = []
        found = next((tool for tool in offered if tool.name == name), None)
        return found or ServerTool(name, "Not available at the moment.")


def _tool(name: str, server: str, tool: ServerTool) -> Tool[Workbench]:
    async def call(ctx: Context, **arguments: Any) -> Any:
        return await _call(ctx, server, tool, arguments)

    return Tool.from_schema(
        call, name, tool.description, dict(tool.schema), takes_ctx=True, sequential=not tool.reads
    )


async def _call(
    ctx: Context, server: str, tool: ServerTool, arguments: Mapping[str, Any]
) -> Any | Outcome:
    servers = ctx.deps.servers
    fixed = servers.fixes(server, tool.name)
    if not tool.reads:
        effect = McpCall(servers, server, tool, arguments, fixed)
        return await ctx.deps.outbox.perform(call_of(ctx), effect)
    origin, asked = origin_of(f"{MCP}{server}/{tool.name}", {}), ctx.tool_call_approved
    if why := ctx.deps.flow.objection(acts=False, fixed=asked or fixed, origin=origin):
        raise Withheld(f"{server}/{tool.name} was not asked: {why}")
    return await servers.call(server, tool.name, dict(arguments))


# By name, as Rowboat has them


async def list_servers(ctx: Context) -> dict[str, Any]:
    """List the MCP servers."""
    known = ctx.deps.servers.known()
    servers = [
        {"name": name, "type": "http" if server.url else "stdio"} for name, server in known.items()
    ]
    return {"servers": servers, "count": len(servers)}


async def list_tools(ctx: Context, serverName: str) -> dict[str, Any]:
    """List the tools of an MCP server that you may call.

    Args:
        serverName: The server.
    """
    offered = await ctx.deps.servers.tools(serverName)
    tools = [
        {"name": each.name, "description": each.description, "inputSchema": dict(each.schema)}
        for each in offered
        if _may_call(ctx.deps, serverName, each.name)
    ]
    return {"serverName": serverName, "tools": tools, "count": len(tools)}


async def execute_tool(
    ctx: Context, serverName: str, toolName: str, arguments: dict[str, Any] | None = None
) -> Any:
    """Call a tool of an MCP server.

    Args:
        serverName: The server.
        toolName: Its tool.
        arguments: As the tool's inputSchema has them.
    """
    if not _may_call(ctx.deps, serverName, toolName):
        raise ToolFailed(
            f"{serverName}/{toolName} is not allowed: it is neither among this agent's tools nor "
            f"among the tools that config/mcp.json allows of {serverName}"
        )
    offered = await ctx.deps.servers.tools(serverName)
    tool = next((each for each in offered if each.name == toolName), None)
    if tool is None:
        raise ToolFailed(f"the MCP server {serverName!r} has no tool {toolName!r}")
    return await _call(ctx, serverName, tool, arguments or {})


def _may_call(bench: Workbench, server: str, tool: str) -> bool:
    known = bench.servers.known().get(server)
    return f"{MCP}{server}/{tool}" in bench.allowed or (known is not None and tool in known.tools)


TOOLS: dict[str, Tool[Workbench]] = {
    tool.name: tool
    for tool in (
        Tool(list_servers, name="listMcpServers", docstring_format="google"),
        Tool(list_tools, name="listMcpTools", docstring_format="google"),
        Tool(execute_tool, name="executeMcpTool", docstring_format="google", sequential=True),
    )
}
