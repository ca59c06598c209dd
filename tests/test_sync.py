import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lamplighter import sources
from lamplighter.access import EVERYBODY, OWNER, Scope
from lamplighter.config import Settings
from lamplighter.errors import NotFound, Unreadable
from lamplighter.search.index import list_documents, read_document, search_documents
from lamplighter.sources.connector import Document, Finding, Item
from lamplighter.store.database import open_database
from lamplighter.store.documents import (
    Changes,
    NewDocument,
    apply_changes,
    list_sources,
    skipped,
)
from lamplighter.store.people import NewPerson
from lamplighter.sync import Progress, SyncReport, sync_all, sync_source

LONG_AGO_NS = 1_760_000_000 * 10**9
SCOPE = Scope.of([OWNER], ["notes", "mail"])

KILLED_IN_MID_SYNC = """
import os, signal, sys
from pathlib import Path
from lamplighter.config import Settings
from lamplighter.store.database import open_database
from lamplighter.sync import sync_source

def die(progress):
    if progress.done == 250:
        os.kill(os.getpid(), signal.SIGKILL)

workspace = Path(sys.argv[1])
settings = Settings(workspace=workspace, timezone="UTC", sources={"notes": {"path": "notes"}})
sync_source(open_database(workspace / ".lamplighter"), settings, "notes", progress=die)
"""


def write(workspace: Path, path: str, text: str | bytes, at_ns: int = LONG_AGO_NS) -> Path:
    """A file that was not changed just now."""
    file = workspace / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(file, ns=(at_ns, at_ns))
    return file


def settings(workspace: Path, **config: object) -> Settings:
    sources = {"notes": {"path": "notes", **config}}
    return Settings.model_validate({"workspace": workspace, "sources": sources})


def sync(engine: sa.Engine, workspace: Path, **config: object) -> SyncReport:
    return sync_source(engine, settings(workspace, **config), "notes")


def counts(report: SyncReport) -> tuple[int, int, int, int]:
    return (report.added, report.updated, report.deleted, report.unchanged)


def texts(engine: sa.Engine) -> dict[str, str]:
    return {
        info.id: "\n".join(read_document(engine, SCOPE, info.id).lines)
        for info in list_documents(engine, SCOPE, limit=1_000)
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    return tmp_path


@pytest.fixture
def engine(workspace: Path) -> Iterator[sa.Engine]:
    made = open_database(workspace / ".lamplighter")
    yield made
    made.dispose()


def test_only_what_changed_is_read(engine: sa.Engine, workspace: Path) -> None:
    write(workspace, "notes/a.md", "first")
    gone = write(workspace, "notes/b.md", "second")
    write(workspace, "notes/c.md", "third")
    assert counts(sync(engine, workspace)) == (3, 0, 0, 0)
    assert counts(sync(engine, workspace)) == (0, 0, 0, 3)

    write(workspace, "notes/a.md", "changed", LONG_AGO_NS + 1)
    write(workspace, "notes/d.md", "new")
    gone.unlink()
    assert counts(sync(engine, workspace)) == (1, 1, 1, 1)
    assert texts(engine) == {
        "notes:a.md": "changed",
        "notes:c.md": "third",
        "notes:d.md": "new",
    }


def test_what_is_gone_is_not_found_any_more(engine: sa.Engine, workspace: Path) -> None:
    file = write(workspace, "notes/a.md", "needle")
    sync(engine, workspace)
    assert len(search_documents(engine, SCOPE, "needle").hits) == 1
    file.unlink()
    sync(engine, workspace)
    assert search_documents(engine, SCOPE, "needle").hits == ()


def test_a_touched_file_is_no_news(engine: sa.Engine, workspace: Path) -> None:
    write(workspace, "notes/a.md", "same")
    sync(engine, workspace)
    (before,) = list_documents(engine, SCOPE)
    write(workspace, "notes/a.md", "same", LONG_AGO_NS + 10**12)
    assert counts(sync(engine, workspace)) == (0, 0, 0, 1)
    assert list_documents(engine, SCOPE) == [before]


def test_a_change_without_a_new_time_shortly_after_a_sync_is_seen(
    engine: sa.Engine, workspace: Path
) -> None:
    file = workspace / "notes" / "a.md"
    file.write_text("one")
    now_ns = file.stat().st_mtime_ns
    sync(engine, workspace)
    write(workspace, "notes/a.md", "two", now_ns)
    assert counts(sync(engine, workspace)) == (0, 1, 0, 0)
    assert texts(engine) == {"notes:a.md": "two"}


def test_a_document_has_its_own_date_or_that_of_its_file(
    engine: sa.Engine, workspace: Path
) -> None:
    write(workspace, "notes/dated.md", "---\ndate: 2026-10-05\n---\ntext")
    write(workspace, "notes/plain.md", "text")
    sync(engine, workspace)
    assert {info.path: info.dated_at for info in list_documents(engine, SCOPE)} == {
        "dated.md": datetime(2026, 10, 5, tzinfo=UTC),
        "plain.md": datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC),
    }


