"""``fetch-url``: the open internet, and nothing that only this machine can reach."""

# ruff: noqa: D417 - the model reads these docstrings, and gives no ctx

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from pydantic_ai import Tool

from lamplighter.definitions.pages import EVERYTHING, Pages
from lamplighter.egress import REFUSED, USER_AGENT, public_only
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
        approved = url if ctx.tool_call_approved else None
        return await fetch(request, check=partial(_require_leave, ctx.deps, approved))
    if not ctx.deps.pages.admits(url):
        raise Withheld(f"{url} was not called: {NOT_LISTED}")
    return await ctx.deps.outbox.perform(call_of(ctx), Submission(request, ctx.deps.pages))


def _require_leave(bench: Workbench, approved: str | None, request: "Request") -> None:
    """See whether a page may be asked for at this moment; its address says something, too.

    Args:
        bench: The run's.
        approved: An address that a person has just approved.
        request: What is to be asked.

    Raises:
        Withheld: It may not.
    """
    if not bench.pages.admits(request.url):
        raise Withheld(f"{request.url} was not fetched: {NOT_LISTED}")
    is_bare = not request.headers and not request.body
    fixed = request.url == approved or (is_bare and bench.pages.fixes(request.url))
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
    """A request that changes something, as an effect.

    Attributes:
        request: What is sent.
        pages: What its agent may reach.
    """

    request: Request
    pages: Pages = EVERYTHING
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

    def check(self, payload: Mapping[str, Any]) -> None:
        """See whether the agent may still reach it.

        Raises:
            ToolFailed: It may not.
        """
        if not self.pages.admits(payload["url"]):
            raise ToolFailed(f"{payload['url']} is not called: {NOT_LISTED}")

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send it; once it is on its way, only an answer tells that it came."""
        self.check(payload)
        return await fetch(Request(**payload), error=Unconfirmed)


async def fetch(
    request: Request,
    *,
    exceptions: Sequence[str] = (),
    check: Callable[[Request], None] | None = None,
    error: type[ToolFailed] = ToolFailed,
) -> dict[str, Any]:
    """Send a request, following redirects of those that only read.

    Args:
        request: What to send.
        exceptions: Networks that may be reached although they are private.
        check: Raises an error if a request may not be made; asked for each redirect, too.
        error: What is raised when the connection was there, but no answer came.

    Raises:
        ToolFailed: The address is private, or cannot be reached.
    """
    host = urlsplit(request.url).hostname or request.url
    try:
        with public_only(exceptions):
            async with (
                asyncio.timeout(SECONDS),
                # A proxy of the environment would connect on our behalf.
                httpx.AsyncClient(trust_env=False) as client,
            ):
                for _redirect in range(MAX_REDIRECTS + 1):
                    if check is not None:
                        check(request)
                    answer = await _send(client, request)
                    if isinstance(answer, dict):
                        return answer
                    request = answer
        raise ToolFailed(f"{request.url}: more than {MAX_REDIRECTS} redirects")
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL) as failed:
        raise ToolFailed(f"cannot reach {host}: {_why(failed)}") from failed
    except httpx.UnsupportedProtocol as failed:
        raise ToolFailed(f"{request.url!r} is no address of the web") from failed
    except (httpx.TransportError, TimeoutError, OSError) as failed:
        raise error(f"no answer from {host}: {_why(failed)}") from failed


async def _send(client: httpx.AsyncClient, request: Request) -> dict[str, Any] | Request:
    """The answer; or the next request, without headers, which were not meant for that address."""
    headers = {"User-Agent": USER_AGENT, **request.headers, "Accept-Encoding": "identity"}
    body = b""
    async with client.stream(
        request.method, request.url, headers=headers, content=request.body
    ) as response:
        if response.next_request is not None and request.method in READING:
            return Request(str(response.next_request.url), request.method)
        async for part in response.aiter_raw():
            body += part
            if len(body) > MAX_BYTES:
                break
    text = body.decode("utf-8", errors="replace")
    return {
        "ok": response.is_success,
        "status": response.status_code,
        "statusText": response.reason_phrase,
        "body": text[:MAX_CHARACTERS],
        "truncated": len(text) > MAX_CHARACTERS,
        "url": str(response.url),
    }


def _why(error: Exception) -> str:
    return f"its address {REFUSED}" if REFUSED in _chain(error) else str(error) or repr(error)


def _chain(error: BaseException | None) -> str:
    """What an error and those that led to it say: the guard's words are somewhere among them."""
    return f"{error} {_chain(error.__cause__ or error.__context__)}" if error else ""


TOOLS: dict[str, Tool[Workbench]] = {
    "fetch-url": Tool(fetch_url, name="fetch-url", docstring_format="google", sequential=True)
}
