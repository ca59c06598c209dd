"""The way to the network: only where an agent may go, and on the record."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sandboxes import SANDBOXED, SMALL

from lamplighter.definitions.hosts import AllowedHost
from lamplighter.sandbox.bubblewrap import Bubblewrap
from lamplighter.sandbox.proxy import Request, is_public, proxying


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.command} {self.path} for {self.headers['Host']}".encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server on this machine."""
    with ExitStack() as stack:
        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Answering))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        yield server.server_port


class Met:
    """What was asked of the proxy, and what it answered."""

    def __init__(
        self, allowed: list[AllowedHost], *, private: bool = True, objection: str = ""
    ) -> None:
        self.allowed = allowed
        self.objection = objection
        self.private = private
        self.told: list[Request] = []

    def ask(self, *requests: str) -> list[str]:
        return asyncio.run(self._ask(requests))

    async def _ask(self, requests: tuple[str, ...]) -> list[str]:
        judge = (lambda _: True) if self.private else is_public
        async with proxying(
            self.allowed, self.told.append, None, judge, lambda: self.objection
        ) as path:
            return [await self._say(path, request) for request in requests]

    async def _say(self, path: str, request: str) -> str:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(request.encode())
        if not request.startswith("CONNECT"):
            writer.write_eof()
        answer = await reader.readuntil(b"\r\n\r\n")
        if request.startswith("CONNECT") and b" 200 " in answer:
            writer.write(b"GET /through HTTP/1.0\r\nHost: inner\r\n\r\n")
        answer += await reader.read()
        writer.close()
        return answer.decode()


def test_nothing_is_reached_while_something_objects(port: int) -> None:
    met = Met([AllowedHost("localhost", port=port)])
    asked = f"GET http://localhost:{port}/x HTTP/1.1\r\n\r\n"
    assert "GET /x" in met.ask(asked)[0]
    met.objection = "this run has read private things"
    assert met.objection in met.ask(asked)[0]
    assert met.told[-1].refused == met.objection


def test_a_host_on_the_list_is_reached_in_both_ways(port: int) -> None:
    met = Met([AllowedHost("localhost", port=port)])
    tunnel, plain = met.ask(
        f"CONNECT localhost:{port} HTTP/1.1\r\n\r\n",
        f"GET http://localhost:{port}/plain?x=1 HTTP/1.1\r\nHost: other\r\nProxy-A: b\r\n\r\n",
    )
    assert tunnel.endswith("GET /through for inner")
    assert plain.endswith(f"GET /plain?x=1 for localhost:{port}")
    assert met.told == [
        Request("CONNECT", "localhost", port),
        Request("GET", "localhost", port),
    ]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("other.example:443", "not in this agent's network.allow"),
        ("localhost:1", "not in this agent's network.allow"),
        ("127.0.0.1:{port}", "not in this agent's network.allow"),
    ],
)
def test_all_else_is_refused_and_told(port: int, target: str, why: str) -> None:
    met = Met([AllowedHost("localhost", port=port)])
    [answer] = met.ask(f"CONNECT {target.format(port=port)} HTTP/1.1\r\n\r\n")
    assert answer.startswith("HTTP/1.1 403")
    assert why in answer
    assert [request.refused for request in met.told] == [why]


def test_a_name_for_a_private_address_is_refused(port: int) -> None:
    met = Met([AllowedHost("localhost", port=port)], private=False)
    [answer] = met.ask(f"GET http://localhost:{port}/ HTTP/1.1\r\n\r\n")
    assert "its address is not public" in answer
    assert met.told[0].refused == "its address is not public"


@pytest.mark.parametrize(
    "request_",
    ["GET / HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "GET ftp://a/ HTTP/1.1\r\n\r\n",
     "CONNECT a:b HTTP/1.1\r\n\r\n", "CONNECT :443 HTTP/1.1\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_request_to_a_proxy_is_refused(request_: str) -> None:
    met = Met([AllowedHost("a.example")])
    [answer] = met.ask(request_)
    assert answer.startswith("HTTP/1.1 400")
    assert met.told == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1"],
)  # fmt: skip
def test_addresses_that_are_not_of_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_the_internet(address: str) -> None:
    assert is_public(address)


@SANDBOXED
def test_from_a_sandbox_only_the_proxy_is_reached(port: int) -> None:
    told: list[Request] = []
    program = f"""
import socket, urllib.request
def get(host):
    try:
        return urllib.request.urlopen(f"http://{{host}}:{port}/x", timeout=5).read().decode()
    except Exception as error:
        return str(error)
print(get("localhost"))
print(get("other.example"))
try:
    socket.create_connection(("127.0.0.1", {port}), 2)
    print("BREACH")
except OSError as error:
    print(error)
"""

    async def run() -> str:
        backend = Bubblewrap()
        allowed = [AllowedHost("localhost", port=port)]
        async with proxying(allowed, told.append, backend.user, lambda _: True) as path:
            sandbox = await backend.open(SMALL, path)
            try:
                command = ["python3", "/tmp/snippet.py"]
                return (await sandbox.exec(command, snippet=program)).stdout
            finally:
                await sandbox.close()

    lines = asyncio.run(run()).splitlines()
    assert lines[0] == f"GET /x for localhost:{port}"
    assert "refused" in lines[2]
    assert "403" in lines[1]
    assert {request.host for request in told} == {"localhost", "other.example"}
