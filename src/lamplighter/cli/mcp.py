"""``lamplighter mcp``: list the MCP servers, and look whether they work."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table

if TYPE_CHECKING:
    from lamplighter.config import Settings

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group()
def group() -> None:
    """MCP servers: what agents can call besides the built-in tools."""


@group.command("list")
@click.option("--check", is_flag=True, help="Start each server and count its tools.")
@as_json
@click.pass_obj
def list_(context: Context, check: bool, as_json: bool) -> int:
    """List the MCP servers of config/mcp.json and lamplighter.toml.

    \b
    Examples:
      lamplighter mcp list
      lamplighter mcp list --check

    Exit code 1: with --check, a server does not work.
    """
    settings = context.settings()
    found = asyncio.run(_look(settings, check))
    if as_json:
        print_json(found)
    else:
        headers = ["server", "type", "state", "allowed by name"]
        rows = ([e["name"], e["type"], e["state"], ", ".join(e["allowed"])] for e in found)
        print_table(headers, rows)
    return int(any(e["healthy"] is False for e in found))


@group.command()
@click.argument("server")
@as_json
@click.pass_obj
def tools(context: Context, server: str, as_json: bool) -> None:
    """Start SERVER and list its tools, as agents name them.

    \b
    Example:
      lamplighter mcp tools time
    """
    from lamplighter.definitions.tool import MCP
    from lamplighter.tools.mcp import Servers

    async def ask() -> list[Any]:
        async with Servers(context.settings()) as servers:
            return await servers.tools(server)

    found = asyncio.run(ask())
    if as_json:
        print_json(
            [
                {
                    "tool": f"{MCP}{server}/{each.name}",
                    "description": each.description,
                    "reads": each.reads,
                    "schema": dict(each.schema),
                }
                for each in found
            ]
        )
        return
    rows = (
        [f"{MCP}{server}/{e.name}", "reads" if e.reads else "acts", e.description.split("\n")[0]]
        for e in found
    )
    print_table(["tool", "effect", "description"], rows)


async def _look(settings: "Settings", check: bool) -> list[dict[str, Any]]:
    from lamplighter.tools.mcp import Servers

    async with Servers(settings) as servers:
        known = servers.known()
        states = [await _state(servers, name) if check else (None, "") for name in known]
    return [
        {
            "name": name,
            "type": "http" if server.url else "stdio",
            "healthy": healthy,
            "state": state,
            "allowed": list(server.tools),
        }
        for (name, server), (healthy, state) in zip(known.items(), states, strict=True)
    ]


async def _state(servers: Any, name: str) -> tuple[bool, str]:
    from lamplighter.errors import ToolFailed

    try:
        return True, f"{len(await servers.tools(name))} tools"
    except ToolFailed as error:
        return False, str(error)
