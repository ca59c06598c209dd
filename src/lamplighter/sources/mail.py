"""Mail: an IMAP account, an mbox file or a Maildir; each message is a document.

What is attached lies below its message: ``INBOX/12`` and ``INBOX/12/report.pdf``. Mail is never
marked as read nor changed.
"""

import imaplib
import mailbox
import os
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lamplighter.errors import SignInFailed, Unreadable
from lamplighter.source_config import MailSource
from lamplighter.sources.connector import (
    Document,
    Finder,
    Finding,
    Item,
    Kept,
    State,
    Total,
    Visit,
    below,
    digest_of,
)
from lamplighter.sources.extract.message import MEDIA_TYPE, read_message
from lamplighter.sources.files import matches, too_large_by
from lamplighter.sources.oauth2 import access_token

if TYPE_CHECKING:
    from imap_tools import BaseMailBox

LEFT_OUT = ("\\Junk", "\\Trash", "\\Drafts", "\\All", "\\Noselect", "\\NonExistent")
"""Kinds of mail folders (RFC 6154) that are only read when they are included by name. Gmail keeps
every message in \\All too."""

TIMEOUT_SECONDS = 60
BATCH = 200
"""Messages whose sizes are asked for at once."""


def survey(visit: Visit[MailSource]) -> Iterator[Finding]:
    """Every message of every mail folder that counts."""
    return _survey_account(visit) if visit.config.host else _survey_files(visit)


def find(visit: Visit[MailSource], path: str) -> Iterator[Item]:
    """The message of that path, or the one that it is attached to."""
    items = _find_in_account(visit, path) if visit.config.host else _survey_files(visit)
    wanted = below(path)
    return (each for each in items if isinstance(each, Item) and each.path in wanted)


connector = Finder(survey, find)


# An IMAP account


def _survey_account(visit: Visit[MailSource]) -> Iterator[Finding]:
    """By UIDs, which never change within a folder's UIDVALIDITY (RFC 9051, 2.3.1.1)."""
    with _signed_in(visit) as account:
        for folder in _folders(account, visit.config):
            try:
                status = account.folder.status(folder, ["UIDVALIDITY"])
                account.folder.set(folder, readonly=True)
            except Exception as error:  # noqa: BLE001 - one folder that is broken or closed stops no other
                _raise_if_lost(error)
                yield Item(quote(folder), problem=f"cannot be opened: {error}", gone=False)
                continue
            uids = _uids(account)
            yield Total(len(uids))
            for uid in uids:
                path = f"{quote(folder)}/{uid}"
                read = partial(_fetch, account, visit.config, folder, uid, path)
                yield Item(path, f"{status['UIDVALIDITY']}", read)


def _find_in_account(visit: Visit[MailSource], path: str) -> Iterator[Item]:
    with _signed_in(visit) as account:
        for folder in _folders(account, visit.config):
            name = quote(folder)
            uid = path.removeprefix(f"{name}/").partition("/")[0]
            if path.startswith(f"{name}/") and uid.isdecimal():
                item = f"{name}/{uid}"
                yield Item(item, read=partial(_fetch, account, visit.config, folder, uid, item))


@contextmanager
def _signed_in(visit: Visit[MailSource]) -> "Iterator[BaseMailBox]":
    config = visit.config
    try:
        account = _connect(config)
    except ssl.SSLError as error:
        raise Unreadable(
            f"source {visit.name}: {config.host}: no secure connection: {error}"
        ) from error
    except (OSError, imaplib.IMAP4.error) as error:
        raise Unreadable(f"source {visit.name}: cannot reach {config.host}: {error}") from error
    try:
        _sign_in(account, visit)
        yield account
    except imaplib.IMAP4.error as error:
        raise Unreadable(f"source {visit.name}: {config.host} said: {error}") from error
    finally:
        with suppress(Exception):  # the connection may be gone already
            account.logout()
        with suppress(OSError):
            account.client.shutdown()


