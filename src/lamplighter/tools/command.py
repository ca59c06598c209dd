"""Rowboat's ``executeCommand``: a command over a copy of the workspace, in the run's sandbox.

What it has changed, where it may, is one effect: intended as a whole with what the command said,
and harmless to repeat. So a restart neither runs the command a second time on what it has changed,
nor loses any of it.
"""

# ruff: noqa: D417 - the model reads this docstring, and gives no ctx

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_ai import Tool

from lamplighter.definitions.rowboat import SECURITY_FILE
from lamplighter.errors import SandboxLost, ToolFailed
from lamplighter.outbox import Outcome
from lamplighter.sandbox.sandbox import Changes, Finished, Sandbox
from lamplighter.store.contents import PART_BYTES, read_content
from lamplighter.tools import tree
from lamplighter.tools.bench import Context, Workbench, call_of
from lamplighter.tools.files import RunFiles
from lamplighter.tools.mirror import MAX_FILES, Copied, Mirror, View
from lamplighter.tools.shell import Keeper, Shell, explain, read_parts

STOPPED = 124
"""The exit code of a command that was stopped, as ``timeout(1)`` has it."""

_IN_FOLDER = 'cd -- "$0" && export HOME="$1" && exec bash -c "$2"'


async def execute_command(ctx: Context, command: str, cwd: str = "") -> dict[str, Any] | Outcome:
    """Run a shell command on a copy of the workspace.

    It sees what you may see, and can change what you are allowed to change by commands.

    Args:
        command: The command line; only allowed commands, joined by |, && or ; if need be.
        cwd: The folder to run it in; the workspace if not given.
    """
    bench = ctx.deps
    places = bench.places()
    if why := places.security.refusal(command):
        raise ToolFailed(f"this command is not allowed by {SECURITY_FILE}: {why}")
    mirror = Mirror(places)
    effect = Changed(mirror, bench.run_files, command)
    if not await asyncio.to_thread(bench.outbox.knows, call_of(ctx)):
        spot = places.find(cwd, "list")
        folder = str(spot.root.joinpath(*spot.parts))
        effect = await _Attempt(bench, mirror, command, folder).carry_out()
        if not effect.files:
            return effect.result
    return await bench.outbox.perform(call_of(ctx), effect)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a command did to files of this machine.

    Attributes:
        files: By absolute path: the SHA-256 of the content, ``None`` if it is gone, and the
            version that was there, ``None`` if there was none.
        result: What the model is told.
    """

    mirror: Mirror
    run_files: RunFiles
    command: str
    files: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    kind = "command"
    fixed = False
    deduplicates = True
    done = None

    @property
    def destination(self) -> str:
        """What was changed."""
        return ", ".join(self.files)

    def prepare(self) -> dict[str, Any]:
        """What came of the command; contents are kept already."""
        return {"command": self.command, "files": dict(self.files), "result": self.result}

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Change them, each only if nobody else has done so meanwhile."""
        return await asyncio.to_thread(self._act, payload)

    def _act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        problems = []
        for path, (sha256, etag) in payload["files"].items():
            try:
                self._change(path, sha256, etag)
            except ToolFailed as error:
                problems.append(f"{path}: {error}")
        return _with_problems(payload["result"], problems)

    def _change(self, path: str, sha256: str | None, etag: str | None) -> None:
        spot = self.mirror.change(path, "write" if sha256 else "delete")
        now = tree.examine(spot)
        if sha256 is None:
            if now is not None and now.etag != etag:
                raise ToolFailed("it has been changed by somebody else")
            tree.delete(spot, recursive=False)
            return
        content = read_content(self.run_files.engine, self.run_files.run_id, sha256)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ToolFailed("what was kept of it is damaged")
        if etag is None and now is not None and tree.read_bytes(spot)[0] != content:
            raise ToolFailed("somebody else has made it meanwhile")
        tree.write_bytes(spot, content, expected_etag=etag)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One command, from the copying until what came of it."""

    bench: Workbench
    mirror: Mirror
    command: str
    folder: str

    async def carry_out(self) -> Changed:
        shell = self.bench.shell
        assert shell is not None
        view = await asyncio.to_thread(self.mirror.look, shell.bounds.disk_bytes)
        if self.folder not in view.folders:
            raise ToolFailed(f"{self.folder} is no folder that a command can see")
        try:
            sandbox = await shell.open(self.mirror.tops)
            await self._bring_in(sandbox, view)
            finished = await sandbox.exec(
                ["bash", "-c", _IN_FOLDER, self.folder, str(Path.home()), self.command]
            )
            found = await sandbox.changes(MAX_FILES, cautious=True)
            files, problems = await self._take_out(sandbox, found, view)
        except SandboxLost as error:
            raise ToolFailed(f"{error}. Nothing was changed.") from error
        finally:
            await shell.close()
        result = _with_problems(self._result(finished, shell, view), problems)
        return Changed(self.mirror, self.bench.run_files, self.command, files, result)

    async def _bring_in(self, sandbox: Sandbox, view: View) -> None:
        for path, copied in view.files.items():
            await _write(sandbox, path.lstrip("/"), copied)
        folders = [path.lstrip("/") for path in view.folders]
        await sandbox.seal(folders, [path.lstrip("/") for path in self.mirror.writable])

    async def _take_out(
        self, sandbox: Sandbox, found: Changes, view: View
    ) -> tuple[dict[str, tuple[str | None, str | None]], list[str]]:
        """Keep what it has changed and may change; gives that, and what is wrong with the rest."""
        files: dict[str, tuple[str | None, str | None]] = {}
        problems = [f"/{path}: it is no ordinary file" for path in found.left_out]
        keeper = Keeper(self.bench.run_files.engine, self.bench.run_files.run_id)
        for name in (*found.changed, *found.gone):
            file, path = found.changed.get(name), f"/{name}"
            try:
                self.mirror.change(path, "write" if file else "delete")
            except ToolFailed as error:
                problems.append(f"{path}: {error}")
                continue
            if file:
                await keeper.keep(file, read_parts(sandbox, name))
            before = view.files.get(path)
            files[path] = (file.sha256 if file else None, before.stat.etag if before else None)
        await keeper.flush()
        return files, problems

    def _result(self, finished: Finished, shell: Shell, view: View) -> dict[str, Any]:
        stopped = finished.ended != "exit"
        notes = [explain(finished, shell.bounds)] if stopped else []
        notes += [f"{path} is too large to be seen here" for path in view.left_out]
        return {
            "success": finished.code == 0,
            "stdout": finished.stdout,
            "stderr": _joined(finished.stderr, notes),
            "exitCode": STOPPED if finished.code is None else finished.code,
            "command": self.command,
            "workingDir": self.folder,
        }


async def _write(sandbox: Sandbox, path: str, copied: Copied) -> None:
    content, _ = await asyncio.to_thread(tree.read_bytes, copied.spot)
    for offset in range(0, max(len(content), 1), PART_BYTES):
        part = content[offset : offset + PART_BYTES]
        last = offset + len(part) >= len(content)
        await sandbox.write(
            path,
            part,
            offset=offset,
            last=last,
            executable=copied.stat.is_executable,
            modified_ns=int(copied.stat.mtime_ms * 1e6),
        )


def _with_problems(result: Mapping[str, Any], problems: Iterable[str]) -> dict[str, Any]:
    """The result of a command some of whose changes were not made."""
    notes = [f"not changed: {problem}" for problem in problems]
    if not notes:
        return dict(result)
    return {**result, "success": False, "stderr": _joined(result["stderr"], notes)}


def _joined(text: str, notes: Iterable[str]) -> str:
    """What a program said, and below it what Lamplighter has to say."""
    lines = [text.rstrip("\n"), *(f"lamplighter: {note}" for note in notes)]
    return "\n".join(lines) if len(lines) > 1 else text


TOOLS: dict[str, Tool[Workbench]] = {
    "executeCommand": Tool(
        execute_command, name="executeCommand", docstring_format="google", sequential=True
    )
}
