"""An e-mail, from what the outbox holds of it: the same bytes each time it is made."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

POLICY = SMTP.clone(cte_type="7bit")
"""Every server takes seven bits."""

TAGS = frozenset(
    {
        *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
        *("li", "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    }
)
SCHEMES = frozenset({"http", "https", "mailto"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes along.

    Attributes:
        path: Where the run delivered it.
        media_type: Such as ``text/csv``.
    """

    path: str
    sha256: str
    size_bytes: int
    media_type: str

    @property
    def name(self) -> str:
        """What the receiver sees."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """An e-mail.

    Attributes:
        id: What makes it the same one when it comes twice; of letters and digits.
        at: Its date.
        sender: An address, or ``Name <address>``.
        to: Addresses.
        body: Markdown.
    """

    id: str
    at: datetime
    sender: str
    to: Sequence[str]
    subject: str
    body: str
    attachments: Sequence[Attachment] = ()

    @property
    def message_id(self) -> str:
        """The header ``Message-ID``: the same for the same e-mail, so that receivers can tell."""
        domain = self.sender.rpartition("@")[2].rstrip("> ")
        return f"<{self.id}@{domain}>"

    @property
    def html(self) -> str:
        """The body as a page without images, forms and styles."""
        import nh3

        markdown = _markdown()
        tokens = markdown.parse(self.body)
        for token in tokens:
            token.children = _without_images(token.children or [])
        rendered: str = markdown.renderer.render(tokens, markdown.options, {})
        return nh3.clean(
            rendered,
            tags=set(TAGS),
            attributes={"a": {"href"}},
            url_schemes=set(SCHEMES),
            link_rel="noopener noreferrer nofollow",
        )

    @property
    def targets(self) -> set[str]:
        """Where the links of that page lead, but for those that write an e-mail."""
        found = (unescape(target) for target in _TARGET.findall(self.html))
        return {target for target in found if not target.startswith("mailto:")}


_TARGET = re.compile(r'href="([^"]*)"')


def new_id(run_id: str, call: str) -> str:
    """The id of the e-mail that a tool call of a run wants."""
    return hashlib.sha256(f"{run_id} {call}".encode()).hexdigest()[:32]


def compose(mail: Mail, read: Callable[[Attachment], bytes]) -> EmailMessage:
    """The message as it is sent.

    Args:
        mail: What it says.
        read: Gives the content of an attachment.
    """
    message = EmailMessage(policy=POLICY)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers this
    message.set_content(mail.body)
    message.add_alternative(mail.html, subtype="html")
    for attachment in mail.attachments:
        main, _, sub = attachment.media_type.partition("/")
        content = read(attachment)
        message.add_attachment(content, maintype=main, subtype=sub, filename=attachment.name)
    _bound(message, mail.id)
    return message


def _bound(message: EmailMessage, id: str) -> None:
    """Boundaries that are the same each time; no content that is encoded can hold them."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{number}_{id}")


@cache
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _without_images(children: "Sequence[Token]") -> "list[Token]":
    """Images as their descriptions, so that opening a mail asks nobody; links with their target.

    A link whose text is another than its address is followed by it, so that nobody is misled.
    """
    from markdown_it.token import Token

    found: list[Token] = []
    targets: list[tuple[str, str]] = []
    for child in children:
        if child.type == "image":
            child = Token("text", "", 0, content=child.content)
        found.append(child)
        targets = [(href, text + child.content) for href, text in targets]
        if child.type == "link_open":
            targets.append((str(child.attrGet("href") or ""), ""))
        elif child.type == "link_close":
            href, text = targets.pop()
            if text != href.removeprefix("mailto:"):
                found.append(Token("text", "", 0, content=f" ({href})"))
    return found


def as_data(mail: Mail) -> dict[str, Any]:
    """A mail as the outbox holds it, and shows it."""
    return {
        "id": mail.id,
        "at": mail.at.isoformat(),
        "from": mail.sender,
        "to": list(mail.to),
        "subject": mail.subject,
        "body": mail.body,
        "attachments": [
            {name: getattr(each, name) for name in Attachment.__slots__}
            for each in mail.attachments
        ],
    }


def from_data(data: Any) -> Mail:
    """The inverse of ``as_data``."""
    return Mail(
        id=data["id"],
        at=datetime.fromisoformat(data["at"]),
        sender=data["from"],
        to=tuple(data["to"]),
        subject=data["subject"],
        body=data["body"],
        attachments=tuple(Attachment(**each) for each in data["attachments"]),
    )
