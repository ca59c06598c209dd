"""Sandboxes by Debian's ``bubblewrap``: nothing to run beforehand, nothing to be root for.

The new file system holds the read-only ``/usr`` and toolbox, a few harmless files of ``/etc``,
a private ``/proc`` and ``/dev``, and file systems in memory with a bound; nothing else. What the
sandbox has from the host: the helper's text, three pipes, and the socket of the proxy if it may
use the network.
"""

import asyncio
import json
import os
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamplighter.errors import SandboxUnavailable
from lamplighter.sandbox.bounds import RUN_BYTES, SHARED_BYTES, TEMPORARY_BYTES, Bounds
from lamplighter.sandbox.cgroup import make_cgroup
from lamplighter.sandbox.helper import PROXY_SOCKET, WORKSPACE
from lamplighter.sandbox.probe import examine
from lamplighter.sandbox.sandbox import Readiness
from lamplighter.sandbox.seccomp import build_filter, is_supported
from lamplighter.sandbox.session import HELPER, LINE_BYTES, Session
from lamplighter.sandbox.toolbox import Interpreter, environment, find_interpreter

GUEST = 65534
"""The user and group inside."""

DEDICATED = 60600
"""The user and group on the host when we are root, whom limits do not bind: from a range that
neither Debian nor systemd gives to anybody."""

OPEN_SECONDS = 20.0
READ_ONLY_TRIES = (
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
)
CERTIFICATES = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted")
SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
ETC = {
    "/etc/passwd": "nobody:x:65534:65534:nobody:/tmp/home:/bin/sh\n",
    "/etc/group": "nogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
HELPER_PLACE = "/opt/lamplighter.py"
INSTALL = "apt install bubblewrap (as root; version 0.8 or newer)"
NAMESPACES = (
    "let unprivileged programs make user namespaces: sysctl kernel.unprivileged_userns_clone=1, "
    "or on Ubuntu an AppArmor profile for bwrap; see docs/sandbox.md"
)


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The backend."""

    name = "bubblewrap"

    @property
    def interpreter(self) -> Interpreter:
        """See ``Backend.interpreter``."""
        return find_interpreter()

    @property
    def user(self) -> int | None:
        """See ``Backend.user``."""
        return DEDICATED if os.geteuid() == 0 else None

    async def probe(self) -> Readiness:
        """See ``Backend.probe``."""
        if not shutil.which("bwrap"):
            return Readiness(self.name, "bubblewrap is not installed", INSTALL)
        if not is_supported():
            return Readiness(self.name, "there is no system call filter for this machine")
        try:
            return Readiness(self.name, await examine(self))
        except SandboxUnavailable as error:
            return Readiness(self.name, str(error), _advise(str(error)))

    async def open(
        self, bounds: Bounds, proxy_socket: str | None = None, mirrored: Sequence[str] = ()
    ) -> Session:
        """See ``Backend.open``."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                return await _open(bounds, proxy_socket, mirrored)
        except TimeoutError as error:
            raise SandboxUnavailable(f"it did not open within {OPEN_SECONDS:g} s") from error


async def _open(bounds: Bounds, proxy_socket: str | None, mirrored: Sequence[str] = ()) -> Session:
    interpreter = await asyncio.to_thread(find_interpreter)
    with Handover() as files:
        told = files.pipe()
        command = _command_line(interpreter, bounds, proxy_socket, mirrored, files)
        process = await _start(command, files.inherited)
    try:
        first = await asyncio.to_thread(_read_first, told)
        if first is None:
            assert process.stderr is not None
            said = (await process.stderr.read()).decode(errors="replace").strip()
            raise SandboxUnavailable(said or "bwrap gave no reason")
    except BaseException:
        # Not by process.kill(), which takes its exit status from whoever waits for it.
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)  # the sandbox dies with it
        await asyncio.shield(process.wait())
        raise
    return await _settle(Session(process, bounds, first, mirrored=mirrored))


async def _settle(session: Session) -> Session:
    """Wait for the helper, and meanwhile let the kernel count; or else end the sandbox."""
    assert session.first is not None
    grouping = asyncio.ensure_future(asyncio.to_thread(make_cgroup, session.bounds, session.first))
    try:
        await session.greet()
        session.be_counted(await grouping)
    except BaseException:
        session.be_counted(await grouping)
        await session.close()
        raise
    return session


