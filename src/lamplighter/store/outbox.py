"""The outbox: what runs meant to do to the world, and what came of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa
from ulid import ULID

from lamplighter import clock
from lamplighter.errors import Conflict, InvalidInput, NotFound
from lamplighter.store.database import lasting, reading
from lamplighter.store.runs import owned_runs
from lamplighter.store.shortened import find_row
from lamplighter.store.sight import EVERYTHING, Sight
from lamplighter.store.tables import outbox, runs

State = Literal["intended", "sent", "failed", "uncertain"]
UNSETTLED: tuple[State, ...] = ("intended", "uncertain")


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
            not), ``uncertain`` (nobody knows, and it will not be repeated).
        receipt: JSON; what the far side gave.
        error: Why it failed, or is uncertain.
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
    receipt: dict[str, Any] | None = None
    error: str | None = None


def new_intent(
    run_id: str, call: str, kind: str, destination: str, payload: Mapping[str, Any]
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
        state="intended",
        created_at=now,
        updated_at=now,
    )


def add_intent(engine: sa.Engine, worker: str, entry: Entry) -> bool:
    """Write an intent so that it lasts; ``False`` if this call has one already.

    Raises:
        Conflict: ``worker`` does not carry out the run, or does so no more.
    """
    try:
        with lasting(engine) as connection:
            if not owned_runs(connection, {entry.run_id}, worker):
                raise Conflict(f"{entry.run_id} is carried out by another process")
            connection.execute(outbox.insert().values(asdict(entry)))
    except sa.exc.IntegrityError:
        return False
    return True


def find_entry(engine: sa.Engine, run_id: str, call: str) -> Entry | None:
    """What a tool call of a run has in the outbox, if anything."""
    query = sa.select(outbox).where(outbox.c.run_id == run_id, outbox.c.call == call)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    return _entry(row) if row else None


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
        connection.execute(
            outbox.update()
            .where(outbox.c.id == entry_id, outbox.c.state.in_(UNSETTLED))
            .values(state=state, receipt=known, error=error, updated_at=clock.now())
        )
        row = connection.execute(sa.select(outbox).where(outbox.c.id == entry_id)).one()
    return _entry(row)


def doubt_intents(engine: sa.Engine, worker: str, run_id: str, why: str) -> list[Entry]:
    """Give up the intents of a run, if ``worker`` carries it out; gives all without a receipt."""
    unsettled = _list_unsettled(engine, run_id)
    if all(entry.state == "uncertain" for entry in unsettled):
        return unsettled
    with lasting(engine) as connection:
        if owned_runs(connection, {run_id}, worker):
            connection.execute(
                outbox.update()
                .where(outbox.c.run_id == run_id, outbox.c.state == "intended")
                .values(state="uncertain", error=why, updated_at=clock.now())
            )
    return _list_unsettled(engine, run_id)


def _list_unsettled(engine: sa.Engine, run_id: str) -> list[Entry]:
    query = sa.select(outbox).where(outbox.c.run_id == run_id, outbox.c.state.in_(UNSETTLED))
    with reading(engine) as connection:
        return [_entry(row) for row in connection.execute(query.order_by(outbox.c.id))]


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
        return [_entry(row) for row in connection.execute(query)]


def find_effect(engine: sa.Engine, entry_id: str, sight: Sight) -> Entry:
    """The effect of exactly this id.

    Raises:
        NotFound: There is none, or none that may be seen.
    """
    with reading(engine) as connection:
        row = connection.execute(_visible(sight).where(outbox.c.id == entry_id)).first()
    if row is None:
        raise NotFound(f"nothing {entry_id!r} in the outbox")
    return _entry(row)


def get_entry(engine: sa.Engine, entry_id: str) -> Entry:
    """The effect called ``entry_id``, by its whole id or an unmistakable beginning or end of it.

    Raises:
        NotFound: There is none.
        InvalidInput: Several fit.
    """
    with reading(engine) as connection:
        return _entry(find_row(connection, outbox, entry_id, "effect", see="outbox list"))


def _visible(sight: Sight) -> sa.Select[Any]:
    if sight is EVERYTHING:
        return sa.select(outbox)
    query = sa.select(outbox).join(runs, runs.c.id == outbox.c.run_id)
    return query.where(sight.of_runs(runs))


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(**row._mapping)
