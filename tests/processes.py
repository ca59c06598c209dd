"""Real processes of Lamplighter, for tests that kill them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any, TypeVar

import warm

from lamplighter.store.runs import Run, list_runs
from lamplighter.testing import Workspace

T = TypeVar("T")
Process = warm.Process | subprocess.Popen[bytes]
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
    return run_warm("-w", str(workspace.path), *arguments, environment=os.environ | environment)


def run_warm(
    *arguments: str, environment: Mapping[str, str], program: str = warm.PROGRAM
) -> subprocess.CompletedProcess[str]:
    """Run a program, by default Lamplighter's command line, to its end."""
    with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        process = warm.start(
            *arguments, environment=environment, stdout=stdout, stderr=stderr, program=program
        )
        try:
            code = process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read(), stderr.read())


@dataclass
class Server:
    """A process of Lamplighter that goes on until it is told to stop.

    Attributes:
        name: The URL of a server, the id of a worker.
    """

    process: Process
    name: str

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
    command = ["serve", "--port", "0", *arguments]
    with _running(workspace, command, "Serving", environment) as (process, said):
        yield Server(process, said.split(" on ")[1].split(" ")[0])


@contextmanager
def working(workspace: Workspace, **environment: str) -> Iterator[Server]:
    """A further worker, while the block runs."""
    with _running(workspace, ["worker", "--drain", "0"], "Working", environment) as (process, said):
        yield Server(process, said.split(" as ")[1].split(" ")[0])


@contextmanager
def _running(
    workspace: Workspace, command: list[str], ready: str, environment: dict[str, str]
) -> Iterator[tuple[Process, str]]:
    """A process, once it has said that it is ready; its standard error is read on."""
    environment = {"AGENTS_ENABLED": "true", "LAMPLIGHTER_TIMEZONE": "UTC"} | environment
    told, telling = os.pipe()
    # What is warm has been imported; another version has to be started cold.
    start = start_cold if "PYTHONPATH" in environment else warm.start
    process = start(
        *("-w", str(workspace.path), *command),
        environment=os.environ | environment,
        stdout=telling,
        stderr=telling,
    )
    os.close(telling)
    stderr = open(told)  # noqa: SIM115  # the thread below reads it to its end
    said: list[str] = []
    try:
        for line in stderr:
            said.append(line)
            if line.startswith(ready):
                break
        else:
            raise AssertionError("".join(said))
        reader = threading.Thread(target=said.extend, args=(stderr,), daemon=True)
        reader.start()
        yield process, line
    finally:
        process.kill()
        process.wait()
        reader.join()
        stderr.close()


def start_cold(
    *arguments: str, environment: Mapping[str, str], stdout: int, stderr: int
) -> Process:
    """Start the command line of the Lamplighter that is in the environment's path."""
    command = [sys.executable, "-m", "lamplighter", *arguments]
    return subprocess.Popen(command, env=environment, stdout=stdout, stderr=stderr)


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


def begun_run(workspace: Workspace) -> str:
    """The id of the newest run, once it has finished its first tool call."""

    def read() -> str | None:
        run = newest_run(workspace)
        kinds = [event.kind for event in workspace.events(run)] if run else []
        return run.id if run and "tool_result" in kinds else None

    return wait_until(read, "a run's first tool result")


def script(*turns: dict[str, Any]) -> str:
    """The text of a script file."""
    return json.dumps({"turns": turns})
