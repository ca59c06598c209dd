"""Copies of a PostgreSQL database, made and put back by PostgreSQL's own programs."""

import os
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from lamplighter.errors import (
    Conflict,
    LamplighterError,
    NotFound,
    ProgramMissing,
    Unreadable,
)
from lamplighter.store.backup import claim_target, new_part
from lamplighter.store.database import connect_postgresql, explaining, refuse_newer, schema_version
from lamplighter.store.tables import metadata

MARK = b"PGDMP"
"""What a dump in the custom format begins with."""

INSTALLATION = (
    "Install the client programs of PostgreSQL, in the server's version or a newer one, and put "
    "them into PATH; on Debian: apt install postgresql-client-N, if N is the server's version"
)

CLEARING = """
SET lock_timeout = '10s';
DROP SCHEMA IF EXISTS dbos CASCADE;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
"""In one transaction with what fills it again: if that fails, nothing has been cleared."""

USERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def dump(url: str, target: Path, *, replace: bool = False) -> str:
    """Copy the database to ``target``, as it is at one moment, whoever uses it meanwhile.

    Returns:
        Its schema's version.

    Raises:
        NotFound: There is nothing in the database yet, or no folder for the copy.
        Conflict: ``target`` is there already, and must not be replaced.
        ProgramMissing: PostgreSQL's programs are not here, or too old.
        DatabaseUnavailable: It cannot be reached.
    """
    version, _tables = _look(url)
    if version is None:
        raise NotFound("there is nothing in the database yet")
    claim_target(target, replace=replace)
    part = new_part(target)
    try:
        _run("pg_dump", "--format=custom", f"--file={part}", url=url)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return version


def load(url: str, backup: Path, state_dir: Path, now: datetime) -> tuple[str, Path | None]:
    """Put ``backup`` in the place of what the database holds, of which a dump is kept.

    Either all of it happens or nothing.

    Args:
        url: The database, which is Lamplighter's alone.
        backup: A file that ``dump`` has made.
        state_dir: Where the former contents are kept.
        now: Goes into the name under which they are.

    Returns:
        The version of the backup's schema, and where the former contents are, if there were any.

    Raises:
        NotFound: There is no such file.
        Unreadable: It is no backup of a PostgreSQL database of Lamplighter, or cannot be put back.
        NewerDatabase: A newer version of the program has made it.
        Conflict: Somebody is connected to the database, or it holds what is not Lamplighter's.
        ProgramMissing: PostgreSQL's programs are not here, or too old.
        DatabaseUnavailable: It cannot be reached.
    """
    version = _read_version(backup)
    refuse_newer(version)
    _refuse_users(url)
    present, tables = _look(url)
    _refuse_others(present, tables, backup)
    former = None
    if present is not None:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        former = state_dir / f"lamplighter.before-{now:%Y%m%dT%H%M%SZ}.dump"
        dump(url, former)
    try:
        _replace_all(url, backup)
    except LamplighterError:
        if former:
            former.unlink()
        raise
    return version, former


def _replace_all(url: str, backup: Path) -> None:
    with TemporaryDirectory() as folder:
        clearing, filling = Path(folder) / "clear.sql", Path(folder) / "fill.sql"
        clearing.write_text(CLEARING)
        _run("pg_restore", "--no-owner", "--no-privileges", f"--file={filling}", str(backup))
        options = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
        _run("psql", *options, f"--file={clearing}", f"--file={filling}", url=url)


def _refuse_users(url: str) -> None:
    """Stop if somebody could still write: every process that works here is always connected."""
    engine = connect_postgresql(url)
    try:
        with explaining(engine), engine.connect() as connection:
            connected = connection.scalar(sa.text(USERS))
    finally:
        engine.dispose()
    if connected:
        raise Conflict(
            f"{connected} connections to the database are open. Stop every serve and worker, on "
            "all machines, and whatever else uses it"
        )


def _look(url: str) -> tuple[str | None, set[str]]:
    """The version of the schema, and the names of all tables beside it."""
    engine = connect_postgresql(url)
    try:
        with explaining(engine):
            return schema_version(engine), set(sa.inspect(engine).get_table_names("public"))
    finally:
        engine.dispose()


def _read_version(backup: Path) -> str:
    if not backup.is_file():
        raise NotFound(f"there is no file {backup}")
    with backup.open("rb") as stream:
        if stream.read(len(MARK)) != MARK:
            raise Unreadable(f"{backup} is no backup of a PostgreSQL database")
    data = ("--data-only", "--schema=public", "--table=alembic_version", "--file=-")
    copied = _run("pg_restore", *data, str(backup))
    found = re.search(r"^COPY public\.alembic_version .*\n(\S+)\n", copied, re.MULTILINE)
    if not found:
        raise Unreadable(f"{backup} is no database of Lamplighter")
    return found[1]


def _refuse_others(present: str | None, tables: set[str], backup: Path) -> None:
    """Stop before tables that would be lost because nobody here knows them."""
    try:
        refuse_newer(present)
    except Conflict:
        return  # the newer program's tables; whoever goes back to a backup wants them gone
    listed = _run("pg_restore", "--list", str(backup))
    copied = set(re.findall(r"^\d+; \d+ \d+ TABLE public (\S+)", listed, re.MULTILINE))
    others = tables - set(metadata.tables) - copied - {"alembic_version"}
    if others:
        raise Conflict(
            f"the database also holds {', '.join(sorted(others))}, which would be lost. "
            "Lamplighter needs a database of its own"
        )


def _run(program: str, *arguments: str, url: str | None = None) -> str:
    """What a program of PostgreSQL prints; the password is not among its arguments."""
    path = shutil.which(program)
    if path is None:
        raise ProgramMissing(f"{program} is not here. {INSTALLATION}")
    environment = dict(os.environ)
    connection: tuple[str, ...] = ()
    if url is not None:
        parsed = sa.make_url(url)
        if parsed.password:
            environment["PGPASSWORD"] = str(parsed.password)
        bare = parsed._replace(drivername="postgresql", password=None)
        connection = ("--no-password", f"--dbname={bare.render_as_string()}")
    command = [path, *connection, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # fixed programs
    if done.returncode:
        said = "; ".join(done.stderr.strip().splitlines()) or f"exit code {done.returncode}"
        if "version mismatch" in said:
            raise ProgramMissing(f"{path} is too old: {said}. {INSTALLATION}")
        raise Unreadable(f"{program} failed, and nothing was changed: {said}")
    return done.stdout
