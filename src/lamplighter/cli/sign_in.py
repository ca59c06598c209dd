"""Sign in with the browser: an authorization code (RFC 6749, 4.1) with PKCE, over loopback."""

import base64
import hashlib
import secrets
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import click

from lamplighter.credentials import Keyring
from lamplighter.errors import SignInFailed
from lamplighter.source_config import OAuth2
from lamplighter.sources.oauth2 import ask_for_token, endpoint, keep_token

PATIENCE_SECONDS = 300
DONE = b"<!doctype html><title>Lamplighter</title><p>Signed in. You can close this page."


def sign_in(source: str, config: OAuth2, keyring: Keyring) -> None:
    """Show an address to open, wait until its user agrees, and store the tokens.

    Raises:
        SignInFailed: Nobody agreed in time, or the provider refused.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    with HTTPServer(("127.0.0.1", 0), _Answer) as server:
        back = f"http://127.0.0.1:{server.server_address[1]}/"
        click.echo(
            f"Open this page and agree:\n\n{_address(config, back, state, verifier)}\n", err=True
        )
        answer = _wait(server)
    if answer.get("state") != [state] or "code" not in answer:
        reason = answer.get("error_description") or answer.get("error") or ["nobody agreed in time"]
        raise SignInFailed(f"source {source}: not signed in: {reason[0]}")
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"][0],
        "redirect_uri": back,
        "code_verifier": verifier,
    }
    keep_token(keyring, ask_for_token(source, config, keyring, form))


def _address(config: OAuth2, back: str, state: str, verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": config.client_id,
        "redirect_uri": back,
        "scope": endpoint(config, "scope"),
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "access_type": "offline",  # by which Google gives a refresh token
        "prompt": "consent",
    }
    return f"{endpoint(config, 'authorize_url')}?{urlencode(asked)}"


def _wait(server: HTTPServer) -> dict[str, list[str]]:
    """The first answer that is one; browsers also ask for icons."""
    server.timeout = PATIENCE_SECONDS
    for _ in range(10):
        _Answer.said = {}
        server.handle_request()
        if "state" in _Answer.said or not _Answer.heard:
            break
    return _Answer.said


class _Answer(BaseHTTPRequestHandler):
    """Where the provider sends the browser back to."""

    said: dict[str, list[str]] = {}  # noqa: RUF012 - one sign-in in the life of the process
    heard = False

    def do_GET(self) -> None:
        type(self).heard = True
        type(self).said = parse_qs(urlsplit(self.path).query)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(DONE)

    def log_message(self, *_: object) -> None:
        pass
