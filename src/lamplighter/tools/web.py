"""``fetch-url``: the open internet, and nothing that only this machine can reach."""

# ruff: noqa: D417 - the model reads these docstrings, and gives no ctx

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import httpcore
from pydantic_ai import Tool

from lamplighter.errors import ToolFailed, Unconfirmed, Withheld
from lamplighter.outbox import Outcome
from lamplighter.tools.bench import Context, Workbench, call_of

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
READING = ("GET", "HEAD")
MAX_CHARACTERS = 50_000
MAX_BYTES = 5_000_000
MAX_REDIRECTS = 5
SECONDS = 30.0
NOT_LISTED = "it is not among the addresses of the agent's file (fetch: {allow: [...]})"
_REDIRECTS = (301, 302, 303, 307, 308)


async def fetch_url(
    ctx: Context,
    url: str,
    method: Method = "GET",
    headers: dict[str, str] | None = None,
    body: str | None = None,
) -> Any | Outcome:
    """Fetch a page of the internet.

    Args:
        url: Beginning with https:// or http://.
        method: GET and HEAD read; the others act, and happen once.
        headers: Sent with the request.
        body: Sent with the request.
    """
    request = Request(url, method, headers or {}, body)
    if method in READING:
        return await fetch(request, check=partial(_require_leave, ctx.deps))
    if not ctx.deps.pages.admits(url):
        raise Withheld(f"{url} was not called: {NOT_LISTED}")
    return await ctx.deps.outbox.perform(call_of(ctx), Submission(request))


def _require_leave(bench: Workbench, request: "Request") -> None:
    """See whether a page may be asked for at this moment; its address says something, too.

    Raises:
        Withheld: It may not.
    """
    if not bench.pages.admits(request.url):
        raise Withheld(f"{request.url} was not fetched: {NOT_LISTED}")
    is_bare = not request.headers and not request.body
    fixed = is_bare and bench.pages.fixes(request.url)
    if why := bench.flow.objection(acts=False, fixed=fixed):
        raise Withheld(
            f"{request.url} was not fetched: {why}. Only addresses that stand whole in the agent's "
            "file may be fetched now, and without headers or body"
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A request that changes something, as an effect."""

    request: Request
    kind = "http"
    fixed = False
    done = None

    @property
    def deduplicates(self) -> bool:
        """As HTTP has it (RFC 9110, 9.2.2)."""
        return self.request.method in ("PUT", "DELETE")

    @property
    def destination(self) -> str:
        """Method, host and path: a query may hold secrets."""
        parts = urlsplit(self.request.url)
        return f"{self.request.method} {parts.scheme}://{parts.hostname}{parts.path}"

    def prepare(self) -> dict[str, Any]:
        """All that is sent."""
        given = self.request
        return {
            "url": given.url,
            "method": given.method,
            "headers": dict(given.headers),
            "body": given.body,
        }

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send it; once it is on its way, only an answer tells that it came."""
        return await fetch(Request(**payload), error=Unconfirmed)


async def fetch(
    request: Request,
    *,
    may_reach: Callable[[str], bool] | None = None,
    check: Callable[[Request], None] | None = None,
    error: type[ToolFailed] = ToolFailed,
) -> dict[str, Any]:
    """Send a request, following redirects of those that only read.

    Args:
        request: What to send.
        may_reach: Whether an IP address may be connected to; default: if it is public.
        check: Raises an error if a request may not be made; asked for each redirect, too.
        error: What is raised when the connection was there, but no answer came.

    Raises:
        ToolFailed: The address is private, or cannot be reached.
    """
    backend = _Guarded(may_reach or is_public)
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpcore.AsyncConnectionPool(network_backend=backend) as pool,
        ):
            for _redirect in range(MAX_REDIRECTS + 1):
                if check is not None:
                    check(request)
                answer = await _send(pool, request)
                location = answer.pop("location")
                if not location or request.method not in READING:
                    return answer
                request = Request(urljoin(request.url, location), request.method)
        raise ToolFailed(f"{request.url}: more than {MAX_REDIRECTS} redirects")
    except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.UnsupportedProtocol) as failed:
        raise ToolFailed(f"cannot reach {_host(request.url)}: {failed}") from failed
    except (httpcore.NetworkError, httpcore.ProtocolError, TimeoutError, OSError) as failed:
        why = str(failed) or type(failed).__name__
        raise error(f"no answer from {_host(request.url)}: {why}") from failed


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        # An IPv4 address in an IPv6 coat is judged by what it is, as is 6to4 and Teredo.
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        found = inner or found
    return found.is_global and not found.is_multicast


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to the very address that it has judged, so that no later answer of DNS counts."""

    def __init__(self, may_reach: Callable[[str], bool]) -> None:
        self.may_reach = may_reach
        self.inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as the library has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"there is no {host}") from error
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(map(self.may_reach, addresses)):
            raise httpcore.ConnectError("it is a private address, and those are not for agents")
        return await self.inner.connect_tcp(addresses[0], port, timeout, None, socket_options)


async def _send(pool: httpcore.AsyncConnectionPool, request: Request) -> dict[str, Any]:
    parts = urlsplit(request.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ToolFailed(f"{request.url!r} is no address of the web")
    headers = {"User-Agent": "lamplighter", **request.headers, "Accept-Encoding": "identity"}
    content = request.body.encode() if request.body is not None else None
    async with pool.stream(
        request.method, request.url, headers=list(headers.items()), content=content
    ) as response:
        given = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
        body = b""
        async for part in response.aiter_stream():
            body += part
            if len(body) > MAX_BYTES:
                break
    text = body.decode("utf-8", errors="replace")
    cut = {"truncated": True} if len(text) > MAX_CHARACTERS else {}
    return {
        "success": response.status < 400,
        "url": request.url,
        "status": response.status,
        "contentType": given.get("content-type", ""),
        "body": text[:MAX_CHARACTERS],
        "location": given.get("location") if response.status in _REDIRECTS else None,
        **cut,
    }


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


TOOLS: dict[str, Tool[Workbench]] = {
    "fetch-url": Tool(fetch_url, name="fetch-url", docstring_format="google", sequential=True)
}
