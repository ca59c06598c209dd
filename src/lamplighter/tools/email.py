"""``send_email``: to whom the agent's file allows, from the workspace's account."""

import asyncio
import mimetypes
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pydantic_ai import Tool

from lamplighter import clock
from lamplighter.addresses import read_addresses
from lamplighter.config import EmailAccount
from lamplighter.definitions.hidden import without_hidden
from lamplighter.definitions.links import find_links
from lamplighter.definitions.recipients import Correspondence
from lamplighter.errors import InvalidInput, ToolFailed
from lamplighter.mail.message import Attachment, Mail, as_data, from_data, new_id
from lamplighter.mail.sending import send
from lamplighter.outbox import Outcome
from lamplighter.store.contents import read_content
from lamplighter.store.outbox import NEVER, Entry, Quota, list_entries
from lamplighter.tools.bench import Context, Workbench, call_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

MAX_RECIPIENTS = 50
MAX_SUBJECT_CHARACTERS = 300
MAX_BODY_CHARACTERS = 200_000
ANY = "application/octet-stream"
ACTIVE = ("/html", "/xml", "+xml", "message/", "javascript")
"""Of media types: what such files may load or run, which are saved, not shown, by a receiver."""

MAX_ATTACHED_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Draft:
    """An e-mail as the model wants it."""

    to: str
    subject: str
    body: str
    attachments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class EmailSending:
    """The effect of ``send_email``.

    Attributes:
        account: Of the workspace; ``None``: it has none.
        allowed: To whom the agent may write.
        engine: The workspace's database.
        run_id: The run, whose deliveries may be attached.
        draft: What to send; ``None`` if only the payload counts, as after an approval.
        key: The tool call.
    """

    account: EmailAccount | None
    allowed: Correspondence
    engine: "Engine"
    run_id: str
    draft: Draft | None = None
    key: str = ""
    kind = "email"

    @property
    def done(self) -> str:
        """What the model is told."""
        return f"Sent to {self.destination}"

    @property
    def to(self) -> list[str]:
        """The receivers.

        Raises:
            ToolFailed: Something is no address.
        """
        assert self.draft is not None
        try:
            found = read_addresses(self.draft.to.replace(";", ",").strip(", ").split(","))
        except InvalidInput as error:
            raise ToolFailed(str(error)) from error
        if len(found) > MAX_RECIPIENTS:
            raise ToolFailed(f"an e-mail has at most {MAX_RECIPIENTS} receivers")
        return found

    @property
    def destination(self) -> str:
        """The receivers."""
        return ", ".join(self.to) if self.draft else ""

    @property
    def fixed(self) -> bool:
        """Whether the agent's file names each of them, not just a domain."""
        return all(map(self.allowed.names, self.to))

    @property
    def deduplicates(self) -> bool:
        """SMTP does not; the provider does, by the e-mail's id."""
        return self.account is not None and self.account.provider != "smtp"

    def prepare(self) -> dict[str, Any]:
        """The whole e-mail; of what is attached, the hashes."""
        assert self.draft is not None
        mail = Mail(
            id=new_id(self.run_id, self.key),
            at=clock.now(),
            sender=self._account().sender,
            to=self.to,
            subject=_one_line(self.draft.subject),
            body=_readable(self.draft.body),
            attachments=tuple(map(self._find, dict.fromkeys(self.draft.attachments))),
        )
        self._check_receivers(mail)
        if sum(each.size_bytes for each in mail.attachments) > MAX_ATTACHED_BYTES:
            raise ToolFailed(f"attachments have {MAX_ATTACHED_BYTES:,} bytes together at most")
        return as_data(mail)

    def links(self, payload: Mapping[str, Any]) -> set[str]:
        """The addresses that its receivers see, or could click on."""
        mail = from_data(payload)
        written = find_links([mail.subject, mail.body])
        plain = {unquote(link) for link in written}
        # Markdown can write an address so that it is none in the text; then it counts as another.
        return written | {link for link in mail.targets if unquote(link) not in plain}

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send it, if it is still allowed."""
        mail = from_data(payload)
        self._check_receivers(mail)
        await asyncio.to_thread(self._check_delivered, mail)
        return await send(self._account(), mail, self._read)

    def check(self, payload: Mapping[str, Any]) -> None:
        """See whether it could be sent now.

        Raises:
            ToolFailed: It could not.
        """
        self._account()
        self._check_receivers(from_data(payload))
        self._check_delivered(from_data(payload))

    def _account(self) -> EmailAccount:
        if self.account is None:
            raise ToolFailed("this workspace sends no e-mail: lamplighter.toml has no [email]")
        return self.account

    def _check_receivers(self, mail: Mail) -> None:
        if not self.allowed.to:
            raise ToolFailed("this agent may write to nobody: its file has no email: {to: [...]}")
        for address in mail.to:
            if not self.allowed.admits(address):
                allowed = ", ".join(self.allowed.to)
                raise ToolFailed(f"this agent may not write to {address}, only to {allowed}")

    def _find(self, path: str) -> Attachment:
        """What the run has delivered by this name."""
        path = path.removeprefix("delivered/").strip("/")
        for entry in self._deliveries():
            if path in (entry.payload["path"], entry.destination.removeprefix("delivered/")):
                if entry.state in NEVER and entry.state != "staged":
                    break
                name = entry.payload["path"]
                return Attachment(
                    path=name,
                    sha256=entry.payload["sha256"],
                    size_bytes=entry.payload["size_bytes"],
                    media_type=_media_type(name),
                )
        raise ToolFailed(f"{path} is none of this run's deliveries; call deliver_file first")

    def _check_delivered(self, mail: Mail) -> None:
        sent = {each.payload["sha256"] for each in self._deliveries() if each.state == "sent"}
        for attachment in mail.attachments:
            if attachment.sha256 not in sent:
                raise ToolFailed(f"{attachment.path}, which is attached, has not been delivered")

    def _deliveries(self) -> Iterator[Entry]:
        entries = list_entries(self.engine, run_id=self.run_id, limit=10_000)
        return (entry for entry in entries if entry.kind == "file")

    def _read(self, attachment: Attachment) -> bytes:
        return read_content(self.engine, self.run_id, attachment.sha256)


async def send_email(  # noqa: D417 - the model gives no ctx
    ctx: Context, to: str, subject: str, body: str, attachments: list[str] | None = None
) -> Outcome:
    """Send an e-mail. It goes out once, and cannot be taken back.

    Args:
        to: The address; several with commas between them.
        subject: One line.
        body: The text, in Markdown.
        attachments: Files that this run has delivered, by the names that deliver_file was given.
    """
    bench, call = ctx.deps, call_of(ctx)
    effect = EmailSending(
        bench.settings.email,
        bench.email,
        bench.outbox.engine,
        bench.outbox.run_id,
        Draft(to, subject, body, tuple(attachments or ())),
        f"{bench.outbox.within}{call}",
    )
    quota = Quota(bench.email.per_run, bench.email.per_day)
    return await bench.outbox.perform(call, effect, quota=quota)


def _media_type(name: str) -> str:
    """What a file is sent as; a mail program that shows a page would load what that names."""
    found = mimetypes.guess_type(name)[0] or ANY
    return ANY if any(each in found for each in ACTIVE) else found


def _one_line(text: str) -> str:
    """A text that stays within its header, whatever somebody wrote into it."""
    line = " ".join(_without_controls(text).split())
    if not line or len(line) > MAX_SUBJECT_CHARACTERS:
        raise ToolFailed(f"a subject has from 1 to {MAX_SUBJECT_CHARACTERS} characters")
    return line


def _readable(text: str) -> str:
    body = _without_controls(text)
    if not body.strip() or len(body) > MAX_BODY_CHARACTERS:
        raise ToolFailed(f"a body has from 1 to {MAX_BODY_CHARACTERS:,} characters")
    return f"{body.rstrip()}\n"


def _without_controls(text: str) -> str:
    """Lines stay lines; half characters, control characters and what nobody sees go."""
    lines = without_hidden(text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


TOOLS: dict[str, Tool[Workbench]] = {
    "send_email": Tool(send_email, docstring_format="google", sequential=True)
}
