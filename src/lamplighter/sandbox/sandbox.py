"""What a backend is, and what it opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from lamplighter.sandbox.bounds import Bounds
from lamplighter.sandbox.helper import MAX_FILES
from lamplighter.sandbox.toolbox import Interpreter

Ended = Literal["exit", "timeout", "memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What came of a command.

    Attributes:
        ended: ``exit``; or it was stopped because of its time, or of its memory.
        code: The exit code; minus a signal's number; ``None`` if it was stopped.
        stdout: As much as is kept.
        stdout_bytes: How much there was.
    """

    ended: Ended
    code: int | None
    stdout: str
    stderr: str
    stdout_bytes: int
    stderr_bytes: int


@dataclass(frozen=True, slots=True)
class File:
    """A file's content and whether it may be executed.

    Attributes:
        sha256: In hexadecimal digits.
    """

    sha256: str
    size_bytes: int
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What commands have done to the files of ``/workspace``.

    Attributes:
        changed: New or different, by path relative to it.
        gone: Paths of files that are there no more.
        left_out: Paths, some of them, of what is no ordinary file, or cannot be read.
    """

    changed: dict[str, File]
    gone: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a backend can open sandboxes here.

    Attributes:
        backend: Its name.
        problem: Why it cannot; empty if it can.
        advice: What to do about it.
    """

    backend: str
    problem: str = ""
    advice: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it can."""
        return not self.problem


class Sandbox(Protocol):
    """One open sandbox. What it is asked, it does one thing after the other."""

    async def exec(self, argv: list[str], *, snippet: str | None = None) -> Finished:
        """Run a command in ``/workspace`` within the bounds, and leave no process of it.

        Args:
            argv: The program and its arguments.
            snippet: A text that is put into the file ``helper.SNIPPET`` before.

        Raises:
            ToolFailed: The command cannot be started.
            SandboxLost: The sandbox has ended; what was in it is gone.
        """
        ...

    async def changes(self, most: int = MAX_FILES, *, cautious: bool = False) -> Changes:
        """What is different from what was told, or written by the host, before.

        Args:
            most: How many files there may be.
            cautious: Whether a file that cannot be looked at any more counts as unchanged, and not
                as gone.

        Raises:
            ToolFailed: There is too much.
            SandboxLost: The sandbox has ended.
        """
        ...

    async def read(self, path: str, offset: int) -> bytes:
        """A part of a file, 1 MiB unless it ends before.

        Raises:
            ToolFailed: It cannot be read.
            SandboxLost: The sandbox has ended.
        """
        ...

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
        """A part of a file; at offset 0 it begins anew, replacing whatever is in the way.

        Args:
            path: The file.
            content: The part.
            offset: Where it belongs.
            last: Whether it is the last one.
            executable: Whether the file is a program.
            modified_ns: Its time, in nanoseconds since 1970; 0: now.

        Raises:
            ToolFailed: It cannot be written.
            SandboxLost: The sandbox has ended.
        """
        ...

    async def remove(self, path: str) -> None:
        """Remove a file, if it is there.

        Raises:
            SandboxLost: The sandbox has ended.
        """
        ...

    async def seal(self, folders: Sequence[str], writable: Sequence[str]) -> None:
        """Make folders, and let programs write to nothing but ``writable`` and what is below.

        It is what permissions of files can do: a program that insists can write all the same, so
        ``changes`` has to be judged.

        Raises:
            ToolFailed: It cannot be done.
            SandboxLost: The sandbox has ended.
        """
        ...

    async def close(self) -> None:
        """End it: every process and file in it is gone when this returns."""
        ...


class Backend(Protocol):
    """A way to open sandboxes.

    Attributes:
        name: As the settings call it.
        interpreter: The Python inside.
        user: Whom a socket that is handed in has to belong to; ``None``: us.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - told above
    @property
    def interpreter(self) -> Interpreter: ...  # noqa: D102 - told above
    @property
    def user(self) -> int | None: ...  # noqa: D102 - told above

    async def probe(self) -> Readiness:
        """Whether it works here: found out by opening a sandbox and running a command in it."""
        ...

    async def open(
        self, bounds: Bounds, proxy_socket: str | None = None, mirrored: Sequence[str] = ()
    ) -> Sandbox:
        """Open a sandbox.

        Args:
            bounds: What it may use.
            proxy_socket: A UNIX socket, the only way to the network from in there.
            mirrored: Absolute paths of folders, none within another, that there are besides: empty
                ones in its memory. Then its files are those in them instead of those in
                ``/workspace``, and are told by their whole paths, without the first slash.

        Raises:
            SandboxUnavailable: It cannot be opened; nothing is left of the attempt.
        """
        ...
