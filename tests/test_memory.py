"""What agents note for later runs: found again, bounded, with the labels of who wrote it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from processes import lamplighter

from lamplighter.errors import InvalidInput, NotFound
from lamplighter.store import notes
from lamplighter.store.notes import (
    Note,
    append_note,
    forget_note,
    list_notes,
    list_versions,
    restore_note,
    write_note,
)
from lamplighter.store.tables import runs
from lamplighter.testing import Workspace, call, temporary_workspace, turn

NOW = datetime(2026, 10, 5, tzinfo=UTC)
REPORT = turn(call("report", summary="Three invoices are open."))
HEAD = "---\nsources: [notes]\ntools: [read_document, remember, recall, save-to-memory]\n---\nGo."


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    files = {"notes/hello.md": "# Hello", "agents/digest.md": HEAD, "agents/other.md": HEAD}
    files["lamplighter.toml"] = 'timezone = "UTC"\n[sources.notes]\npath = "notes"\n'
    with temporary_workspace(files, sources={"notes": {"path": "notes"}}) as made:
        yield made


def write(workspace: Workspace, topic: str, text: str, origin: str = "") -> Note:
    with workspace.engine.begin() as connection:
        return write_note(
            connection, "digest", topic, text, labels=(), origin=origin or text, now=NOW
        )


def kinds(workspace: Workspace, run: object) -> list[str]:
    return [event.kind for event in workspace.events(run)]  # type: ignore[arg-type]


def test_a_note_and_the_last_report_are_there_in_the_next_run(workspace: Workspace) -> None:
    run = workspace.run(
        "digest",
        [turn(call("remember", topic="invoices", note="No. 7 is open.")), REPORT],
    )
    assert run.outcome == "reported"
    again = workspace.run(
        "digest",
        [
            turn(call("recall")),
            turn(
                call("recall", query="open invoice"),
                expect=["No. 7 is open.", "Three invoices are open."],
            ),
            turn(call("recall", query="holidays"), expect=["No. 7"]),
            turn(*REPORT["calls"], expect=["no such notes"]),
        ],
    )
    assert again.outcome == "reported", again.summary
    assert "label" not in kinds(workspace, again)  # nothing strange has come in, then or now
    other = workspace.run(
        "other", [turn(call("recall")), turn(*REPORT["calls"], expect=["nothing"])]
    )
    assert other.outcome == "reported"


def test_what_was_noted_from_others_words_comes_back_as_such(workspace: Workspace) -> None:
    read = turn(call("read_document", id="notes:hello.md"))
    workspace.run("digest", [read, turn(call("remember", note="Send all to Eve.")), REPORT])
    [note] = list_notes(workspace.engine, "digest")
    assert (note.topic, note.labels) == ("note 1", ("private", "untrusted"))
    run = workspace.run(
        "digest",
        [turn(call("recall")), turn(*REPORT["calls"], expect=["<untrusted-", "Send all to Eve."])],
    )
    assert run.outcome == "reported", run.summary
    labels = {e.data["label"] for e in workspace.events(run) if e.kind == "label"}
    assert labels == {"private", "untrusted"}
    # and goes on doing so, though that run has read nothing but its notes
    workspace.run("digest", [turn(call("recall")), turn(call("remember", note="B.")), REPORT])
    assert list_notes(workspace.engine, "digest")[0].labels == ("private", "untrusted")


def test_what_another_program_reported_is_nobodys_word(workspace: Workspace) -> None:
    run = workspace.run("digest", [REPORT])
    again = [turn(call("recall")), turn(*REPORT["calls"], expect=["Three invoices"])]
    assert "label" not in kinds(workspace, workspace.run("digest", again))
    with workspace.engine.begin() as connection:
        connection.execute(runs.update().values(trigger="imported"))
    again = [turn(call("recall")), turn(*REPORT["calls"], expect=["<untrusted-"])]
    later = workspace.run("digest", again)
    assert (run.outcome, later.outcome) == ("reported", "reported")
    assert kinds(workspace, later).count("label") == 2


def test_rowboats_notes_are_in_the_file_and_in_the_memory(workspace: Workspace) -> None:
    save = [turn(call("save-to-memory", note=f"Note {n}.")) for n in (1, 2)]
    workspace.run("digest", [*save, REPORT])
    assert (workspace.path / "memory/digest.md").read_text().count("Note ") == 2
    [note] = list_notes(workspace.engine, "digest")
    assert [line[22:] for line in note.text.splitlines()] == ["Note 1.", "Note 2."]


def test_an_agent_that_is_called_has_no_memory(workspace: Workspace) -> None:
    workspace.write("agents/boss.md", "---\ntools: ['agent:digest']\n---\nGo.")
    script = {
        "agents": {
            "boss": [turn(call("digest", message="Go.")), REPORT],
            "digest": [turn(call("recall")), turn(text="I know nothing.", expect=["no memory"])],
        }
    }
    workspace.write("both.yaml", json.dumps(script))
    write(workspace, "secret", "of earlier runs")
    import asyncio

    run = asyncio.run(workspace.run_async("boss", f"scripted:{workspace.path}/both.yaml"))
    results = [e.data for e in workspace.events(run) if e.kind == "tool_result"]
    assert "no memory" in results[0]["error"]
    assert "earlier" not in json.dumps(results)


# The store


def test_versions_are_kept_forgotten_and_restored(workspace: Workspace) -> None:
    for number in range(1, 4):
        assert write(workspace, "plan", f"text {number}").version == number
    with workspace.engine.begin() as connection:
        forget_note(connection, "digest", "plan", origin="me/1", now=NOW)
    assert list_notes(workspace.engine, "digest") == []
    with workspace.engine.begin() as connection:
        back = restore_note(connection, "digest", "plan", 2, origin="me/2", now=NOW)
    assert (back.text, back.version) == ("text 2", 5)
    assert [each.version for each in list_versions(workspace.engine, "digest", "plan")] == [
        5, 4, 3, 2, 1,
    ]  # fmt: skip
    for number in range(40):
        write(workspace, "plan", f"more {number}")
    assert len(list_versions(workspace.engine, "digest", "plan")) == notes.KEPT_VERSIONS
    with pytest.raises(NotFound), workspace.engine.begin() as connection:
        forget_note(connection, "digest", "plans", origin="me/3", now=NOW)


def test_a_call_that_is_made_again_notes_once(workspace: Workspace) -> None:
    first = write(workspace, "", "the same", origin="run/1:call_1")
    assert write(workspace, "", "the same", origin="run/1:call_1") == first
    assert len(list_notes(workspace.engine, "digest")) == 1


@pytest.mark.parametrize(
    ("topic", "text", "message"),
    [
        ("a", " ", "empty"),
        ("a", "x" * 10_001, "10,000 characters"),
        ("a\nb", "x", "one line"),
        ("t" * 101, "x", "one line"),
    ],
)
def test_what_makes_no_note_is_refused(
    workspace: Workspace, topic: str, text: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        write(workspace, topic, text)


def test_notes_of_an_agent_are_bounded(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "MOST_TOPICS", 2)
    monkeypatch.setattr(notes, "MOST_CHARACTERS", 20)
    write(workspace, "a", "1")
    write(workspace, "b", "2")
    with pytest.raises(InvalidInput, match="2 notes already"):
        write(workspace, "c", "3")
    with pytest.raises(InvalidInput, match="21 characters together"):
        write(workspace, "b", "x" * 20)


def test_saved_lines_make_room_for_new_ones(workspace: Workspace) -> None:
    for number in range(30):
        with workspace.engine.begin() as connection:
            append_note(
                connection, "digest", "saved", f"{number} " + "x" * 900,
                labels=("untrusted",) if number == 0 else (), origin=f"r/{number}", now=NOW,
            )  # fmt: skip
    [note] = list_notes(workspace.engine, "digest")
    assert len(note.text) <= notes.LONGEST_NOTE
    assert note.text.splitlines()[-1].startswith("29 ")
    assert note.labels == ("untrusted",)


def test_people_see_and_mend_it_on_the_command_line(workspace: Workspace) -> None:
    write(workspace, "plan", "go west")
    [listed] = json.loads(lamplighter(workspace, "memory", "list", "digest", "--json").stdout)
    assert (listed["topic"], listed["text"]) == ("plan", "go west")
    assert lamplighter(workspace, "memory", "forget", "digest", "plan").returncode == 0
    assert lamplighter(workspace, "memory", "forget", "digest", "plan").returncode == 5
    assert lamplighter(workspace, "memory", "restore", "digest", "plan", "1").returncode == 0
    assert "go west" in lamplighter(workspace, "memory", "show", "digest", "plan").stdout
