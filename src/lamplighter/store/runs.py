"""Runs: made, admitted to the queue, started, finished, found."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, get_args

import sqlalchemy as sa
from ulid import ULID

from lamplighter import clock
from lamplighter.errors import AgentAlreadyActive, InvalidInput, NotFound
from lamplighter.store.changes import newest_change
from lamplighter.store.database import decide_alone, reading
from lamplighter.store.shortened import find_row
from lamplighter.store.sight import EVERYTHING, Sight
from lamplighter.store.tables import runs

Status = Literal["pending", "running", "completed", "failed", "cancelled"]
Trigger = Literal["manual", "scheduled", "imported", "chat"]
ACTIVE: tuple[Status, ...] = ("pending", "running")
SUCCESSES = (
    *("reported", "nothing_to_report"),
    *("answered", "awaiting_approval", "awaiting_answer"),  # of chats
)


def _is_active(of: sa.FromClause = runs) -> sa.ColumnElement[bool]:
    """Whether a run has not ended, as the partial indexes say it: with literals."""
    return of.c.status.in_([sa.literal_column(f"'{status}'") for status in ACTIVE])


def _is_waiting(of: sa.FromClause = runs) -> sa.ColumnElement[bool]:
    """Whether a run is yet to be admitted."""
    return (of.c.status == sa.literal_column("'pending'")) & of.c.admitted_at.is_(None)


def _is_under_way(of: sa.FromClause = runs) -> sa.ColumnElement[bool]:
    """Whether a run was admitted and has not ended."""
    return _is_active(of) & of.c.admitted_at.is_not(None)


def _is_background(of: sa.FromClause = runs) -> sa.ColumnElement[bool]:
    """Whether a run is no turn of a chat; those neither hold up others nor count as history."""
    return of.c.chat.is_(None)


_is_mine = runs.c.worker == sa.bindparam("by")
_is_any_of_runs = runs.c.id.in_(sa.bindparam("runs", expanding=True))

# What is asked again and again is made once.
_UPDATE = runs.update().where(runs.c.id == sa.bindparam("run"))
_START = (
    _UPDATE.where(runs.c.status.in_(ACTIVE))
    .values(
        status="running",
        worker=sa.bindparam("by"),
        started_at=sa.func.coalesce(
            runs.c.started_at, sa.bindparam("now", type_=runs.c.started_at.type)
        ),
        watermark=sa.func.coalesce(runs.c.watermark, newest_change()),
    )
    .returning(*runs.c)
)
_FINISH = _UPDATE.where(_is_mine, runs.c.status.in_(ACTIVE))
_ADMIT = runs.update().where(_is_any_of_runs)
# In one order, so that two transactions never wait for each other.
_OWNED = sa.select(runs.c.id).where(_is_any_of_runs, _is_mine).order_by(runs.c.id)
_OWNED = _OWNED.with_for_update(read=True)
_COUNT_UNDER_WAY = (
    sa.select(sa.func.count()).select_from(runs).where(_is_under_way(), _is_background())
)
_WAITING_TURNS = (
    sa.select(runs.c.id, runs.c.viewer).where(_is_waiting(), ~_is_background()).order_by(runs.c.id)
)
_CANCELLED = sa.select(runs.c.id).where(_is_under_way(), runs.c.cancel_requested_at.is_not(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of an agent.

    Attributes:
        id: A ULID; of a scheduled run it derives from the schedule and the due time.
        version: The agent's version that runs.
        model: The model that answers, once it is known.
        label: ``scripted`` or ``small local model``; empty for ordinary models.
        worker: The process that carries it out; only it may write to the run.
        due_at: When its schedule said; ``None`` for a manual run.
        admitted_at: When it was handed to the queue.
        chat: The chat of which it is a turn; ``None``: it is a background run.
        viewer: Whose chat that is. The run has their permissions, and nobody else sees it.
        dry_run: Whether its effects are only recorded, whatever its agent's file says.
        cost_microusd: ``None``: nobody knows. While it is under way the counters say what it may
            have used with the request that it is making, if any limit of a day needs them.
        stopped_by: The limit that stopped it, as ``allowance.Bound.code``.
        watermark: The newest change of the index that was there when it began; what came later is
            new to the agent's next run.
    """

    id: str
    agent: str
    version: str
    trigger: Trigger
    message: str
    status: Status
    created_at: datetime
    outcome: str | None = None
    summary: str | None = None
    error: str | None = None
    model_override: str | None = None
    model: str | None = None
    label: str | None = None
    worker: str | None = None
    due_at: datetime | None = None
    admitted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    dry_run: bool = False
    requests: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int | None = None
    stopped_by: str | None = None
    watermark: int | None = None
    chat: str | None = None
    viewer: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in ACTIVE

    @property
    def duration_seconds(self) -> float | None:
        """From start to end, or to now; ``None`` if it has not started."""
        if self.started_at is None:
            return None
        return ((self.finished_at or clock.now()) - self.started_at).total_seconds()


