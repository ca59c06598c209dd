"""Agents as tools."""

from pathlib import Path

import pytest
from rowboat import FEBRUARY, play, rowboat

from lamplighter.testing import call, turn

READER = [
    turn(call("list_dir", path="gmail_sync"), expect=["summaries"]),
    turn(call("read_file", path="gmail_sync/17ab.md"), expect=["17ab.md"]),
    turn(text="Ann asks: lunch at noon?", expect=["Lunch at noon?"]),
]
DIGEST = "# Digest\n\nAnn asks: lunch at noon?\n"


def summary(path: str) -> list[dict[str, object]]:
    return [
        turn(call("email_reader", message="Get summaries"), expect=["daily email digest"]),
        turn(call("write_file", path=path, data=DIGEST), expect=["Ann asks"]),
        turn(call("report", summary="The digest is written."), expect=["etag"]),
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Desktop").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


ALLOWED = '{"allowedFileAccess": [{"operation": "write", "pathPrefix": "~/Desktop"}]}'


def test_the_complete_example_works_as_printed(home: Path) -> None:
    files = {**FEBRUARY, "config/security.json": ALLOWED}
    parts = {"email_reader": READER, "daily_summary": summary("~/Desktop/daily_digest.md")}
    with rowboat(files) as workspace:
        run = play(workspace, "daily_summary", parts)
        assert (run.status, run.summary) == ("completed", "The digest is written.")
        assert (home / "Desktop/daily_digest.md").read_text() == DIGEST
        assert run.message == "Create my daily email digest"
        assert (run.requests, run.tool_calls) == (6, 4)
        events = workspace.events(run)
    nested = [event for event in events if "subflow" in event.data]
    assert [event.data["subflow"] for event in nested] == [["call_1_1"]] * len(nested)
    assert [event.kind for event in nested if event.kind != "message"] == [
        "started", "tool_call", "tool_result", "tool_call", "tool_result", "finished",
    ]  # fmt: skip


def test_a_path_outside_that_is_not_allowed_is_not_written(home: Path) -> None:
    refused = [
        *summary("~/Desktop/daily_digest.md")[:2],
        turn(call("needs_attention", reason="No leave."), expect=["does not allow to write"]),
    ]
    with rowboat(FEBRUARY) as workspace:
        run = play(workspace, "daily_summary", {"email_reader": READER, "daily_summary": refused})
    assert run.outcome == "needs_attention"
    assert not list((home / "Desktop").iterdir())
