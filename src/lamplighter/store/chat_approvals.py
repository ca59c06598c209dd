"""Approvals: what chats ask their viewers before they do it, and what was decided."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from ulid import ULID

from lamplighter import clock
from lamplighter.errors import NotFound
from lamplighter.store.database import reading
from lamplighter.store.tables import approvals, chats

ApprovalState = Literal["pending", "approved", "denied", "completed", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One tool call that waits for a person, or did.

    Attributes:
        id: A ULID that derives from run and call.
        run_id: The turn that asks.
        call: The model's id of the tool call.
        tool: As agent files name it; of ``executeMcpTool``, the tool that it is to call.
        name: As the model called it.
        asked: Who alone can decide.
        state: ``pending``, ``approved`` (and not carried out yet), ``denied``, ``completed`` (it
            was carried out) or ``expired`` (nobody has made use of it in time).
        whole_chat: Whether later calls of the tool in this chat are approved, too.
        reason: Why it was denied.
        used_by: The turn that acts on the decision.
    """

    id: str
    chat: str
    run_id: str
    call: str
    tool: str
    name: str
    arguments: dict[str, Any]
    asked: str
    state: ApprovalState = "pending"
    whole_chat: bool = False
    reason: str = ""
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    used_by: str | None = None

    def as_of(self, now: datetime) -> "Approval":
        """What it is at ``now``: an old one that no turn acts on has expired."""
        waits = self.state in ("pending", "approved") and self.used_by is None
        return replace(self, state="expired") if waits and self.expires_at <= now else self


def approval_id(run_id: str, call: str) -> str:
    """The id of the one approval of a tool call: as old as its run, and always the same."""
    digest = hashlib.sha256(f"{run_id} {call}".encode()).digest()
    return str(ULID(ULID.from_str(run_id).bytes[:6] + digest[:10]))


def add_approvals(connection: sa.Connection, new: Sequence[Approval]) -> None:
    """Write new approvals."""
    if new:
        connection.execute(approvals.insert(), [asdict(each) for each in new])


def find_approval(connection: sa.Connection, approval_id: str, asked: str) -> Approval:
    """The approval of exactly this id.

    Raises:
        NotFound: There is none that this person was asked for.
    """
    row = connection.execute(_visible(asked).where(approvals.c.id == approval_id)).first()
    if row is None:
        raise NotFound(f"no approval {approval_id!r}")
    return Approval(**row._mapping).as_of(clock.now())


def list_approvals(
    engine: sa.Engine,
    asked: str,
    *,
    chat: str | None = None,
    state: ApprovalState | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Approval]:
    """What somebody was asked, newest first."""
    now = clock.now()
    query = _visible(asked).order_by(approvals.c.id.desc()).limit(limit)
    if chat:
        query = query.where(approvals.c.chat == chat)
    if before:
        query = query.where(approvals.c.id < before)
    if state:
        query = query.where(_is_in(state, now))
    with reading(engine) as connection:
        return [Approval(**row._mapping).as_of(now) for row in connection.execute(query)]


def count_pending(engine: sa.Engine, asked: str) -> int:
    """How many approvals wait for somebody."""
    waits = approvals.c.state == sa.literal_column("'pending'")  # as its index says it
    query = _visible(asked).where(waits, _is_in("pending", clock.now()))
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def asked_by(connection: sa.Connection, run_id: str) -> list[Approval]:
    """What a turn asks for, in order."""
    query = sa.select(approvals).where(approvals.c.run_id == run_id).order_by(approvals.c.id)
    now = clock.now()
    return [Approval(**row._mapping).as_of(now) for row in connection.execute(query)]


def used_by(connection: sa.Connection, run_id: str) -> list[Approval]:
    """The decisions that a turn acts on."""
    query = sa.select(approvals).where(approvals.c.used_by == run_id).order_by(approvals.c.id)
    return [Approval(**row._mapping) for row in connection.execute(query)]


def change_approvals(connection: sa.Connection, ids: Collection[str], **values: Any) -> None:
    """Write what has become of approvals."""
    connection.execute(approvals.update().where(approvals.c.id.in_(ids)).values(values))


def list_grants(connection: sa.Connection, chat_id: str, until: datetime) -> frozenset[str]:
    """The tools that were approved for a whole chat, up to a moment."""
    given = approvals.c.whole_chat & (approvals.c.decided_at <= until)
    query = sa.select(approvals.c.tool).where(approvals.c.chat == chat_id, given)
    return frozenset(connection.scalars(query))


def _visible(asked: str) -> sa.Select[Any]:
    there = sa.exists().where(chats.c.id == approvals.c.chat, chats.c.deleted_at.is_(None))
    return sa.select(approvals).where(approvals.c.asked == asked, there)


def _is_in(state: ApprovalState, now: datetime) -> sa.ColumnElement[bool]:
    """``as_of`` in SQL."""
    waits = approvals.c.state.in_(("pending", "approved")) & approvals.c.used_by.is_(None)
    old = waits & (approvals.c.expires_at <= now)
    return old if state == "expired" else (approvals.c.state == state) & ~old