def _sign_in(account: "BaseMailBox", visit: Visit[MailSource]) -> None:
    from imap_tools import MailboxLoginError

    config = visit.config
    try:
        if config.oauth2:
            account.xoauth2(config.user, access_token(visit, config.oauth2), initial_folder=None)
        else:
            account.login(config.user, visit.secret("password"), initial_folder=None)
    except MailboxLoginError as error:
        raise SignInFailed(
            f"source {visit.name}: {config.host} does not let {config.user} in: {_said(error)}; "
            f"use: lamplighter source login {visit.name}"
        ) from error


def _connect(config: MailSource) -> "BaseMailBox":
    from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted

    timeout = TIMEOUT_SECONDS
    if config.security == "tls":
        context = ssl.create_default_context()
        return MailBox(config.host, config.port or 993, timeout=timeout, ssl_context=context)
    if config.security == "starttls":
        context = ssl.create_default_context()
        return MailBoxStartTls(
            config.host, config.port or 143, timeout=timeout, ssl_context=context
        )
    return MailBoxUnencrypted(config.host, config.port or 143, timeout=timeout)


def _folders(account: "BaseMailBox", config: MailSource) -> list[str]:
    found = []
    for folder in account.folder.list():
        path = folder.name.replace(folder.delim or "/", "/")
        kinds = {flag.lower() for flag in folder.flags}
        if kinds & {"\\noselect", "\\nonexistent"} or matches(config.exclude, path):
            continue
        left_out = kinds & {each.lower() for each in LEFT_OUT}
        if matches(config.include, path) if config.include else not left_out:
            found.append(folder.name)
    return sorted(found)


def _uids(account: "BaseMailBox") -> Sequence[str]:
    return sorted(account.uids("ALL"), key=int)


def _fetch(
    account: "BaseMailBox", config: MailSource, folder: str, uid: str, path: str
) -> list[Document]:
    """One message; its size is asked for first, so that nothing huge is even transferred."""
    if account.folder.get() != folder:
        account.folder.set(folder, readonly=True)
    try:
        size_bytes = int(_asked(account, uid, "RFC822.SIZE")[0].rsplit(b" ", 1)[-1].rstrip(b")"))
        limit = config.max_message_size_bytes
        if size_bytes > limit:
            raise Unreadable(too_large_by(size_bytes, limit, "max_message_size_bytes"))
        answer = _asked(account, uid, "BODY.PEEK[]")
    except (imaplib.IMAP4.abort, OSError) as error:
        raise ConnectionError(f"{config.host} dropped the connection: {error}") from error
    return message_documents(answer[1], path)


def _asked(account: "BaseMailBox", uid: str, what: str) -> list[bytes]:
    status, data = account.client.uid("fetch", uid, f"({what})")
    found = [part for part in data or [] if part]
    if status != "OK" or not found:
        raise FileNotFoundError(uid)  # deleted since the folder was listed
    first = found[0]
    return list(first) if isinstance(first, tuple) else [first]


def _raise_if_lost(error: Exception) -> None:
    if isinstance(error, imaplib.IMAP4.abort | OSError):
        raise ConnectionError(f"the connection was dropped: {error}") from error


def _said(error: Exception) -> str:
    found = re.search(r"b['\"](.*?)['\"]", str(error))
    return found[1] if found else "sign-in failed"


# Files


def _survey_files(visit: Visit[MailSource]) -> Iterator[Finding]:
    path = visit.boundary.resolve(visit.config.path)
    if path.is_dir():
        yield from _survey_maildir(visit, path)
    elif path.is_file():
        stamp = f"{path.stat().st_mtime_ns}-{path.stat().st_size}"
        if visit.state.get("mbox") == stamp:
            yield Kept()
            return
        yield from _survey_mbox(visit, path)
        yield State({"mbox": stamp})
    else:
        raise Unreadable(
            f"source {visit.name}: there is no {path}, neither an mbox file nor a Maildir"
        )


