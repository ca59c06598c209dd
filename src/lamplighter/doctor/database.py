"""Checks of the database and its disk."""

import shutil

from lamplighter.doctor.finding import Case, Finding
from lamplighter.store.database import SCHEMA_VERSION
from lamplighter.store.health import Health

MEGABYTE = 1_000_000
LITTLE_BYTES = 1_000 * MEGABYTE
TOO_LITTLE_BYTES = 100 * MEGABYTE
REACH = (
    "is the server running and reachable from here, and is LAMPLIGHTER_DATABASE_URL right (host, "
    "port, user, password, name of the database)? createdb NAME makes one"
)
RESTORE = "lamplighter db restore FILE, from your last backup"


def check_schema(case: Case) -> Finding:
    """The database is there, and this program understands it."""
    name, health = "database", case.health
    if case.unreadable:
        return Finding(
            name, "fail", case.unreadable, REACH if case.settings.database_url else RESTORE
        )
    if health is None:
        return Finding(name, "ok", "there is none yet; it is made when it is needed")
    if health.version is None:
        return Finding(name, "warn", "it is empty", "lamplighter db upgrade")
    if health.version > SCHEMA_VERSION:
        message = f"schema {health.version} is newer than {SCHEMA_VERSION}, which this program has"
        return Finding(name, "fail", message, "install a newer Lamplighter")
    if health.version < SCHEMA_VERSION:
        message = f"schema {health.version} is older than {SCHEMA_VERSION}"
        return Finding(name, "warn", message, "lamplighter db upgrade")
    return Finding(name, "ok", f"schema {health.version}, {_size(health.size_bytes)}")


def check_integrity(case: Case) -> Finding | None:
    """The file is not damaged."""
    if not isinstance(case.health, Health):
        return None
    if case.health.problem:
        return Finding("integrity", "fail", f"damaged: {case.health.problem}", RESTORE)
    return Finding("integrity", "ok", "SQLite's quick check found nothing")


def check_journal(case: Case) -> Finding | None:
    """Readers and the writer do not wait for each other."""
    if not isinstance(case.health, Health):
        return None
    if case.health.journal_mode != "wal":
        message = f"the journal mode is {case.health.journal_mode}, not wal"
        advice = "keep the workspace on a local disk; network file systems cannot do it"
        return Finding("journal", "warn", message, advice)
    return Finding("journal", "ok", "write-ahead (WAL)")


def check_disk(case: Case) -> Finding:
    """There is room for more."""
    free = shutil.disk_usage(case.settings.workspace).free
    message = f"{_size(free)} free"
    advice = "make room, or keep fewer runs: AGENT_RUN_RETENTION_DAYS"
    if free < TOO_LITTLE_BYTES:
        return Finding("disk", "fail", message, advice)
    return Finding("disk", "warn" if free < LITTLE_BYTES else "ok", message)


def _size(size_bytes: int) -> str:
    megabytes = size_bytes / MEGABYTE
    return f"{megabytes:,.1f} MB" if megabytes < 1000 else f"{megabytes / 1000:,.1f} GB"
