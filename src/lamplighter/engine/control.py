"""``.lamplighter/control.sock``: how other commands wake the process that holds the workspace.

They change our tables and then say that they did; nothing else is ever said here, so whoever
can open the socket (mode 0600) can do no more than cause a look at the tables.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SOCKET = "control.sock"
LONGEST_PATH = 100
"""Bytes; the system allows 107 for the path of a UNIX socket, less on some."""


async def listen(state_dir: Path, wake: Callable[[], None]) -> asyncio.Server:
    """Call ``wake`` whenever somebody connects. Only the holder of the workspace may listen."""

    def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wake()
        writer.close()

    (state_dir / SOCKET).unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        with _short_path(state_dir) as path:
            return await asyncio.start_unix_server(connected, path)
    finally:
        os.umask(before)


def wake_holder(state_dir: Path) -> bool:
    """Wake the holder, if there is one; ``False`` if nobody holds the workspace."""
    with socket.socket(socket.AF_UNIX) as client, _short_path(state_dir) as path:
        client.settimeout(5)
        with suppress(OSError):
            client.connect(path)
            return True
    return False


def ask_holder(state_dir: Path) -> int | None:
    """The process that answers for the workspace; 0 if the system does not tell which.

    ``None`` if nobody answers.
    """
    with socket.socket(socket.AF_UNIX) as client, _short_path(state_dir) as path:
        client.settimeout(5)
        with suppress(OSError):
            client.connect(path)
            return _peer(client)
    return None


def _peer(client: socket.socket) -> int:
    if not hasattr(socket, "SO_PEERCRED"):  # only Linux has it
        return 0
    size = struct.calcsize("3i")
    pid, _uid, _gid = struct.unpack(
        "3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return int(pid)


@contextmanager
def _short_path(state_dir: Path) -> Iterator[str]:
    """A path to the socket that is short enough for the system, however deep the workspace is."""
    path = str(state_dir / SOCKET)
    if len(os.fsencode(path)) <= LONGEST_PATH or not Path("/proc/self/fd").exists():
        yield path
        return
    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)
