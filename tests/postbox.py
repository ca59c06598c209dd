"""A real SMTP server with TLS on loopback, which counts what it has taken."""

import asyncio
import email
import ipaddress
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lamplighter import clock

HOST = "127.0.0.1"
USER, PASSWORD = "lamp", "long enough, this is"


@dataclass
class Postbox:
    """What the server does, and has seen.

    Attributes:
        taken: The messages that it has accepted, as bytes.
        replies: What it says to a RCPT or to the end of DATA, instead of yes; the first is next.
        stops_at: ``rcpt`` or ``data``: where it stops, and waits.
        reached: Set when it has stopped.
        released: What it waits for.
    """

    folder: Path
    security: str
    port: int = 0
    taken: list[bytes] = field(default_factory=list)
    replies: dict[str, list[str]] = field(default_factory=lambda: {"rcpt": [], "data": []})
    stops_at: str = ""
    seen: Counter[str] = field(default_factory=Counter)
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self) -> list[EmailMessage]:
        """What it has accepted."""
        lines = (each.replace(b"\r\n", b"\n") for each in self.taken)
        return [email.message_from_bytes(each, policy=default) for each in lines]

    def account(self, **more: Any) -> dict[str, Any]:
        """The settings of a workspace that sends through it."""
        return {
            "from": "Lamp <lamp@x.org>",
            "host": HOST,
            "port": self.port,
            "security": "tls",
            "ca_file": str(self.folder / "ca.pem"),
            "username": USER,
            "password": PASSWORD,
            **more,
        }

    async def handle_RCPT(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if not (session.authenticated or self.security == "none"):
            return "530 sign in first"
        self.seen["rcpt"] += 1
        await self._stop("rcpt")
        if self.replies["rcpt"]:
            return self.replies["rcpt"].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.seen["data"] += 1
        assert isinstance(envelope.content, bytes)
        if self.replies["data"]:
            reply = self.replies["data"].pop(0)
            if reply == "lost":
                self.taken.append(envelope.content)
                assert isinstance(server.transport, asyncio.Transport)
                server.transport.abort()
            return reply
        self.taken.append(envelope.content)
        await self._stop("data")
        return "250 queued as 7"

    async def _stop(self, where: str) -> None:
        if self.stops_at == where:
            self.reached.set()
            await asyncio.get_running_loop().run_in_executor(None, self.released.wait)


def _check(_server: object, _session: object, _envelope: object, _how: str, who: object) -> Any:
    right = isinstance(who, LoginPassword) and (who.login, who.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=right, handled=False)


@contextmanager
def open_postbox(folder: Path, security: str = "tls") -> Iterator[Postbox]:
    """A server that speaks TLS from the first byte (``tls``), after STARTTLS, or not at all."""
    make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    box = Postbox(folder, security)
    options: dict[str, Any] = {"ssl_context": context} if security == "tls" else {}
    if security == "starttls":
        options = {"tls_context": context, "require_starttls": True}
    controller = Controller(
        box,
        hostname=HOST,
        port=_free_port(),
        authenticator=_check,
        auth_require_tls=security != "tls",  # which it does not see then
        auth_required=security == "starttls",
        **options,
    )
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        box.released.set()
        controller.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def make_certificates(folder: Path) -> None:
    """An authority of our own, and what it certifies for loopback."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _sign("authority", authority, "authority", authority, is_ca=True)
    leaf = _sign("server", key, "authority", authority, is_ca=False)
    (folder / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _sign(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool,
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    now = clock.now()
    ours = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(usage, critical=True)
        .add_extension(ours, critical=False)
        .sign(by, hashes.SHA256())
    )
