"""Open sandboxes for tests, on an event loop of their own."""

import asyncio
import functools
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from lamplighter.sandbox.bounds import MEGABYTE, Bounds
from lamplighter.sandbox.bubblewrap import Bubblewrap
from lamplighter.sandbox.helper import SNIPPET
from lamplighter.sandbox.sandbox import Changes, Finished, Readiness
from lamplighter.sandbox.session import Session

T = TypeVar("T")
SMALL = Bounds(command_seconds=20, memory_bytes=256 * MEGABYTE, disk_bytes=32 * MEGABYTE)


@functools.cache
def readiness() -> Readiness:
    return asyncio.run(Bubblewrap().probe())


SANDBOXED = pytest.mark.skipif(
    not readiness().is_ready, reason=f"no sandbox here: {readiness().problem}"
)


@dataclass
class Opened:
    """A sandbox, asked without ``await``."""

    session: Session
    runner: asyncio.Runner

    def wait(self, answer: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(answer)

    def run(self, *command: str) -> Finished:
        return self.wait(self.session.exec(list(command)))

    def bash(self, command: str) -> Finished:
        return self.run("bash", "-c", command)

    def run_python(self, code: str) -> Finished:
        return self.wait(self.session.exec(["python3", SNIPPET], snippet=code))

    def changes(self) -> Changes:
        return self.wait(self.session.changes())

    def write(self, path: str, content: bytes, *, executable: bool = False) -> None:
        self.wait(self.session.write(path, content, offset=0, last=True, executable=executable))

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left of its processes."""
        return not os.path.exists(f"/proc/{self.session.first}")


@contextmanager
def opened(bounds: Bounds = SMALL, proxy_socket: str | None = None) -> Iterator[Opened]:
    """A sandbox while the block runs."""
    with asyncio.Runner() as runner:
        session = runner.run(Bubblewrap().open(bounds, proxy_socket))
        try:
            yield Opened(session, runner)
        finally:
            runner.run(session.close())
