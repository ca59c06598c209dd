"""``fetch-url``."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from rowboat import play, rowboat

from lamplighter.errors import ToolFailed, Withheld
from lamplighter.testing import call, temporary_workspace, turn
from lamplighter.tools.web import Request, fetch


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
            self.end_headers()
            return
        self.send_response(302 if self.path == "/old" else 200)
        if self.path == "/old":
            self.send_header("Location", "/new")
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(f"at {self.path}".encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    served = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


LOOPBACK = ("127.0.0.0/8",)


def test_redirects_are_followed(server: str) -> None:
    answer = asyncio.run(fetch(Request(f"{server}/old"), exceptions=LOOPBACK))
    assert answer == {
        "ok": True,
        "status": 200,
        "statusText": "OK",
        "body": "at /new",
        "truncated": False,
        "url": f"{server}/new",
    }


def test_a_redirect_to_a_private_address_is_not_followed(server: str) -> None:
    with pytest.raises(ToolFailed, match="no public address"):
        asyncio.run(fetch(Request(f"{server}/away"), exceptions=LOOPBACK))


def test_agents_do_not_reach_this_machine(server: str) -> None:
    agent = "---\ntools: [fetch-url]\n---\nGo."
    turns = [
        turn(call("fetch-url", url=server, method="POST", body="x")),
        turn(call("fetch-url", url=server), expect=["no public address"]),
        turn(call("report", summary="Done."), expect=["no public address"]),
    ]
    with rowboat({"agents/a.md": agent}) as workspace:
        run = play(workspace, "a", {"a": turns})
    assert (run.outcome, (run.summary or "")[-5:]) == ("error", "Done.")  # nothing went well


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a/b", "http://", "http://localhost", "http://0x7f.1",
            "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://2130706433/"]
)  # fmt: skip
def test_what_is_no_address_of_the_open_web_is_refused(url: str) -> None:
    with pytest.raises(ToolFailed):
        asyncio.run(fetch(Request(url)))


def test_each_redirect_is_judged(server: str) -> None:
    def refuse_new(request: Request) -> None:
        if request.url.endswith("/new"):
            raise Withheld("not there")

    with pytest.raises(Withheld, match="not there"):
        asyncio.run(fetch(Request(f"{server}/old"), exceptions=LOOPBACK, check=refuse_new))


FETCHING = """---
tools: [read_document, fetch-url]
sources: [notes]
fetch: {allow: ["https://example.org/feed.xml", "https://example.org/docs/*"]}
---
See http://127.0.0.1:9/mine.
"""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": "http://127.0.0.1:9/mine"}, "cannot reach"),
        ({"url": "http://127.0.0.1:9/mine?d=1"}, "not among the addresses"),
        ({"url": "http://127.0.0.1:9/mine", "headers": {"X": "1"}}, "without headers or body"),
        ({"url": "https://example.org/other"}, "not among the addresses"),
        ({"url": "https://example.org/docs/../other"}, "not among the addresses"),
        ({"url": "https://example.org/other", "method": "POST"}, "not among the addresses"),
        ({"url": "http://127.0.0.1:9/mine", "method": "POST"}, "held"),
    ],
)
def test_what_may_be_fetched_once_private_things_are_there(
    given: dict[str, Any], says: str
) -> None:
    files = {"agents/a.md": FETCHING, "notes/a.md": "Hello."}
    turns = [
        turn(call("read_document", id="notes:a.md")),
        turn(call("fetch-url", **given)),
        turn(call("report", summary="Done."), expect=[says]),
    ]
    with temporary_workspace(files, sources={"notes": {"path": "notes"}}) as workspace:
        assert workspace.run("a", turns).outcome == "reported"
