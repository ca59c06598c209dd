"""Serve a workspace: scheduler, worker, watcher and HTTP, until told to stop."""

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import uvicorn

from lamplighter import clock
from lamplighter.accounts import OWNER_ID, make_link
from lamplighter.config import Settings
from lamplighter.engine.holder import Holder, hold, making_rounds
from lamplighter.engine.observe import observe
from lamplighter.engine.run_logs import import_history
from lamplighter.engine.syncing import keep_synced, list_far, log_report
from lamplighter.engine.watch import follow_workspace
from lamplighter.errors import Conflict
from lamplighter.store.users import list_users
from lamplighter.web.app import create_app

log = logging.getLogger(__name__)

Say = Callable[[str], None]


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers; ours drain the runs as well."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    settings: Settings, say: Say, *, drain_seconds: float, observes: bool = False
) -> None:
    """Serve the workspace until SIGINT or SIGTERM; a second one does not wait for runs.

    Args:
        settings: The workspace's settings.
        say: Tells people how it goes.
        drain_seconds: How long to wait at the end for runs that are under way.
        observes: Whether to say what would fire instead of firing it.

    Raises:
        WorkspaceHeld: Another process holds the workspace.
        Conflict: The port is taken.
    """
    listener = _bind(settings.host, settings.port)
    stop = _stop_on_signals()
    fires = settings.agents_enabled and not observes
    async with hold(settings, fires=fires) as holder:
        app = create_app(settings, holder.engine)
        server = _Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
        async with making_rounds(holder):
            beside = [asyncio.create_task(follow_workspace(holder))]
            beside.append(asyncio.create_task(_import_history(holder)))
            if observes:
                watching = observe(holder.engine, settings.timezone, say)
                beside.append(asyncio.create_task(watching))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            host, port = listener.getsockname()[:2]
            say(f"Serving {settings.workspace.resolve()} on http://{host}:{port} (Ctrl-C stops)")
            say(await asyncio.to_thread(_how_to_get_in, holder, f"http://{host}:{port}"))
            _get_ready()
            await stop.wait()
            for task in beside:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await _drain(holder, drain_seconds, stop, say)
        server.should_exit = True
        await serving


async def _import_history(holder: Holder) -> None:
    """The runs that Rowboat has made here; once, and without holding up anything else."""
    settings = holder.settings
    new = await asyncio.to_thread(import_history, holder.engine, settings, clock.now())
    if new:
        log.info("%d runs of Rowboat's were taken into the history", new)


async def work(settings: Settings, say: Say, *, drain_seconds: float) -> None:
    """Carry out runs, and fire schedules, beside other processes, until SIGINT or SIGTERM."""
    stop = _stop_on_signals()
    fires = settings.agents_enabled
    async with hold(settings, fires=fires, reads_agents=False) as holder:
        async with making_rounds(holder):
            say(f"Working for {settings.workspace.resolve()} as {holder.worker.id} (Ctrl-C stops)")
            _get_ready()
            far = list_far(settings)
            syncing = asyncio.create_task(
                keep_synced(holder.engine, settings, far, log_report, holder.asked)
            )
            await stop.wait()
            syncing.cancel()
            with suppress(asyncio.CancelledError):
                await syncing
        await _drain(holder, drain_seconds, stop, say)


def _how_to_get_in(holder: Holder, url: str) -> str:
    """A link for the owner of a personal workspace; what to do where there are several people."""
    if not holder.settings.team:
        secret = make_link(holder.settings, holder.engine, OWNER_ID, by=OWNER_ID)
        return f"Open {url}/open/{secret} (works once; for another: lamplighter link)"
    if list_users(holder.engine):
        return f"People sign in at {holder.settings.team.url or url}"
    return "There are no users yet: lamplighter user create ADDRESS --admin"


def _get_ready() -> None:
    """Load what runs are carried out with; one that is due before waits for it."""

    def load() -> None:
        # Its command line, which httpx does without: 3 MB of rich and pygments.
        sys.modules.setdefault("httpx._main", cast("Any", None))
        from lamplighter.engine.preparation import rehearse

        rehearse()
        gc.freeze()  # modules stay; looking at them all again took 100 ms, in the middle of a run

    threading.Thread(target=load, name="rehearsal", daemon=True).start()


def _stop_on_signals() -> asyncio.Event:
    """Set when the process is asked to end; clear it to hear of the next time."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _drain(holder: Holder, seconds: float, again: asyncio.Event, say: Say) -> None:
    """Let runs end for a while; hand back those that take longer, or all on a second signal."""
    again.clear()
    if under_way := len(holder.worker.under_way):
        say(f"Waiting up to {seconds:g} s for {under_way} run(s); Ctrl-C again does not wait")
    draining = asyncio.create_task(holder.drain(seconds))
    signalled = asyncio.create_task(again.wait())
    await asyncio.wait((draining, signalled), return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    draining.cancel()
    if left := len(holder.worker.under_way):
        say(f"{left} run(s) will go on when the workspace is served again")
    say("Stopped")


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket, taken before anything else is started."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise Conflict(
            f"cannot listen on {host}:{port}: {error.strerror}. "
            "Choose another port with --port or LAMPLIGHTER_PORT; 0 takes any free one."
        ) from error
    return listener
