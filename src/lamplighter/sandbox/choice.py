"""Which backend opens the sandboxes here, and whether it can."""

import asyncio
import sys
import threading

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.sandbox.bubblewrap import Bubblewrap
from lamplighter.sandbox.container import Container
from lamplighter.sandbox.sandbox import Backend, Readiness

DOUBT_SECONDS = 60.0
"""How long a backend that did not work is not tried again."""

_found: dict[Backend, tuple[float, Readiness]] = {}
_one_at_a_time = threading.Lock()


def choose_backend(settings: Settings) -> Backend | None:
    """The backend that the settings name; ``None``: commands are switched off."""
    chosen = settings.sandbox
    if chosen == "auto":
        chosen = "bubblewrap" if sys.platform == "linux" else "container"
    if chosen == "off":
        return None
    if chosen == "container":
        return Container(settings.sandbox_image, settings.sandbox_engine)
    return Bubblewrap()


def check_backend(backend: Backend | None) -> Readiness:
    """Whether a backend works; what works is not tried again by this process.

    This opens a sandbox, on an event loop of its own: call it in a thread where there is one.
    """
    if backend is None:
        return Readiness("off", "commands are switched off", "LAMPLIGHTER_SANDBOX=auto")
    with _one_at_a_time:
        tried_at, readiness = _found.get(backend, (0.0, None))
        recent = clock.monotonic() - tried_at < DOUBT_SECONDS
        if readiness is None or not (readiness.is_ready or recent):
            readiness = asyncio.run(backend.probe())
            _found[backend] = (clock.monotonic(), readiness)
        return readiness
