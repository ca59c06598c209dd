"""The HTTP application."""

import asyncio
from typing import TYPE_CHECKING

from fastapi import FastAPI

from lamplighter import __version__
from lamplighter.store.runs import count_active
from lamplighter.store.schedules import earliest_due

if TYPE_CHECKING:
    from sqlalchemy import Engine


def create_app(engine: "Engine", *, fires: bool) -> FastAPI:
    """The application of one served workspace.

    Args:
        engine: The workspace's database.
        fires: Whether schedules fire here.
    """
    app = FastAPI(title="Lamplighter", version=__version__, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, object]:
        """Whether the process works and its database answers."""
        due = await asyncio.to_thread(earliest_due, engine)
        return {
            "status": "ok",
            "version": __version__,
            "agents_enabled": fires,
            "active_runs": await asyncio.to_thread(count_active, engine),
            "next_due_at": due and due.isoformat(),
        }

    return app
