"""Calendars over HTTP: an ICS feed, or a CalDAV server (RFC 4791).

The library that there is for CalDAV brings a second HTTP stack, which takes the place of urllib3 in
the whole process; the three requests that reading needs are below.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin, urlsplit

from lamplighter.egress import in_words, open_client
from lamplighter.errors import SignInFailed, Unreadable
from lamplighter.source_config import CalendarSource
from lamplighter.sources.calendar import (
    LIMIT_BYTES,
    Window,
    documents_of,
    parse,
    survey_feed,
)
from lamplighter.sources.connector import Document, Finding, Item, Total, Visit
from lamplighter.sources.oauth2 import access_token

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import httpx

DAV, CALDAV = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
PROPERTIES = b"""<?xml version="1.0" encoding="utf-8"?>
<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop>
<resourcetype/><getetag/><displayname/><current-user-principal/><C:calendar-home-set/>
</prop></propfind>"""


def open_calendars(visit: Visit[CalendarSource], window: Window) -> Iterator[Finding]:
    """The events of an ICS feed, or of all calendars that the URL leads to.

    Raises:
        SignInFailed: The server does not let us in.
        Unreadable: There is no calendar.
    """
    import httpx

    with _signed_in(visit) as client:
        try:
            if _is_feed(visit.config.url):
                yield from _survey_feed(client, visit, window)
            else:
                for calendar in _calendars(client, visit):
                    yield from _survey_calendar(client, calendar, window)
        except httpx.HTTPStatusError as error:
            if error.response.status_code in (401, 403):
                raise SignInFailed(
                    f"source {visit.name}: {visit.config.url} does not let us in "
                    f"(HTTP {error.response.status_code}); use: "
                    f"lamplighter source login {visit.name}"
                ) from error
            raise Unreadable(
                f"source {visit.name}: {visit.config.url} does not answer as a CalDAV server: "
                f"{in_words(error)}"
            ) from error
        except httpx.HTTPError as error:
            raise Unreadable(
                f"source {visit.name}: {visit.config.url}: {in_words(error)}"
            ) from error


def _signed_in(visit: Visit[CalendarSource]) -> "httpx.Client":
    config = visit.config
    if config.oauth2:
        token = access_token(visit, config.oauth2)
        return open_client(headers={"Authorization": f"Bearer {token}"})
    if config.user:
        return open_client(auth=(config.user, visit.secret("password")))
    return open_client()


def _is_feed(url: str) -> bool:
    path = urlsplit(url).path.lower()
    return path.endswith((".ics", ".ical")) or "/ical/" in path


def _survey_feed(
    client: "httpx.Client", visit: Visit[CalendarSource], window: Window
) -> Iterator[Finding]:
    same_week = visit.state.get("week") == window.week
    etag = str(visit.state.get("etag") or "") if same_week else ""
    url = visit.config.url.replace("webcal://", "https://", 1)
    answer = client.get(url, headers={"If-None-Match": etag} if etag else {})
    if answer.status_code == 304:
        yield from survey_feed(visit, window, None, etag)
        return
    answer.raise_for_status()
    if len(answer.content) > LIMIT_BYTES:
        raise Unreadable(f"source {visit.name}: more than {LIMIT_BYTES:,} bytes")
    yield from survey_feed(visit, window, answer.content, answer.headers.get("etag", ""))


def _calendars(client: "httpx.Client", visit: Visit[CalendarSource]) -> list[str]:
    """The URLs of the calendars: this one, or those of the account (RFC 6764, 6)."""
    url = visit.config.url
    about = _properties(client, url, "0")
    if any(_is_calendar(properties) for properties in about.values()):
        return [url]
    home = _linked(about, url, f"{CALDAV}calendar-home-set")
    if not home and (principal := _linked(about, url, f"{DAV}current-user-principal")):
        found = _properties(client, principal, "0")
        home = _linked(found, principal, f"{CALDAV}calendar-home-set")
    inside = _properties(client, home or url, "1")
    calendars = sorted(each for each, properties in inside.items() if _is_calendar(properties))
    if not calendars:
        raise Unreadable(f"source {visit.name}: there is no calendar at {url}")
    return calendars


def _survey_calendar(client: "httpx.Client", url: str, window: Window) -> Iterator[Finding]:
    name = quote(unquote(urlsplit(url).path.strip("/")), safe="")
    inside = _properties(client, url, "1")
    tags = {each: about.findtext(f".//{DAV}getetag") for each, about in inside.items()}
    events = {each: tag for each, tag in tags.items() if tag and not _is_calendar(inside[each])}
    yield Total(len(events))
    for each, tag in sorted(events.items()):
        path = f"{name}/{quote(unquote(each.rstrip('/').rpartition('/')[2]), safe='@')}"
        yield Item(path, f"{quote(tag)}-{window.week}", partial(_read, client, each, path, window))


def _read(client: "httpx.Client", url: str, path: str, window: Window) -> list[Document]:
    answer = client.get(url)
    if answer.status_code == 404:
        raise FileNotFoundError(url)
    answer.raise_for_status()
    events = parse(answer.content)
    if not events:
        raise Unreadable("it holds no event")
    return documents_of(events, path, window)


def _properties(client: "httpx.Client", url: str, depth: str) -> "dict[str, Element]":
    """What the server says of a resource, or of all in it, by URL (RFC 4918, 9.1)."""
    from defusedxml.ElementTree import ParseError, fromstring

    headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
    answer = client.request("PROPFIND", url, content=PROPERTIES, headers=headers)
    answer.raise_for_status()
    _refuse_strangers(url, str(answer.url))
    try:
        parsed = fromstring(answer.content)
    except ParseError as error:
        raise Unreadable(f"{url} does not answer as a CalDAV server: {error}") from error
    found = {}
    for response in parsed.iter(f"{DAV}response"):
        href = response.findtext(f"{DAV}href")
        if href:
            found[urljoin(str(answer.url), href)] = response
    # Only the server itself is asked, wherever its answers point to.
    own = urlsplit(str(answer.url))[:2]
    return {each: about for each, about in found.items() if urlsplit(each)[:2] == own}


def _is_calendar(about: "Element") -> bool:
    return about.find(f".//{DAV}resourcetype/{CALDAV}calendar") is not None


def _linked(about: "dict[str, Element]", base: str, name: str) -> str:
    for properties in about.values():
        if href := properties.findtext(f".//{name}/{DAV}href"):
            target = urljoin(base, href)
            _refuse_strangers(base, target)
            return target
    return ""


def _refuse_strangers(url: str, target: str) -> None:
    """Follow a server to itself or to its siblings only: the password goes along.

    Large providers keep accounts on hosts of their own, as caldav.x.org and p42-caldav.x.org.
    """
    asked, told = urlsplit(url), urlsplit(target)
    own, other = (str(each.hostname or "") for each in (asked, told))
    siblings = own.count(".") > 1 and own.split(".", 1)[1] == other.partition(".")[2]
    same_port = (asked.scheme, asked.port) == (told.scheme, told.port)
    if not same_port or (own != other and (not siblings or own[-1:].isdigit())):
        raise Unreadable(f"{url} leads to {target}; if that is right, write it into the settings")
