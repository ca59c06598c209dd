"""What sources sign in with: in the environment, or in the store, encrypted with the key file."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lamplighter import clock
from lamplighter.errors import InvalidSettings, SignInFailed
from lamplighter.source_config import ENVIRONMENT, SourceConfig
from lamplighter.store.credentials import any_sealed, get_sealed, list_expiries, put_sealed
from lamplighter.store.documents import list_sources
from lamplighter.store.notices import add_notice

if TYPE_CHECKING:
    from cryptography.fernet import Fernet
    from sqlalchemy import Engine

    from lamplighter.config import Settings

WARNING = timedelta(days=7)
"""So long before credentials expire somebody is told."""

SOURCE = "source"
"""The field that ties sealed secrets to their source, so that nobody can swap two of them."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The credentials of one source.

    Attributes:
        engine: The workspace's database.
        key_path: The file of the key.
        source: The source's name.
        config: Its settings, which may refer to the environment.
    """

    engine: "Engine"
    key_path: Path
    source: str
    config: SourceConfig

    def get(self, field: str) -> str | None:
        """The secret of that name: from where the settings say, else from the store.

        Raises:
            SignInFailed: It cannot be opened, or the variable is missing.
        """
        reference = getattr(self.config, field, None)
        if reference is None and (oauth2 := getattr(self.config, "oauth2", None)):
            reference = getattr(oauth2, field, None)
        if isinstance(reference, str) and reference.startswith(ENVIRONMENT):
            return self.resolve(reference)
        return self._stored().get(field)

    def resolve(self, value: str) -> str:
        """``value``, or what it refers to if it is ``env:NAME``.

        Raises:
            SignInFailed: There is no such variable, or the source is a member's, to whom the
                environment of this process is none of their business.
        """
        if not value.startswith(ENVIRONMENT):
            return value
        name = value.removeprefix(ENVIRONMENT)
        if self.config.owner:
            raise SignInFailed(
                f"source {self.source}: {value} can only be used by a source of an admin; use: "
                f"lamplighter source login {self.source}"
            )
        if not os.environ.get(name):
            raise SignInFailed(f"source {self.source}: {name} is not set; put it into .env")
        return os.environ[name]

    def put(self, values: Mapping[str, str], expires_at: datetime | None = None) -> None:
        """Store secrets, beside those that are stored already.

        Args:
            values: By name; an empty one is removed.
            expires_at: When they stop working, if that is known.
        """
        kept = {**self._stored(), **values, SOURCE: self.source}
        plain = json.dumps({name: value for name, value in kept.items() if value})
        sealed = self._fernet(make=True).encrypt(plain.encode()).decode()
        with self.engine.begin() as connection:
            now = clock.now()
            put_sealed(connection, self.source, sealed, expires_at=expires_at, now=now)

    def _stored(self) -> dict[str, str]:
        from cryptography.fernet import InvalidToken

        sealed = get_sealed(self.engine, self.source)
        if sealed is None:
            return {}
        try:
            stored: dict[str, str] = json.loads(self._fernet().decrypt(sealed.encode()))
        except InvalidToken as error:
            raise SignInFailed(
                f"source {self.source}: its credentials were encrypted with another key than that "
                f"in {self.key_path}; give every worker the same LAMPLIGHTER_KEY_FILE, or use: "
                f"lamplighter source login {self.source}"
            ) from error
        return stored if stored.pop(SOURCE, None) == self.source else {}

    def _fernet(self, *, make: bool = False) -> "Fernet":
        from cryptography.fernet import Fernet

        if make and not self.key_path.exists() and not any_sealed(self.engine):
            _make_key(self.key_path, Fernet.generate_key())
        try:
            return Fernet(self.key_path.read_bytes().strip())
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no key"
            raise InvalidSettings(
                f"the key of the credentials, {self.key_path}, cannot be read: {reason}",
                hint="set LAMPLIGHTER_KEY_FILE to the file that the credentials were stored with",
            ) from error


def _make_key(path: Path, key: bytes) -> None:
    """A new key file that only its owner can read; another process may have been quicker."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key + b"\n")
        os.fsync(file.fileno())
    try:
        os.link(beside, path)  # whole, or not at all; never over another one
    except FileExistsError:
        pass
    finally:
        beside.unlink()


def note_sign_in(engine: "Engine", name: str, error: SignInFailed) -> None:
    """Leave a notice that somebody has to see to a source, once until it works again."""
    state = list_sources(engine).get(name)
    since = state.synced_at if state else None
    with engine.begin() as connection:
        now = clock.now()
        add_notice(connection, "sign-in", f"sign-in:{name}:{since}", str(error), now=now)


def note_expiries(engine: "Engine", settings: "Settings", now: datetime) -> None:
    """Leave a notice, once, for each source whose credentials are about to expire."""
    expiries = dict(list_expiries(engine))
    for name, config in settings.sources.items():
        if config.expires:
            expiries[name] = datetime.combine(config.expires, time(), UTC)
    for name, expires_at in expiries.items():
        if name not in settings.sources or expires_at - now > WARNING:
            continue
        message = (
            f"source {name}: what it signs in with expires on {expires_at:%Y-%m-%d}. Renew it "
            f"before a run needs it: lamplighter source login {name}"
        )
        with engine.begin() as connection:
            key = f"expiry:{name}:{expires_at:%Y-%m-%d}"
            add_notice(connection, "sign-in", key, message, now=now)