def test_documents_belong_to_the_owner_of_the_workspace(engine: sa.Engine, workspace: Path) -> None:
    write(workspace, "notes/a.md", "text")
    sync(engine, workspace)
    assert len(list_documents(engine, Scope.of([OWNER], ["notes"]))) == 1
    assert list_documents(engine, Scope.of(["user:ann"], ["notes"])) == []


def test_one_unreadable_document_stops_no_other_and_is_recorded(
    engine: sa.Engine, workspace: Path
) -> None:
    write(workspace, "notes/a.md", "text")
    write(workspace, "notes/broken.pdf", b"%PDF-1.7 but not really")
    write(workspace, "notes/picture.png", b"\x89PNG\0")
    with (workspace / "notes" / "huge.txt").open("wb") as file:
        file.truncate(50_000_000)
    report = sync(engine, workspace)
    assert report.added == 1
    reasons = {item.path: item.reason for item in report.skipped}
    assert set(reasons) == {"broken.pdf", "picture.png", "huge.txt"}
    assert "damaged" in reasons["broken.pdf"]
    assert "50,000,000 bytes" in reasons["huge.txt"]
    assert sync(engine, workspace).skipped == report.skipped


ODD = "odd \0 and \ud800"


def tell_odd(_: object) -> Iterator[Finding]:
    """A connector whose far side says what no text should."""
    names = ("title", "text", "author", "author_address", "url", "context")
    told: dict[str, Any] = dict.fromkeys(names, ODD)
    yield Item(path=ODD, read=lambda: [Document(path=ODD, **told)])
    yield Item(path=f"{ODD}!", problem=ODD)
    yield NewPerson(key=ODD, name=ODD, access=EVERYBODY)


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_what_no_database_can_hold_costs_no_document(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    place: str,
) -> None:
    monkeypatch.setitem(sources.BUILT_IN, "odd", f"{__name__}:tell_odd")
    at = tmp_path if place == "sqlite" else request.getfixturevalue("postgresql")
    engine = open_database(at)
    assert counts(sync(engine, tmp_path, type="odd", path=None)) == (1, 0, 0, 0)
    report = sync(engine, tmp_path, type="odd", path=None)
    assert counts(report) == (0, 0, 0, 1)
    assert texts(engine) == {"notes:odd   and ?": "odd   and ?"}
    [left_out] = report.skipped
    assert (left_out.path, left_out.reason) == ("odd   and ?!", "odd   and ?")
    engine.dispose()


def test_an_unreadable_document_is_not_tried_again_until_it_changes(
    engine: sa.Engine, workspace: Path
) -> None:
    write(workspace, "notes/a.md", b"binary\0")
    sync(engine, workspace)
    # Other content behind the same size and time: whoever tried again would find it readable.
    write(workspace, "notes/a.md", b"binary!")
    assert len(sync(engine, workspace).skipped) == 1
    write(workspace, "notes/a.md", b"binary!", LONG_AGO_NS + 1)
    report = sync(engine, workspace)
    assert (counts(report), report.skipped) == ((1, 0, 0, 0), ())


