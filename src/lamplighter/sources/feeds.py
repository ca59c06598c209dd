"""RSS and Atom feeds; each entry is a document."""

import hashlib
from calendar import timegm
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lamplighter.egress import in_words, open_client
from lamplighter.source_config import FeedsSource
from lamplighter.sources.connector import (
    Document,
    Finding,
    Gone,
    Item,
    Kept,
    State,
    Visit,
    digest_of,
)
from lamplighter.sources.extract.webpage import read_html

if TYPE_CHECKING:
    import httpx

LIMIT_BYTES = 20_000_000
KEPT_HEADERS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}


def survey(visit: Visit[FeedsSource]) -> Iterator[Finding]:
    """The entries of every feed.

    A feed shows its newest entries only, so an entry that it no longer shows stays; all of a feed
    go when its address leaves the settings.
    """
    feeds = {quote(url, safe=""): url for url in visit.config.urls}
    state = {url: about for url, about in visit.state.items() if url in visit.config.urls}
    for path in {known.partition("/")[0] for known in visit.known} - feeds.keys():
        yield Gone(path)
    yield from (Kept(path) for path in feeds)
    with open_client() as client:
        for path, url in feeds.items():
            try:
                data, headers = _fetch(client, url, state.get(url, {}))
            except _errors() as error:
                yield Item(path, problem=f"{url}: {in_words(error)}", gone=False)
                continue
            if data is not None:
                yield from _entries(path, url, data)
                state = {**state, url: headers}
                yield State(state)


def _errors() -> tuple[type[Exception], ...]:
    import httpx

    return (httpx.HTTPError, httpx.InvalidURL, ValueError)


def _fetch(
    client: "httpx.Client", url: str, earlier: Mapping[str, str]
) -> tuple[bytes | None, dict[str, str]]:
    """The feed, unless it has not changed, and by what the next change shows (RFC 9110, 13)."""
    asked = {KEPT_HEADERS[name]: value for name, value in earlier.items()}
    with client.stream("GET", url, headers=asked) as answer:
        if answer.status_code == 304:
            return None, dict(earlier)
        answer.raise_for_status()
        data = b""
        for chunk in answer.iter_bytes():
            data += chunk
            if len(data) > LIMIT_BYTES:
                raise ValueError(f"more than {LIMIT_BYTES:,} bytes")
        kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        return data, kept


def _entries(path: str, url: str, data: bytes) -> Iterator[Finding]:
    import feedparser

    parsed = feedparser.parse(data)
    if not parsed.entries and parsed.bozo and not parsed.feed.get("title"):
        reason = f"{url}: this is no feed: {parsed.get('bozo_exception')}"
        yield Item(path, problem=reason, gone=False)
        return
    feed = str(parsed.feed.get("title") or url)
    for entry in parsed.entries:
        name = str(entry.get("id") or entry.get("link") or entry.get("title") or entry)
        entry_path = f"{path}/{digest_of(name.encode('utf-8', 'replace'))}"
        stamp = hashlib.sha256(repr(sorted(entry.items())).encode("utf-8", "replace")).hexdigest()[
            :24
        ]
        yield Item(entry_path, stamp, partial(_read, entry, entry_path, feed))


def _read(entry: Any, path: str, feed: str) -> list[Document]:
    bodies = [str(each.get("value") or "") for each in entry.get("content") or []]
    page = max([*bodies, str(entry.get("summary") or "")], key=len)
    author = entry.get("author_detail") or {}
    lines = [f"Feed: {feed}", f"Link: {entry.get('link')}" if entry.get("link") else "", ""]
    return [
        Document(
            path=path,
            title=_plain(str(entry.get("title") or "")) or "(no title)",
            text="\n".join([*lines, _plain(page)]),
            dated_at=_moment(entry.get("published_parsed") or entry.get("updated_parsed")),
            kind="post",
            author=str(author.get("name") or entry.get("author") or ""),
            author_address=str(author.get("email") or ""),
            url=str(entry.get("link") or ""),
        )
    ]


def _plain(page: str) -> str:
    return read_html(page.encode("utf-8", "replace")).text if "<" in page or "&" in page else page


def _moment(parsed: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, TypeError):
        return None