def _survey_mbox(visit: Visit[MailSource], path: Path) -> Iterator[Finding]:
    """By the messages' ids, because their places change; each with a hash of what it holds."""
    seen: dict[str, int] = {}
    for data in _mbox_messages(path, visit.config.max_message_size_bytes):
        found = re.search(
            rb"^message-id:\s*<([^>\r\n]+)>", data[:50_000], re.IGNORECASE | re.MULTILINE
        )
        name = quote(found[1].decode("ascii", "replace"), safe="@") if found else digest_of(data)
        seen[name] = seen.get(name, 0) + 1
        unique = f"{name}-{seen[name]}" if seen[name] > 1 else name
        if len(data) > visit.config.max_message_size_bytes:
            limit = visit.config.max_message_size_bytes
            problem = too_large_by(len(data), limit, "max_message_size_bytes")
            yield Item(unique, "large", problem=problem)
        else:
            yield Item(unique, digest_of(data), partial(message_documents, data, unique))


def _mbox_messages(path: Path, limit: int) -> Iterator[bytes]:
    """The messages of an mbox file (RFC 4155), one at a time; of a huge one only so much."""
    with path.open("rb") as file:
        lines: list[bytes] = []
        size, begun, blank = 0, False, True
        while line := file.readline(1_000_000):
            if blank and line.startswith(b"From "):
                if begun:
                    yield b"".join(lines)
                lines, size, begun = [], 0, True
            elif begun and size <= limit:
                lines.append(line[1:] if re.match(b">+From ", line) else line)
                size += len(line)
            blank = line in (b"\n", b"\r\n")
        if begun:
            yield b"".join(lines)
        elif file.tell():
            raise Unreadable(f"{path} is no mbox file: it does not begin with a From line")


def _survey_maildir(visit: Visit[MailSource], path: Path) -> Iterator[Finding]:
    """By the files' names up to their flags: those never change, and what they hold neither."""
    tops = [path] if (path / "cur").is_dir() else []
    folders = [*tops, *sorted(each.parent for each in path.glob("**/cur") if each.parent != path)]
    if not folders:
        raise Unreadable(f"source {visit.name}: {path} is no Maildir: it has no folder cur")
    for folder in folders:
        name = folder.relative_to(path).as_posix() if folder != path else "INBOX"
        name = quote(name.lstrip("."))
        if not matches(visit.config.include, name) and visit.config.include:
            continue
        if matches(visit.config.exclude, name):
            continue
        box = mailbox.Maildir(str(folder), create=False)
        for key in sorted(box.keys()):
            item_path = f"{name}/{quote(key)}"
            yield Item(item_path, "1", partial(_read_maildir, visit, box, key, item_path))


def _read_maildir(
    visit: Visit[MailSource], box: "mailbox.Maildir", key: str, path: str
) -> list[Document]:
    try:
        file = Path(box._path, box._lookup(key))  # type: ignore[attr-defined]
        size_bytes = os.lstat(file).st_size
    except KeyError as error:
        raise FileNotFoundError(key) from error
    limit = visit.config.max_message_size_bytes
    if size_bytes > limit:
        raise Unreadable(too_large_by(size_bytes, limit, "max_message_size_bytes"))
    if file.is_symlink() or visit.boundary.is_secret(file):
        raise Unreadable("a link, or not a message; not read")
    return message_documents(file.read_bytes(), path)


def message_documents(data: bytes, path: str) -> list[Document]:
    """A message and what is attached to it."""
    read = read_message(data)
    sender = read.sender
    shared: dict[str, Any] = {
        "author": sender.display_name,
        "author_address": sender.addr_spec.strip("<>"),
    }
    thread = f"Thread: {read.thread}\n" if read.thread else ""
    message = Document(
        path=path,
        title=read.subject,
        text=f"{thread}{read.text}",
        media_type=MEDIA_TYPE,
        dated_at=read.sent_at,
        kind="email",
        size_bytes=len(data),
        **shared,
    )
    attached = [
        Document(
            path=f"{path}/{each.name}",
            data=each.data,
            title=f"{each.name} ({read.subject})",
            dated_at=read.sent_at,
            kind="attachment",
            **shared,
        )
        for each in read.attachments
    ]
    return [message, *attached]
