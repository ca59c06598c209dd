"""Chats: a viewer's conversations with agents, and their turns, each of which is a run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ulid import ULID

from lamplighter.errors import NotFound
from lamplighter.store.database import reading
from lamplighter.store.runs import ACTIVE, owned_runs
from lamplighter.store.tables import chats, runs, turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A conversation with an agent.

    Attributes:
        id: A ULID.
        agent: The agent's name.
        viewer: Whose it is; nobody else sees it.
        parent: The chat that it branched from, if any.
        parent_turn: The number of the first turn that is another one here.
        updated_at: When somebody last said something.
    """

    id: str
    agent: str
    viewer: str
    title: str
    created_at: datetime
    updated_at: datetime
    parent: str | None = None
    parent_turn: int | None = None

    @property
    def key(self) -> str:
        """What a list goes on after; see ``list_chats``."""
        return f"{self.updated_at.isoformat()} {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the viewer says, and what the agent does about it.

    Attributes:
        number: Within the chat, from 1, without gaps.
        run_id: The run that it is; ``None`` if that was pruned. A branch shares its parent's.
        message: What the viewer says; empty if it goes on with what they decided.
        outcome: How it ended; ``None`` while it is under way.
        answer: What the viewer was told last.
        messages: JSON; what it adds to the conversation, as pydantic-ai writes it.
        files: JSON; the run's files at its end, by their paths.
        draft: JSON; what the model is just saying: ``request``, a number, and ``text``.
    """

    chat: str
    number: int
    run_id: str | None
    message: str
    created_at: datetime
    outcome: str | None = None
    answer: str | None = None
    messages: list[Any] | None = None
    files: dict[str, Any] | None = None
    draft: dict[str, Any] | None = None


def new_chat(agent: str, viewer: str, title: str, now: datetime, **parent: Any) -> Chat:
    """A chat that is not written yet."""
    id = str(ULID.from_datetime(now))
    return Chat(
        id=id, agent=agent, viewer=viewer, title=title, created_at=now, updated_at=now, **parent
    )


def add_chat(connection: sa.Connection, chat: Chat) -> None:
    """Write a new chat."""
    connection.execute(chats.insert().values(asdict(chat)))


def find_chat(connection: sa.Connection, chat_id: str, viewer: str) -> Chat:
    """The chat of exactly this id.

    Raises:
        NotFound: The viewer has none.
    """
    query = sa.select(*_COLUMNS).where(chats.c.id == chat_id, _is_visible(viewer))
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"no chat {chat_id!r}")
    return Chat(**row._mapping)


def list_chats(
    engine: sa.Engine,
    viewer: str,
    *,
    agent: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[Chat]:
    """The viewer's chats, the last used one first; ``after``: only what comes after this one."""
    order = sa.tuple_(chats.c.updated_at, chats.c.id)
    query = sa.select(*_COLUMNS).where(_is_visible(viewer)).limit(limit)
    query = query.order_by(chats.c.updated_at.desc(), chats.c.id.desc())
    if agent:
        query = query.where(chats.c.agent == agent)
    if after:
        at = sa.literal(after[0], chats.c.updated_at.type)
        query = query.where(order < sa.tuple_(at, sa.literal(after[1])))
    with reading(engine) as connection:
        return [Chat(**row._mapping) for row in connection.execute(query)]


def touch_chat(connection: sa.Connection, chat_id: str, now: datetime, title: str = "") -> None:
    """Note that something was said, and perhaps what the chat is called from now on."""
    values = {"updated_at": now} | ({"title": title} if title else {})
    connection.execute(chats.update().where(chats.c.id == chat_id).values(values))


def hide_chat(connection: sa.Connection, chat_id: str, now: datetime) -> None:
    """Let nobody see a chat any more."""
    connection.execute(chats.update().where(chats.c.id == chat_id).values(deleted_at=now))


# Turns


def add_turns(connection: sa.Connection, new: Sequence[Turn]) -> None:
    """Write new turns."""
    if new:
        connection.execute(turns.insert(), [asdict(turn) for turn in new])