async def _start(command: list[str], inherited: Sequence[int]) -> Process:
    """Start bwrap from this thread: the sandbox dies with the thread that started it.

    Raises:
        SandboxUnavailable: It cannot be started.
    """
    # The limit of processes does not bind root, not even as somebody else inside.
    is_root = os.geteuid() == 0
    drop: dict[str, Any] = (
        {"user": DEDICATED, "group": DEDICATED, "extra_groups": []} if is_root else {}
    )
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin"},  # which the first process inside could show
            cwd="/",
            pass_fds=inherited,
            start_new_session=True,
            limit=LINE_BYTES,
            **drop,
        )
    except OSError as error:
        raise SandboxUnavailable(f"bwrap cannot be started: {error}") from error


class Handover(ExitStack):
    """Open files that the new process inherits; they are closed here at the end of the block."""

    def __init__(self) -> None:
        super().__init__()
        self.inherited: list[int] = []

    def content(self, content: bytes) -> str:
        """A file in memory that holds ``content``; its number."""
        file = os.memfd_create("lamplighter")
        self._keep(file)
        os.write(file, content)
        os.lseek(file, 0, os.SEEK_SET)
        return str(file)

    def pipe(self) -> int:
        """A pipe whose other end is the first that is inherited; ours, which stays open."""
        ours, theirs = os.pipe()
        self._keep(theirs)
        return ours

    def _keep(self, file: int) -> None:
        self.callback(os.close, file)
        self.inherited.append(file)


def _command_line(
    interpreter: Interpreter,
    bounds: Bounds,
    proxy_socket: str | None,
    mirrored: Sequence[str],
    files: Handover,
) -> list[str]:
    setting = {
        "limits": bounds.resource_limits,
        "network": proxy_socket is not None,
        "mirrored": list(mirrored),
    }
    return [
        "bwrap",
        *("--info-fd", str(files.inherited[0])),
        *_isolation(),
        *_environment(interpreter, networked=proxy_socket is not None),
        *_file_systems(interpreter, bounds, files),
        *(("--ro-bind", proxy_socket, PROXY_SOCKET) if proxy_socket else ()),
        *(_read_only(CERTIFICATES) if proxy_socket else ()),
        *_in_memory(dict.fromkeys(mirrored, bounds.disk_bytes)),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", WORKSPACE),
        *("--seccomp", files.content(build_filter())),
        "--",
        *(interpreter.program, "-I", "-S", HELPER_PLACE, json.dumps(setting)),
    ]


def _isolation() -> list[str]:
    unshared = ("user", "pid", "net", "ipc", "uts", "cgroup")
    return [
        *(f"--unshare-{namespace}" for namespace in unshared),
        "--disable-userns",
        *("--uid", str(GUEST), "--gid", str(GUEST)),
        *("--cap-drop", "ALL"),
        *("--hostname", "sandbox"),
        "--as-pid-1",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
    ]


def _environment(interpreter: Interpreter, *, networked: bool) -> Iterator[str]:
    for name, value in environment(interpreter, networked=networked).items():
        yield from ("--setenv", name, value)


def _file_systems(interpreter: Interpreter, bounds: Bounds, files: Handover) -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in SYSTEM_FOLDERS:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from _read_only(READ_ONLY_TRIES)
    for name, content in {**ETC, HELPER_PLACE: HELPER}.items():
        yield from ("--ro-bind-data", files.content(content.encode()), name)
    yield from ("--proc", "/proc", "--dev", "/dev")
    sizes = {
        "/tmp": TEMPORARY_BYTES,  # noqa: S108 -- inside the sandbox
        "/dev/shm": SHARED_BYTES,  # noqa: S108 -- inside the sandbox
        "/run": RUN_BYTES,
        WORKSPACE: bounds.disk_bytes,
    }
    yield from _in_memory(sizes)
    for source, place in interpreter.mounts:
        yield from ("--ro-bind", source, place)


def _in_memory(sizes: Mapping[str, int]) -> Iterator[str]:
    for folder, size in sizes.items():
        yield from ("--size", str(size), "--tmpfs", folder)


def _read_only(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        yield from ("--ro-bind-try", path, path)


def _read_first(told: int) -> int | None:
    """The sandbox's first process, as bwrap tells it; ``None`` if it ended before."""
    with os.fdopen(told) as pipe:
        text = pipe.read()
    return int(json.loads(text)["child-pid"]) if text else None


def _advise(problem: str) -> str:
    if "disable-userns" in problem:
        return INSTALL
    if "namespace" in problem or "uid map" in problem:
        return NAMESPACES
    return "lamplighter sandbox status; see docs/sandbox.md"
