"""Failures: told once, and an agent that fails again and again is paused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from processes import lamplighter

from lamplighter.errors import InvalidInput, NotFound
from lamplighter.store.agents import save_agents
from lamplighter.store.notices import Notice, add_notice, list_notices, read_notice
from lamplighter.store.pauses import BY_HAND, list_pauses
from lamplighter.testing import Workspace, call, temporary_workspace, turn
from lamplighter.workspace import read_catalogue

FAIL = [turn(error="no luck")]
REPORT = [turn(call("report", summary="All is well."))]
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def strict() -> Iterator[Workspace]:
    files = {"agents/digest.md": "---\nschedule: every 1 hour\n---\nWrite."}
    with temporary_workspace(files, pause_after_failures=3) as made:
        yield made


def kinds(workspace: Workspace) -> list[str]:
    return [notice.kind for notice in reversed(list_notices(workspace.engine))]


def read_files(workspace: Workspace) -> None:
    catalogue = read_catalogue(workspace.settings)
    with workspace.engine.begin() as connection:
        save_agents(connection, catalogue, "UTC", NOW)


def test_failures_in_a_row_pause_the_agent_and_are_told(strict: Workspace) -> None:
    strict.run("digest", FAIL)
    strict.run("digest", FAIL)
    assert list_pauses(strict.engine) == {}
    last = strict.run("digest", FAIL)
    assert list_pauses(strict.engine)["digest"].reason == "3 runs in a row failed"
    assert kinds(strict) == ["failure", "paused"]
    paused = list_notices(strict.engine)[0]
    assert paused.agent == "digest"
    assert "lamplighter agent resume digest" in paused.message
    assert "no luck. Its schedules" in paused.message
    assert paused.key == f"paused:{last.id}"


def test_a_success_begins_the_count_anew(strict: Workspace) -> None:
    for turns in (FAIL, FAIL, REPORT, FAIL, FAIL):
        strict.run("digest", turns)
    assert list_pauses(strict.engine) == {}
    assert kinds(strict) == ["failure", "failure"]


def test_a_failing_run_of_a_paused_agent_is_not_told_again(strict: Workspace) -> None:
    for _ in range(4):
        strict.run("digest", FAIL)
    assert kinds(strict) == ["failure", "paused"]


def test_other_endings_that_are_no_success_count(strict: Workspace) -> None:
    strict.run("digest", [turn(call("needs_attention", reason="The disk is full."))])
    [notice] = list_notices(strict.engine)
    assert "The disk is full." in notice.message


def test_zero_never_pauses() -> None:
    with temporary_workspace({"agents/a.md": "Go."}, pause_after_failures=0) as workspace:
        workspace.run("a", FAIL)
        assert list_pauses(workspace.engine) == {}


def test_an_edit_of_the_file_resumes_what_failures_paused(strict: Workspace) -> None:
    for _ in range(3):
        strict.run("digest", FAIL)
    read_files(strict)
    assert list_pauses(strict.engine)
    strict.write("agents/digest.md", "---\nschedule: every 1 hour\n---\nWrite better.")
    read_files(strict)
    assert list_pauses(strict.engine) == {}
    strict.run("digest", FAIL)
    assert list_pauses(strict.engine) == {}


def test_pause_and_resume_by_hand(strict: Workspace) -> None:
    for _ in range(2):
        assert lamplighter(strict, "agent", "pause", "digest").returncode == 0
    assert list_pauses(strict.engine)["digest"].reason == BY_HAND
    strict.write("agents/digest.md", "---\nschedule: every 1 hour\n---\nWrite better.")
    read_files(strict)
    assert list_pauses(strict.engine), "an edit does not end a pause that a person asked for"
    [listed] = json.loads(lamplighter(strict, "agent", "list", "--json").stdout)
    assert listed["paused"]["reason"] == BY_HAND
    assert listed["next_due_at"] is None
    assert "paused: by hand" in lamplighter(strict, "agent", "list").stdout
    assert "agent resume digest" in lamplighter(strict, "agent", "show", "digest").stdout
    assert "no longer" in lamplighter(strict, "agent", "resume", "digest").stdout
    assert "was not" in lamplighter(strict, "agent", "resume", "digest").stdout
    assert list_pauses(strict.engine) == {}
    assert lamplighter(strict, "agent", "pause", "nobody").returncode == 5


def add(workspace: Workspace, key: str) -> bool:
    with workspace.engine.begin() as connection:
        return add_notice(connection, "failure", key, f"About {key}.", now=NOW)


def newest(workspace: Workspace) -> Notice:
    return list_notices(workspace.engine)[0]


def test_a_notice_is_left_once(workspace: Workspace) -> None:
    assert add(workspace, "a")
    assert not add(workspace, "a")
    assert len(list_notices(workspace.engine)) == 1


def test_a_read_notice_is_listed_only_among_all(workspace: Workspace) -> None:
    add(workspace, "a")
    add(workspace, "b")
    which = newest(workspace)
    done = lamplighter(workspace, "notice", "read", which.id[-8:].lower())
    assert which.message in done.stdout
    unread = json.loads(lamplighter(workspace, "notice", "list", "--json").stdout)
    assert which.id not in [notice["id"] for notice in unread]
    assert len(unread) == 1
    listed = lamplighter(workspace, "notice", "list", "--all").stdout
    assert "(read)" in listed
    assert lamplighter(workspace, "notice", "read", "--all").stdout == "Read: 1\n"
    assert lamplighter(workspace, "notice", "list").stdout == "No notices.\n"


def test_which_notice_was_read_has_to_be_clear(workspace: Workspace) -> None:
    add(workspace, "a")
    add(workspace, "b")
    with workspace.engine.begin() as connection:
        with pytest.raises(InvalidInput, match="several"):
            read_notice(connection, "0", NOW)
        with pytest.raises(NotFound):
            read_notice(connection, "%", NOW)
    assert lamplighter(workspace, "notice", "read").returncode == 2
