"""What routes are given: who asks, with which right, about which workspace."""

from typing import Annotated

from fastapi import Depends, Request

from lamplighter.accounts import Caller
from lamplighter.engine.control import wake_engine
from lamplighter.errors import AgentsDisabled, NotFound, NotSignedIn
from lamplighter.roster import Roster


def _roster(request: Request) -> Roster:
    roster: Roster = request.app.state.roster
    return roster


def _caller(request: Request, right: str) -> Caller:
    caller: Caller | None = request.state.caller
    if caller is None:  # behind the gate there is one; should a route stand before it, say no
        raise NotSignedIn("sign in first")
    caller.require(right)
    return caller


async def _reader(request: Request) -> Caller:
    return _caller(request, "read")


async def _runner(request: Request) -> Caller:
    return _caller(request, "run")


async def _writer(request: Request) -> Caller:
    return _caller(request, "write")


async def _admin(request: Request) -> Caller:
    return _caller(request, "admin")


async def _admin_page(request: Request) -> Caller:
    if not _caller(request, "read").admin:
        raise NotFound("there is no such page")
    return _caller(request, "admin")


async def _enabled(request: Request) -> None:
    if not _roster(request).settings.agents_enabled:
        raise AgentsDisabled("agents are switched off here; set AGENTS_ENABLED=true to enable them")


async def _home(request: Request) -> Roster:
    return _roster(request)


Home = Annotated[Roster, Depends(_home)]
Reader = Annotated[Caller, Depends(_reader)]
Runner = Annotated[Caller, Depends(_runner)]
Writer = Annotated[Caller, Depends(_writer)]
Admin = Annotated[Caller, Depends(_admin)]
"""Each is the caller, once they have shown that they may read, run, write or administer."""

AdminPage = Annotated[Caller, Depends(_admin_page)]
"""An admin; for others there is no such page."""


def wake(home: Roster) -> None:
    """Let the engine look at what has changed."""
    wake_engine(home.engine, home.settings.state_dir)


ENABLED = Depends(_enabled)
"""For routers that ``AGENTS_ENABLED=false`` closes."""