def list_turns(connection: sa.Connection, chat_id: str, *, after: int = 0) -> list[Turn]:
    """The turns of a chat whose number is above ``after``, in order."""
    query = _turns(chat_id).where(turns.c.number > after).order_by(turns.c.number)
    return [Turn(**row._mapping) for row in connection.execute(query)]


def chat_of(connection: sa.Connection, run_id: str) -> str:
    """The chat of which a run is a turn."""
    chat: str = connection.execute(sa.select(runs.c.chat).where(runs.c.id == run_id)).scalar_one()
    return chat


def find_turn(connection: sa.Connection, chat_id: str, run_id: str) -> Turn:
    """The turn of a chat that is this run."""
    query = _turns(chat_id).where(turns.c.run_id == run_id)
    return Turn(**connection.execute(query).one()._mapping)


def last_turn(connection: sa.Connection, chat_id: str) -> Turn | None:
    """The newest turn of a chat."""
    row = connection.execute(_turns(chat_id).order_by(turns.c.number.desc()).limit(1)).first()
    return Turn(**row._mapping) if row else None


def write_draft(
    engine: sa.Engine, worker: str, run_id: str, draft: Mapping[str, Any] | None
) -> None:
    """Keep what the model is just saying, if ``worker`` carries out the run."""
    with engine.begin() as connection:
        if owned_runs(connection, {run_id}, worker):
            mine = turns.update().where(turns.c.run_id == run_id, turns.c.outcome.is_(None))
            connection.execute(mine.values(draft=dict(draft) if draft else None))


def end_turn(connection: sa.Connection, run_id: str, **values: Any) -> None:
    """Write how a turn ended, in the transaction that ends its run."""
    mine = turns.update().where(turns.c.run_id == run_id, turns.c.outcome.is_(None))
    connection.execute(mine.values(draft=None, **values))


# Pruning


def list_prunable_chats(engine: sa.Engine, since: datetime | None, limit: int) -> list[str]:
    """Ids of chats that were deleted, or are older than is kept; of none that is under way."""
    deleted = chats.c.deleted_at.is_not(None)
    wanted = deleted if since is None else deleted | (chats.c.updated_at < since)
    busy = sa.exists().where(
        turns.c.chat == chats.c.id, runs.c.id == turns.c.run_id, runs.c.status.in_(ACTIVE)
    )
    query = sa.select(chats.c.id).where(wanted, ~busy).order_by(chats.c.updated_at).limit(limit)
    with reading(engine) as connection:
        return list(connection.scalars(query))


def list_runs_of(engine: sa.Engine, chat_ids: Sequence[str]) -> list[str]:
    """Ids of the runs that belong to some chats and have ended."""
    query = sa.select(turns.c.run_id).join(runs, runs.c.id == turns.c.run_id)
    mine = turns.c.chat.in_(chat_ids) & (runs.c.chat == turns.c.chat)
    with reading(engine) as connection:
        return list(connection.scalars(query.where(mine, runs.c.status.not_in(ACTIVE))))


def delete_chats(connection: sa.Connection, chat_ids: Sequence[str]) -> None:
    """Delete chats with their turns and approvals."""
    connection.execute(chats.delete().where(chats.c.id.in_(chat_ids)))


_COLUMNS = [chats.c[name] for name in Chat.__slots__]


def _turns(chat_id: str) -> sa.Select[Any]:
    """The turns of a chat; one whose run was cancelled before it began has ended like that."""
    others = [turns.c[name] for name in Turn.__slots__ if name != "outcome"]
    outcome = sa.func.coalesce(turns.c.outcome, runs.c.outcome).label("outcome")
    query = sa.select(*others, outcome).outerjoin(runs, runs.c.id == turns.c.run_id)
    return query.where(turns.c.chat == chat_id)


def _is_visible(viewer: str) -> sa.ColumnElement[bool]:
    return (chats.c.viewer == viewer) & chats.c.deleted_at.is_(None)
