"""What is new to an agent: each change of the index once, whatever comes between."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lamplighter import clock
from lamplighter.access import OWNER, Access, Scope
from lamplighter.search.index import list_documents
from lamplighter.store.agent_records import find_watermark, record_ending
from lamplighter.store.changes import Span, next_change
from lamplighter.store.database import open_database
from lamplighter.store.documents import Changes, NewDocument, apply_changes
from lamplighter.store.runs import Run, add_runs, finish_run, new_run_id, start_run
from lamplighter.store.tables import agent_versions
from lamplighter.testing import Workspace, call, turn

NOW = datetime(2026, 10, 5, tzinfo=UTC)
REPORT = turn(call("report", summary="Done."))
NEW = turn(call("list_documents", since_last_run=True))
PATHS = st.sampled_from("abcd")


def document(path: str, text: str) -> NewDocument:
    return NewDocument(
        path=path,
        title=path,
        media_type="text/plain",
        text=text,
        dated_at=NOW,
        size_bytes=len(text),
        fingerprint=text,
        access=Access(),
    )


@dataclass
class Oracle:
    """What an agent has to be told, by counting what happens."""

    time: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    seen: int = 0
    began: int = 0

    def expected(self) -> set[str]:
        return {path for path, at in self.changed.items() if self.seen < at <= self.began}


class NewDocuments(RuleBasedStateMachine):
    """Syncs in parts, runs that list at any moment, fail, are killed and go on."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.engine = open_database(Path(self.folder.name))
        self.oracle = Oracle()
        self.run: Run | None = None
        self.told: list[tuple[str, int]] = []
        self.listed: set[tuple[str, int]] = set()
        with self.engine.begin() as connection:
            row = {"id": "v", "agent": "a", "text": "", "timezone": "UTC", "created_at": NOW}
            connection.execute(agent_versions.insert().values(row))

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    @rule(paths=st.sets(PATHS, min_size=1))
    def sync(self, paths: set[str]) -> None:
        self.oracle.time += 1
        saved = {path: document(path, f"{path} {self.oracle.time}") for path in sorted(paths)}
        with self.engine.begin() as connection:
            apply_changes(connection, "notes", Changes(saved=saved), now=NOW)
        self.oracle.changed |= dict.fromkeys(paths, self.oracle.time)

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        with self.engine.begin() as connection:
            apply_changes(connection, "notes", Changes(deleted={path}), now=NOW)
        self.oracle.changed.pop(path, None)

    @precondition(lambda self: self.run is None)
    @rule()
    def begin(self) -> None:
        run = Run(
            id=new_run_id(),
            agent="a",
            version="v",
            trigger="manual",
            message="",
            status="pending",
            created_at=NOW,
        )
        with self.engine.begin() as connection:
            add_runs(connection, [run])
        self.oracle.began = self.oracle.time
        self.take_up(run.id)

    def take_up(self, run_id: str) -> None:
        with self.engine.begin() as connection:
            self.run = start_run(connection, run_id, "w", clock.now())

    @precondition(lambda self: self.run is not None)
    @rule()
    def go_on_after_a_kill(self) -> None:
        assert self.run is not None
        self.take_up(self.run.id)

    @precondition(lambda self: self.run is not None)
    @rule()
    def list_new(self) -> None:
        assert self.run is not None
        span = Span(find_watermark(self.engine, "a") or 0, self.run.watermark or 0)
        scope = Scope.of({OWNER}, {"notes"})
        found = {each.id[6:] for each in list_documents(self.engine, scope, changed=span)}
        assert found == self.oracle.expected()
        self.listed |= {(path, self.oracle.changed[path]) for path in found}

    @precondition(lambda self: self.run is not None)
    @rule(succeeds=st.booleans())
    def end(self, succeeds: bool) -> None:
        assert self.run is not None
        self.list_new()
        status = "completed" if succeeds else "failed"
        with self.engine.begin() as connection:
            finish_run(connection, self.run.id, "w", status=status, outcome="reported")
            seen = self.run.watermark if succeeds else None
            record_ending(connection, "a", None, NOW, watermark=seen)
        if succeeds:
            self.oracle.seen = self.oracle.began
            self.told += self.listed
        self.listed = set()
        self.run = None

    @invariant()
    def nothing_is_told_twice(self) -> None:
        assert len(self.told) == len(set(self.told))


NewDocuments.TestCase.settings = settings(max_examples=8, stateful_step_count=30, deadline=None)
TestNewDocuments = NewDocuments.TestCase


def test_changes_of_two_syncs_become_visible_in_their_order(postgresql: str) -> None:
    engine = open_database(postgresql)
    with engine.connect() as first, engine.connect() as second:
        number = next_change(first)
        second.execute(sa.text("SET lock_timeout = '50ms'"))
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            next_change(second)  # the first one has not committed, so nobody may overtake it
        second.rollback()
        first.commit()
        assert next_change(second) == number + 1
    engine.dispose()


def test_who_may_see_a_document_only_now_is_told_of_it(workspace: Workspace) -> None:
    engine = workspace.engine
    with engine.begin() as connection:
        apply_changes(connection, "notes", Changes(saved={"a": document("a", "x")}), now=NOW)
        granted = Changes(granted={"a": Access(groups=frozenset({"eng"}))})
        apply_changes(connection, "notes", granted, now=NOW)
    scope = Scope.of({"group:eng"}, {"notes"})
    assert [each.id for each in list_documents(engine, scope, changed=Span(1, 2))] == ["notes:a"]


def test_a_failed_run_leaves_what_is_new_to_the_next_one(workspace: Workspace) -> None:
    def new_in(turns: list[dict[str, object]]) -> tuple[str | None, object]:
        run = workspace.run("digest", turns)
        [result] = [e.data for e in workspace.events(run) if e.kind == "tool_result"]
        return run.outcome, result["result"]

    none = "There are no such documents."
    failing = [NEW, turn(call("needs_attention", reason="No."))]
    outcome, found = new_in(failing)
    assert outcome == "needs_attention"
    assert found != none
    assert new_in([NEW, REPORT])[1] == found
    assert new_in([NEW, REPORT])[1] == none
    workspace.write("notes/late.md", "# Late")
    assert "notes:late.md" in str(new_in([NEW, REPORT])[1])
