"""Copies of the database: taken while it is served, put back when it is not."""

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from lamplighter.errors import Conflict, NotFound, Unreadable
from lamplighter.store.database import FILE, refuse_newer
from lamplighter.store.health import Health, examine_file

PAGES_AT_ONCE = 1024
"""Four megabytes; between two such pieces others may write."""

COMPANIONS = ("", "-wal", "-shm")
"""The database and its journal; under SQLite's names, so that all of them can be moved together."""


def back_up(state_dir: Path, target: Path, *, replace: bool = False) -> Health:
    """Copy the workspace's database to ``target``, consistently, whoever uses it meanwhile.

    Raises:
        NotFound: There is no database yet, or no folder for the copy.
        Conflict: ``target`` is there already, and must not be replaced.
        Unreadable: The database is damaged.
    """
    source = state_dir / FILE
    if not source.exists():
        raise NotFound(f"there is no database in {state_dir} yet")
    claim_target(target, replace=replace)
    part = _copy(source, target)
    health = _check(part)
    part.replace(target)
    return health


def restore(state_dir: Path, backup: Path, now: datetime) -> tuple[Health, Path | None]:
    """Put ``backup`` in the place of the workspace's database, which stays beside it.

    Only while nobody holds the workspace; the caller sees to that.

    Args:
        state_dir: The workspace's state.
        backup: A file that ``back_up`` has made.
        now: Goes into the name under which the former database is kept.

    Returns:
        What the backup is like, and where the former database is, if there was one.

    Raises:
        NotFound: There is no such file.
        Unreadable: It is damaged, or is no database of Lamplighter.
        NewerDatabase: A newer version of the program has made it.
    """
    if not backup.is_file():
        raise NotFound(f"there is no file {backup}")
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    current = state_dir / FILE
    part = _copy(backup, current)
    try:
        health = _check(part)
        if health.version is None:
            raise Unreadable(f"{backup} is no database of Lamplighter")
        refuse_newer(health.version)
    except (Unreadable, Conflict):
        part.unlink()
        raise
    former = _set_aside(current, now)
    part.replace(current)
    return health, former


def claim_target(target: Path, *, replace: bool) -> None:
    """See that a backup may become ``target``.

    Raises:
        Conflict: It is there already, and must not be replaced.
        NotFound: It has no folder.
    """
    if target.exists() and not replace:
        raise Conflict(f"{target} is there already. Choose another name, or add --yes")
    if not target.absolute().parent.is_dir():
        raise NotFound(f"there is no folder {target.absolute().parent}")


def new_part(target: Path) -> Path:
    """An empty private file beside ``target``, which replaces it when it is whole."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return part


def _copy(source: Path, target: Path) -> Path:
    """Copy a database to a private file beside ``target``; gives that file."""
    part = new_part(target)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(part)) as new,
        ):
            old.backup(new, pages=PAGES_AT_ONCE)
            # One plain file: the copy needs no journal until it is used.
            new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        part.unlink()
        raise Unreadable(f"{source} cannot be copied: {error}") from error
    return part


def _check(copy: Path) -> Health:
    health = examine_file(copy)
    if health.problem:
        copy.unlink()
        raise Unreadable(f"the copy would be damaged: {health.problem}")
    return health


def _set_aside(current: Path, now: datetime) -> Path | None:
    if not current.exists():
        return None
    former = current.with_name(f"{current.name}.before-{now:%Y%m%dT%H%M%SZ}")
    for suffix in reversed(COMPANIONS):
        file = current.with_name(f"{current.name}{suffix}")
        if file.exists():
            file.replace(former.with_name(f"{former.name}{suffix}"))
    return former
