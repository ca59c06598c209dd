"""Connected sources: what each one holds, as documents with their access lists."""

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from lamplighter.errors import Unreadable
from lamplighter.sources.connector import Connector

ENTRY_POINTS = "lamplighter.connectors"
"""Where other packages name theirs: type of source = "package.module:connector"."""

BUILT_IN = {
    "files": "lamplighter.sources.files:connector",
    "mail": "lamplighter.sources.mail:connector",
    "calendar": "lamplighter.sources.calendar:survey",
    "feeds": "lamplighter.sources.feeds:survey",
    "slack": "lamplighter.sources.slack:survey",
    "jira": "lamplighter.sources.jira:survey",
    "github": "lamplighter.sources.github:survey",
    "rowboat_sync": "lamplighter.sources.rowboat_sync:connector",
    "mcp": "lamplighter.sources.mcp:connector",
}


def find_connector(kind: str) -> Connector[Any]:
    """The connector of a type of sources; its module is imported only now.

    Raises:
        Unreadable: There is none, or what it needs is not installed.
    """
    if kind in BUILT_IN:
        module, _, name = BUILT_IN[kind].partition(":")
        built_in: Connector[Any] = getattr(import_module(module), name)
        return built_in
    for point in entry_points(group=ENTRY_POINTS, name=kind):
        connector: Connector[Any] = point.load()
        return connector
    known = ", ".join(list_types())
    raise Unreadable(f"there is no type of sources {kind!r}; there are: {known}")


def list_types() -> list[str]:
    """The types of sources that there are connectors for."""
    others = {point.name for point in entry_points(group=ENTRY_POINTS)}
    return [*BUILT_IN, *sorted(others - BUILT_IN.keys())]
