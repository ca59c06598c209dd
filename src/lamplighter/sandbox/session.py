"""The host's side of a sandbox: it speaks with the helper, and ends what does not answer."""

import asyncio
import base64
import json
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamplighter.errors import SandboxLost, SandboxUnavailable, ToolFailed
from lamplighter.sandbox.bounds import Bounds
from lamplighter.sandbox.cgroup import Cgroup
from lamplighter.sandbox.helper import MAX_FILES
from lamplighter.sandbox.memory import MemoryUse
from lamplighter.sandbox.sandbox import Changes, File, Finished

LINE_BYTES = 1 << 25
"""The longest reply; the longest sound one lists all files of a full workspace."""

GRACE_SECONDS = 1.0
"""How much later than a command's time the helper may answer."""

ANSWER_SECONDS = 30.0
"""For anything but a command."""

WATCH_SECONDS = 0.05
NICENESS = 5
"""What runs in sandboxes yields to the rest of the machine."""

HELPER = (Path(__file__).parent / "helper.py").read_text("utf-8")


class Session:
    """One open sandbox, whose helper speaks on the standard streams of a process.

    Args:
        process: Ends when the sandbox has ended.
        bounds: What it may use.
        first: The sandbox's first process, as the host numbers it; ``None`` if an engine keeps it,
            and watches over its memory.
        remove: A command that ends it, if an engine keeps it.
        mirrored: Further folders in it that are in memory.
    """

    def __init__(
        self,
        process: Process,
        bounds: Bounds,
        first: int | None = None,
        remove: Sequence[str] = (),
        mirrored: Sequence[str] = (),
    ) -> None:
        self.process = process
        self.bounds = bounds
        self.first = first
        self.cgroup: Cgroup | None = None
        self.remove_command = remove
        self.turn = asyncio.Lock()
        self.pidfd = None if first is None else os.pidfd_open(first)
        self.memory = None if first is None else MemoryUse(first, mirrored)
        if first is not None:
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, first, max(own, NICENESS))

    def be_counted(self, cgroup: Cgroup | None) -> None:
        """Let the kernel bound it, if there is a group for it; otherwise we watch its memory."""
        if cgroup is not None:
            self.cgroup, self.memory = cgroup, None

    async def greet(self) -> None:
        """Wait until the helper is there.

        Raises:
            SandboxUnavailable: It does not come; says what the program said instead.
        """
        try:
            await self._answer(ANSWER_SECONDS)
        except SandboxLost as error:
            assert self.process.stderr is not None
            said = (await self.process.stderr.read(2000)).decode(errors="replace").strip()
            raise SandboxUnavailable(said or "the helper did not start") from error

    async def exec(self, argv: list[str], *, snippet: str | None = None) -> Finished:
        """See ``Sandbox.exec``."""
        bounds = self.bounds
        request = {
            "op": "exec",
            "argv": argv,
            "snippet": snippet,
            "timeout": bounds.command_seconds,
            "cpu": bounds.cpu_seconds,
            "output": bounds.output_bytes,
        }
        async with self.turn:
            killed = self._count_kills()
            watch = asyncio.create_task(self._watch_memory(killed))
            try:
                answer = await self._ask(request, bounds.command_seconds + GRACE_SECONDS)
            finally:
                watch.cancel()
            if answer["ended"] == "stopped" or self._count_kills() > killed:
                answer |= {"ended": "memory", "code": None}
        return Finished(**answer)

    async def changes(self, most: int = MAX_FILES, *, cautious: bool = False) -> Changes:
        """See ``Sandbox.changes``."""
        async with self.turn:
            answer = await self._ask({"op": "changes", "most": most, "cautious": cautious})
        changed = {path: File(*entry) for path, entry in answer["changed"].items()}
        return Changes(changed, tuple(answer["gone"]), tuple(answer["left_out"]))

    async def read(self, path: str, offset: int) -> bytes:
        """See ``Sandbox.read``."""
        async with self.turn:
            answer = await self._ask({"op": "read", "path": path, "offset": offset})
        return base64.b64decode(answer["data"])

    async def write(
        self,
        path: str,
        content: bytes,
        *,
        offset: int,
        last: bool,
        executable: bool,
        modified_ns: int = 0,
    ) -> None:
        """See ``Sandbox.write``."""
        request = {
            "op": "write",
            "path": path,
            "data": base64.b64encode(content).decode(),
            "offset": offset,
            "last": last,
            "executable": executable,
            "modified": modified_ns,
        }
        async with self.turn:
            await self._ask(request)

    async def remove(self, path: str) -> None:
        """See ``Sandbox.remove``."""
        async with self.turn:
            await self._ask({"op": "remove", "path": path})

    async def seal(self, folders: Sequence[str], writable: Sequence[str]) -> None:
        """See ``Sandbox.seal``."""
        request = {"op": "seal", "folders": list(folders), "writable": list(writable)}
        async with self.turn:
            await self._ask(request)

    async def close(self) -> None:
        """See ``Sandbox.close``."""
        await asyncio.shield(self._end())

    async def _end(self) -> None:
        self._kill()
        if self.remove_command:
            quiet = asyncio.subprocess.DEVNULL
            removal = await asyncio.create_subprocess_exec(
                *self.remove_command, stdout=quiet, stderr=quiet
            )
            await removal.wait()
        # The process waits for the first one inside, and that for all others.
        await self.process.wait()
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None
        if self.cgroup is not None:
            self.cgroup.remove()

    def _kill(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()  # at which the helper ends by itself, even amid a command
        if self.pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    async def _ask(self, request: dict[str, Any], seconds: float = ANSWER_SECONDS) -> Any:
        try:
            self._say(request)
            answer = await self._answer(seconds)
        except BaseException:
            # An answer that comes later would be taken for that to another request.
            self._kill()
            raise
        if "error" in answer:
            raise ToolFailed(str(answer["error"]))
        return answer

    def _say(self, request: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")

    async def _answer(self, seconds: float) -> Any:
        """The helper's next line.

        Raises:
            SandboxLost: There is none, or no sensible one.
        """
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                return json.loads(await self.process.stdout.readline())
        except TimeoutError as error:
            raise SandboxLost("the sandbox does not answer any more; it was ended") from error
        except ValueError as error:
            raise SandboxLost("the sandbox has ended unexpectedly") from error

    def _count_kills(self) -> int:
        return 0 if self.cgroup is None else self.cgroup.count_kills()

    def _is_out_of_memory(self, killed: int) -> bool:
        if self.memory is not None:
            return self.memory.exceeds(self.bounds.memory_bytes)
        return self._count_kills() > killed

    async def _watch_memory(self, killed: int) -> None:
        """Stop the command when the sandbox has more memory than it may.

        Args:
            killed: How many processes the kernel had killed for it before this command.
        """
        is_out = False
        while not is_out:
            await asyncio.sleep(WATCH_SECONDS)
            is_out = await asyncio.to_thread(self._is_out_of_memory, killed)
        self._say({"op": "stop"})
        await asyncio.sleep(GRACE_SECONDS)
        self._kill()  # it does not stop
