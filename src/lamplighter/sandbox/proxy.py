"""The one way from a sandbox to the network: a proxy that knows where an agent may go.

It speaks HTTP (``CONNECT`` for TLS, and plain requests) on a UNIX socket. Host and port have to be
on the agent's list; the address that the name has is checked and then dialled itself, so that a
name cannot change its mind in between; addresses that are not public are refused. It does not look
into TLS: what a host serves besides its own name, such as other customers of a shared front, can
be reached with it.
"""

import asyncio
import ipaddress
import os
import socket
import tempfile
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from lamplighter.definitions.hosts import AllowedHost, admits

HEAD_BYTES = 1 << 16
HEAD_SECONDS = 10.0
DIAL_SECONDS = 10.0
CONNECTIONS = 32
"""At once."""

_HOP_BY_HOP = ("proxy-", "connection:", "keep-alive:", "host:", "te:", "upgrade:")
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")))
"""IPv6 addresses that a router may turn into any IPv4 address."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody in the sandbox asked for, for the record.

    Attributes:
        refused: Why it was not allowed, or failed; empty if it was carried.
    """

    method: str
    host: str
    port: int
    refused: str = ""


Tell = Callable[[Request], None]
Judge = Callable[[str], bool]
Objection = Callable[[], str]
"""Why nothing may be reached at this moment; empty if it may."""


def no_objection() -> str:
    """All that is allowed may be reached."""
    return ""


class Refusal(Exception):
    """Not allowed, or not possible."""


@dataclass(frozen=True)
class Proxy:
    """A proxy for one sandbox.

    Attributes:
        allowed: Where to.
        tell: Is told of every request.
        is_allowed_address: Judges the address behind a name.
        objection: Why nothing may be reached at this moment.
    """

    allowed: Sequence[AllowedHost]
    tell: Tell
    is_allowed_address: Judge
    objection: Objection = no_objection

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Carry one connection to its end."""
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            method, host, port, onward = _read_head(head)
        except (TimeoutError, ValueError, OSError, asyncio.IncompleteReadError) as error:
            if not isinstance(error, asyncio.IncompleteReadError):
                await _refuse(writer, 400, "this is no request to a proxy")
            return
        try:
            far_reader, far_writer = await self._dial(host, port)
        except (Refusal, OSError) as error:
            why = getattr(error, "strerror", None) or str(error) or "no answer"
            self.tell(Request(method, host, port, why))
            await _refuse(writer, 403, f"{host}:{port}: {why}")
            return
        self.tell(Request(method, host, port))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        far_writer.write(onward)
        try:
            await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
        finally:
            far_writer.close()

    async def _dial(self, host: str, port: int) -> tuple[StreamReader, StreamWriter]:
        if not admits(self.allowed, host, port):
            raise Refusal("not in this agent's network.allow")
        if why := self.objection():
            raise Refusal(why)
        async with asyncio.timeout(DIAL_SECONDS):
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [str(entry[4][0]) for entry in found]
            public = [address for address in addresses if self.is_allowed_address(address)]
            if not public:
                raise Refusal("its address is not public")
            return await asyncio.open_connection(public[0], port)


def is_public(address: str) -> bool:
    """Whether an address is one of the Internet, whichever way it is written."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return is_public(str(parsed.ipv4_mapped))
        if any(parsed in network for network in _TRANSLATED) or parsed.teredo:
            return False
    return parsed.is_global and not parsed.is_multicast


@asynccontextmanager
async def proxying(
    allowed: Sequence[AllowedHost],
    tell: Tell,
    owner: int | None = None,
    is_allowed_address: Judge = is_public,
    objection: Objection = no_objection,
) -> AsyncIterator[str]:
    """Serve while the block runs; gives the socket's path.

    Args:
        allowed: Where to.
        tell: Is told of every request.
        owner: Who opens the socket on this machine; ``None``: this user.
        is_allowed_address: Judges the address behind a name.
        objection: Why nothing may be reached at this moment.
    """
    proxy = Proxy(allowed, tell, is_allowed_address, objection)
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            if len(under_way) <= CONNECTIONS:
                with suppress(OSError):
                    await proxy.serve(reader, writer)
        finally:
            under_way.discard(task)
            writer.close()

    with tempfile.TemporaryDirectory(prefix="lamplighter-proxy-") as folder:
        path = os.path.join(folder, "socket")
        server = await asyncio.start_unix_server(serve, path, limit=HEAD_BYTES)
        os.chmod(path, 0o666)  # noqa: S103 -- the folder is shut to all but its owner
        if owner is not None:
            os.chown(folder, owner, -1)
        try:
            yield path
        finally:
            server.close()
            for task in tuple(under_way):
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


def _read_head(head: bytes) -> tuple[str, str, int, bytes]:
    """Method, host, port, and what to say to the host.

    Raises:
        ValueError: It is no request that a proxy can carry.
    """
    first, *fields = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, version = first.split(" ")
    if method == "CONNECT":
        parts = urlsplit(f"//{target}")
        port = parts.port
    else:
        parts = urlsplit(target)
        port = parts.port or 80
        if parts.scheme != "http":
            raise ValueError(target)
    if not parts.hostname or port is None:
        raise ValueError(target)
    if method == "CONNECT":
        return method, parts.hostname, port, b""
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    kept = [field for field in fields if not field.lower().startswith(_HOP_BY_HOP)]
    lines = [f"{method} {path} {version}", f"Host: {parts.netloc}", "Connection: close", *kept]
    return method, parts.hostname, port, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _carry(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while arrived := await reader.read(1 << 16):
            writer.write(arrived)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof()


async def _refuse(writer: StreamWriter, status: int, why: str) -> None:
    body = f"lamplighter: {why}\n".encode()
    head = f"HTTP/1.1 {status} Refused\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with suppress(OSError):
        writer.write(head.encode() + body)
        await writer.drain()
