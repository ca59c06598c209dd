"""What agents note for their later runs: a text a topic, with its earlier versions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lamplighter.errors import InvalidInput, NotFound
from lamplighter.store.database import decide_alone, reading
from lamplighter.store.tables import agent_notes

LONGEST_TOPIC = 100
LONGEST_NOTE = 10_000
MOST_TOPICS = 200
MOST_CHARACTERS = 200_000
"""Of all notes of an agent together."""

KEPT_VERSIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One version of a note.

    Attributes:
        topic: What it is called; an agent has one text of each topic.
        version: Counted from 1.
        text: Empty: it was forgotten.
        labels: What the run that wrote it had taken in: ``private``, ``untrusted``.
        origin: The run and the call that wrote it, or who it was; each writes once.
        is_current: Whether it is the newest of its topic.
    """

    agent: str
    topic: str
    version: int
    text: str
    labels: tuple[str, ...]
    origin: str
    at: datetime
    is_current: bool = True


def check_note(topic: str, text: str) -> None:
    """See whether a note can be kept.

    Raises:
        InvalidInput: It is empty, or too long.
    """
    if not text.strip():
        raise InvalidInput("the note is empty", hint="to take one away, forget its topic")
    if len(text) > LONGEST_NOTE:
        hint = "note what matters, or spread it over several topics"
        raise InvalidInput(f"a note has {LONGEST_NOTE:,} characters at most", hint=hint)
    if len(topic) > LONGEST_TOPIC or "\n" in topic:
        hint = "like: open invoices"
        raise InvalidInput(f"a topic is one line of {LONGEST_TOPIC} characters at most", hint=hint)


def write_note(  # noqa: PLR0913 - what a note is
    connection: sa.Connection,
    agent: str,
    topic: str,
    text: str,
    *,
    labels: Sequence[str],
    origin: str,
    now: datetime,
) -> Note:
    """Make ``text`` what the agent's note on a topic says, unless ``origin`` has done so.

    Args:
        connection: In a transaction.
        agent: Whose note.
        topic: Of what; empty: a topic of its own.
        text: The whole note; empty: it is forgotten.
        labels: What the writer had taken in.
        origin: Who writes it, and by which call.
        now: When.

    Raises:
        InvalidInput: It is too long, or the agent has too many.
    """
    decide_alone(connection)
    if (earlier := _find(connection, agent_notes.c.origin == origin)) is not None:
        return earlier
    current = _current(connection, agent)
    topic = topic.strip() or _free_topic(connection, agent)
    if text:
        check_note(topic, text)
        _check_room([each for each in current if each.topic != topic], text)
    mine = (agent_notes.c.agent == agent) & (agent_notes.c.topic == topic)
    version = (
        connection.scalar(sa.select(sa.func.max(agent_notes.c.version)).where(mine)) or 0
    ) + 1
    connection.execute(agent_notes.update().where(mine).values(is_current=False))
    note = Note(
        agent=agent,
        topic=topic,
        version=version,
        text=text,
        labels=tuple(sorted(labels)),
        origin=origin,
        at=now,
    )
    connection.execute(agent_notes.insert().values({**asdict(note), "labels": list(note.labels)}))
    old = agent_notes.delete().where(mine, agent_notes.c.version <= version - KEPT_VERSIONS)
    connection.execute(old)
    return note


def append_note(  # noqa: PLR0913 - what a note is
    connection: sa.Connection,
    agent: str,
    topic: str,
    line: str,
    *,
    labels: Sequence[str],
    origin: str,
    now: datetime,
) -> Note:
    """Add a line to a note, unless ``origin`` has done so; the oldest lines make room for it.

    Raises:
        InvalidInput: The agent has too many notes.
    """
    decide_alone(connection)
    earlier = next((each for each in _current(connection, agent) if each.topic == topic), None)
    lines = [*(earlier.text.splitlines() if earlier else ()), line[:LONGEST_NOTE]]
    while sum(len(each) + 1 for each in lines) > LONGEST_NOTE + 1:
        lines.pop(0)
    all_labels = {*labels, *(earlier.labels if earlier else ())}
    text = "\n".join(lines)
    return write_note(
        connection, agent, topic, text, labels=sorted(all_labels), origin=origin, now=now
    )


def forget_note(
    connection: sa.Connection, agent: str, topic: str, *, origin: str, now: datetime
) -> None:
    """Let an agent not know a note any more; its earlier versions can be restored.

    Raises:
        NotFound: There is no such note.
    """
    if all(note.topic != topic for note in _current(connection, agent)):
        raise NotFound(f"{agent} has no note {topic!r}; see: lamplighter memory list {agent}")
    write_note(connection, agent, topic, "", labels=(), origin=origin, now=now)


def restore_note(
    connection: sa.Connection, agent: str, topic: str, version: int, *, origin: str, now: datetime
) -> Note:
    """Make a note what it was in an earlier version, with the labels of that.

    Raises:
        NotFound: There is no such version, or it says nothing.
        InvalidInput: There is no room for it.
    """
    wanted = (agent_notes.c.agent == agent) & (agent_notes.c.topic == topic)
    old = _find(connection, wanted & (agent_notes.c.version == version))
    if old is None or not old.text:
        raise NotFound(f"there is no text of {topic!r} in version {version}")
    labels = old.labels
    return write_note(connection, agent, topic, old.text, labels=labels, origin=origin, now=now)


def list_notes(engine: sa.Engine, agent: str) -> list[Note]:
    """What an agent knows, the newest first."""
    with reading(engine) as connection:
        return _current(connection, agent)


def list_versions(engine: sa.Engine, agent: str, topic: str) -> list[Note]:
    """A note's versions that are kept, the newest first.

    Raises:
        NotFound: There never was such a note.
    """
    query = sa.select(agent_notes).where(agent_notes.c.agent == agent, agent_notes.c.topic == topic)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(agent_notes.c.version.desc()))
        found = [_note(row) for row in rows]
    if not found:
        raise NotFound(f"{agent} has no note {topic!r}; see: lamplighter memory list {agent}")
    return found


def _current(connection: sa.Connection, agent: str) -> list[Note]:
    mine = (agent_notes.c.agent == agent) & agent_notes.c.is_current & (agent_notes.c.text != "")
    order = (agent_notes.c.at.desc(), agent_notes.c.topic)
    rows = connection.execute(sa.select(agent_notes).where(mine).order_by(*order))
    return [_note(row) for row in rows]


def _find(connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> Note | None:
    row = connection.execute(sa.select(agent_notes).where(wanted)).first()
    return _note(row) if row else None


def _free_topic(connection: sa.Connection, agent: str) -> str:
    query = sa.select(agent_notes.c.topic).where(agent_notes.c.agent == agent).distinct()
    taken = set(connection.scalars(query))
    number = len(taken) + 1
    while f"note {number}" in taken:
        number += 1
    return f"note {number}"


def _check_room(others: Sequence[Note], text: str) -> None:
    if len(others) >= MOST_TOPICS:
        hint = "write several things under one topic"
        raise InvalidInput(f"there are {MOST_TOPICS} notes already", hint=hint)
    size = sum(len(note.text) for note in others) + len(text)
    if size > MOST_CHARACTERS:
        hint = "shorten what is there, by noting less under the same topics"
        raise InvalidInput(
            f"the notes would have {size:,} characters together; at most {MOST_CHARACTERS:,} are "
            "kept",
            hint=hint,
        )


def _note(row: sa.Row[Any]) -> Note:
    return Note(**{**row._mapping, "labels": tuple(row.labels)})
