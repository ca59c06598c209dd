"""Accounts: who asks, and what they may. Signing in, API tokens, the end of both.

A personal workspace has one account, its owner's, which nobody has to make. A team has users.
"""

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from lamplighter import clock
from lamplighter.access import OWNER, Scope
from lamplighter.errors import Forbidden, InvalidInput, NotSignedIn, TooManyAttempts
from lamplighter.store import passwords
from lamplighter.store.audit import note
from lamplighter.store.database import reading
from lamplighter.store.pauses import pause_agents_of, resume_agents_of
from lamplighter.store.runs import cancel_runs_of
from lamplighter.store.sessions import (
    add_link,
    add_session,
    end_session,
    end_sessions,
    find_session,
    use_link,
)
from lamplighter.store.tokens import Token, add_token, delete_tokens, find_token, token_user
from lamplighter.store.users import (
    activate_user,
    add_user,
    deactivate_user,
    find_active_user,
    get_user,
    is_user,
    principals_of,
    remove_user,
)

if TYPE_CHECKING:
    from argon2 import PasswordHasher
    from sqlalchemy import Connection, Engine

    from lamplighter.config import Settings

OWNER_ID = OWNER.removeprefix("user:")
"""The one user of a personal workspace."""

RIGHTS = ("read", "run", "write", "admin")
"""What a token may be good for; someone who is signed in has them all, as far as they go."""

LINK_HOURS = 24
OWNER_SESSION_DAYS = 30
WINDOW = timedelta(minutes=15)
ATTEMPTS = {"address": 10, "client": 50}
"""How many failures within ``WINDOW`` stop further attempts."""

PASSWORD_LENGTH = (10, 1000)
_hashing = threading.BoundedSemaphore(2)
"""Each hash takes 64 MiB while it is made."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody known who asks for something.

    Attributes:
        user: Their id; ``owner`` in a personal workspace.
        admin: Whether they may do what admins do.
        rights: Some of ``RIGHTS``.
        session: What the cookie holds; ``None`` if they show a token.
        token: The id of the token that they show.
    """

    user: str
    admin: bool
    rights: frozenset[str] = frozenset(RIGHTS)
    session: str | None = field(default=None, repr=False)
    token: str | None = None

    def require(self, right: str) -> None:
        """Go on only with this right.

        Raises:
            Forbidden: They do not have it.
        """
        if right not in self.rights:
            raise Forbidden(f"this token is not good for {right!r}; make one that is")
        if right == "admin" and not self.admin:
            raise Forbidden("only admins may do this")


def viewer_scope(settings: "Settings", engine: "Engine", user: str) -> Scope:
    """What somebody may see of all sources.

    Raises:
        NotFound: There is no such user.
    """
    if not settings.team:
        return Scope.of({OWNER}, settings.sources)
    return Scope.of(principals_of(engine, user), settings.sources)


def identify(
    settings: "Settings", engine: "Engine", *, cookie: str | None = None, token: str | None = None
) -> Caller | None:
    """Who shows this session's cookie, or this token; ``None``: nobody known."""
    now = clock.now()
    with reading(engine) as connection:
        if token is not None:
            found = find_token(connection, token, now)
            if found is None:
                return None
            caller = _caller(settings, connection, found.user, frozenset(found.scopes))
            return caller and replace(caller, token=found.id)
        user = find_session(connection, cookie, now) if cookie else None
        if user is None:
            return None
        return _caller(settings, connection, user, frozenset(RIGHTS), cookie)


def find_caller(settings: "Settings", engine: "Engine", user: str) -> Caller | None:
    """Somebody as they are now, for what they have asked for earlier; ``None``: nobody any more."""
    with reading(engine) as connection:
        return _caller(settings, connection, user, frozenset(RIGHTS))


def is_current(settings: "Settings", engine: "Engine", caller: Caller) -> bool:
    """Whether a caller could still ask: neither signed out, nor revoked, nor deactivated."""
    now = clock.now()
    with reading(engine) as connection:
        if caller.session is not None:
            user = find_session(connection, caller.session, now)
        else:
            user = token_user(connection, caller.token or "", now)
        return user is not None and _caller(settings, connection, user, caller.rights) is not None


