"""Where connections may go: nowhere private, for what somebody else may choose the address of.

``public_only`` is a guard at the socket. It sees the very address that a connection goes to,
whichever library makes it and however it came by the address, so that neither a redirect nor a
changing answer of the DNS leads past it. ``open_client`` is an HTTP client behind it.
"""

import errno
import ipaddress
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

USER_AGENT = "lamplighter"
REFUSED = "is no public address, and may not be reached from here"
TIMEOUT_SECONDS = 30.0

_allowed: ContextVar[tuple[Network, ...] | None] = ContextVar("_allowed", default=None)


@contextmanager
def public_only(exceptions: Sequence[str] = ()) -> Iterator[None]:
    """Refuse every connection to a private address while the block runs.

    It holds for this thread and for the tasks and threads that take its context along, as those
    of ``asyncio`` do.

    Args:
        exceptions: Networks, such as ``10.1.2.0/24``, that may be reached all the same.

    Raises:
        PermissionError: Within the block, by whatever connects to a private address. Libraries
            treat it as any connection that the system refuses.
    """
    _watch_sockets()
    token = _allowed.set(tuple(ipaddress.ip_network(each) for each in exceptions))
    try:
        yield
    finally:
        _allowed.reset(token)


def open_client(**options: Any) -> "httpx.Client":
    """An HTTP client that follows redirects, for use within ``public_only`` or without it.

    It asks no proxy of the environment while guarded: a proxy would connect on its behalf.
    """
    import httpx

    options = {
        "follow_redirects": True,
        "timeout": TIMEOUT_SECONDS,
        "trust_env": _allowed.get() is None,
        **options,
    }
    options["headers"] = {"User-Agent": USER_AGENT, **options.get("headers", {})}
    return httpx.Client(**options)


def in_words(error: Exception) -> str:
    """Why an exchange over HTTP failed, without advice for programmers."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code} {error.response.reason_phrase}".strip()
    return str(error) or type(error).__name__


def is_public(address: str, exceptions: Sequence[Network] = ()) -> bool:
    """Whether an IP address is one of the open internet, or of ``exceptions``."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        # An IPv4 address in an IPv6 coat is judged by what it is, as is 6to4 and Teredo.
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    if any(found in network for network in exceptions if network.version == found.version):
        return True
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@cache
def _watch_sockets() -> None:
    # An audit hook stays for the life of the process, so it is only set where it is needed.
    sys.addaudithook(_refuse_private)


def _refuse_private(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        return
    exceptions = _allowed.get()
    if exceptions is None or arguments[1] is None:
        return
    family, address = arguments[0].family, arguments[1]
    host = address[0] if isinstance(address, tuple) else ""
    if family not in (socket.AF_INET, socket.AF_INET6) or not is_public(host, exceptions):
        raise PermissionError(errno.EACCES, f"{host or address} {REFUSED}")