def test_a_document_that_became_unreadable_leaves_the_index(
    engine: sa.Engine, workspace: Path
) -> None:
    file = write(workspace, "notes/a.md", "text")
    sync(engine, workspace)
    write(workspace, "notes/a.md", b"\0", LONG_AGO_NS + 1)
    report = sync(engine, workspace)
    assert (report.deleted, len(report.skipped)) == (1, 1)
    assert texts(engine) == {}
    file.unlink()
    assert sync(engine, workspace).skipped == ()


def test_changed_settings_take_effect(engine: sa.Engine, workspace: Path) -> None:
    write(workspace, "notes/a.md", "rather long")
    write(workspace, "notes/b.txt", "short")
    assert len(sync(engine, workspace, max_file_size_bytes=8).skipped) == 1
    assert counts(sync(engine, workspace)) == (1, 0, 0, 1)
    assert counts(sync(engine, workspace, exclude=["*.txt"])) == (0, 0, 1, 1)
    assert set(texts(engine)) == {"notes:a.md"}


def test_a_vanished_folder_is_an_error_and_deletes_nothing(
    engine: sa.Engine, workspace: Path
) -> None:
    write(workspace, "notes/a.md", "text")
    sync(engine, workspace)
    (workspace / "notes").rename(workspace / "elsewhere")
    with pytest.raises(Unreadable, match=r"no folder .*notes; create it, or correct path"):
        sync(engine, workspace)
    assert set(texts(engine)) == {"notes:a.md"}
    state = list_sources(engine)["notes"]
    assert "no folder" in (state.error or "")
    assert state.synced_at is not None

    (workspace / "elsewhere").rename(workspace / "notes")
    assert counts(sync(engine, workspace)) == (0, 0, 0, 1)
    assert list_sources(engine)["notes"].error is None


def test_what_lies_in_a_folder_that_cannot_be_opened_is_kept(
    engine: sa.Engine, workspace: Path
) -> None:
    # A path beyond what the system opens: closed even to root, as a closed folder is not.
    folder = "/".join(["d" * 200] * 25)
    top = os.open(workspace / "notes", os.O_RDONLY)
    for name in folder.split("/"):
        os.mkdir(name, dir_fd=top)
        inner = os.open(name, os.O_RDONLY, dir_fd=top)
        os.close(top)
        top = inner
    os.close(top)
    earlier = NewDocument(
        path=f"{folder}/a.md",
        title="A",
        media_type="text/markdown",
        text="earlier",
        dated_at=datetime(2026, 10, 5, tzinfo=UTC),
        size_bytes=7,
        fingerprint="x",
    )
    with engine.begin() as connection:
        changes = Changes(saved={earlier.path: earlier})
        apply_changes(connection, "notes", changes, now=earlier.dated_at)
    report = sync(engine, workspace)
    assert (report.deleted, len(report.skipped)) == (0, 1)
    assert "cannot be opened" in report.skipped[0].reason
    assert list(texts(engine).values()) == ["earlier"]


def test_what_cannot_be_opened_just_now_is_kept_and_tried_again(
    engine: sa.Engine, workspace: Path
) -> None:
    write(workspace, "notes/a.md", "first")
    file = write(workspace, "notes/b.md", "second")
    sync(engine, workspace)
    write(workspace, "notes/b.md", "newer", LONG_AGO_NS + 1)
    aside = workspace / "aside.md"

    def swap(step: Progress) -> None:
        if step.done == 1:
            file.rename(aside)
            file.symlink_to(aside)

    report = sync_source(engine, settings(workspace), "notes", progress=swap)
    assert [item.reason for item in report.skipped] == [
        "cannot be opened: Too many levels of symbolic links"
    ]
    assert texts(engine)["notes:b.md"] == "second"

    aside.replace(file)
    write(workspace, "notes/b.md", "second")
    report = sync(engine, workspace)
    assert (counts(report), report.skipped) == ((0, 0, 0, 2), ())


