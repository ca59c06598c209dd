"""The resources of an MCP server, over stdio or HTTP."""

import asyncio
import base64
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import quote

from lamplighter.egress import open_client
from lamplighter.errors import SignInFailed, Unreadable
from lamplighter.source_config import McpSource
from lamplighter.sources.connector import Document, Finder, Finding, Item, Total, Visit, below
from lamplighter.sources.extract.extracted import moment

TIMEOUT_SECONDS = 60.0
LIMIT_BYTES = 20_000_000


def survey(visit: Visit[McpSource]) -> Iterator[Finding]:
    """Every resource. A server does not say what has changed, so each is read every time."""
    with _items(visit) as items:
        yield Total(len(items))
        yield from items


def find(visit: Visit[McpSource], path: str) -> Iterator[Item]:
    """The resource of that path, or the one that it is a part of."""
    with _items(visit) as items:
        yield from (each for each in items if each.path in below(path))


connector = Finder(survey, find)


@contextmanager
def _items(visit: Visit[McpSource]) -> Iterator[list[Item]]:
    """The resources that the server lists; they are read while it is connected."""
    with asyncio.Runner() as runner:
        client: Any = _client(visit)
        try:
            runner.run(client.__aenter__())
        except Exception as error:
            if visit.config.url and _is_refused(visit):
                raise SignInFailed(
                    f"source {visit.name}: {visit.config.url} does not let us in; use: "
                    f"lamplighter source login {visit.name}"
                ) from error
            raise Unreadable(f"source {visit.name}: {visit.config.target}: {error}") from error
        try:
            resources = runner.run(client.list_resources())
            paths = [quote(str(resource.uri), safe="") for resource in resources]
            yield [
                Item(path, read=partial(_read, runner, client, resource, path))
                for path, resource in zip(paths, resources, strict=True)
            ]
        finally:
            runner.run(client.__aexit__(None, None, None))


def _client(visit: Visit[McpSource]) -> Any:
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport, StreamableHttpTransport

    config = visit.config
    if config.command:
        visit.boundary.refuse_local("a program")
        env = {name: visit.credentials.resolve(value) for name, value in config.env.items()}
        return Client(
            StdioTransport(config.command, list(config.args), env=env or None),
            timeout=TIMEOUT_SECONDS,
        )
    transport = StreamableHttpTransport(config.url, headers=_headers(visit))
    return Client(transport, timeout=TIMEOUT_SECONDS)


def _headers(visit: Visit[McpSource]) -> dict[str, str]:
    token = visit.credentials.get("token")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _is_refused(visit: Visit[McpSource]) -> bool:
    """Whether the server does not take our token, which the client does not say."""
    import httpx

    with open_client(headers=_headers(visit)) as client:
        try:
            return client.post(visit.config.url, json={}).status_code in (401, 403)
        except httpx.HTTPError:
            return False


def _read(runner: asyncio.Runner, client: Any, resource: Any, path: str) -> list[Document]:
    contents = runner.run(client.read_resource(resource.uri))
    return [
        _document(each, resource, path if number == 0 else f"{path}/{number}")
        for number, each in enumerate(contents)
    ]


def _document(content: Any, resource: Any, path: str) -> Document:
    kind = content.mime_type or resource.mime_type or "text/plain"
    text = getattr(content, "text", None)
    data = text.encode() if text is not None else base64.b64decode(content.blob)
    if len(data) > LIMIT_BYTES:
        raise Unreadable(f"{len(data):,} bytes, over the limit of {LIMIT_BYTES:,}")
    about = getattr(resource, "annotations", None)
    return Document(
        path=path,
        data=data,
        name=f"{resource.name}{mimetypes.guess_extension(kind.partition(';')[0]) or ''}",
        title=str(resource.title or resource.name),
        dated_at=moment(getattr(about, "lastModified", None)),
        kind="page",
        url=str(resource.uri),
    )