def new_run_id() -> str:
    """An id for a manual run; ids sort by time."""
    return str(ULID.from_datetime(clock.now()))


def first_id(since: datetime) -> str:
    """What the ids of runs are not less than that are due, or were asked for, from then on."""
    return str(ULID.from_datetime(since))[:10]


def create_run(connection: sa.Connection, run: Run) -> None:
    """Write a new, pending run.

    Raises:
        AgentAlreadyActive: The agent has an active run.
    """
    decide_alone(connection)
    if active := find_active(connection, run.agent):
        raise AgentAlreadyActive(run.agent, active.id, active.status)
    add_runs(connection, [run])


def add_runs(connection: sa.Connection, new: Collection[Run]) -> None:
    """Write new, pending runs, even if they have to wait for others of their agents."""
    if new:
        rows = [{name: getattr(run, name) for name in Run.__slots__} for run in new]
        connection.execute(runs.insert(), rows)


def find_active(connection: sa.Connection, agent: str) -> Run | None:
    """The agent's pending or running run, if it has one."""
    query = sa.select(runs).where(runs.c.agent == agent, _is_active(), _is_background())
    row = connection.execute(query.limit(1)).first()
    return _run(row) if row else None


def find_last_report(engine: sa.Engine, agent: str, *, but: str) -> Run | None:
    """The agent's last run that has reported something, other than ``but``."""
    query = sa.select(runs).where(
        runs.c.agent == agent,
        runs.c.outcome == "reported",
        runs.c.id != but,
        _is_background(),
    )
    with reading(engine) as connection:
        row = connection.execute(query.order_by(runs.c.id.desc()).limit(1)).first()
    return _run(row) if row else None


def list_active(connection: sa.Connection, agents: Collection[str]) -> Mapping[str, list[Run]]:
    """The pending and running runs of some agents, of each the oldest first."""
    mine = runs.c.agent.in_(agents) & _is_active() & _is_background()
    query = sa.select(runs).where(mine).order_by(runs.c.id)
    found = defaultdict(list)
    for row in connection.execute(query):
        found[row.agent].append(_run(row))
    return found


def take_admissible(connection: sa.Connection, at_most: int, now: datetime) -> list[Run]:
    """Admit pending runs while fewer than ``at_most`` are under way, manual ones first.

    Of each agent one run at a time is under way.
    """
    free = at_most - (connection.scalar(_COUNT_UNDER_WAY) or 0)
    if free <= 0:
        return []
    return _admit(connection, _first_of_idle_agents(), {"free": free}, now)


