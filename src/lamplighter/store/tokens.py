"""API tokens: ``llt_<id>_<secret>``; only a hash of the secret is kept."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.errors import NotFound
from lamplighter.store.database import reading
from lamplighter.store.sessions import hash_secret
from lamplighter.store.tables import tokens

PREFIX = "llt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token, without its secret.

    Attributes:
        user: In whose name it speaks.
        scopes: What may be done with it, within what the user may do.
        expires_at: ``None``: never.
    """

    id: str
    user: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


def add_token(
    connection: sa.Connection,
    user: str,
    name: str,
    scopes: tuple[str, ...],
    *,
    now: datetime,
    expires_at: datetime | None,
) -> tuple[Token, str]:
    """Make a token; gives it with its text, which nobody will ever see again."""
    id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    row = {
        "id": id,
        "user": user,
        "name": name,
        "scopes": sorted(scopes),
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(tokens.insert(), row | {"hash": hash_secret(secret)})
    made = connection.execute(sa.select(tokens).where(tokens.c.id == id)).one()
    return _token(made), f"{PREFIX}_{id}_{secret}"


def find_token(connection: sa.Connection, text: str, now: datetime) -> Token | None:
    """The token that ``text`` is, if it opens anything."""
    prefix, _, rest = text.partition("_")
    id, _, secret = rest.partition("_")
    if prefix != PREFIX or not secret:
        return None
    row = connection.execute(sa.select(tokens).where(tokens.c.id == id)).first()
    if row is None or not hmac.compare_digest(row.hash, hash_secret(secret)):
        return None
    token = _token(row)
    return token if token.is_valid(now) else None


def token_user(connection: sa.Connection, id: str, now: datetime) -> str | None:
    """Whose token this is; ``None`` if it opens nothing any more."""
    row = connection.execute(sa.select(tokens).where(tokens.c.id == id)).first()
    return row.user if row is not None and _token(row).is_valid(now) else None


def list_tokens(engine: sa.Engine, user: str) -> list[Token]:
    """A user's tokens, the newest first, with those that are revoked."""
    query = sa.select(tokens).where(tokens.c.user == user)
    newest = query.order_by(tokens.c.created_at.desc(), tokens.c.id)
    with reading(engine) as connection:
        return [_token(row) for row in connection.execute(newest)]


def revoke_token(connection: sa.Connection, user: str, id: str, now: datetime) -> None:
    """Let a user's token open nothing any more.

    Raises:
        NotFound: They have no such token.
    """
    mine = (tokens.c.id == id) & (tokens.c.user == user)
    revoked = sa.func.coalesce(tokens.c.revoked_at, sa.literal(now, tokens.c.revoked_at.type))
    if not connection.execute(tokens.update().where(mine).values(revoked_at=revoked)).rowcount:
        raise NotFound(f"no token {id!r}")


def delete_tokens(connection: sa.Connection, user: str) -> None:
    """Forget all tokens of a user."""
    connection.execute(tokens.delete().where(tokens.c.user == user))


def _token(row: sa.Row[Any]) -> Token:
    values = {name: getattr(row, name) for name in Token.__slots__}
    return Token(**values | {"scopes": tuple(row.scopes)})
