"""Real processes of Lamplighter that start quickly, because they need not import it.

A program does little else in its first two seconds, and the tests start some hundreds. So one
process of each test process, which this module is when it runs as a program, imports everything
once, and forks for each order; the fork becomes the program that was ordered. It is as mortal and
as much alone as any other process.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn

import lamplighter

LONGEST_ORDER = 1 << 20
PROGRAM = str(Path(lamplighter.__file__).with_name("__main__.py"))


@dataclass
class Process:
    """A process that was started warm; to be used like ``subprocess.Popen``.

    Attributes:
        pid: Of the process itself.
        returncode: As of ``subprocess``; ``None`` until ``wait`` has given it.
    """

    pid: int
    news: socket.socket = field(repr=False)
    returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or less than zero the signal that killed it.

        Raises:
            TimeoutError: It goes on for more than ``timeout`` seconds.
        """
        if self.returncode is None:
            self.news.settimeout(timeout)
            self.returncode = int(self.news.recv(64))
            self.news.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, as nothing can prevent."""
        self.send_signal(signal.SIGKILL)


def start(
    *arguments: str,
    environment: Mapping[str, str],
    stdout: IO[str] | int,
    stderr: IO[str] | int,
    program: str = PROGRAM,
) -> Process:
    """Start a program, by default Lamplighter's command line, in a process of its own."""
    orders = _source()
    ours, theirs = socket.socketpair(type=socket.SOCK_DGRAM)  # which keeps messages apart
    order = {
        "program": program,
        "arguments": arguments,
        "environment": dict(environment),
        "folder": str(Path.cwd()),
    }
    outputs = [each if isinstance(each, int) else each.fileno() for each in (stdout, stderr)]
    with theirs:
        socket.send_fds(orders, [json.dumps(order).encode()], [theirs.fileno(), *outputs])
    return Process(int(ours.recv(64)), ours)


@cache
def _source() -> socket.socket:
    """Where orders go; the process behind it ends with this one, however that ends."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, __file__, str(theirs.fileno())]
        process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


# The other side


def import_all() -> None:
    """Everything that some command needs; none of it starts threads, which a fork would lose."""
    from lamplighter.cli.main import COMMANDS

    for module, _attribute in (place.split(":") for place, _help in COMMANDS.values()):
        import_module(module)
    for module in ("lamplighter.web.server", "lamplighter.models.scripted", "alembic.command"):
        import_module(module)
    import_module("lamplighter.engine.preparation").rehearse()


def await_order(orders: socket.socket) -> str:
    """Give the program that was ordered, in a new process; in this one it never returns."""
    while True:
        text, fds, _flags, _address = socket.recv_fds(orders, LONGEST_ORDER, 3)
        if not text:
            sys.exit()
        if os.fork() == 0:
            orders.close()
            return become(json.loads(text), *fds)
        for each in fds:
            os.close(each)


def become(order: dict[str, Any], news: int, stdout: int, stderr: int) -> str:
    """Give the program in a child of this process, which stays to tell how the child ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child:
        os.close(stdout)
        os.close(stderr)
        os.write(news, str(child).encode())
        _pid, status = os.waitpid(child, 0)
        os.write(news, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    os.dup2(stdout, sys.stdout.fileno())
    os.dup2(stderr, sys.stderr.fileno())
    for each in (news, stdout, stderr):
        os.close(each)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv = [order["program"], *order["arguments"]]
    return str(order["program"])


def run(program: str) -> NoReturn:
    """Run a program to its end, but for the taking apart of all modules, which takes a second."""
    code = 0
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # as an ordinary end waits for threads
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    import_all()
    gc.freeze()  # what is not touched stays shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that tell the news
    run(await_order(socket.socket(fileno=int(sys.argv[1]))))