def take_admissible_turns(connection: sa.Connection, at_most: int, now: datetime) -> list[Run]:
    """Admit turns of chats while fewer than ``at_most`` of their viewer are under way."""
    found = connection.execute(_WAITING_TURNS).all()
    if not found:
        return []
    counting = sa.select(runs.c.viewer, sa.func.count()).group_by(runs.c.viewer)
    counting = counting.where(_is_under_way(), ~_is_background())
    busy: Counter[str] = Counter(dict(connection.execute(counting).all()))
    chosen = []
    for run_id, viewer in found:
        if busy[viewer] < at_most:
            busy[viewer] += 1
            chosen.append(run_id)
    return _admit(connection, sa.select(runs).where(_is_any_of_runs), {"runs": chosen}, now)


def _admit(
    connection: sa.Connection, query: sa.Select[Any], given: Mapping[str, Any], now: datetime
) -> list[Run]:
    admitted = [_run(row) for row in connection.execute(query, given)]
    if admitted:
        ids = [run.id for run in admitted]
        connection.execute(_ADMIT, {"runs": ids, "admitted_at": now})
    return admitted


@cache
def _first_of_idle_agents() -> sa.Select[Any]:
    """Of each agent without a run under way the one that waits first, in order.

    It is read in the order of an index, so that with a limit a long queue costs no more than a
    short one.
    """
    busy, before = runs.alias(), runs.alias()
    is_busy = sa.exists().where(
        busy.c.agent == runs.c.agent, _is_under_way(busy), _is_background(busy)
    )
    is_later = sa.exists().where(
        before.c.agent == runs.c.agent,
        # Not _is_waiting: here it has to be the index by agent that is used.
        _is_active(before) & before.c.admitted_at.is_(None) & _is_background(before),
        sa.tuple_(before.c.trigger, before.c.id) < sa.tuple_(runs.c.trigger, runs.c.id),
    )
    order = (runs.c.trigger, runs.c.id)  # "manual" sorts before "scheduled"
    first = _is_waiting() & _is_background() & ~is_busy & ~is_later
    return sa.select(runs).where(first).order_by(*order).limit(sa.bindparam("free"))


def start_run(connection: sa.Connection, run_id: str, worker: str, now: datetime) -> Run:
    """Mark a run as running in ``worker``, since ``now`` or since it first started.

    Gives the run, unchanged if it has ended. From now on no other worker can write to it.
    """
    row = connection.execute(_START, {"run": run_id, "by": worker, "now": now}).first()
    return _run(row or connection.execute(sa.select(runs).where(runs.c.id == run_id)).one())


def owned_runs(connection: sa.Connection, run_ids: Collection[str], worker: str) -> set[str]:
    """Which of some runs ``worker`` carries out; they stay its own until the transaction ends."""
    return set(connection.scalars(_OWNED, {"runs": [*run_ids], "by": worker}))


def set_model(connection: sa.Connection, run_id: str, model: str, label: str) -> None:
    """Record what answers."""
    connection.execute(_UPDATE, {"run": run_id, "model": model, "label": label})


def finish_run(connection: sa.Connection, run_id: str, worker: str, **values: Any) -> bool:
    """End an active run of ``worker``; ``False`` if it had ended, or is carried out elsewhere."""
    return connection.execute(_FINISH, {"run": run_id, "by": worker, **values}).rowcount == 1


def request_cancel(connection: sa.Connection, run_id: str, now: datetime) -> None:
    """Ask for a run's end. One that was never admitted ends at once."""
    request_cancels(connection, [run_id], now)


def request_cancels(connection: sa.Connection, run_ids: Collection[str], now: datetime) -> None:
    """Ask for the end of several runs."""
    if not run_ids:
        return
    wanted = runs.c.id.in_(run_ids)
    connection.execute(
        runs.update()
        .where(wanted, _is_waiting())
        .values(
            status="cancelled",
            outcome="cancelled",
            summary="Cancelled before it started.",
            finished_at=now,
        )
    )
    connection.execute(
        runs.update()
        .where(wanted, _is_active(), runs.c.cancel_requested_at.is_(None))
        .values(cancel_requested_at=now)
    )


