"""What people decide about effects that wait for them. The engine then performs them."""

from datetime import datetime
from typing import TYPE_CHECKING

from lamplighter import clock
from lamplighter.accounts import Caller
from lamplighter.errors import Conflict, Forbidden
from lamplighter.roster import Roster
from lamplighter.store.approvals import Decision, approve_again, decide, expire_held
from lamplighter.store.audit import note
from lamplighter.store.database import lasting
from lamplighter.store.notices import read_notice_of
from lamplighter.store.outbox import Entry, find_effect
from lamplighter.store.runs import get_run
from lamplighter.store.sight import EVERYTHING
from lamplighter.store.waiting import tell_of_expired, tell_of_held

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

AGAIN = ("failed", "uncertain")
"""States of what may be done again."""

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


def resend(home: Roster, entry: Entry, caller: Caller | None) -> Entry:
    """Let an effect be done once more that failed, or of which nobody knows; wake the engine then.

    It is the very same: a receiver who has it already can tell, where the far side has a key for
    that (``Message-ID``, ``Idempotency-Key``). The caller has made sure that they mean it.

    Args:
        home: The workspace.
        entry: As they have seen it.
        caller: Who wants it; ``None``: somebody at the command line.

    Raises:
        Forbidden: The agent is not theirs, or may not do this any more.
        Conflict: It neither failed nor is uncertain, or not any more.
    """
    from lamplighter.engine.revival import check_permission

    _require_right(home, entry, caller)
    if entry.state not in AGAIN:
        raise Conflict(f"{entry.id} is {entry.state}: only what failed or is uncertain is resent")
    check_permission(entry, home)
    now, by = clock.now(), caller.user if caller else ""
    with lasting(home.engine) as connection:
        if not approve_again(connection, entry, by=by, now=now):
            raise Conflict(f"{entry.id} is not {entry.state} any more")
        _note(connection, by, "outbox.resend", entry, now, was=entry.state)
        read_notice_of(connection, f"uncertain:{entry.id}", now)
    return find_effect(home.engine, entry.id, EVERYTHING)


def expire(engine: "Engine", now: datetime) -> int:
    """Refuse what nobody has decided in time, with a notice for each run; gives how many."""
    with engine.begin() as connection:
        expired = expire_held(connection, EXPIRED, now)
        for run_id in {entry.run_id for entry in expired}:
            tell_of_expired(connection, run_id, EXPIRED, now)
            tell_of_held(connection, run_id, now)
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
        tell_of_held(connection, entry.run_id, now)
    return find_effect(home.engine, entry.id, EVERYTHING)


def _note(
    connection: "Connection", by: str, action: str, entry: Entry, now: datetime, **more: str
) -> None:
    detail = {"run": entry.run_id, "kind": entry.kind, "destination": entry.destination, **more}
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
