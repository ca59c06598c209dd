"""Signing in by OAuth 2.0 (RFC 6749): an access token, and a new one when it has expired."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lamplighter import clock
from lamplighter.egress import open_client
from lamplighter.errors import SignInFailed
from lamplighter.source_config import OAuth2
from lamplighter.sources.connector import Credentials, Visit

EARLY = timedelta(minutes=2)
"""A token is renewed so long before it expires."""

PROVIDERS = {
    "google": {
        "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_url": "https://oauth2.googleapis.com/token",
        "scope": "https://mail.google.com/ https://www.googleapis.com/auth/calendar.readonly",
    },
    "microsoft": {
        "authorize_url": "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "token_url": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "scope": "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
    },
}


def endpoint(config: OAuth2, name: str) -> str:
    """``authorize_url``, ``token_url`` or ``scope``: as set, else as the provider has it."""
    given: str = getattr(config, name)
    return given or PROVIDERS.get(config.provider, {}).get(name, "")


def access_token(visit: Visit[Any], config: OAuth2) -> str:
    """A token that is valid now.

    Raises:
        SignInFailed: There is no refresh token, or it is not taken any more.
    """
    expires_at = visit.credentials.get("expires_at")
    if expires_at and datetime.fromisoformat(expires_at) - clock.now() > EARLY:
        return visit.secret("access_token")
    form = {"grant_type": "refresh_token", "refresh_token": visit.secret("refresh_token")}
    answer = ask_for_token(visit.name, config, visit.credentials, form)
    keep_token(visit.credentials, answer)
    return str(answer["access_token"])


def ask_for_token(
    source: str, config: OAuth2, credentials: Credentials, form: Mapping[str, str]
) -> dict[str, Any]:
    """What the token endpoint answers (RFC 6749, 5.1).

    Raises:
        SignInFailed: It refuses, or answers nonsense.
    """
    form = {**form, "client_id": config.client_id}
    if secret := credentials.get("client_secret"):
        form["client_secret"] = secret
    with open_client(follow_redirects=False) as client:
        answer = client.post(endpoint(config, "token_url"), data=form)
    try:
        told = answer.json()
    except ValueError:
        told = {}
    if not isinstance(told, dict) or not told.get("access_token"):
        told = told if isinstance(told, dict) else {}
        said = told.get("error_description") or told.get("error") or f"HTTP {answer.status_code}"
        raise SignInFailed(
            f"source {source}: the sign-in has expired or was withdrawn ({said}); use: "
            f"lamplighter source login {source}"
        )
    return told


def keep_token(credentials: Credentials, answer: Mapping[str, Any]) -> None:
    """Store a token; a refresh token stays unless the answer brings a new one."""
    now = clock.now()
    expires_at = now + timedelta(seconds=float(answer.get("expires_in") or 3600))
    values = {"access_token": str(answer["access_token"]), "expires_at": expires_at.isoformat()}
    if refresh := answer.get("refresh_token"):
        values["refresh_token"] = str(refresh)
    # Google and Microsoft say when the refresh token itself will end; others do not.
    lasting = answer.get("refresh_token_expires_in") or answer.get("refresh_expires_in")
    ends_at = now.astimezone(UTC) + timedelta(seconds=float(lasting)) if lasting else None
    credentials.put(values, ends_at)
