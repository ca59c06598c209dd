"""What tools of MCP servers said of themselves when somebody trusted them, and what they say now.

A model reads these words as it reads instructions. So they are trusted as they were first seen, by
whoever added the server; a change is for people to approve.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.store.audit import note
from lamplighter.store.database import decide_alone, reading
from lamplighter.store.notices import add_notice
from lamplighter.store.tables import mcp_tools

Definition = dict[str, Any]
"""JSON: all that a server says of a tool."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One tool.

    Attributes:
        definition: What is trusted.
        offered: What the server says now; ``None``: the same.
    """

    server: str
    tool: str
    definition: Definition
    offered: Definition | None


def list_pins(engine: sa.Engine, server: str) -> dict[str, Pin]:
    """The tools of a server that were ever seen, by name."""
    with reading(engine) as connection:
        return _read(connection, server)


def pin_tools(
    engine: sa.Engine, server: str, offered: Mapping[str, Definition], now: datetime
) -> set[str]:
    """Keep what is seen for the first time; gives the tools that are no longer what was trusted.

    Of a change its first finding leaves a notice.
    """
    known = list_pins(engine, server)
    if all(name in known and _is_known(known[name], offered[name]) for name in offered):
        return {name for name in offered if known[name].offered is not None}
    with engine.begin() as connection:
        decide_alone(connection)
        known = _read(connection, server)
        for name, definition in offered.items():
            if name not in known:
                values = {"server": server, "tool": name, "definition": definition}
                connection.execute(mcp_tools.insert().values(**values, updated_at=now))
            elif not _is_known(known[name], definition):
                _note_change(connection, known[name], definition, now)
        return {name for name, pin in _read(connection, server).items() if pin.offered} & {*offered}


def approve_tools(engine: sa.Engine, shown: Iterable[Pin], user: str, now: datetime) -> list[str]:
    """Trust what tools say now, if it is still what somebody was shown; gives which they are."""
    shown = list(shown)
    with engine.begin() as connection:
        decide_alone(connection)
        known = {pin.server: _read(connection, pin.server) for pin in shown}
        changed = [pin for pin in shown if pin.offered and known[pin.server].get(pin.tool) == pin]
        for pin in changed:
            _update(connection, pin, now, definition=pin.offered, offered=sa.null())
            detail = {"tool": pin.tool, "sha256": _hash(pin.offered)}
            note(connection, user, "mcp.approve", pin.server, now=now, detail=detail)
    return [pin.tool for pin in changed]


def _note_change(connection: sa.Connection, pin: Pin, offered: Definition, now: datetime) -> None:
    if offered == pin.definition:  # it is again what it was
        _update(connection, pin, now, offered=sa.null())
        return
    _update(connection, pin, now, offered=offered)
    message = (
        f"The MCP server {pin.server} describes its tool {pin.tool} otherwise than when you "
        "trusted it. No agent is offered the tool until you have looked: lamplighter mcp approve "
        f"{pin.server}"
    )
    key = f"mcp:{pin.server}:{pin.tool}:{_hash(offered)}"
    add_notice(connection, "mcp", key, message, now=now)


def _is_known(pin: Pin, offered: Definition) -> bool:
    return offered == (pin.definition if pin.offered is None else pin.offered)


def _hash(definition: Definition | None) -> str:
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


def _update(connection: sa.Connection, pin: Pin, now: datetime, **values: Any) -> None:
    chosen = (mcp_tools.c.server == pin.server) & (mcp_tools.c.tool == pin.tool)
    connection.execute(mcp_tools.update().where(chosen).values(**values, updated_at=now))


def _read(connection: sa.Connection, server: str) -> dict[str, Pin]:
    columns = (mcp_tools.c.server, mcp_tools.c.tool, mcp_tools.c.definition, mcp_tools.c.offered)
    rows = connection.execute(sa.select(*columns).where(mcp_tools.c.server == server))
    return {row.tool: Pin(**row._mapping) for row in rows}
