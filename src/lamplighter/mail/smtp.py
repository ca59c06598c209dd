"""An e-mail by SMTP: whether it has been accepted, has certainly not, or nobody knows."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import aiosmtplib
from aiosmtplib.errors import (
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from lamplighter.errors import ToolFailed, TryAgain, Unconfirmed
from lamplighter.secrets import reveal

if TYPE_CHECKING:
    from lamplighter.config import EmailAccount

TIMEOUT_SECONDS = 60.0
QUIT_SECONDS = 2.0
"""How long a polite end may delay the receipt."""


async def send(
    account: "EmailAccount", sender: str, to: Sequence[str], message: bytes
) -> dict[str, str]:
    """Give a message to the account's server, for all of its receivers or for none.

    Returns:
        What the server said when it took it.

    Raises:
        TryAgain: It was not taken, for a reason that may pass.
        ToolFailed: It was not taken.
        Unconfirmed: The connection ended when the message was on its way.
    """
    async with _connected(account) as server:
        with _nothing_sent(account):
            await server.mail(sender)
            for address in to:
                await server.rcpt(address)
        try:
            reply = await server.data(message)
        except SMTPResponseException as error:
            raise _refusal(error) from error
        except (SMTPException, OSError) as error:
            raise Unconfirmed(f"the mail server has not answered: {_words(error)}") from error
    return {"reply": f"{reply.code} {reply.message}"}


async def try_out(account: "EmailAccount") -> None:
    """Connect and sign in, and send nothing.

    Raises:
        ToolFailed: That does not work.
    """
    async with _connected(account) as server:
        with _nothing_sent(account):
            await server.noop()


@asynccontextmanager
async def _connected(account: "EmailAccount") -> AsyncIterator[aiosmtplib.SMTP]:
    server = aiosmtplib.SMTP(
        hostname=account.host,
        port=account.port,
        use_tls=account.security == "tls",
        start_tls=False,  # by ourselves: whatever fails after connecting, we close the connection
        tls_context=_trust(account),
        timeout=TIMEOUT_SECONDS,
    )
    try:
        with _nothing_sent(account):
            await server.connect()
            await _sign_in(server, account)
        yield server
        with suppress(SMTPException, OSError):
            await server.quit(timeout=QUIT_SECONDS)
    finally:
        if isinstance(server.transport, asyncio.Transport):
            server.transport.abort()  # all is said; nobody waits for its consent
        server.close()
        await asyncio.sleep(0)  # the loop closes it in its next turn, which may be its last


async def _sign_in(server: aiosmtplib.SMTP, account: "EmailAccount") -> None:
    if account.security == "starttls":
        await server.starttls()
    if account.username:
        password = account.password and reveal(account.password, name="email.password")
        await server.login(reveal(account.username, name="email.username"), password or "")


@contextmanager
def _nothing_sent(account: "EmailAccount") -> Iterator[None]:
    """Whatever goes wrong in the block, no server has taken a message."""
    try:
        yield
    except SMTPResponseException as error:
        raise _refusal(error) from error
    except (SMTPServerDisconnected, SMTPTimeoutError) as error:
        raise TryAgain(f"the mail server {account.where} went away: {_words(error)}") from error
    except (SMTPException, OSError) as error:
        raise ToolFailed(f"no e-mail by {account.where}: {_words(error)}") from error


def _refusal(error: SMTPResponseException) -> ToolFailed:
    """A server's no: by its first digit for now, or for good (RFC 5321, 4.2.1)."""
    refused = TryAgain if 400 <= error.code < 500 else ToolFailed
    return refused(f"the mail server refused it: {error.code} {error.message}")


def _trust(account: "EmailAccount") -> ssl.SSLContext | None:
    """Whose certificates count: those the system knows, and the account's own authority."""
    if account.security == "none":
        return None
    context = ssl.create_default_context()
    if account.ca_file is not None:
        try:
            context.load_verify_locations(account.ca_file)
        except OSError as error:
            raise ToolFailed(f"email.ca_file, {account.ca_file}: {error}") from error
    return context


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
