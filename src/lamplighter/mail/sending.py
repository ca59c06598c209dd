"""An e-mail on its way: by the workspace's account, and again where the server asks for that."""

import asyncio
from collections.abc import Callable, Sequence
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from lamplighter.errors import ToolFailed, TryAgain
from lamplighter.mail import provider
from lamplighter.mail.message import Attachment, Mail, compose

if TYPE_CHECKING:
    from lamplighter.config import EmailAccount

WAITS_SECONDS = (2.0, 15.0)
"""Before the second attempt, and the third."""


async def send(
    account: "EmailAccount",
    mail: Mail,
    read: Callable[[Attachment], bytes],
    waits: Sequence[float] = WAITS_SECONDS,
) -> dict[str, Any]:
    """Send an e-mail; gives the receipt.

    Args:
        account: By which.
        mail: What.
        read: Gives the content of an attachment.
        waits: Seconds before each further attempt, where nothing has been sent and it may help.

    Raises:
        ToolFailed: It was not sent.
        Unconfirmed: Nobody knows.
    """
    for wait in waits:
        try:
            return await _attempt(account, mail, read)
        except TryAgain:
            await asyncio.sleep(wait)
    return await _attempt(account, mail, read)


async def _attempt(
    account: "EmailAccount", mail: Mail, read: Callable[[Attachment], bytes]
) -> dict[str, Any]:
    if account.provider == "resend":
        taken = await provider.send(account, mail, read)
    else:
        from lamplighter.mail import smtp  # only those who send by it load its library

        message = await asyncio.to_thread(compose, mail, read)
        _, sender = parseaddr(mail.sender)
        taken = await smtp.send(account, sender, mail.to, message.as_bytes())
    return {"message_id": mail.message_id, "to": list(mail.to), **taken}


async def try_out(account: "EmailAccount") -> str:
    """Find out whether the account works, without sending anything; gives what was done.

    Raises:
        ToolFailed: It does not.
    """
    if account.provider == "resend":
        if not account.api_key:
            raise ToolFailed("email.api_key is missing")
        return "Resend; its key is only tried when something is sent"
    from lamplighter.mail import smtp

    await smtp.try_out(account)
    return f"{account.where}, {account.security}"
