"""Rowboat's records of runs."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import lamplighter
from rowboat import FEBRUARY, play, rowboat

from lamplighter.definitions.rowboat.run_log import read_run_log, write_run_log
from lamplighter.engine.run_logs import export_run
from lamplighter.store.runs import list_runs
from lamplighter.testing import call, turn

NAME = "2026-07-02T15-55-29Z-0017565-000"
CALL = {"toolCallId": "c1", "toolName": "email_reader"}
TYPES: list[dict[str, Any]] = [
    {"type": "start", "agentName": "daily_summary", "model": "gpt-5.1", "provider": "openai",
     "permissionMode": "auto", "useCase": "background_task"},
    {"type": "run-processing-start"},
    {"type": "message", "messageId": "m1", "message": {"role": "user", "content": "go"}},
    {"type": "message", "messageId": "m2", "message": {"role": "assistant", "content": [
        {"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "I ask the reader."},
        {"type": "tool-call", **CALL, "arguments": {"message": "read"}}]}},
    {"type": "tool-invocation", **CALL, "input": '{"message":"read"}'},
    {"type": "spawn-subflow", "agentName": "email_reader", "toolCallId": "c1"},
    {"type": "message", "messageId": "m3", "subflow": ["c1"],
     "message": {"role": "assistant", "content": "Lunch."}},
    {"type": "tool-output-stream", **CALL, "output": "..."},
    {"type": "tool-result", **CALL, "result": {"a": [1, 2.5, None]}},
    {"type": "message", "messageId": "m4", "message": {"role": "tool", "content": "x", **CALL}},
    {"type": "ask-human-request", "toolCallId": "c2", "query": "Which?", "options": ["a"],
     "multiSelect": False},
    {"type": "ask-human-response", "toolCallId": "c2", "response": "a"},
    {"type": "tool-permission-request", "toolCall": {**CALL}, "permission": {"kind": "file"}},
    {"type": "tool-permission-response", "toolCallId": "c1", "response": "approve",
     "scope": "session"},
    {"type": "tool-permission-auto-decision", "toolCallId": "c1", "decision": "allow",
     "reason": "safe"},
    {"type": "message", "messageId": "m5", "message": {"role": "assistant", "content": "Done."}},
    {"type": "error", "error": "late"},
    {"type": "run-stopped", "reason": "by hand"},
    {"type": "run-processing-end"},
]  # fmt: skip


def lines(*events: dict[str, Any]) -> str:
    whole = [
        {"runId": NAME, "subflow": [], "ts": f"2026-07-02T15:55:{30 + number}.000Z", **event}
        for number, event in enumerate(events)
    ]
    return "".join(f"{json.dumps(each, separators=(',', ':'))}\n" for each in whole)


def again(text: str) -> str:
    log = read_run_log(text, NAME)
    return write_run_log(log.events, NAME, own="X", agent=log.agent, model=log.model)


@pytest.mark.parametrize("event", TYPES, ids=lambda event: event["type"])
def test_each_type_comes_back_as_it_was(event: dict[str, Any]) -> None:
    assert again(lines(event)) == lines(event)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(
        st.dictionaries(st.text(max_size=8), json_values, max_size=4).flatmap(
            lambda extra: st.sampled_from(TYPES).map(lambda event: {**extra, **event})
        ),
        max_size=6,
    )
)
def test_whatever_an_event_holds_comes_back(events: list[dict[str, Any]]) -> None:
    written = [json.loads(line) for line in again(lines(*events)).split("\n") if line]
    assert written == [json.loads(line) for line in lines(*events).split("\n") if line]


def test_a_line_that_is_no_json_comes_back_too() -> None:
    assert again("{broken\n[1]\n") == "{broken\n[1]\n"


def test_old_runs_are_history_and_are_exported_as_they_were() -> None:
    with rowboat({**FEBRUARY, f"runs/{NAME}.jsonl": lines(*TYPES)}) as workspace:
        for new in (True, False):
            done = lamplighter(workspace, "run", "import", "--json")
            [imported] = json.loads(done.stdout)
            assert (imported["new"], imported["error"]) == (new, "")
        [run] = list_runs(workspace.engine)
        assert (run.agent, run.status, run.trigger) == ("daily_summary", "failed", "imported")
        assert (run.message, run.summary, run.model) == ("go", "Done.", "openai:gpt-5.1")
        assert run.created_at.isoformat() == "2026-07-02T15:55:30+00:00"
        assert export_run(workspace.engine, run) == (f"{NAME}.jsonl", lines(*TYPES))
        shown = lamplighter(workspace, "run", "show", run.id, "--events")
        assert "I ask the reader." in shown.stdout


def test_new_runs_are_written_as_rowboat_does() -> None:
    reader = [turn(text="Lunch at noon.")]
    turns = [turn(call("email_reader", message="Read")), turn(call("report", summary="Done."))]
    with rowboat(FEBRUARY, rowboat_write_runs=True) as workspace:
        run = play(workspace, "daily_summary", {"email_reader": reader, "daily_summary": turns})
        [file] = (workspace.path / "runs").iterdir()
        events = [json.loads(line) for line in file.read_text().splitlines()]
        imported = lamplighter(workspace, "run", "import", "--json")
        assert json.loads(imported.stdout)[0] | {"file": ""} == {
            "file": "", "run": run.id, "new": False, "error": "",
        }  # fmt: skip
    assert all(event["runId"] == file.stem and event["ts"] for event in events)
    assert [(event["type"], event["subflow"]) for event in events] == [
        ("start", []),
        ("run-processing-start", []),
        ("message", []),
        ("message", []),
        ("tool-invocation", []),
        ("spawn-subflow", []),
        ("message", ["call_1_1"]),
        ("message", ["call_1_1"]),
        ("tool-result", []),
        ("message", []),
        ("tool-invocation", []),
        ("run-processing-end", []),
    ]
    assert events[5]["agentName"] == "email_reader"
    assert events[3]["message"]["content"] == [
        {"type": "tool-call", "toolCallId": "call_1_1", "toolName": "email_reader",
         "arguments": {"message": "Read"}},
    ]  # fmt: skip
