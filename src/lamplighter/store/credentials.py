"""What sources sign in with, as it is stored: sealed; ``lamplighter.credentials`` opens it."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from lamplighter.store.database import reading
from lamplighter.store.tables import credentials


def get_sealed(engine: sa.Engine, source: str) -> str | None:
    """What is stored for a source; ``None`` if nothing is."""
    query = sa.select(credentials.c.sealed).where(credentials.c.source == source)
    with reading(engine) as connection:
        sealed: str | None = connection.scalar(query)
    return sealed


def put_sealed(
    connection: sa.Connection,
    source: str,
    sealed: str,
    *,
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """Store it, in place of what there was."""
    values = {"sealed": sealed, "expires_at": expires_at, "updated_at": now}
    chosen = credentials.c.source == source
    if not connection.execute(credentials.update().where(chosen).values(values)).rowcount:
        connection.execute(credentials.insert().values(source=source, **values))


def any_sealed(engine: sa.Engine) -> bool:
    """Whether anything is stored at all."""
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.exists().select_from(credentials))) is True


def list_expiries(engine: sa.Engine) -> Mapping[str, datetime]:
    """When the credentials of each source expire, where that is known."""
    columns = (credentials.c.source, credentials.c.expires_at)
    query = sa.select(*columns).where(credentials.c.expires_at.is_not(None))
    with reading(engine) as connection:
        return {row.source: row.expires_at for row in connection.execute(query)}
