"""What people decide about effects that wait for them. The engine then performs them."""

from datetime import datetime
from typing import TYPE_CHECKING

from lamplighter import clock
from lamplighter.accounts import Caller
from lamplighter.errors import Conflict, Forbidden
from lamplighter.roster import Roster
from lamplighter.store.approvals import Decision, decide, expire_held
from lamplighter.store.audit import note
from lamplighter.store.database import lasting
from lamplighter.store.notices import add_notice, read_notice_of
from lamplighter.store.outbox import Entry, find_effect
from lamplighter.store.runs import get_run
from lamplighter.store.sight import EVERYTHING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

EXPIRED = "nobody approved it within 24 hours"


def approve(home: Roster, entry: Entry, caller: Caller | None) -> Entry:
    """Let a held effect happen, if its agent may do it as it is now; wake the engine afterwards.

    Args:
        home: The workspace.
        entry: As it was found.
        caller: Who approves; ``None``: somebody at the command line.

    Raises:
        Forbidden: The agent is not theirs, or may not do this any more.
        Conflict: It is not held, or not any more.
    """
    from lamplighter.engine.revival import check_permission

    _require_right(home, entry, caller)
    _require_held(entry)
    check_permission(entry, home)
    return _decide(home, entry, caller, approved=True)


def deny(home: Roster, entry: Entry, caller: Caller | None, reason: str = "") -> Entry:
    """Let a held effect never happen.

    Args:
        home: The workspace.
        entry: As it was found.
        caller: Who denies; ``None``: somebody at the command line.
        reason: Why, for the record.

    Raises:
        Forbidden: The agent is not theirs.
        Conflict: It is not held, or not any more.
    """
    _require_right(home, entry, caller)
    _require_held(entry)
    return _decide(home, entry, caller, approved=False, reason=f"denied: {reason or 'no reason'}")


def expire(engine: "Engine", now: datetime) -> int:
    """Refuse what nobody has decided in time, with a notice for each; gives how many."""
    with engine.begin() as connection:
        expired = expire_held(connection, EXPIRED, now)
        for entry, agent in expired:
            message = (
                f"Nobody approved this of {agent} within 24 hours, so it has not happened: "
                f"{entry.kind} to {entry.destination}. See: lamplighter outbox show {entry.id}"
            )
            key = f"expired:{entry.id}"
            add_notice(connection, "held", key, message, now=now, agent=agent)
            read_notice_of(connection, f"held:{entry.id}", now)
    return len(expired)


def _decide(
    home: Roster, entry: Entry, caller: Caller | None, *, approved: bool, reason: str = ""
) -> Entry:
    now, by = clock.now(), caller.user if caller else ""
    with lasting(home.engine) as connection:
        state: Decision = "approved" if approved else "refused"
        if not decide(connection, entry.id, state, by=by, reason=reason, now=now):
            raise Conflict(f"{entry.id} is not held any more: somebody else has decided")
        action = "outbox.approve" if approved else "outbox.deny"
        _note(connection, by, action, entry, now)
        read_notice_of(connection, f"held:{entry.id}", now)
    return find_effect(home.engine, entry.id, EVERYTHING)


def _note(connection: "Connection", by: str, action: str, entry: Entry, now: datetime) -> None:
    detail = {"run": entry.run_id, "kind": entry.kind, "destination": entry.destination}
    note(connection, by, action, entry.id, now=now, detail=detail)


def _require_right(home: Roster, entry: Entry, caller: Caller | None) -> None:
    agent = get_run(home.engine, entry.run_id).agent
    if caller is not None and not home.may_change(caller, agent):
        raise Forbidden("this effect is for the agent's owner to decide")


def _require_held(entry: Entry) -> None:
    if entry.state != "held":
        raise Conflict(f"{entry.id} is {entry.state}: only what is held can be decided")
    if entry.expires_at is not None and entry.expires_at <= clock.now():
        raise Conflict(f"{entry.id} is too old: {EXPIRED}")
