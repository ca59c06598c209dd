"""The outbox: what runs meant to do to the world, and what came of it."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import sqlalchemy as sa
from ulid import ULID

from lamplighter import clock
from lamplighter.access import owner_of
from lamplighter.definitions.effects import PERFORM, Act, Verdict
from lamplighter.errors import Conflict, InvalidInput, NotFound, ToolFailed
from lamplighter.store.audit import note
from lamplighter.store.database import decide_alone, lasting, reading
from lamplighter.store.runs import owned_runs
from lamplighter.store.shortened import find_row
from lamplighter.store.sight import EVERYTHING, Sight
from lamplighter.store.tables import outbox, runs
from lamplighter.store.waiting import tell_of_held

State = Literal["intended", "held", "approved", "sent", "failed", "uncertain", "refused", "staged"]
UNSETTLED: tuple[State, ...] = ("intended", "uncertain")
NEVER: tuple[State, ...] = ("failed", "refused", "staged")
"""What has not happened, and will not."""

HELD_FOR = timedelta(hours=24)
_FIRST: dict[Act, State] = {
    "perform": "intended",
    "hold": "held",
    "stage": "staged",
    "refuse": "refused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One effect of a run: its intent, and later its receipt.

    Attributes:
        id: A ULID.
        call: The tool call that wants it; unique within the run.
        kind: What kind of effect, such as ``file``.
        destination: Where it goes, for people.
        payload: JSON; all that is needed to perform it, contents by their SHA-256.
        state: ``intended`` (not known to have happened), ``sent`` (it has), ``failed`` (it has
            not), ``uncertain`` (nobody knows, and it will not be repeated), ``held`` (a person
            is to decide), ``approved`` (they have, and it is about to happen), ``refused`` (by
            them, or by a policy), ``staged`` (recorded, and no more).
        agent: Whose call it is: the run's agent, or one that was called in it.
        receipt: JSON; what the far side gave.
        error: Why it failed, or is uncertain.
        reason: Why it was held, staged or refused.
        expires_at: When it is refused if nobody has decided.
        decided_by: Who approved or denied it.
        worker: The process that performs it after it was approved.
        again_after: ``uncertain`` or ``failed``: what it was before somebody had it done again.
    """

    id: str
    run_id: str
    call: str
    kind: str
    destination: str
    payload: dict[str, Any]
    state: State
    created_at: datetime
    updated_at: datetime
    agent: str = ""
    receipt: dict[str, Any] | None = None
    error: str | None = None
    reason: str = ""
    expires_at: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    worker: str | None = None
    again_after: State | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How many effects of one kind an agent may have; what certainly never happens is not counted.

    Attributes:
        per_run: In one run.
        per_day: Within 24 hours.
    """

    per_run: int
    per_day: int


def new_intent(  # noqa: PLR0913 - what an effect is
    run_id: str,
    call: str,
    kind: str,
    destination: str,
    payload: Mapping[str, Any],
    *,
    agent: str = "",
    verdict: Verdict = PERFORM,
) -> Entry:
    """An intent that is not written yet."""
    now = clock.now()
    return Entry(
        id=str(ULID.from_datetime(now)),
        run_id=run_id,
        call=call,
        kind=kind,
        destination=destination,
        payload=dict(payload),
        agent=agent,
        state=_FIRST[verdict.act],
        reason=verdict.reason,
        expires_at=now + HELD_FOR if verdict.act == "hold" else None,
        created_at=now,
        updated_at=now,
    )


def add_intent(engine: sa.Engine, worker: str, entry: Entry, quota: Quota | None = None) -> bool:
    """Write an intent so that it lasts; ``False`` if this call has one already.

    Of what a run has held its agent's owner gets a notice.

    Raises:
        Conflict: ``worker`` does not carry out the run, or does so no more.
        ToolFailed: It is more than ``quota``.
    """
    try:
        with lasting(engine) as connection:
            if not owned_runs(connection, {entry.run_id}, worker):
                raise Conflict(f"{entry.run_id} is carried out by another process")
            if quota is not None:
                _check_quota(connection, entry, quota)
            connection.execute(outbox.insert().values(asdict(entry)))
            if entry.state == "held":
                tell_of_held(connection, entry.run_id, entry.created_at, is_news=True)
    except sa.exc.IntegrityError:
        return False
    return True


def _check_quota(connection: sa.Connection, entry: Entry, quota: Quota) -> None:
    decide_alone(connection)  # or several could each be the last one
    if entry.state in NEVER:
        return
    of_kind = (
        sa.select(sa.func.count())
        .select_from(outbox)
        .where(outbox.c.kind == entry.kind, outbox.c.state.not_in(NEVER))
    )
    in_run = connection.scalar(of_kind.where(outbox.c.run_id == entry.run_id)) or 0
    if in_run >= quota.per_run:
        raise ToolFailed(f"this run has had all the {quota.per_run} that it may: {entry.kind}")
    day = entry.created_at - timedelta(days=1)
    in_day = of_kind.where(outbox.c.agent == entry.agent, outbox.c.created_at > day)
    if (connection.scalar(in_day) or 0) >= quota.per_day:
        raise ToolFailed(f"{entry.agent} has had all the {quota.per_day} of a day: {entry.kind}")


def find_entry(engine: sa.Engine, run_id: str, call: str) -> Entry | None:
    """What a tool call of a run has in the outbox, if anything."""
    query = sa.select(outbox).where(outbox.c.run_id == run_id, outbox.c.call == call)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    return entry_of(row) if row else None


def settle(
    engine: sa.Engine,
    entry_id: str,
    state: State,
    *,
    receipt: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> Entry:
    """Write what came of an effect, so that it lasts; what is known already stays.

    A receipt that comes late still ends a doubt.
    """
    known = None if receipt is None else dict(receipt)
    with lasting(engine) as connection:
        changed = connection.execute(
            outbox.update()
            .where(outbox.c.id == entry_id, outbox.c.state.in_(UNSETTLED))
            .values(state=state, receipt=known, error=error, updated_at=clock.now())
        ).rowcount
        row = connection.execute(sa.select(outbox).where(outbox.c.id == entry_id)).one()
        if changed:
            _note(connection, [entry_of(row)])
    return entry_of(row)


def doubt_intents(engine: sa.Engine, worker: str, run_id: str, why: str) -> list[Entry]:
    """Give up the intents of a run, if ``worker`` carries it out; gives all without a receipt."""
    unsettled = _list_unsettled(engine, run_id)
    if all(entry.state == "uncertain" or entry.worker for entry in unsettled):
        return unsettled
    with lasting(engine) as connection:
        if owned_runs(connection, {run_id}, worker):
            doubted = connection.execute(
                outbox.update()
                .where(
                    outbox.c.run_id == run_id,
                    outbox.c.state == "intended",
                    outbox.c.worker.is_(None),  # else it was approved, and somebody is at it
                )
                .values(state="uncertain", error=why, updated_at=clock.now())
                .returning(*outbox.c)
            )
            _note(connection, [entry_of(row) for row in doubted])
    return _list_unsettled(engine, run_id)


def _note(connection: sa.Connection, entries: Collection[Entry]) -> None:
    """Write into the audit log what has become of effects, and in whose name."""
    for entry in entries:
        found = sa.select(runs.c.agent, runs.c.viewer).where(runs.c.id == entry.run_id)
        agent, viewer = connection.execute(found).one()
        detail = {"agent": entry.agent or agent, "run": entry.run_id, "kind": entry.kind}
        note(
            connection,
            viewer or owner_of(agent) or "",
            f"effect.{entry.state}",
            entry.id,
            now=entry.updated_at,
            detail=detail | {"destination": entry.destination},
        )


_UNSETTLED = (
    sa.select(outbox)
    .where(outbox.c.run_id == sa.bindparam("run"), outbox.c.state.in_(UNSETTLED))
    .order_by(outbox.c.id)
)


def _list_unsettled(engine: sa.Engine, run_id: str) -> list[Entry]:
    with reading(engine) as connection:
        return [entry_of(row) for row in connection.execute(_UNSETTLED, {"run": run_id})]


def list_entries(
    engine: sa.Engine,
    *,
    run_id: str | None = None,
    state: str | None = None,
    before: str | None = None,
    sight: Sight = EVERYTHING,
    limit: int = 50,
) -> list[Entry]:
    """What is in the outbox, newest first.

    Raises:
        InvalidInput: There is no such state.
    """
    query = _visible(sight).order_by(outbox.c.id.desc()).limit(limit)
    if before:
        query = query.where(outbox.c.id < before)
    if run_id:
        query = query.where(outbox.c.run_id == run_id)
    if state:
        if state not in get_args(State):
            raise InvalidInput(f"no state {state!r}", hint=", ".join(get_args(State)))
        query = query.where(outbox.c.state == state)
    with reading(engine) as connection:
        return [entry_of(row) for row in connection.execute(query)]


def count_held(engine: sa.Engine, sight: Sight) -> int:
    """How many effects wait for somebody to decide."""
    query = _visible(sight).where(outbox.c.state == "held")
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def find_effect(engine: sa.Engine, entry_id: str, sight: Sight) -> Entry:
    """The effect of exactly this id.

    Raises:
        NotFound: There is none, or none that may be seen.
    """
    with reading(engine) as connection:
        row = connection.execute(_visible(sight).where(outbox.c.id == entry_id)).first()
    if row is None:
        raise NotFound(f"nothing {entry_id!r} in the outbox")
    return entry_of(row)


def get_entry(engine: sa.Engine, entry_id: str) -> Entry:
    """The effect called ``entry_id``, by its whole id or an unmistakable beginning or end of it.

    Raises:
        NotFound: There is none.
        InvalidInput: Several fit.
    """
    with reading(engine) as connection:
        return entry_of(find_row(connection, outbox, entry_id, "effect", see="outbox list"))


def _visible(sight: Sight) -> sa.Select[Any]:
    if sight is EVERYTHING:
        return sa.select(outbox)
    query = sa.select(outbox).join(runs, runs.c.id == outbox.c.run_id)
    return query.where(sight.of_runs(runs))


def entry_of(row: sa.Row[Any]) -> Entry:
    """A row of the table as what it is."""
    return Entry(**row._mapping)
