"""What has happened: notices, the outbox, the audit log; and how the workspace is set."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from lamplighter import clock
from lamplighter.engine import approvals
from lamplighter.source_file import write_settings
from lamplighter.store.audit import Record, list_records, note
from lamplighter.store.enclosures import Enclosure, list_enclosures, read_enclosure
from lamplighter.store.notices import Notice, list_notices, read_notice
from lamplighter.store.outbox import Entry, State, find_effect, list_entries
from lamplighter.web.api.asking import ENABLED, Admin, Home, Reader, Writer, wake
from lamplighter.web.api.downloads import download
from lamplighter.web.api.pages import Page, Paging
from lamplighter.workspace import load_settings

router = APIRouter(tags=["records"])
effects = APIRouter(tags=["outbox"], dependencies=[ENABLED])
Id = Annotated[str, Field(max_length=100)]


class Denial(BaseModel):
    """Why an effect shall not happen."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=1000)] = ""


class Repetition(BaseModel):
    """That somebody means it: the other side may have it already."""

    model_config = ConfigDict(extra="forbid")

    confirm: Literal[True]


class SettingsView(BaseModel):
    """How the workspace is set; nothing secret."""

    mode: str
    agents_enabled: bool
    timezone: str
    model: str | None
    max_concurrent_runs: int
    max_iterations: int
    run_timeout_seconds: float
    run_retention_days: float


class SettingsChange(BaseModel):
    """Settings that may be changed from afar: nothing that reaches files, programs or keys.

    A setting that is not given stays as it is; one that is null is taken out.
    """

    model_config = ConfigDict(extra="forbid")

    timezone: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    max_concurrent_runs: Annotated[int, Field(ge=1, le=1000)] | None = None
    max_iterations: Annotated[int, Field(ge=1, le=10_000)] | None = None
    run_timeout: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    run_retention_days: Annotated[float, Field(ge=0, le=100_000)] | None = None
    run_retention_count: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    pause_after_failures: Annotated[int, Field(ge=0, le=10_000)] | None = None


class SettingsChanged(BaseModel):
    """What was written; it counts from the next start on."""

    written: list[str]


@router.get("/notices")
def list_own_notices(
    caller: Reader,
    home: Home,
    paging: Paging,
    unread: Annotated[bool, Query(description="Only those that nobody has read.")] = True,
) -> Page[Notice]:
    """List what you should know about your agents, newest first."""
    found = list_notices(
        home.engine,
        unread=unread,
        before=paging.after,
        sight=home.sight(caller),
        limit=paging.limit + 1,
    )
    return paging.page(found, lambda notice: notice.id)


@router.post("/notices/{notice}/read")
def mark_notice(notice: Id, caller: Writer, home: Home) -> Notice:
    """Mark a notice as read."""
    with home.engine.begin() as connection:
        return read_notice(connection, notice, clock.now(), sight=home.sight(caller))


@effects.get("/outbox")
def list_outbox(
    caller: Reader, home: Home, paging: Paging, state: State | None = None
) -> Page[Entry]:
    """List what runs did to the world outside, newest first."""
    found = list_entries(
        home.engine,
        state=state,
        before=paging.after,
        sight=home.sight(caller),
        limit=paging.limit + 1,
    )
    return paging.page(found, lambda entry: entry.id)


@effects.get("/outbox/{effect}")
def show_effect(effect: Id, caller: Reader, home: Home) -> Entry:
    """Show one effect."""
    return find_effect(home.engine, effect, home.sight(caller))


@effects.get("/outbox/{effect}/files")
def list_effect_files(effect: Id, caller: Reader, home: Home) -> list[Enclosure]:
    """Show the files that an effect brings, writes or has attached, as they are meant."""
    return list_enclosures(home.engine, find_effect(home.engine, effect, home.sight(caller)))


@effects.get("/outbox/{effect}/files/{sha256}", response_class=Response)
def download_effect_file(effect: Id, sha256: Id, caller: Reader, home: Home) -> Response:
    """Download one of these files, by the hash of its content."""
    found = find_effect(home.engine, effect, home.sight(caller))
    path, content = read_enclosure(home.engine, found, sha256)
    return download(path.rpartition("/")[2], content)


@effects.post("/outbox/{effect}/approve")
def approve_effect(effect: Id, caller: Writer, home: Home) -> Entry:
    """Let a held effect happen; what became of it is told by showing it again."""
    found = find_effect(home.engine, effect, home.sight(caller))
    approved = approvals.approve(home, found, caller)
    wake(home)
    return approved


@effects.post("/outbox/{effect}/deny")
def deny_effect(effect: Id, caller: Writer, home: Home, body: Denial | None = None) -> Entry:
    """Let a held effect never happen."""
    found = find_effect(home.engine, effect, home.sight(caller))
    return approvals.deny(home, found, caller, body.reason if body else "")


@effects.post("/outbox/{effect}/resend")
def resend_effect(effect: Id, caller: Writer, home: Home, body: Repetition) -> Entry:
    """Let an effect that failed or is uncertain be done once more, the very same."""
    found = find_effect(home.engine, effect, home.sight(caller))
    resent = approvals.resend(home, found, caller)
    wake(home)
    return resent


@router.get("/audit")
def list_audit(_caller: Admin, home: Home, paging: Paging) -> Page[Record]:
    """List who did what, newest first."""
    found = list_records(home.engine, before=paging.after, limit=paging.limit + 1)
    return paging.page(found, lambda record: record.id)


@router.patch("/settings")
def change_settings(body: SettingsChange, caller: Admin, home: Home) -> SettingsChanged:
    """Write settings into `lamplighter.toml`; they count when the workspace is served again.

    What the environment or `.env` says goes before it.
    """
    values = body.model_dump(exclude_unset=True)
    folder = home.settings.workspace
    given = {name: value for name, value in values.items() if value is not None}
    load_settings(folder, **given)  # or it is told what is wrong with them
    write_settings(folder, values)
    with home.engine.begin() as connection:
        note(connection, caller.user, "settings.update", now=clock.now(), detail=values)
    return SettingsChanged(written=sorted(values))


@router.get("/settings")
def show_settings(_caller: Reader, home: Home) -> SettingsView:
    """Show how the workspace is set."""
    settings = home.settings
    named = {name: getattr(settings, name) for name in SettingsView.model_fields if name != "mode"}
    return SettingsView(mode="team" if settings.team else "personal", **named)