def _caller(
    settings: "Settings",
    connection: "Connection",
    user: str,
    rights: frozenset[str],
    session: str | None = None,
) -> Caller | None:
    if not settings.team:
        return Caller(user, True, rights, session) if user == OWNER_ID else None
    found = find_active_user(connection, user)
    return Caller(found.id, found.admin, rights, session) if found else None


# Signing in


def sign_in(
    settings: "Settings", engine: "Engine", address: str, password: str, client: str
) -> str:
    """Begin a session by a password; gives what the cookie is to hold.

    An address that nobody has takes as long as a wrong password.

    Args:
        settings: The workspace's settings.
        engine: Its database.
        address: The user's, any of theirs.
        password: As it was typed.
        client: Where the attempt comes from.

    Raises:
        TooManyAttempts: Too many have failed, for this address or from this client.
        NotSignedIn: The address or the password is wrong, or there are no users here.
    """
    address = address.strip().casefold()[:320]
    keys = {"address": f"address:{address}", "client": f"client:{client}"}
    with engine.begin() as connection:
        for kind, key in keys.items():
            _refuse_many(connection, key, ATTEMPTS[kind])
        attempt = passwords.note_failure(connection, list(keys.values()), clock.now())
        user = find_active_user(connection, address) if settings.team else None
        known = passwords.find_hash(connection, user.id) if user else None
    correct = _verify(known, password)
    with engine.begin() as connection:
        if not (correct and user):
            note(connection, "", "sign_in.failed", address, now=clock.now())
        else:
            passwords.forget_failures(connection, attempt, keys["address"])
            return _begin_session(settings, connection, user.id, "password")
    raise NotSignedIn("the address or the password is wrong")


def sign_in_by_link(settings: "Settings", engine: "Engine", secret: str) -> str:
    """Begin a session by a one-time link; gives what the cookie is to hold.

    Raises:
        NotSignedIn: The link has been used, is too old, or never was one.
    """
    with engine.begin() as connection:
        user = use_link(connection, secret, clock.now())
        if user and _caller(settings, connection, user, frozenset()):
            return _begin_session(settings, connection, user, "link")
    raise NotSignedIn("this link has been used, or is too old; get another one")


def sign_in_as(settings: "Settings", engine: "Engine", address: str, how: str) -> str:
    """Begin a session of a user whom somebody trusted has identified.

    Raises:
        NotSignedIn: There is no such user who may sign in.
    """
    with engine.begin() as connection:
        user = find_active_user(connection, address)
        if user and settings.team:
            return _begin_session(settings, connection, user.id, how)
        note(connection, "", "sign_in.failed", address, now=clock.now(), detail={"by": how})
    raise NotSignedIn(f"{address} is no user here; ask an admin")


def ensure_user(engine: "Engine", address: str, name: str) -> None:
    """Make somebody a member, unless there is a user with this address."""
    now = clock.now()
    with engine.begin() as connection:
        if not is_user(connection, address):
            add_user(connection, address, now, name=name)
            note(connection, "", "user.create", address, now=now, detail={"by": "oidc"})


def sign_out(engine: "Engine", caller: Caller) -> None:
    """End the caller's session."""
    if caller.session:
        with engine.begin() as connection:
            end_session(connection, caller.session)
            note(connection, caller.user, "sign_out", now=clock.now())


def make_link(settings: "Settings", engine: "Engine", user: str, by: str) -> str:
    """What a link holds that signs ``user`` in once, within a day.

    Raises:
        NotFound: There is no such user.
        Forbidden: They are deactivated.
    """
    now = clock.now()
    if settings.team:
        known = get_user(engine, user)
        user = known.id
        if known.deactivated_at:
            raise Forbidden(f"{user} is deactivated")
    with engine.begin() as connection:
        note(connection, by, "link.create", user, now=now)
        return add_link(connection, user, now, now + timedelta(hours=LINK_HOURS))


def _begin_session(settings: "Settings", connection: "Connection", user: str, how: str) -> str:
    now = clock.now()
    days = settings.team.session_days if settings.team else OWNER_SESSION_DAYS
    note(connection, user, "sign_in", now=now, detail={"by": how})
    return add_session(connection, user, now, now + timedelta(days=days))


