"""How other commands, and other workers, wake a process that runs the engine.

They change our tables and then say that they did; nothing else is ever said here, so whoever can
speak on this channel can do no more than cause a look at the tables. On SQLite the channel is
``.lamplighter/control.sock`` (mode 0600), on PostgreSQL it is NOTIFY.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from lamplighter.store.database import is_shared
from lamplighter.store.workers import list_members

log = logging.getLogger(__name__)

CHANNEL = "lamplighter"
RETRY_SECONDS = 1.0
SOCKET = "control.sock"
LONGEST_PATH = 100
"""Bytes; the system allows 107 for the path of a UNIX socket, less on some."""


@asynccontextmanager
async def listening(
    engine: sa.Engine, state_dir: Path, wake: Callable[[], None]
) -> AsyncIterator[None]:
    """Call ``wake`` whenever somebody wakes the engine, while the block runs."""
    if is_shared(engine):
        listener = asyncio.create_task(_listen_to_postgresql(engine, wake))
        try:
            yield
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener
    else:
        async with await _listen_on_socket(state_dir, wake):
            yield


def wake_engine(engine: sa.Engine, state_dir: Path) -> bool:
    """Wake whoever runs the engine; ``False`` if nobody does."""
    if not is_shared(engine):
        return _wake_by_socket(state_dir)
    with engine.begin() as connection:
        connection.execute(sa.text(f"NOTIFY {CHANNEL}"))
    return any(not member.gone for member in list_members(engine))


async def _listen_to_postgresql(engine: sa.Engine, wake: Callable[[], None]) -> None:
    import psycopg

    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
            async with connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                wake()  # for whatever was said while nobody listened
                async for _ in connection.notifies():
                    wake()
        except psycopg.OperationalError as error:
            log.warning("cannot listen to the database: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


async def _listen_on_socket(state_dir: Path, wake: Callable[[], None]) -> asyncio.Server:
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


def _wake_by_socket(state_dir: Path) -> bool:
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
