"""What a client has asked for already, so that asking again makes nothing twice."""

from dataclasses import dataclass

import sqlalchemy as sa

from lamplighter.errors import InvalidInput
from lamplighter.store.tables import requests


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may come twice.

    Attributes:
        user: Who asks.
        key: The client's ``Idempotency-Key``.
        fingerprint: A hash of what is asked for.
    """

    user: str
    key: str
    fingerprint: str


def find_made(connection: sa.Connection, request: Request) -> str | None:
    """The run that this request has made before, if it did.

    Raises:
        InvalidInput: The key has been used for something else.
    """
    mine = (requests.c.user == request.user) & (requests.c.key == request.key)
    row = connection.execute(sa.select(requests).where(mine)).first()
    if row is None:
        return None
    if row.fingerprint != request.fingerprint:
        raise InvalidInput("this Idempotency-Key has been used for another request")
    run_id: str = row.run_id
    return run_id


def note_made(connection: sa.Connection, request: Request, run_id: str) -> None:
    """Remember the run that a request has made."""
    row = {"user": request.user, "key": request.key, "fingerprint": request.fingerprint}
    connection.execute(requests.insert(), row | {"run_id": run_id})
