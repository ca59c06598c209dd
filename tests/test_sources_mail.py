import mailbox
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest
from servers import ADDRESS, PASSWORD, TOKEN, Answer, MailServer, Request, mail_server, web_server
from visits import Visited, visited

from lamplighter.testing import HeldClock

FROM = "Bo Burn <bo@x.org>"


def message(subject: str, text: str, *, number: int = 1, **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = FROM, ADDRESS, subject
    made["Date"] = "Mon, 05 Oct 2026 09:00:00 +0200"
    made["Message-ID"] = f"<{number}@x.org>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


@pytest.fixture
def account(server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Visited:
    """A source that reads an account without mail."""
    with server.client() as client:
        for folder in client.folder.list():
            if "\\Noselect" not in folder.flags and "\\NonExistent" not in folder.flags:
                client.folder.set(folder.name)
                client.delete(client.uids())
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    return visited(
        tmp_path,
        type="mail",
        host="127.0.0.1",
        port=server.port,
        security="none",
        user=ADDRESS,
        password="env:MAIL_PASSWORD",
    )


def test_messages_and_what_is_attached_to_them(account: Visited, server: MailServer) -> None:
    made = message("Report", "See the table.")
    made.add_attachment("name,sum\nTea,3\n", subtype="csv", filename="sums.csv")
    server.append(made.as_bytes())
    assert account.counts() == (2, 0, 0, 0)
    mail, table = sorted(account.documents(), key=lambda each: each.path)
    assert (mail.title, mail.kind, mail.author) == ("Report", "email", "Bo Burn")
    assert "From: Bo Burn <bo@x.org>" in mail.text
    assert "Attachments: sums.csv" in mail.text
    assert mail.text.endswith("See the table.")
    assert mail.dated_at.isoformat() == "2026-10-05T07:00:00+00:00"
    assert table.path == f"{mail.path}/sums.csv"
    assert (table.kind, table.text) == ("attachment", "name,sum\nTea,3")


def test_only_new_mail_is_fetched_and_deleted_mail_goes(
    account: Visited, server: MailServer
) -> None:
    made = message("One", "first")
    made.add_attachment("x", filename="a.txt")
    server.append(made.as_bytes())
    server.append(message("Two", "second", number=2).as_bytes(), "Archive/2026")
    assert account.counts() == (3, 0, 0, 0)
    server.append(message("Three", "third", number=3).as_bytes())
    assert account.counts() == (1, 0, 0, 3)
    with server.client() as client:
        client.delete(client.uids('SUBJECT "One"'))
    assert account.counts() == (0, 0, 2, 2)
    assert {each.title for each in account.documents()} == {"Two", "Three"}


def test_reading_leaves_mail_unread(account: Visited, server: MailServer) -> None:
    server.append(message("One", "first").as_bytes())
    account.sync()
    with server.client() as client:
        assert len(client.uids("UNSEEN")) == 1


def test_an_account_is_its_owners(account: Visited, server: MailServer) -> None:
    server.append(message("One", "first").as_bytes())
    account.sync()
    assert len(account.documents(ADDRESS.upper())) == 1
    assert account.documents("bo@x.org") == []


def test_junk_is_left_out_unless_it_is_named(account: Visited, server: MailServer) -> None:
    server.append(message("Win", "money").as_bytes(), "Junk")
    assert account.counts() == (0, 0, 0, 0)
    account.configure(include=["Junk"])
    assert account.counts() == (1, 0, 0, 0)


def test_a_thread_is_found_by_its_first_message(account: Visited, server: MailServer) -> None:
    server.append(message("Plan", "a", number=1).as_bytes())
    answer = message("Re: Plan", "b", number=2, In_Reply_To="<1@x.org>", References="<1@x.org>")
    server.append(answer.as_bytes())
    account.sync()
    assert [each.text.splitlines()[0] for each in account.documents()] == ["Thread: <1@x.org>"] * 2


def test_mail_with_a_broken_charset_is_read_as_far_as_it_goes(
    account: Visited, server: MailServer
) -> None:
    server.append(
        b"From: =?nonsense?Q?=FF?= <bo@x.org>\r\nSubject: =?utf-8?B?//8=?=\r\nDate: yesterday\r\n"
        b"Content-Type: text/plain; charset=klingon\r\n\r\ncaf\xe9 and tea\r\n"
    )
    assert account.counts() == (1, 0, 0, 0)
    assert "café and tea" in account.documents()[0].text


def test_a_wrong_password_says_what_to_do_and_leaves_a_notice(
    account: Visited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    assert "does not let ann@x.org in" in account.error()
    assert "lamplighter source login" in account.error()
    assert len(account.notices()) == 1


def test_a_connection_that_is_dropped_keeps_what_was_read(tmp_path: Path, account: Visited) -> None:
    with dropping_server() as port:
        account.configure(port=port)
        assert "dropped" in account.error() or "said" in account.error()


def test_too_large_a_message_is_reported_and_the_rest_read(
    account: Visited, server: MailServer
) -> None:
    server.append(message("Large", "x" * 5000).as_bytes())
    server.append(message("Small", "y", number=2).as_bytes())
    account.configure(max_message_size_bytes=2000)
    assert account.counts() == (1, 0, 0, 0)
    assert "over the limit of 2,000 (max_message_size_bytes)" in next(
        iter(account.skipped().values())
    )


# Tokens


def test_an_expired_token_is_renewed_and_the_new_one_is_kept(
    account: Visited, server: MailServer, held: HeldClock
) -> None:
    server.append(message("One", "first").as_bytes())

    def token(request: Request) -> Answer:
        assert request.form["grant_type"] == "refresh_token"
        if request.form["refresh_token"] != "r2" and request.form["refresh_token"] != "r1":
            return Answer(status=400, json={"error": "invalid_grant"})
        return Answer(json={"access_token": TOKEN, "expires_in": 3600, "refresh_token": "r2"})

    with web_server(token) as provider:
        account.configure(oauth2={"client_id": "c", "token_url": provider.url}, password=None)
        assert "no refresh_token" in account.error()
        account.keyring.put({"refresh_token": "r1"})
        assert account.counts() == (1, 0, 0, 0)
        account.sync()
        assert len(provider.requests) == 1
        held.advance(hours=1)
        account.sync()
        assert [each.form["refresh_token"] for each in provider.requests] == ["r1", "r2"]
        account.keyring.put({"refresh_token": "withdrawn"})
        held.advance(hours=1)
        assert "expired or was withdrawn (invalid_grant)" in account.error()


# Files


def test_an_mbox_file(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "mail.mbox")
    box.add(mailbox.mboxMessage(message("One", "From here on\nall is well")))
    box.add(mailbox.mboxMessage(message("Two", "second", number=2)))
    box.close()
    source = visited(tmp_path, type="mail", path="mail.mbox")
    assert source.counts() == (2, 0, 0, 0)
    assert {each.path: each.text.splitlines()[-1] for each in source.documents()} == {
        "1@x.org": "all is well",
        "2@x.org": "second",
    }
    box = mailbox.mbox(tmp_path / "mail.mbox")
    box.remove(box.keys()[0])
    box.add(mailbox.mboxMessage(message("Three", "third", number=3)))
    box.close()
    assert source.counts() == (1, 0, 1, 1)


def test_a_maildir_with_folders(tmp_path: Path) -> None:
    box = mailbox.Maildir(str(tmp_path / "Maildir"))
    box.add(message("One", "first"))
    box.add_folder("Archive").add(message("Two", "second", number=2))
    source = visited(tmp_path, type="mail", path="Maildir")
    assert source.counts() == (2, 0, 0, 0)
    assert sorted(each.path.split("/")[0] for each in source.documents()) == ["Archive", "INBOX"]
    key = next(iter(box.keys()))
    flagged = box[key]
    flagged.set_subdir("cur")
    flagged.add_flag("S")
    box[key] = flagged
    assert source.counts() == (0, 0, 0, 2)


@pytest.mark.parametrize("path", [".env", ".lamplighter/key", "keys/hard-link"])
def test_secrets_are_no_mailbox(tmp_path: Path, path: str) -> None:
    (tmp_path / ".lamplighter").mkdir()
    (tmp_path / ".lamplighter" / "key").write_text("From secret\n")
    (tmp_path / ".env").write_text("From secret\n")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "hard-link").hardlink_to(tmp_path / ".env")
    source = visited(tmp_path, type="mail", path=path)
    assert "holds" in source.error()


def test_what_is_no_mailbox_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Hello")
    assert "no mbox file" in visited(tmp_path, type="mail", path="notes.txt").error()
    assert "neither" in visited(tmp_path, type="mail", path="nowhere").error()


@contextmanager
def dropping_server() -> Iterator[int]:
    """An IMAP server that drops the line after a folder has been opened."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, client.makefile("rwb") as stream:
                stream.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
                stream.flush()
                for line in stream:
                    tag, command = line.split()[:2]
                    if command.upper() == b"LIST":
                        stream.write(b'* LIST (\\HasNoChildren) "/" INBOX\r\n')
                    if command.upper() in (b"SELECT", b"EXAMINE", b"STATUS"):
                        return
                    stream.write(tag + b" OK done\r\n")
                    stream.flush()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()
