"""``config/mcp.json``: the MCP servers."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lamplighter.config import McpServer
from lamplighter.definitions.agent import Problem
from lamplighter.definitions.rowboat.document import read_json


def read_servers(text: str, file: str) -> tuple[Mapping[str, McpServer], tuple[Problem, ...]]:
    """The servers by name, and what is wrong; a bad one stops no other."""
    document = read_json(text, file)
    content = document.content if isinstance(document.content, dict) else {}
    given = content.get("mcpServers", {})
    if not isinstance(given, dict):
        document.tell("mcpServers is no JSON object", "mcpServers")
        given = {}
    servers: dict[str, McpServer] = {}
    for name, entry in given.items():
        at = f"mcpServers.{name}"
        if not isinstance(entry, dict):
            document.tell(f"the server {name!r} is no JSON object", at)
        elif document.check_keys(entry, (*McpServer.model_fields, "type"), at):
            _read_server(name, entry, servers, lambda text, at=at: document.tell(text, at))
    return servers, tuple(document.problems)


def _read_server(
    name: str, entry: dict[str, Any], servers: dict[str, McpServer], tell: Any
) -> None:
    values = {key: value for key, value in entry.items() if key in McpServer.model_fields}
    try:
        servers[name] = McpServer(**values)
    except ValidationError as error:
        detail = error.errors(include_input=False)[0]  # the input may be a secret
        where = ".".join(str(part) for part in detail["loc"])
        message = str(detail["msg"]).removeprefix("Value error, ")
        tell(f"the server {name!r}: {where} {message}".replace("  ", " "))
