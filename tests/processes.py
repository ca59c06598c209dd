"""Real processes of Lamplighter, for tests that kill them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from lamplighter.store.runs import Run, list_runs
from lamplighter.testing import Workspace

T = TypeVar("T")
PATIENCE_SECONDS = 60


def wait_until(probe: Callable[[], T | None], what: str) -> T:
    """The first true value of ``probe``."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := probe():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s for {what}")


def lamplighter(
    workspace: Workspace, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "lamplighter", "-w", str(workspace.path), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@dataclass
class Server:
    """A ``lamplighter serve`` process."""

    process: subprocess.Popen[str]
    url: str

    def kill(self) -> None:
        """As a power cut would, for this process."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As Ctrl-C does; gives the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def serving(workspace: Workspace, *arguments: str, **environment: str) -> Iterator[Server]:
    """Serve the workspace while the block runs."""
    environment = {"AGENTS_ENABLED": "true", "LAMPLIGHTER_TIMEZONE": "UTC"} | environment
    command = [sys.executable, "-m", "lamplighter", "-w", str(workspace.path), "serve"]
    process = subprocess.Popen(
        [*command, "--port", "0", *arguments],
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("Serving"):
                break
        else:
            raise AssertionError("".join(said))
        yield Server(process, said[-1].split(" on ")[1].split(" ")[0])
    finally:
        process.kill()
        process.communicate()


def newest_run(workspace: Workspace, **which: Any) -> Run | None:
    """The newest run, if there is one."""
    found = list_runs(workspace.engine, **which)
    return found[0] if found else None


def ended_run(workspace: Workspace, agent: str) -> Run:
    """The newest run of an agent, once it has ended."""

    def ended() -> Run | None:
        run = newest_run(workspace, agent=agent)
        return run if run and run.ended else None

    return wait_until(ended, f"the end of a run of {agent}")


def script(*turns: dict[str, Any]) -> str:
    """The text of a script file."""
    return json.dumps({"turns": turns})
