"""``run_bash`` and ``run_python``: commands of a run, in its sandbox.

The run's files go in before a command and come out after it, checked. So a sandbox holds nothing
that could not be lost: when one ends before its time, the next has the files as they were kept.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lamplighter.definitions.hosts import AllowedHost
from lamplighter.errors import SandboxLost, ToolFailed
from lamplighter.sandbox.bounds import Bounds
from lamplighter.sandbox.helper import SNIPPET
from lamplighter.sandbox.proxy import Objection, Tell, no_objection, proxying
from lamplighter.sandbox.sandbox import Backend, Changes, File, Finished, Sandbox
from lamplighter.store.contents import PART_BYTES, Part, read_part, save_parts
from lamplighter.tools.files import Done, FileChanges, RunFiles, split_path

if TYPE_CHECKING:
    from sqlalchemy import Engine

UNCHANGED = "The files are as they were before this command."


@dataclass
class Shell:
    """The sandbox of one run: opened when it is first used, gone when the run is.

    Attributes:
        backend: What opens it.
        bounds: What it may use.
        files: The run's files.
        allowed: Where to on the network; empty: nowhere.
        tell: Is told of every request to the network.
        objection: Why nothing may be reached at this moment; empty if it may.
    """

    backend: Backend
    bounds: Bounds
    files: RunFiles
    allowed: Sequence[AllowedHost]
    tell: Tell
    objection: Objection = no_objection
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _sandbox: Sandbox | None = None
    _inside: dict[str, File] = field(default_factory=dict)

    async def run_bash(self, command: str) -> Done:
        """Run a command line."""
        return await self._run(["bash", "-c", command], None)

    async def run_python(self, code: str) -> Done:
        """Run a program in Python."""
        return await self._run([self.backend.interpreter.program, SNIPPET], code)

    async def close(self) -> None:
        """End the sandbox, if there is one."""
        stack, self._stack = self._stack, AsyncExitStack()
        self._sandbox, self._inside = None, {}
        await stack.aclose()

    async def _run(self, argv: list[str], snippet: str | None) -> Done:
        try:
            sandbox = self._sandbox or await self.open()
            await self._bring_in(sandbox)
            finished = await sandbox.exec(argv, snippet=snippet)
            changes, left_out = await self._take_out(sandbox)
        except (SandboxLost, ToolFailed) as error:
            await self.close()
            raise ToolFailed(f"{error}. {UNCHANGED}") from error
        except BaseException:
            await self.close()
            raise
        return _done(finished, self.bounds, changes, left_out)

    async def open(self, mirrored: Sequence[str] = ()) -> Sandbox:
        """Open the sandbox, in place of one that there may be.

        Args:
            mirrored: Folders that it is to have besides; see ``Backend.open``.
        """
        await self.close()
        socket = None
        if self.allowed:
            proxy = proxying(self.allowed, self.tell, self.backend.user, objection=self.objection)
            socket = await self._stack.enter_async_context(proxy)
        self._sandbox = await self.backend.open(self.bounds, socket, mirrored)
        self._stack.push_async_callback(self._sandbox.close)
        if socket is not None:
            os.unlink(socket)  # the sandbox has it; so a killed process leaves no file behind
        return self._sandbox

    async def _bring_in(self, sandbox: Sandbox) -> None:
        """Let the sandbox have the run's files."""
        wanted = dict(self.files.entries)
        for path in self._inside.keys() - wanted.keys():
            await sandbox.remove(path)
        for path, file in wanted.items():
            if self._inside.get(path) != file:
                await self._write(sandbox, path, file)
        self._inside = wanted

    async def _write(self, sandbox: Sandbox, path: str, file: File) -> None:
        for number in range(max(1, -(-file.size_bytes // PART_BYTES))):
            offset = number * PART_BYTES
            part = await asyncio.to_thread(
                read_part, self.files.engine, self.files.run_id, file.sha256, number
            )
            last = offset + len(part) >= file.size_bytes
            await sandbox.write(path, part, offset=offset, last=last, executable=file.executable)

    async def _take_out(self, sandbox: Sandbox) -> tuple[FileChanges, tuple[str, ...]]:
        """Keep what the command has changed; gives that, and what cannot be kept."""
        found = await sandbox.changes()
        changes = _checked(found)
        self.files.require_room(changes)
        known = {file.sha256 for file in self.files.entries.values()}
        keeper = Keeper(self.files.engine, self.files.run_id)
        for path, file in found.changed.items():
            if file.sha256 not in known:
                known.add(file.sha256)
                await keeper.keep(file, read_parts(sandbox, path))
        await keeper.flush()
        self.files.apply(changes)
        self._inside = dict(self.files.entries)
        return changes, found.left_out


@dataclass
class Keeper:
    """Keeps contents, several small ones at a time."""

    engine: "Engine"
    run_id: str
    waiting: list[Part] = field(default_factory=list)

    async def keep(self, file: File, parts: AsyncIterator[bytes]) -> None:
        """Keep one content, if it is what it is said to be.

        Raises:
            SandboxLost: It is not.
        """
        digest, size = hashlib.sha256(), 0
        number = 0
        async for part in parts:
            digest.update(part)
            size += len(part)
            if size > file.size_bytes:
                break
            self.waiting.append((file.sha256, number, part))
            number += 1
            if sum(len(content) for _, _, content in self.waiting) >= PART_BYTES:
                await self.flush()
        if digest.hexdigest() != file.sha256:
            raise SandboxLost("the sandbox gave another file than it told")

    async def flush(self) -> None:
        """Write what has gathered."""
        parts, self.waiting = self.waiting, []
        await asyncio.to_thread(save_parts, self.engine, self.run_id, parts)


async def read_parts(sandbox: Sandbox, path: str) -> AsyncIterator[bytes]:
    """The content of a file of a sandbox."""
    offset = 0
    while part := await sandbox.read(path, offset):
        yield part
        offset += len(part)


def _checked(found: Changes) -> FileChanges:
    """What the sandbox says has changed, if its paths make sense.

    Raises:
        ToolFailed: One does not.
    """
    changes: FileChanges = {**found.changed, **dict.fromkeys(found.gone)}
    for path in changes:
        if "/".join(split_path(path)) != path:
            raise ToolFailed(f"a file has the name {path!r}, which cannot be kept")
    return changes


def _done(
    finished: Finished, bounds: Bounds, changes: FileChanges, left_out: Sequence[str]
) -> Done:
    lines = []
    failed = finished.ended != "exit" or finished.code != 0
    if failed:
        lines.append(explain(finished, bounds))
    for name, text, size in (
        ("stdout", finished.stdout, finished.stdout_bytes),
        ("stderr", finished.stderr, finished.stderr_bytes),
    ):
        if text and (failed or name == "stderr"):
            lines.append(f"[{name}]")
        lines += [text.rstrip("\n")] * bool(text)
        if size > bounds.output_bytes:
            lines.append(f"[{name} cut here: {size:,} bytes in all]")
    if left_out:
        lines.append(f"[not kept, as these are no ordinary files: {', '.join(left_out)}]")
    return Done("\n".join(lines) or "(no output)", changes, failed)


def explain(finished: Finished, bounds: Bounds) -> str:
    """How a command ended that did not succeed."""
    if finished.ended == "timeout":
        return f"Stopped after {bounds.command_seconds:g} seconds, the most a command may take."
    if finished.ended == "memory":
        return f"Stopped: more than {bounds.memory_bytes >> 20} MB of memory."
    assert finished.code is not None
    if finished.code < 0:
        return f"Ended by signal {-finished.code}."
    return f"Exit code {finished.code}."
