"""The HTTP application."""

import asyncio
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from starlette.middleware.gzip import GZipMiddleware

from lamplighter import __version__
from lamplighter.roster import Roster
from lamplighter.store.runs import count_active
from lamplighter.store.schedules import earliest_due
from lamplighter.web.api import (
    agents,
    chats,
    documents,
    memory,
    omni,
    records,
    runs,
    schedules,
    session,
    spending,
    tokens,
    users,
)
from lamplighter.web.gate import Gate
from lamplighter.web.lookout import Lookout
from lamplighter.web.pages import PAGES
from lamplighter.web.problems import PROBLEMS, install_problems

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.config import Settings

PREFIX = "/api/v1"
ROUTERS = (
    session.router,
    agents.router,
    schedules.router,
    runs.router,
    memory.router,
    spending.router,
    chats.router,
    documents.router,
    users.router,
    tokens.router,
    records.router,
    records.effects,
)


def create_app(settings: "Settings", engine: "Engine") -> FastAPI:
    """The application of one served workspace.

    Args:
        settings: The workspace's settings.
        engine: Its database.
    """
    roster = Roster(settings, engine)
    app = FastAPI(
        title="Lamplighter",
        version=__version__,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.roster = roster
    app.state.lookout = Lookout(roster)
    # Browsers give a cookie to all ports of a host, so each workspace has a name of its own.
    app.state.cookie = "lamplighter" if settings.team else f"lamplighter-{settings.port}"
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Gate, roster=roster, cookie=app.state.cookie)
    install_problems(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, responses=PROBLEMS)
    app.include_router(session.links)
    app.include_router(omni.router)
    for router in PAGES:
        app.include_router(router)
    app.add_api_route("/healthz", healthz, tags=["health"])
    return app


async def healthz(request: Request) -> dict[str, object]:
    """Whether the process works and its database answers."""
    roster: Roster = request.app.state.roster
    due = await asyncio.to_thread(earliest_due, roster.engine)
    return {
        "status": "ok",
        "version": __version__,
        "agents_enabled": roster.settings.agents_enabled,
        "active_runs": await asyncio.to_thread(count_active, roster.engine),
        "next_due_at": due and due.isoformat(),
    }
