"""``lamplighter mcp``: list the MCP servers, and look whether they work."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table, printable
from lamplighter.cli.user import open_engine

if TYPE_CHECKING:
    from lamplighter.store.mcp_tools import Pin
    from lamplighter.tools.mcp import ServerTool

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
    found = asyncio.run(_look(context, check))
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

    found = asyncio.run(_ask(context, server))
    if as_json:
        print_json(
            [
                {
                    "tool": f"{MCP}{server}/{each.name}",
                    "description": each.description,
                    "reads": each.reads,
                    "changed": each.changed,
                    "schema": dict(each.schema),
                }
                for each in found
            ]
        )
        return
    rows = ([f"{MCP}{server}/{e.name}", _effect(e), e.description.split("\n")[0]] for e in found)
    print_table(["tool", "effect", "description"], rows)


@group.command()
@click.argument("server")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def approve(context: Context, server: str, yes: bool) -> None:
    """Show what SERVER's tools say otherwise than when you trusted them, and trust that.

    Tools are trusted as they are first seen. One whose description, arguments or hints have
    changed is offered to no agent until this is done: a model reads them like instructions.

    \b
    Examples:
      lamplighter mcp approve tracker
      lamplighter mcp approve tracker --yes
    """
    from lamplighter import clock
    from lamplighter.store.mcp_tools import approve_tools, list_pins

    asyncio.run(_ask(context, server))
    engine = open_engine(context)
    changed = [pin for pin in list_pins(engine, server).values() if pin.offered is not None]
    if not changed:
        click.echo(f"nothing has changed about the tools of {server}", err=True)
        return
    for pin in changed:
        click.echo("\n".join(_difference(pin)))
    if not yes:
        click.confirm(f"Trust {server} with these words to your agents?", abort=True)
    trusted = approve_tools(engine, changed, "", clock.now())
    click.echo(printable(f"trusted: {', '.join(trusted)}"))


def _difference(pin: "Pin") -> list[str]:
    """What has changed of a tool, as a diff; control characters are seen as what they are."""
    import difflib
    import json

    before, after = (
        [
            f"{key}: {line}"
            for key, value in sorted(definition.items())
            for line in (value if isinstance(value, str) else json.dumps(value, indent=1)).split(
                "\n"
            )
        ]
        for definition in (pin.definition, pin.offered or {})
    )
    lines = difflib.unified_diff(
        before, after, f"{pin.tool}, trusted", f"{pin.tool}, now", lineterm=""
    )
    return [line if line.isprintable() else ascii(line)[1:-1] for line in lines]


def _effect(tool: "ServerTool") -> str:
    if tool.changed:
        return "changed"
    return "reads" if tool.reads else "acts"


async def _ask(context: Context, server: str) -> "list[ServerTool]":
    from lamplighter.tools.mcp import Servers

    async with Servers(context.settings(), open_engine(context)) as servers:
        return await servers.offered(server)


async def _look(context: Context, check: bool) -> list[dict[str, Any]]:
    from lamplighter.tools.mcp import Servers

    async with Servers(context.settings(), open_engine(context)) as servers:
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
