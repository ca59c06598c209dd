"""Passwords, as hashes only, and how often signing in has failed."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from ulid import ULID

from lamplighter.store.tables import failed_sign_ins, passwords


def set_hash(connection: sa.Connection, user: str, hash: str, now: datetime) -> None:
    """Keep the hash of a user's new password."""
    connection.execute(passwords.delete().where(passwords.c.user == user))
    connection.execute(passwords.insert(), {"user": user, "hash": hash, "changed_at": now})


def find_hash(connection: sa.Connection, user: str) -> str | None:
    """The hash of a user's password; ``None`` if they have none."""
    chosen = sa.select(passwords.c.hash).where(passwords.c.user == user)
    hash: str | None = connection.scalar(chosen)
    return hash


def note_failure(connection: sa.Connection, keys: Sequence[str], now: datetime) -> list[str]:
    """Count a failed sign-in under each of these keys; gives what it is called."""
    ids = [str(ULID.from_datetime(now)) for _ in keys]
    rows = [{"id": id, "key": key, "at": now} for id, key in zip(ids, keys, strict=True)]
    connection.execute(failed_sign_ins.insert(), rows)
    return ids


def count_failures(connection: sa.Connection, key: str, since: datetime) -> int:
    """How often signing in has failed since then; what is older is forgotten."""
    connection.execute(failed_sign_ins.delete().where(failed_sign_ins.c.at < since))
    counted = sa.select(sa.func.count()).where(failed_sign_ins.c.key == key)
    return connection.scalar(counted) or 0


def forget_failures(connection: sa.Connection, ids: Sequence[str], key: str) -> None:
    """It did not fail after all; and what failed under ``key`` before counts no more."""
    forgotten = failed_sign_ins.c.id.in_(ids) | (failed_sign_ins.c.key == key)
    connection.execute(failed_sign_ins.delete().where(forgotten))
