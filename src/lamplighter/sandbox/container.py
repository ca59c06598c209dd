"""Sandboxes by podman or docker: one hardened container per run, nothing of the engine inside.

The image has to have ``python3`` (3.11 or newer) and what agents need; see docs/sandbox.md.
"""

import asyncio
import base64
import json
import shlex
import shutil
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from lamplighter.errors import SandboxUnavailable
from lamplighter.sandbox.bounds import (
    OPEN_FILES,
    RUN_BYTES,
    SHARED_BYTES,
    TEMPORARY_BYTES,
    Bounds,
)
from lamplighter.sandbox.helper import PROXY_SOCKET, WORKSPACE
from lamplighter.sandbox.probe import examine
from lamplighter.sandbox.sandbox import Readiness
from lamplighter.sandbox.seccomp import build_filter, is_supported
from lamplighter.sandbox.session import HELPER, LINE_BYTES, Session
from lamplighter.sandbox.toolbox import Interpreter, environment

GUEST = 65534
ENGINES = ("podman", "docker")
OPEN_SECONDS = 60.0
INTERPRETER = Interpreter("python3", (), has_toolbox=False)
ADVICE = "set SANDBOX_IMAGE to an image with python3 that is on this machine; see docs/sandbox.md"


@dataclass(frozen=True, slots=True)
class Container:
    """The backend.

    Attributes:
        image: What the containers are made of.
        engine: The command, with options if need be; empty: podman or docker, whichever is here.
    """

    image: str
    engine: str = ""
    name = "container"
    interpreter = INTERPRETER
    user = None

    async def probe(self) -> Readiness:
        """See ``Backend.probe``."""
        if not self.command:
            return Readiness(self.name, "there is neither podman nor docker", "apt install podman")
        if not self.image:
            return Readiness(self.name, "SANDBOX_IMAGE names no image", ADVICE)
        if not is_supported():
            return Readiness(self.name, "there is no system call filter for this machine")
        try:
            return Readiness(self.name, await examine(self))
        except SandboxUnavailable as error:
            return Readiness(self.name, str(error), ADVICE)

    @property
    def command(self) -> list[str]:
        """The engine's command; empty if there is none."""
        words = shlex.split(self.engine) if self.engine else []
        for candidate in [words] if words else [[name] for name in ENGINES]:
            if shutil.which(candidate[0]):
                return candidate
        return []

    async def open(
        self, bounds: Bounds, proxy_socket: str | None = None, mirrored: Sequence[str] = ()
    ) -> Session:
        """See ``Backend.open``."""
        name = f"lamplighter-{uuid.uuid4().hex}"
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                *_run(name, self.image, bounds, proxy_socket, mirrored),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=tempfile.gettempdir(),  # where podman leaves a file `oom` when memory ends
                start_new_session=True,
                limit=LINE_BYTES,
            )
        except (OSError, IndexError) as error:
            raise SandboxUnavailable(f"the container cannot be started: {error}") from error
        remove = [*self.command, "rm", "--force", name]
        session = Session(process, bounds, remove=remove)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await session.greet()
        except BaseException as error:
            await session.close()
            if isinstance(error, TimeoutError):
                raise SandboxUnavailable("the container did not start in time") from error
            raise
        return session


def _run(
    name: str, image: str, bounds: Bounds, proxy_socket: str | None, mirrored: Sequence[str]
) -> list[str]:
    setting = {
        "limits": bounds.resource_limits,
        "network": proxy_socket is not None,
        "mirrored": list(mirrored),
        # The engine's own filter holds besides; it allows more.
        "filter": base64.b64encode(build_filter()).decode(),
    }
    variables = environment(INTERPRETER, networked=proxy_socket is not None)
    return [
        *("run", "--rm", "--interactive", "--name", name),
        *("--pull", "never", "--network", "none", "--ipc", "private", "--hostname", "sandbox"),
        *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--user", f"{GUEST}:{GUEST}", "--workdir", WORKSPACE),
        *("--memory", str(bounds.memory_bytes), "--memory-swap", str(bounds.memory_bytes)),
        *("--pids-limit", str(bounds.processes + 1)),
        *("--ulimit", f"nofile={OPEN_FILES}:{OPEN_FILES}", "--ulimit", "core=0:0"),
        *("--ulimit", f"nproc={bounds.processes + 1}:{bounds.processes + 1}"),
        *_temporary(bounds, mirrored),
        *chain.from_iterable(("--env", f"{key}={value}") for key, value in variables.items()),
        *(("--volume", f"{proxy_socket}:{PROXY_SOCKET}:ro") if proxy_socket else ()),
        *("--entrypoint", INTERPRETER.program, image),
        *("-I", "-S", "-c", HELPER, json.dumps(setting)),
    ]


def _temporary(bounds: Bounds, mirrored: Sequence[str]) -> list[str]:
    sizes = {WORKSPACE: bounds.disk_bytes, "/tmp": TEMPORARY_BYTES, "/run": RUN_BYTES}  # noqa: S108
    sizes |= dict.fromkeys(mirrored, bounds.disk_bytes)
    options = "rw,nosuid,nodev,mode=1777,size"
    mounts = (("--tmpfs", f"{folder}:{options}={size}") for folder, size in sizes.items())
    return [*chain.from_iterable(mounts), "--shm-size", str(SHARED_BYTES)]
