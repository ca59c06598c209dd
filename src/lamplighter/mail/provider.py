"""An e-mail by Resend's HTTP API, which sends what has the same key only once."""

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lamplighter.errors import ToolFailed, TryAgain, Unconfirmed
from lamplighter.mail.message import Attachment, Mail
from lamplighter.secrets import reveal

if TYPE_CHECKING:
    from resend.exceptions import ResendError

    from lamplighter.config import EmailAccount

_using = threading.Lock()
"""The library keeps key and address for the whole process."""


async def send(
    account: "EmailAccount", mail: Mail, read: Callable[[Attachment], bytes]
) -> dict[str, str]:
    """Give an e-mail to the provider; the same one a second time (within a day) is not sent again.

    Returns:
        What the provider knows it by.

    Raises:
        TryAgain: It was not taken, for a reason that may pass.
        ToolFailed: It was not taken.
        Unconfirmed: Nobody can tell.
    """
    params = {
        "from": mail.sender,
        "to": list(mail.to),
        "subject": mail.subject,
        "text": mail.body,
        "html": mail.html,
        "headers": {"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
        "attachments": [
            {
                "filename": each.name,
                "content": base64.b64encode(read(each)).decode(),
                "content_type": each.media_type,
            }
            for each in mail.attachments
        ],
    }
    return await asyncio.to_thread(_send, account, params, mail.id)


def _send(account: "EmailAccount", params: Any, key: str) -> dict[str, str]:
    try:
        import resend
        from resend.exceptions import ResendError
    except ImportError as error:
        raise ToolFailed("Resend needs: pip install 'lamplighter[resend]'") from error

    with _using:
        resend.api_key = reveal(account.api_key or "", name="email.api_key")
        resend.api_url = account.url
        try:
            sent = resend.Emails.send(params, {"idempotency_key": key})
        except ResendError as error:
            raise _explain(error) from error
    return {"id": sent["id"]}


def _explain(error: "ResendError") -> ToolFailed:
    """What an error says of the e-mail."""
    if error.error_type == "HttpClientError":
        if any(map(_never_connected, _causes(error))):
            return ToolFailed(f"cannot reach the e-mail provider: {error.message}")
        return Unconfirmed(f"the e-mail provider has not answered: {error.message}")
    code = int(error.code)
    what = f"{code} {error.message}"
    if code == 429:
        return TryAgain(f"the e-mail provider is busy: {what}")
    if code >= 500 or code == 409:
        return Unconfirmed(f"the e-mail provider has a problem: {what}")
    return ToolFailed(f"the e-mail provider refused it: {what}")


def _never_connected(error: BaseException) -> bool:
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, SSLError

    reason = getattr(error, "reason", None)
    return isinstance(reason or error, ConnectTimeoutError | NewConnectionError | SSLError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
