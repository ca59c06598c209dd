"""Checks of a PostgreSQL server, and of who works on its database."""

from datetime import datetime, timedelta

from lamplighter.doctor.finding import Case, Finding
from lamplighter.doctor.service import SERVE, expects_runs
from lamplighter.engine.fleet import PATIENCE
from lamplighter.store.server import OLDEST_MAJOR, ServerHealth
from lamplighter.store.workers import Member, list_members

CROWDED = 0.9
"""Of the connections that the server allows."""


def check_server(case: Case) -> Finding | None:
    """The server is new enough, can be written to, and has connections left."""
    name, server = "postgresql", case.health
    if not isinstance(server, ServerHealth):
        return None
    used = f"{server.connections} of {server.most_connections} connections"
    if server.major < OLDEST_MAJOR:
        message = f"{server.server} is too old; {OLDEST_MAJOR} is the oldest that works"
        return Finding(name, "fail", message, "upgrade the server")
    if server.read_only:
        message = "the database can only be read: it is a standby, or was set so"
        return Finding(name, "fail", message, "let LAMPLIGHTER_DATABASE_URL name the primary")
    if server.connections >= CROWDED * server.most_connections:
        return Finding(name, "warn", f"{used} are open", "raise max_connections on the server")
    return Finding(name, "ok", f"{server.server}, {used}")


def check_pgvector(case: Case) -> Finding | None:
    """The extension for searching by meaning is there."""
    name, server = "pgvector", case.health
    if not isinstance(server, ServerHealth):
        return None
    if server.pgvector is None:
        advice = (
            f"install it on the server; on Debian: apt install postgresql-{server.major}-pgvector"
        )
        return Finding(name, "warn", "the server does not have this extension", advice)
    return Finding(name, "ok", server.pgvector or "the server has it; it is not used yet")


def check_workers(case: Case) -> Finding | None:
    """Somebody works on the database, and was heard of."""
    name, server = "workers", case.health
    if not isinstance(server, ServerHealth) or case.engine is None:
        return None
    members = [each for each in list_members(case.engine) if not each.gone]
    told = ", ".join(_tell(each, server.now) for each in members)
    if not members:
        expected = case.settings.agents_enabled and expects_runs(case)
        message = "nobody works on this database now"
        return Finding(
            name, "warn" if expected else "ok", message, f"{SERVE}, or lamplighter worker"
        )
    if any(server.now - each.beat_at > PATIENCE for each in members):
        advice = "if it was killed, the others go on with its runs; if there are none: " + SERVE
        return Finding(name, "warn", told, advice)
    return Finding(name, "ok", told)


def _tell(member: Member, now: datetime) -> str:
    silent = max(now - member.beat_at, timedelta())
    heard = f"silent for {silent.total_seconds():.0f} s" if silent > PATIENCE else "alive"
    return f"process {member.pid} on {member.host} ({heard})"
