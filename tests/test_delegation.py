"""Agents as tools."""

import itertools
import json
from pathlib import Path

import pytest
from processes import begun_run, ended_run, lamplighter, serving
from rowboat import FEBRUARY, play, rowboat

from lamplighter.store.runs import Run
from lamplighter.testing import Workspace, call, turn

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
        "started", "tool_call", "label", "label", "tool_result", "tool_call", "tool_result",
        "finished",
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


def agent(tools: str, more: str = "") -> str:
    return f"---\ntools: {{{tools}}}\n{more}---\nGo."


def tool(name: str) -> str:
    return f"{name}: {{type: agent, name: {name}}}"


def errors(workspace: Workspace, run: Run) -> list[str]:
    return [e.data["error"] for e in workspace.events(run) if "error" in e.data]


def test_agents_do_not_call_each_other_in_circles() -> None:
    files = {"agents/a.md": agent(tool("b")), "agents/b.md": agent(tool("a"))}
    parts = {
        "a": [
            turn(call("b", message="x")),
            turn(call("report", summary="Done."), expect=["a → b"]),
        ],
        "b": [turn(call("a", message="y")), turn(text="a → b", expect=["at work already"])],
    }
    with rowboat(files) as workspace:
        run = play(workspace, "a", parts)
        assert run.outcome == "error"  # in both of them nothing went well
        assert "a is at work already (a → b → a); do it yourself" in errors(workspace, run)


def test_agents_call_each_other_three_deep_at_most() -> None:
    names = ["a", "b", "c", "d", "e"]
    files = {
        f"agents/{name}.md": agent(tool(below) if below else "")
        for name, below in zip(names, [*names[1:], ""], strict=True)
    }
    parts = {
        name: [turn(call(below, message="x")), turn(text="Done.")]
        for name, below in itertools.pairwise(names)
    }
    with rowboat(files) as workspace:
        run = play(workspace, "a", parts)
        assert run.outcome == "error"
        error, *_above = errors(workspace, run)
    assert error.startswith("agents call each other 3 deep at most")


def test_an_agent_that_is_called_spends_its_callers_budget() -> None:
    look = turn(call("workspace-exists", path="x"))
    files = {
        "agents/a.md": agent(tool("b"), "limits: {iterations: 4}\n"),
        "agents/b.md": "---\ntools: [workspace-exists]\nlimits: {iterations: 50}\n---\nGo.",
    }
    parts = {
        "a": [turn(call("b", message="x")), turn(call("report", summary="Enough."))],
        "b": [look] * 10,
    }
    with rowboat(files) as workspace:
        run = play(workspace, "a", parts)
        [said] = [error for error in errors(workspace, run) if "did not succeed" in error]
    assert "stopped_by_limit" in said
    assert run.outcome == "stopped_by_limit"
    assert run.tool_calls <= 4
    assert run.requests <= 6


def test_what_goes_wrong_below_is_an_answer_to_the_caller() -> None:
    files = {"agents/a.md": agent(tool("b") + ", " + tool("gone")), "agents/b.md": "Go."}
    parts = {
        "a": [
            turn(call("b", message="x")),
            turn(call("gone", message="x"), expect=["No key."]),
            turn(call("report", summary="Done."), expect=["there is no agent 'gone'"]),
        ],
        "b": [turn(error="No key.")],
    }
    with rowboat(files) as workspace:
        assert play(workspace, "a", parts).outcome == "error"


def test_an_agent_that_is_called_sees_only_what_its_caller_sees() -> None:
    sources = {"mine": {"path": "mine"}, "yours": {"path": "yours"}}
    files = {
        "mine/a.md": "a",
        "yours/b.md": "b",
        "agents/a.md": agent(tool("b"), "sources: [mine]\n"),
        "agents/b.md": "---\ntools: [list_documents]\nsources: [mine, yours]\n---\nGo.",
    }
    parts = {
        "a": [turn(call("b", message="x")), turn(call("report", summary="Done."))],
        "b": [turn(call("list_documents")), turn(text="Seen.", expect=["mine:a.md"])],
    }
    with rowboat(files, sources=sources) as workspace:
        workspace.sync()
        run = play(workspace, "a", parts)
        [seen] = [
            event.data["result"]
            for event in workspace.events(run)
            if event.kind == "tool_result" and event.data["tool"] == "list_documents"
        ]
    assert run.outcome == "reported"
    assert [document["id"] for document in seen] == ["mine:a.md"]


def test_an_org_agents_actions_bind_those_that_it_calls() -> None:
    files = {
        "agents/a.md": "---\ntype: org\nactions: ['agent:b', workspace-exists]\n---\nGo.",
        "agents/b.md": "---\ntools: [workspace-exists, workspace-writeFile]\n---\nGo.",
    }
    parts = {
        "a": [turn(call("b", message="x")), turn(call("report", summary="Done."))],
        "b": [turn(call("workspace-writeFile", path="x", data="x")), turn(text="No.")],
    }
    with rowboat(files) as workspace:
        run = play(workspace, "a", parts)
        tools = [e.data["tools"] for e in workspace.events(run) if e.kind == "started"]
        assert tools[1] == ["workspace-exists"]
        assert not (workspace.path / "x").exists()


def test_a_killed_run_goes_on_within_the_agent_that_was_called() -> None:
    slow = [READER[0], turn(text="Ann asks: lunch at noon?", sleep=1)]
    parts = {"email_reader": slow, "daily_summary": summary("digest.md")}
    with rowboat(FEBRUARY) as workspace:
        file = workspace.write("script.yaml", json.dumps({"agents": parts}))
        script = f"scripted:{file}"
        with serving(workspace) as server:
            started = lamplighter(workspace, "run", "start", "daily_summary", "--model", script)
            assert started.returncode == 0, started.stderr
            begun_run(workspace)
            server.kill()
        with serving(workspace):
            run = ended_run(workspace, "daily_summary")
        assert (run.status, run.requests, run.tool_calls) == ("completed", 5, 3)
        assert (workspace.path / "digest.md").read_text() == DIGEST
        kinds = [event.kind for event in workspace.events(run)]
    assert kinds.count("started") == 2
    assert kinds.count("resumed") == 1


def test_a_helper_is_spawned_with_the_same_tools_but_that_one() -> None:
    files = {"agents/a.md": "---\ntools: [spawn-agent, workspace-exists]\n---\nGo."}
    parts = {
        "a": [
            turn(call("spawn-agent", task="Look")),
            turn(call("report", summary="Done."), expect=["It is there."]),
        ],
        "a helper": [
            turn(call("workspace-exists", path="agents/a.md"), expect=["Look"]),
            turn(text="It is there.", expect=['"exists":true']),
        ],
    }
    with rowboat(files) as workspace:
        run = play(workspace, "a", parts)
        tools = [e.data["tools"] for e in workspace.events(run) if e.kind == "started"]
    assert run.outcome == "reported", run.summary
    assert tools[1] == ["workspace-exists"]
