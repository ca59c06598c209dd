"""Who is signed in: sessions, and the links that begin one.

Of what a browser or a link holds, only a hash is kept: of long random texts, so a fast one will do.
"""

import hashlib
import secrets
from datetime import datetime

import sqlalchemy as sa

from lamplighter.store.tables import sessions, sign_in_links


def hash_secret(secret: str) -> str:
    """What is kept of a random secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_session(connection: sa.Connection, user: str, now: datetime, until: datetime) -> str:
    """Begin a session; gives what the cookie is to hold."""
    connection.execute(sessions.delete().where(sessions.c.expires_at <= now))
    secret = secrets.token_urlsafe(32)
    row = {"id": hash_secret(secret), "user": user, "created_at": now, "expires_at": until}
    connection.execute(sessions.insert(), row)
    return secret


def find_session(connection: sa.Connection, secret: str, now: datetime) -> str | None:
    """Whose session this is; ``None`` if there is none, or it is over."""
    chosen = (sessions.c.id == hash_secret(secret)) & (sessions.c.expires_at > now)
    user: str | None = connection.scalar(sa.select(sessions.c.user).where(chosen))
    return user


def end_session(connection: sa.Connection, secret: str) -> None:
    """End a session, if there is one."""
    connection.execute(sessions.delete().where(sessions.c.id == hash_secret(secret)))


def end_sessions(connection: sa.Connection, user: str, *, but: str | None = None) -> None:
    """End all sessions and unused links of a user, but the session with this secret."""
    mine = sessions.c.user == user
    if but is not None:
        mine &= sessions.c.id != hash_secret(but)
    connection.execute(sessions.delete().where(mine))
    connection.execute(sign_in_links.delete().where(sign_in_links.c.user == user))


def add_link(connection: sa.Connection, user: str, now: datetime, until: datetime) -> str:
    """What a link holds that signs a user in, once."""
    connection.execute(sign_in_links.delete().where(sign_in_links.c.expires_at <= now))
    secret = secrets.token_urlsafe(32)
    row = {"id": hash_secret(secret), "user": user, "expires_at": until}
    connection.execute(sign_in_links.insert(), row)
    return secret


def use_link(connection: sa.Connection, secret: str, now: datetime) -> str | None:
    """Whom this link signs in; it never does again. ``None`` if it does not."""
    chosen = sign_in_links.c.id == hash_secret(secret)
    used = sign_in_links.delete().where(chosen, sign_in_links.c.expires_at > now)
    user: str | None = connection.scalar(used.returning(sign_in_links.c.user))
    return user