def cancel_active(connection: sa.Connection, agent: str, now: datetime) -> None:
    """Ask for the end of all active runs of an agent."""
    active = list_active(connection, [agent]).get(agent, ())
    request_cancels(connection, [run.id for run in active], now)


def cancel_runs_of(connection: sa.Connection, user: str, now: datetime) -> None:
    """Ask for the end of all active runs of a user's agents, and of their chats."""
    own = runs.c.agent.startswith(f"{user}/", autoescape=True) | (runs.c.viewer == user)
    theirs = own & runs.c.status.in_(ACTIVE)
    request_cancels(connection, list(connection.scalars(sa.select(runs.c.id).where(theirs))), now)


def find_cancelled(engine: sa.Engine) -> list[str]:
    """Ids of active runs whose end was asked for; one that was not admitted has ended already."""
    with reading(engine) as connection:
        return list(connection.scalars(_CANCELLED))


def count_active(engine: sa.Engine) -> int:
    """How many runs are pending or running."""
    query = sa.select(sa.func.count()).select_from(runs).where(_is_active())
    with reading(engine) as connection:
        return connection.scalar(query) or 0


def get_run(engine: sa.Engine, run_id: str) -> Run:
    """The run called ``run_id``, by its whole id or an unmistakable beginning or end of it.

    Raises:
        NotFound: There is none.
        InvalidInput: Several runs fit.
    """
    with reading(engine) as connection:
        return _run(find_row(connection, runs, run_id, "run", see="run list"))


def find_run(engine: sa.Engine, run_id: str, sight: Sight) -> Run:
    """The run of exactly this id.

    Raises:
        NotFound: There is none, or none that may be seen.
    """
    query = sa.select(runs).where(runs.c.id == run_id, sight.of_runs(runs))
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"no run {run_id!r}")
    return _run(row)


def agents_of(engine: sa.Engine, run_ids: Collection[str]) -> dict[str, str]:
    """The agents of some runs, by the runs' ids."""
    query = sa.select(runs.c.id, runs.c.agent).where(runs.c.id.in_(run_ids))
    with reading(engine) as connection:
        return {row.id: row.agent for row in connection.execute(query)}


def list_runs(  # noqa: PLR0913 - each argument narrows the list
    engine: sa.Engine,
    *,
    agent: str | None = None,
    status: str | None = None,
    trigger: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: str | None = None,
    sight: Sight = EVERYTHING,
    limit: int = 50,
) -> list[Run]:
    """Background runs, newest first, whenever they were due; with ``before`` those after it."""
    place = sa.tuple_(runs.c.created_at, runs.c.id)
    newest_first = (runs.c.created_at.desc(), runs.c.id.desc())
    query = sa.select(runs).where(sight.of_runs(runs), _is_background())
    query = query.order_by(*newest_first).limit(limit)
    if before:
        created_at = sa.select(runs.c.created_at).where(runs.c.id == before).scalar_subquery()
        query = query.where(place < sa.tuple_(created_at, before))
    if agent:
        query = query.where(runs.c.agent == agent)
    if status:
        if status not in get_args(Status):
            raise InvalidInput(f"no status {status!r}", hint=", ".join(get_args(Status)))
        query = query.where(runs.c.status == status)
    if trigger:
        query = query.where(runs.c.trigger == trigger)
    if since:
        query = query.where(runs.c.id >= first_id(since))
    if until:
        query = query.where(runs.c.id < first_id(until))
    with reading(engine) as connection:
        return [_run(row) for row in connection.execute(query)]


def count_by_status(engine: sa.Engine) -> dict[str, int]:
    """How many runs there are of each status."""
    query = sa.select(runs.c.status, sa.func.count()).group_by(runs.c.status)
    with reading(engine) as connection:
        return dict(connection.execute(query).all())


def _run(row: sa.Row[Any]) -> Run:
    return Run(**row._mapping)
