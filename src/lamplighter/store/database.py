"""Open the database: one engine for our tables and for DBOS, one schema version."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from lamplighter.errors import DatabaseUnavailable, NewerDatabase

SCHEMA_VERSION = "0001"
"""The newest migration; an older database is upgraded when it is opened."""

FILE = "lamplighter.db"
UPGRADE_LOCK = 0x4C414D50
DECISION_LOCK = 0x4C414D51
PRUNING_LOCK = 0x4C414D52
EMBEDDING_LOCK = 0x4C414D53
"""PostgreSQL's advisory locks are numbers; these are ours."""

CONNECTING = {"connect_timeout": 10, "fallback_application_name": "lamplighter"}
"""To PostgreSQL, where the URL does not say otherwise; the time is in seconds."""

PRAGMAS = (
    "journal_mode=WAL",  # readers and the one writer do not wait for each other
    "synchronous=NORMAL",  # a killed process loses nothing; only a power cut could undo a commit
    "foreign_keys=ON",
    "busy_timeout=30000",
)


def open_database(place: Path | str) -> sa.Engine:
    """The workspace's database, created or upgraded as needed.

    Args:
        place: The folder of the SQLite file, or a PostgreSQL URL.

    Raises:
        DatabaseUnavailable: It cannot be opened.
        NewerDatabase: A newer version of the program has made it.
    """
    engine = connect_postgresql(place) if isinstance(place, str) else _open_file(place)
    with explaining(engine):
        version = schema_version(engine)
        if version != SCHEMA_VERSION:
            refuse_newer(version)
            _upgrade(engine)
    return engine


@contextmanager
def explaining(engine: sa.Engine) -> Iterator[None]:
    """Say in one line, and without the password, why a database cannot be opened.

    Raises:
        DatabaseUnavailable: Something in the block met an error of the database.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        where = engine.url.render_as_string(hide_password=True)
        why = str(error.orig).strip().partition("\n")[0]
        raise DatabaseUnavailable(f"cannot open {where}: {why}") from error


def refuse_newer(version: str | None) -> None:
    """Stop before a schema that this program does not know.

    Raises:
        NewerDatabase: A newer version of the program has made it.
    """
    if version is not None and version > SCHEMA_VERSION:
        raise NewerDatabase(
            f"the database has schema {version}, this program knows them up to {SCHEMA_VERSION}: "
            "a newer version has upgraded it. Install that version, or go back to a backup with: "
            "lamplighter db restore FILE"
        )


def schema_version(engine: sa.Engine) -> str | None:
    """The version of its schema; ``None`` if it has none yet."""
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return version


def open_journal(place: Path | str) -> sa.Engine:
    """The same database for DBOS, which begins its transactions itself."""
    if isinstance(place, str):
        return connect_postgresql(place)
    return _connect_file(place / FILE, isolation_level="IMMEDIATE")


def is_shared(engine: sa.Engine) -> bool:
    """Whether several processes can work on it, as on PostgreSQL, or only one, as on SQLite."""
    return engine.dialect.name == "postgresql"


def decide_alone(connection: sa.Connection) -> None:
    """Let no other transaction decide what runs until this one ends.

    On SQLite the transaction is the only writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(DECISION_LOCK)))


def pruning_alone(engine: sa.Engine) -> AbstractContextManager[bool]:
    """Whether this process may prune while the block runs: only one at a time does."""
    return _alone(engine, PRUNING_LOCK)


def embedding_alone(engine: sa.Engine) -> AbstractContextManager[bool]:
    """Whether this process may embed while the block runs: only one at a time does."""
    return _alone(engine, EMBEDDING_LOCK)


@contextmanager
def _alone(engine: sa.Engine, lock: int) -> Iterator[bool]:
    """Whether nobody else has the lock; on SQLite only one process has the workspace anyway."""
    if not is_shared(engine):
        yield True
        return
    with engine.connect() as connection:  # the lock is the connection's, and ends with it
        alone = connection.scalar(sa.select(sa.func.pg_try_advisory_lock(lock)))
        connection.commit()  # or an old snapshot would stay in use
        try:
            yield bool(alone)
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(lock)))
            connection.commit()


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction for reads only: it never waits for a writer, nor makes one wait."""
    with engine.connect() as connection:
        connection.execution_options(readonly=True)
        with connection.begin():
            yield connection


def _open_file(folder: Path) -> sa.Engine:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = _connect_file(folder / FILE)

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # IMMEDIATE, because a deferred transaction that reads and then writes fails at once
        # with "database is locked" when somebody else wrote in between.
        if connection.get_execution_options().get("readonly"):
            driver: Any = connection.connection.driver_connection
            driver.execute("BEGIN")  # nothing can be wrong with it, so without what surrounds it
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def connect_postgresql(url: str) -> sa.Engine:
    """A PostgreSQL database as it is, perhaps empty or of another version.

    Raises:
        DatabaseUnavailable: ``url`` is none.
    """
    try:
        parsed = sa.make_url(url)
        usual = {name: value for name, value in CONNECTING.items() if name not in parsed.query}
        engine = sa.create_engine(
            parsed, connect_args=usual, pool_size=10, max_overflow=20, pool_pre_ping=True
        )
    except (sa.exc.ArgumentError, ValueError) as error:
        raise DatabaseUnavailable(
            "LAMPLIGHTER_DATABASE_URL is no URL; write postgresql://user:password@host/database"
        ) from error
    pool = engine.pool

    @event.listens_for(engine, "checkin")
    def _close_late(_connection: Any, record: sa.pool.ConnectionPoolEntry) -> None:
        # A thread may give its connection back when the engine has been disposed of; in a pool
        # that nobody has any more it would stay open.
        if engine.pool is not pool:
            record.invalidate()

    return engine


@contextmanager
def lasting(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that, once committed, not even a power cut undoes, nor any before it.

    SQLite syncs its log when such a transaction commits; the log is one file in order, so all
    that was committed earlier lasts too. PostgreSQL does so anyway.
    """
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                yield connection
            return
        # The driver's own connection, because SQLite refuses this inside a transaction.
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA synchronous=FULL")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute("PRAGMA synchronous=NORMAL")


def _connect_file(path: Path, isolation_level: str | None = None) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"check_same_thread": False, "timeout": 30},
        pool_size=30,  # a busy process opens none anew
        max_overflow=0,
        pool_use_lifo=True,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # None is the driver's autocommit mode: the caller begins transactions.
        connection.isolation_level = isolation_level
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _upgrade(engine: sa.Engine) -> None:
    # Imported here: Alembic costs 0.2 s, and only a new or old database needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "lamplighter:store/migrations")
    with engine.begin() as connection:
        if is_shared(engine):  # only one of the processes that start together may upgrade
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
