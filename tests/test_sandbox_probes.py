"""Nothing gets out of a sandbox: each probe is held inside, and gets through outside."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import probes
import pytest
from sandboxes import SANDBOXED, opened

PROBES_TEXT = Path(probes.__file__).read_text("utf-8")
SECRET = "the-hosts-secret-6f1d"
ARGUMENT = "the-victims-argument-2c9a"

pytestmark = SANDBOXED


def answer_streams(listener: socket.socket) -> None:
    with listener:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.sendall(b"!")


def answer_datagrams(listener: socket.socket) -> None:
    with listener:
        while True:
            try:
                _, address = listener.recvfrom(10)
                listener.sendto(b"!", address)
            except OSError:
                return


def own_address() -> str:
    """An address of this machine that is not loopback, if it has one; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def listen(stack: ExitStack, family: int, address: Any, kind: int = socket.SOCK_STREAM) -> Any:
    listener = socket.socket(family, kind)
    listener.bind(address)
    if kind == socket.SOCK_STREAM:
        listener.listen()
    serve = answer_streams if kind == socket.SOCK_STREAM else answer_datagrams
    thread = threading.Thread(target=serve, args=(listener,), daemon=True)
    thread.start()

    def stop() -> None:
        listener.shutdown(socket.SHUT_RDWR) if kind == socket.SOCK_STREAM else listener.close()
        if kind == socket.SOCK_STREAM:
            thread.join()

    stack.callback(stop)
    return listener.getsockname()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Secrets, listeners and a victim."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "secret.txt").write_text(SECRET)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("PROBED_VALUE", SECRET)  # in this process too, when the sandbox opens
        victim = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", "input()", ARGUMENT], stdin=subprocess.PIPE, cwd=folder
            )
        )
        yield {
            "secret": SECRET,
            "argument": ARGUMENT,
            "secret_file": str(folder / "secret.txt"),
            "marker": str(folder),
            "home": str(Path.home()),
            "name": socket.gethostname(),
            "user": os.getuid(),
            "victim": victim.pid,
            "filtered": "Seccomp:\t0" not in Path("/proc/self/status").read_text(),
            "tcp4": listen(stack, socket.AF_INET, ("127.0.0.1", 0))[1],
            "tcp6": listen(stack, socket.AF_INET6, ("::1", 0))[1],
            "tcp_any": listen(stack, socket.AF_INET, ("0.0.0.0", 0))[1],
            "address": own_address(),
            "udp": listen(stack, socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)[1],
            "unix": listen(stack, socket.AF_UNIX, str(folder / "socket")),
            "abstract": "\0" + listen(stack, socket.AF_UNIX, b"\0" + SECRET.encode()).decode()[1:],
        }
        assert victim.poll() is None  # nothing has hurt it


def script(names: Iterable[str], host: dict[str, Any]) -> str:
    """A program that makes the attempts."""
    return f"{PROBES_TEXT}\nHOST |= {host!r}\nrun({sorted(names)!r})\n"


def outcomes(said: str) -> dict[str, str]:
    """Probe -> what came of it."""
    return {name: came for name, _, came in (line.partition(" ") for line in said.splitlines())}


@pytest.fixture(scope="module")
def held(host: dict[str, Any]) -> dict[str, str]:
    """What came of all probes in a sandbox, beside another that has a file."""
    with opened() as other, opened() as sandbox:
        other.bash("echo secret > other.txt")
        finished = sandbox.run_python(script(probes.PROBES, host))
        assert finished.code == 0, finished
        assert sandbox.run("true").code == 0  # the helper lives
    return outcomes(finished.stdout)


@pytest.fixture(scope="module")
def bare(host: dict[str, Any]) -> dict[str, str]:
    """What came of the harmless ones as an ordinary process."""
    text = script(probes.HARMLESS, host)
    done = subprocess.run([sys.executable, "-"], input=text, stdout=subprocess.PIPE, text=True)
    return outcomes(done.stdout)


@pytest.mark.parametrize("name", probes.PROBES)
def test_a_sandbox_holds_what_tries_to(name: str, held: dict[str, str]) -> None:
    assert held[name].startswith("HELD"), held[name]


@pytest.mark.parametrize("name", sorted(probes.HARMLESS))
def test_without_a_sandbox_the_probe_gets_through(name: str, bare: dict[str, str]) -> None:
    assert bare[name].startswith("THROUGH"), bare[name]
