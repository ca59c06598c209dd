"""What agents have noted for their later runs; for those who may change the agent."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from ulid import ULID

from lamplighter import clock
from lamplighter.store.audit import note as note_action
from lamplighter.store.notes import Note, forget_note, list_notes, list_versions, restore_note
from lamplighter.web.api.agents import changeable, readable
from lamplighter.web.api.asking import ENABLED, Home, Reader, Writer

router = APIRouter(prefix="/agents", tags=["memory"], dependencies=[ENABLED])
Topic = Annotated[str, Query(min_length=1, max_length=200)]


class NoteView(BaseModel):
    """One version of a note.

    Attributes:
        text: Empty: it was forgotten.
        labels: What the run that wrote it had taken in: ``private``, ``untrusted``.
    """

    topic: str
    version: int
    text: str
    labels: list[str]
    at: datetime


class Restoration(BaseModel):
    """Which version a note shall say again."""

    model_config = ConfigDict(extra="forbid")

    topic: Annotated[str, Field(min_length=1, max_length=200)]
    version: Annotated[int, Field(ge=1, le=1_000_000_000)]


@router.get("/{agent}/notes")
def list_agents_notes(agent: str, caller: Reader, home: Home) -> list[NoteView]:
    """List what an agent has noted, the newest first."""
    name = readable(home, caller, agent).name
    return [_view(note) for note in list_notes(home.engine, name)]


@router.get("/{agent}/notes/versions")
def list_note_versions(agent: str, topic: Topic, caller: Reader, home: Home) -> list[NoteView]:
    """List the versions of a note, the newest first."""
    name = readable(home, caller, agent).name
    return [_view(note) for note in list_versions(home.engine, name, topic)]


@router.delete("/{agent}/notes", status_code=204)
def forget_agents_note(agent: str, topic: Topic, caller: Writer, home: Home) -> None:
    """Let an agent forget a note; its versions can be restored."""
    name, now = changeable(home, caller, agent).name, clock.now()
    with home.engine.begin() as connection:
        forget_note(connection, name, topic, origin=f"{caller.user}/{ULID()}", now=now)
        note_action(
            connection, caller.user, "memory.forget", name, now=now, detail={"topic": topic}
        )


@router.post("/{agent}/notes/restore")
def restore_agents_note(agent: str, body: Restoration, caller: Writer, home: Home) -> NoteView:
    """Make a note what it was in an earlier version."""
    name, now = changeable(home, caller, agent).name, clock.now()
    with home.engine.begin() as connection:
        origin = f"{caller.user}/{ULID()}"
        restored = restore_note(connection, name, body.topic, body.version, origin=origin, now=now)
        detail = body.model_dump()
        note_action(connection, caller.user, "memory.restore", name, now=now, detail=detail)
    return _view(restored)


def _view(note: Note) -> NoteView:
    return NoteView(
        topic=note.topic,
        version=note.version,
        text=note.text,
        labels=list(note.labels),
        at=note.at,
    )
