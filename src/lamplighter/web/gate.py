"""The gate: nothing behind it is reached without being signed in, but what is listed here."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request

from lamplighter.accounts import Caller, identify
from lamplighter.errors import CrossSite, InvalidInput, LamplighterError, NotSignedIn, TooLarge
from lamplighter.roster import Roster
from lamplighter.web.problems import answer_problem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

PUBLIC = {
    ("GET", "/healthz"),
    ("POST", "/api/v1/session"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/oidc/callback"),
}
OPEN = "/open/"
"""Where one-time links lead."""

FOR_EVERYBODY = (OPEN, "/static/")
"""What begins so is for everybody to get."""

SAFE = ("GET", "HEAD", "OPTIONS")
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""As JSON writes it."""

MAX_BODY_BYTES = 2_000_000
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer", browsers would send our own forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
}


class Gate:
    """Middleware that finds out who asks, and refuses what nobody may ask.

    Args:
        app: What is behind it.
        roster: The workspace.
        cookie: The name of the session's cookie.
    """

    def __init__(self, app: App, roster: Roster, cookie: str) -> None:
        self.app = app
        self.roster = roster
        self.cookie = cookie

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request through, with ``state.caller``, or answer it."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        protected = _protecting(request, send)
        try:
            scope.setdefault("state", {})["caller"] = await self._admit(request)
            body = await _read_body(request)
            _refuse_nul(request, body)
        except ClientDisconnect:
            return
        except LamplighterError as error:
            await answer_problem(error, request)(scope, receive, protected)
            return
        await self.app(scope, _replaying(body, receive), protected)

    async def _admit(self, request: Request) -> Caller | None:
        """Who asks; ``None`` only where anybody may."""
        token = _bearer(request)
        cookie = request.cookies.get(self.cookie)
        if token is None and request.method not in SAFE:
            _refuse_cross_site(request, self.roster, signed_in=cookie is not None)
        if _is_public(request):
            return None
        caller = await asyncio.to_thread(
            identify, self.roster.settings, self.roster.engine, cookie=cookie, token=token
        )
        if caller is None:
            raise NotSignedIn("sign in, or show an API token: Authorization: Bearer llt_...")
        return caller


def _is_public(request: Request) -> bool:
    method, path = request.method, request.url.path
    return (method, path) in PUBLIC or (method == "GET" and path.startswith(FOR_EVERYBODY))


def _bearer(request: Request) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _refuse_cross_site(request: Request, roster: Roster, *, signed_in: bool) -> None:
    """Only our own pages may use the cookie to change something.

    Browsers say by ``Sec-Fetch-Site`` or ``Origin`` which page asks; who says neither is no
    browser, and has no use for a cookie.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    team = roster.settings.team
    own = {request.headers.get("host", ""), urlsplit(team.url).netloc if team and team.url else ""}
    if site is not None:
        fine = site == "same-origin"
    elif origin is not None:
        fine = urlsplit(origin).netloc in own - {""}
    else:
        fine = not signed_in
    if not fine:
        raise CrossSite("a page of another site asked for this; programs use an API token")


async def _read_body(request: Request) -> bytes:
    """The whole body, before anything else is done for it."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise TooLarge(f"a request may have {MAX_BODY_BYTES} bytes at most")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"a request may have {MAX_BODY_BYTES} bytes at most")
    return bytes(body)


def _refuse_nul(request: Request, body: bytes) -> None:
    """No text that we keep has a NUL character; databases disagree about what to do with one."""
    if "\0" in request.url.path or "\0" in unquote(request.url.query) or NUL.search(body):
        raise InvalidInput("there is a NUL character in the request", hint="take it out")


def _replaying(body: bytes, receive: Receive) -> Receive:
    """The body as one message, and then whatever comes."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _protecting(request: Request, send: Send) -> Send:
    """Answers that browsers neither keep nor misread."""

    async def protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return protected
