"""Real servers on loopback, for the tests of connectors.

Where the real one is somebody's service, a small one answers by its public description.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from processes import wait_until

DOVECOT = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")
MAIL_USER = "lamplighter-mail"
"""Who the mail server runs as; scripts/setup makes it."""

ADDRESS, PASSWORD, TOKEN = "ann@x.org", "correct horse", "token-of-ann"

DOVECOT_CONF = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
auth_failure_delay = 0
service stats {{
  chroot =
}}
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain xoauth2
mail_location = maildir:{folder}/mail/%u
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    special_use = \\Junk
    auto = create
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
"""


def free_port() -> int:
    """A port that nothing listens on right now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


# A mail server


@dataclass(frozen=True)
class MailServer:
    """Dovecot with one account, ``ADDRESS``.

    Attributes:
        tokens: The access tokens that it takes; others are refused.
    """

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    tokens: set[str]

    def client(self) -> Any:
        """Signed in, to put mail there."""
        from imap_tools import MailBoxUnencrypted

        return MailBoxUnencrypted("127.0.0.1", self.port).login(ADDRESS, PASSWORD)

    def append(self, message: bytes, folder: str = "INBOX") -> None:
        """Put a message into a folder."""
        with self.client() as client:
            if not client.folder.exists(folder):
                client.folder.create(folder)
            client.append(message, folder)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Dovecot on loopback, as its own user where the tests run as root."""
    if DOVECOT is None:
        pytest.skip("dovecot is not installed; scripts/setup dev does that on Debian")
    import grp
    import pwd

    user = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam(MAIL_USER)
    group = grp.getgrgid(user.pw_gid).gr_name
    tokens = {TOKEN}
    with TemporaryDirectory(prefix="lamplighter-dovecot-") as name, _token_check(tokens) as check:
        folder, port = Path(name), free_port()
        for inner in ("run", "mail"):
            (folder / inner).mkdir()
        (folder / "users").write_text(f"{ADDRESS}:{{PLAIN}}{PASSWORD}\n")
        (folder / "oauth2.conf").write_text(
            f"tokeninfo_url = {check}/?access_token=\nusername_attribute = email\n"
            "active_attribute = active\nactive_value = yes\n"
        )
        (folder / "dovecot.conf").write_text(
            DOVECOT_CONF.format(folder=folder, port=port, user=user.pw_name, group=group)
        )
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
        folder.chmod(0o755)
        command = [DOVECOT, "-F", "-c", str(folder / "dovecot.conf")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            wait_until(lambda: _answers(port) or _ended(process, folder), "the mail server")
            yield MailServer(port, folder, process, tokens)
        finally:
            process.terminate()
            process.wait()
            if process.stderr:
                process.stderr.close()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _ended(process: subprocess.Popen[bytes], folder: Path) -> bool:
    if process.poll() is None:
        return False
    log = folder / "log"
    said = process.stderr.read().decode() if process.stderr else ""
    raise AssertionError(said + (log.read_text() if log.exists() else ""))


@contextmanager
def _token_check(tokens: set[str]) -> Iterator[str]:
    """Where Dovecot asks whose an access token is, as RFC 7662 has it."""

    def answer(request: "Request") -> "Answer":
        if request.query.get("access_token") in tokens:
            return Answer(json={"email": ADDRESS, "active": "yes"})
        return Answer(json={"error": "invalid_token"}, status=401)

    with web_server(answer) as server:
        yield server.url


# Web servers


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    form: dict[str, str]
    body: str = ""


@dataclass(frozen=True)
class Answer:
    body: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None


@dataclass(frozen=True)
class WebServer:
    url: str
    requests: list[Request]

    def asked(self, path: str) -> list[Request]:
        """The requests for a path so far."""
        return [request for request in self.requests if request.path == path]


@contextmanager
def web_server(answer: Callable[[Request], Answer], host: str = "127.0.0.1") -> Iterator[WebServer]:
    """A server that answers by a function."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            request = Request(
                method=self.command,
                path=url.path,
                query={name: values[0] for name, values in parse_qs(url.query).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                form={name: values[0] for name, values in parse_qs(body).items()},
                body=body,
            )
            requests.append(request)
            told = answer(request)
            data = told.body.encode() if isinstance(told.body, str) else told.body
            headers = dict(told.headers)
            if told.json is not None:
                data = json.dumps(told.json).encode()
                headers = {"Content-Type": "application/json; charset=utf-8", **headers}
            self.send_response(told.status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PROPFIND = handle_any

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    with _in_thread(server):
        yield WebServer(f"http://{host}:{server.server_address[1]}", requests)


@contextmanager
def calendar_server(folder: Path) -> Iterator[str]:
    """Radicale with one account, ``ADDRESS``; gives its URL."""
    from radicale import config
    from radicale.app import Application

    (folder / "users").write_text(f"{ADDRESS}:{PASSWORD}\n")
    settings = config.load()
    settings.update(
        {
            "auth": {
                "type": "htpasswd",
                "htpasswd_filename": str(folder / "users"),
                "htpasswd_encryption": "plain",
                "delay": "0",
            },
            "storage": {"filesystem_folder": str(folder / "collections")},
            "logging": {"level": "error"},
        },
        "the test",
    )

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = make_server("127.0.0.1", 0, Application(settings), handler_class=Quiet)
    with _in_thread(server):
        yield f"http://127.0.0.1:{server.server_port}/"


@contextmanager
def s3_server() -> Iterator[str]:
    """Moto's server; gives its URL."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def sftp_server(folder: Path) -> Iterator[str]:
    """An SSH server with one account, ``ann``, who sees ``folder``; gives host and port."""
    import asyncssh

    clients: list[Any] = []

    class OneAccount(asyncssh.SSHServer):
        def connection_made(self, conn: Any) -> None:
            clients.append(conn)

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("ann", PASSWORD)

    def files(channel: Any) -> Any:
        return asyncssh.SFTPServer(channel, chroot=os.fsencode(folder))

    async def listen() -> Any:
        key = asyncssh.generate_private_key("ssh-ed25519")
        return await asyncssh.create_server(
            OneAccount, "127.0.0.1", 0, server_host_keys=[key], sftp_factory=files
        )

    async def end(server: Any) -> None:
        server.close()
        for client in clients:
            client.abort()
        await asyncio.gather(server.wait_closed(), *(client.wait_closed() for client in clients))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
        yield f"127.0.0.1:{server.get_port()}"
        asyncio.run_coroutine_threadsafe(end(server), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def webdav_server(folder: Path) -> Iterator[str]:
    """WsgiDAV with one account, ``ann``, who sees ``folder``; gives its address."""
    from wsgidav.wsgidav_app import WsgiDAVApp

    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(folder)},
            "simple_dc": {"user_mapping": {"*": {"ann": {"password": PASSWORD}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False},
            "verbose": 0,
            "logging": {"enable": False},
        }
    )

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    with _in_thread(server):
        yield f"127.0.0.1:{server.server_port}"


@contextmanager
def mcp_server(notes: Path) -> Iterator[str]:
    """``mcp_server.py`` over HTTP, for whoever has ``TOKEN``; gives its URL."""
    import uvicorn
    from mcp_server import make_server as make_notes

    app = make_notes(notes).streamable_http_app()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers", [])).get(b"authorization")
        if scope["type"] == "http" and given != f"Bearer {TOKEN}".encode():
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

    config = uvicorn.Config(guarded, port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the MCP server")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _in_thread(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
