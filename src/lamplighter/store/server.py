"""The state of a PostgreSQL database and its server, seen without changing them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.store.database import connect_postgresql, explaining, schema_version

OLDEST_MAJOR = 15
"""The oldest PostgreSQL that this program works with."""


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """What a PostgreSQL database is like.

    Attributes:
        version: Its schema's; ``None`` if it has none yet.
        server: PostgreSQL's own version, such as ``18.1``.
        size_bytes: Of the database with its indexes.
        read_only: Whether nothing can be written, as on a standby.
        connections: How many are open, by anybody.
        most_connections: How many the server allows.
        pgvector: Its version; empty if it could be had, ``None`` if it is not on the server.
        now: The database's clock.
        ahead: By how much this machine's clock is ahead of that.
    """

    version: str | None
    server: str
    size_bytes: int
    read_only: bool
    connections: int
    most_connections: int
    pgvector: str | None
    now: datetime
    ahead: timedelta

    @property
    def major(self) -> int:
        """The first number of PostgreSQL's version."""
        return int(self.server.partition(".")[0])


QUERY = """
SELECT current_setting('server_version') AS server,
    pg_database_size(current_database()) AS size_bytes,
    pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean AS read_only,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    current_setting('max_connections')::integer AS most_connections,
    (SELECT coalesce(installed_version, '') FROM pg_available_extensions WHERE name = 'vector')
        AS pgvector
"""


def examine_server(url: str) -> ServerHealth:
    """The health of a PostgreSQL database, whoever uses it meanwhile.

    Raises:
        DatabaseUnavailable: It cannot be reached.
    """
    engine = connect_postgresql(url)
    try:
        with explaining(engine):
            version = schema_version(engine)
            with engine.connect() as connection:
                row = connection.execute(sa.text(QUERY)).one()._mapping
                now, ahead = _compare_clocks(connection)
    finally:
        engine.dispose()
    server = str(row["server"]).partition(" ")[0]
    return ServerHealth(**{**row, "server": server}, version=version, now=now, ahead=ahead)


def _compare_clocks(connection: sa.Connection) -> tuple[datetime, timedelta]:
    """The database's clock, and how far ours was ahead in the middle of asking."""
    before = clock.now()
    theirs: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    return theirs.astimezone(UTC), before + (clock.now() - before) / 2 - theirs
