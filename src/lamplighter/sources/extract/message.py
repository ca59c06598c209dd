"""E-mail (RFC 5322): who wrote what to whom, and what is attached."""

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime

from lamplighter.sources.extract.extracted import Extracted, moment
from lamplighter.sources.extract.plain import decode
from lamplighter.sources.extract.webpage import read_html

SHOWN = ("From", "To", "Cc", "Date", "Subject")
MEDIA_TYPE = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message.

    Attributes:
        name: A single name, without folders.
        data: Its bytes.
    """

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """An e-mail.

    Attributes:
        text: Its headers, as people see them, and its body.
        thread: The id of the message that the conversation began with.
        sent_at: In UTC; ``None`` where the header is missing or makes no sense.
    """

    subject: str
    sender: Address
    text: str
    thread: str
    sent_at: datetime | None
    attachments: tuple[Attachment, ...]


def read_eml(data: bytes) -> Extracted:
    """A message as a document; the names of its attachments are in it, not what they hold."""
    read = read_message(data)
    return Extracted(read.subject, read.text, read.sent_at, MEDIA_TYPE)


def read_message(data: bytes) -> Message:
    """A message, however odd: what cannot be decoded is replaced, never fatal."""
    parsed = message_from_bytes(data, _class=EmailMessage, policy=policy.default)
    headers = {name: _header(parsed, name) for name in (*SHOWN, "References", "In-Reply-To")}
    attachments = tuple(_attachments(parsed))
    lines = [f"{name}: {headers[name]}" for name in SHOWN if headers[name]]
    if attachments:
        lines.append(f"Attachments: {', '.join(each.name for each in attachments)}")
    return Message(
        subject=headers["Subject"] or "(no subject)",
        sender=_sender(headers["From"]),
        text="\n".join([*lines, "", _body(parsed)]),
        thread=_thread(headers, _header(parsed, "Message-ID")),
        sent_at=_moment(headers["Date"]),
        attachments=attachments,
    )


def _header(parsed: EmailMessage, name: str) -> str:
    try:
        value = str(parsed.get(name, ""))
    except Exception:  # noqa: BLE001 - the library trips over malformed headers in many ways
        value = next(
            (str(raw) for key, raw in parsed.raw_items() if key.lower() == name.lower()), ""
        )
    return " ".join(value.encode("utf-8", "replace").decode().split())


def _sender(header: str) -> Address:
    name, address = next(iter(getaddresses([header])), ("", ""))
    try:
        return Address(display_name=name, addr_spec=address)
    except Exception:  # noqa: BLE001 - whatever is no address by the letter is a name
        return Address(display_name=name or address or header)


def _thread(headers: dict[str, str], own: str) -> str:
    """The first of the references (RFC 5322, 3.6.4), else what it answers, else itself."""
    for value in (headers["References"], headers["In-Reply-To"], own):
        if found := re.search(r"<[^<>\s]+>", value):
            return found[0]
    return ""


def _moment(header: str) -> datetime | None:
    try:
        return moment(parsedate_to_datetime(header))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _body(parsed: EmailMessage) -> str:
    plain = [part for part in _inline(parsed) if part.get_content_type() == "text/plain"]
    if plain:
        return "\n\n".join(_text(part) for part in plain).strip()
    pages = [part for part in _inline(parsed) if part.get_content_type() == "text/html"]
    return "\n\n".join(_page(part) for part in pages).strip()


def _inline(parsed: EmailMessage) -> list[EmailMessage]:
    found = []
    for part in parsed.walk():
        attached = part.get_content_disposition() == "attachment" or part.get_filename()
        if (
            part.get_content_maintype() == "text"
            and not attached
            and isinstance(part, EmailMessage)
        ):
            found.append(part)
    return found


def _text(part: EmailMessage) -> str:
    data = _payload(part)
    for charset in (part.get_content_charset(), "utf-8"):
        try:
            return data.decode(charset or "utf-8")
        except (LookupError, UnicodeError):
            continue
    try:
        return decode(data)
    except Exception:  # noqa: BLE001 - a body that is no text is still a message with headers
        return data.decode("ascii", "replace")


def _page(part: EmailMessage) -> str:
    try:
        return read_html(_text(part).encode("utf-8", "replace")).text
    except Exception:  # noqa: BLE001 - see above
        return _text(part)


def _attachments(parsed: EmailMessage) -> list[Attachment]:
    found: list[Attachment] = []
    for part in parsed.walk():
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            continue
        attached = part.get_content_disposition() == "attachment"
        if not (attached or part.get_filename()) or not isinstance(part, EmailMessage):
            continue
        named = _named(part, len(found) + 1, {each.name for each in found})
        found.append(Attachment(named, _payload(part)))
    return found


def _named(part: EmailMessage, number: int, taken: set[str]) -> str:
    default = "message.eml" if part.get_content_type() == "message/rfc822" else "attachment"
    name = re.split(r"[/\\]", part.get_filename() or default)[-1]
    name = (
        "".join(letter if letter.isprintable() else "_" for letter in name).strip(". ") or default
    )
    return f"{number}-{name}" if name in taken else name[:200]


def _payload(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        first = inner[0] if isinstance(inner, list) and inner else None
        return first.as_bytes() if isinstance(first, EmailMessage) else b""
    try:
        payload = part.get_payload(decode=True)
    except Exception:  # noqa: BLE001 - a transfer encoding that is none
        payload = None
    return (
        payload
        if isinstance(payload, bytes)
        else str(part.get_payload()).encode("utf-8", "replace")
    )