def _refuse_many(connection: "Connection", key: str, most: int) -> None:
    if passwords.count_failures(connection, key, clock.now() - WINDOW) >= most:
        raise TooManyAttempts(int(WINDOW.total_seconds()))


# Passwords


def set_password(
    engine: "Engine", user: str, password: str, *, by: str, keep: str | None = None
) -> None:
    """Give a user a new password; all their sessions end, but ``keep``.

    Raises:
        InvalidInput: It is too short, or too long.
        NotFound: There is no such user.
    """
    shortest, longest = PASSWORD_LENGTH
    if not shortest <= len(password) <= longest:
        raise InvalidInput(f"a password has {shortest} to {longest} characters")
    id = get_user(engine, user).id
    hash = _hash(password)
    with engine.begin() as connection:
        passwords.set_hash(connection, id, hash, clock.now())
        end_sessions(connection, id, but=keep)
        note(connection, by, "user.password", id, now=clock.now())


def has_password(engine: "Engine", user: str, password: str) -> bool:
    """Whether this is the user's password; also if they have none, so that they can set one."""
    with reading(engine) as connection:
        known = passwords.find_hash(connection, user)
    return known is None or _verify(known, password)


def _hash(password: str) -> str:
    with _hashing:
        return _hasher().hash(password)


def _verify(hash: str | None, password: str) -> bool:
    """Whether the password is right; without a hash, wrong after the same time."""
    from argon2.exceptions import VerificationError

    with _hashing:
        try:
            _hasher().verify(hash or _nobodys_hash(), password)
        except VerificationError:
            return False
    return hash is not None


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # Argon2id, with the parameters of RFC 9106

    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash("nobody's")


# Tokens and users


def make_token(
    engine: "Engine", user: str, name: str, rights: tuple[str, ...], days: float | None
) -> tuple[Token, str]:
    """Make an API token of a user; gives it with its text, which is shown only once.

    Raises:
        InvalidInput: It would be good for nothing that there is.
    """
    if not rights or (unknown := set(rights) - set(RIGHTS)):
        raise InvalidInput(
            f"no right {sorted(unknown)[0]!r}" if rights else "a token needs a right",
            hint=f"rights are {', '.join(RIGHTS)}",
        )
    now = clock.now()
    until = None if days is None else now + timedelta(days=days)
    with engine.begin() as connection:
        made = add_token(connection, user, name, rights, now=now, expires_at=until)
        detail = {"name": name, "scopes": sorted(rights)}
        note(connection, user, "token.create", made[0].id, now=now, detail=detail)
    return made


def deactivate(engine: "Engine", user: str, *, by: str) -> None:
    """Let somebody do nothing any more, at once: neither they, nor their tokens and agents.

    The engine has to be woken, to stop the runs that are under way.

    Raises:
        NotFound: There is no such user.
        Conflict: Nobody would be an admin any more.
    """
    id, now = get_user(engine, user).id, clock.now()
    with engine.begin() as connection:
        deactivate_user(connection, id, now)
        end_sessions(connection, id)
        pause_agents_of(connection, id, now)
        cancel_runs_of(connection, id, now)
        note(connection, by, "user.deactivate", id, now=now)


def remove(engine: "Engine", user: str, *, by: str) -> None:
    """Remove somebody; their agents stay, and run no more.

    Raises:
        NotFound: There is no such user.
        Conflict: Nobody would be an admin any more.
    """
    id, now = get_user(engine, user).id, clock.now()
    deactivate(engine, id, by=by)
    with engine.begin() as connection:
        delete_tokens(connection, id)
        remove_user(connection, id)
        note(connection, by, "user.remove", id, now=now)


def activate(engine: "Engine", user: str, *, by: str) -> None:
    """Undo ``deactivate``.

    Raises:
        NotFound: There is no such user.
    """
    id = get_user(engine, user).id
    with engine.begin() as connection:
        activate_user(connection, id)
        resume_agents_of(connection, id)
        note(connection, by, "user.activate", id, now=clock.now())