def test_progress_counts_every_file(engine: sa.Engine, workspace: Path) -> None:
    write(workspace, "notes/a.md", "text")
    write(workspace, "notes/b.bin", b"\0")
    steps: list[Progress] = []
    sync_source(engine, settings(workspace), "notes", progress=steps.append)
    assert steps == [Progress("notes", 1, 2), Progress("notes", 2, 2)]


def test_killed_in_the_middle_and_run_again_it_ends_right(
    engine: sa.Engine, workspace: Path
) -> None:
    expected = {}
    for number in range(300):
        write(workspace, f"notes/{number:03}.md", f"text {number}")
        expected[f"notes:{number:03}.md"] = f"text {number}"
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_MID_SYNC, workspace], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert 0 < len(texts(engine)) < 300

    report = sync(engine, workspace)
    assert report.added + report.unchanged == 300
    assert report.unchanged >= 100  # what was written before the kill is not read again
    assert texts(engine) == expected


# All sources


def all_settings(workspace: Path, **paths: str) -> Settings:
    sources = {name: {"path": path} for name, path in paths.items()}
    return Settings.model_validate({"workspace": workspace, "sources": sources})


def test_one_source_that_fails_stops_no_other(engine: sa.Engine, workspace: Path) -> None:
    write(workspace, "notes/a.md", "text")
    results = sync_all(engine, all_settings(workspace, gone="nowhere", notes="notes"))
    assert isinstance(results["gone"], Unreadable)
    assert isinstance(results["notes"], SyncReport)
    assert set(texts(engine)) == {"notes:a.md"}


def test_sources_that_are_no_longer_configured_leave_the_index(
    engine: sa.Engine, workspace: Path
) -> None:
    write(workspace, "notes/a.md", "text")
    write(workspace, "mail/b.md", "text")
    write(workspace, "mail/c.bin", b"\0")
    sync_all(engine, all_settings(workspace, notes="notes", mail="mail"))
    assert set(texts(engine)) == {"notes:a.md", "mail:b.md"}
    sync_all(engine, all_settings(workspace, notes="notes", mail="mail"), only=["notes"])
    assert set(texts(engine)) == {"notes:a.md", "mail:b.md"}

    sync_all(engine, all_settings(workspace, notes="notes"))
    assert set(texts(engine)) == {"notes:a.md"}
    assert (list(list_sources(engine)), skipped(engine, "mail")) == (["notes"], [])


def test_an_unknown_source_is_not_found(engine: sa.Engine, workspace: Path) -> None:
    with pytest.raises(NotFound, match=r"no source 'mail' in lamplighter\.toml; configured: notes"):
        sync_all(engine, all_settings(workspace, notes="notes"), only=["mail"])


def test_the_example_documents_hold_five_of_their_period(
    engine: sa.Engine, workspace: Path
) -> None:
    examples = Path(__file__).parents[1] / "examples" / "releases"
    report = sync(engine, workspace, path=str(examples))
    assert (report.added, report.skipped) == (28, ())
    first, last = datetime(2026, 10, 28, tzinfo=UTC), datetime(2026, 11, 6, tzinfo=UTC)
    period = list_documents(engine, SCOPE, after=first.date(), before=last.date())
    assert sorted(info.path for info in period) == [
        "cachetools-8.0.0.md",
        "coverage-7.17.2.md",
        "pydantic-2.14.3.md",
        "pypdf-7.0.0.md",
        "trio-0.35.0.md",
    ]
    for info in period:
        body = texts(engine)[info.id].split("---\n")[2]
        assert 80 <= len(body.split()) <= 200
