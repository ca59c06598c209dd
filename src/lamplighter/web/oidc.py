"""Signing in by an OpenID provider: the authorisation code flow with PKCE, by Authlib.

OpenID Connect Core 1.0, section 3.1; RFC 7636.
"""

import asyncio
import json
import os
import secrets
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken, UserInfo
from fastapi import Request
from fastapi.responses import RedirectResponse
from httpx2 import HTTPError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from lamplighter import accounts, clock
from lamplighter.config import Oidc
from lamplighter.errors import InvalidSettings, NotSignedIn
from lamplighter.roster import Roster

COOKIE = "lamplighter-oidc"
"""Holds what the answer has to match, while the person is at the provider."""

PATH = "/sign-in/oidc"
SECONDS = 600
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]


async def begin(request: Request, home: Roster) -> RedirectResponse:
    """Send somebody to the provider.

    Raises:
        NotSignedIn: The provider does not answer as it should.
    """
    oidc = _settings(home)
    sent = {"nonce": secrets.token_urlsafe(16), "code_verifier": secrets.token_urlsafe(48)}
    try:
        async with _client(request, home) as client:
            provider = await _discover(client, oidc)
            endpoint = provider["authorization_endpoint"]
            url, state = client.create_authorization_url(endpoint, **sent)
    except (HTTPError, AuthlibBaseError, ValueError, KeyError) as error:
        raise NotSignedIn(f"{oidc.name} cannot be reached; try again later") from error
    response = RedirectResponse(url, 303)
    kept = json.dumps(sent | {"state": state})
    response.set_cookie(
        COOKIE,
        kept.encode().hex(),
        max_age=SECONDS,
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


async def finish(request: Request, home: Roster) -> str:
    """Begin the session of whoever the provider has sent back; gives what its cookie is to hold.

    Raises:
        NotSignedIn: The answer is not to what we asked, or tells of nobody who may get in.
    """
    oidc = _settings(home)
    kept = _kept(request)
    if not secrets.compare_digest(request.query_params.get("state", ""), kept["state"]):
        raise NotSignedIn("this is no answer to what we asked; sign in again")
    try:
        async with _client(request, home) as client:
            claims = await _claims(client, oidc, request.query_params.get("code", ""), kept)
    except (HTTPError, AuthlibBaseError, JoseError, ValueError, KeyError) as error:
        raise NotSignedIn(f"{oidc.name} did not confirm who you are; sign in again") from error
    address = claims.get("email")
    if not address or claims.get("email_verified") is not True:
        raise NotSignedIn(f"{oidc.name} knows no verified address of yours")
    name = str(claims.get("name") or "")
    return await asyncio.to_thread(_sign_in, home, str(address), name, oidc.creates_users)


async def _claims(
    client: AsyncOAuth2Client, oidc: Oidc, code: str, kept: dict[str, str]
) -> dict[str, Any]:
    """What the provider says about the person, checked."""
    provider = await _discover(client, oidc)
    token = await client.fetch_token(
        provider["token_endpoint"], code=code, code_verifier=kept["code_verifier"]
    )
    keys = (
        (await client.request("GET", provider["jwks_uri"], withhold_token=True))
        .raise_for_status()
        .json()
    )
    decoded = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=ALGORITHMS)
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {"iss": {"essential": True, "value": provider["issuer"]},
         "aud": {"essential": True, "value": oidc.client_id}},
        {"nonce": kept["nonce"], "client_id": oidc.client_id},
    )  # fmt: skip
    claims.validate(now=int(clock.now().timestamp()), leeway=120)
    found: dict[str, Any] = dict(claims)
    if "email" not in found and "userinfo_endpoint" in provider:
        answer = (await client.get(provider["userinfo_endpoint"])).raise_for_status()
        about = UserInfo(answer.json())
        if about.get("sub") == found["sub"]:
            found |= dict(about)
    return found


async def _discover(client: AsyncOAuth2Client, oidc: Oidc) -> dict[str, Any]:
    issuer = oidc.issuer.rstrip("/")
    url = f"{issuer}/.well-known/openid-configuration"
    answer = await client.request("GET", url, withhold_token=True)
    provider: dict[str, Any] = answer.raise_for_status().json()
    if provider["issuer"].rstrip("/") != issuer:
        raise ValueError("the provider calls itself something else")
    return provider


def _client(request: Request, home: Roster) -> AsyncOAuth2Client:
    oidc = _settings(home)
    team = home.settings.team
    base = (team and team.url) or str(request.base_url)
    return AsyncOAuth2Client(
        oidc.client_id,
        _secret(oidc.client_secret),
        scope="openid email profile",
        redirect_uri=f"{base.rstrip('/')}{PATH}/callback",
        code_challenge_method="S256",
        timeout=10,
    )


def _secret(value: str) -> str:
    if not value.startswith("env:"):
        return value
    variable = value.removeprefix("env:")
    if variable not in os.environ:
        raise InvalidSettings(f"{variable} is not set; team.oidc.client_secret refers to it")
    return os.environ[variable]


def _settings(home: Roster) -> Oidc:
    assert home.settings.team
    assert home.settings.team.oidc
    return home.settings.team.oidc


def _kept(request: Request) -> dict[str, str]:
    try:
        kept: dict[str, str] = json.loads(bytes.fromhex(request.cookies.get(COOKIE, "")))
        return {name: str(kept[name]) for name in ("state", "nonce", "code_verifier")}
    except (ValueError, KeyError, TypeError) as error:
        raise NotSignedIn("signing in took too long; begin again") from error


def _sign_in(home: Roster, address: str, name: str, create: bool) -> str:
    if create:
        accounts.ensure_user(home.engine, address, name)
    return accounts.sign_in_as(home.settings, home.engine, address, "oidc")
