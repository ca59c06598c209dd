"""The loop, through a whole run on a scripted model."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.toolsets import FunctionToolset

from lamplighter.agent.loop import Task, perform
from lamplighter.definitions.agent import Agent
from lamplighter.testing import Workspace, call, turn

READ = call("read_document", id="notes:hello.md")
READ_TURN = turn(READ)
REPORT = turn(call("report", summary="All is well."))


def results(workspace: Workspace, run: Any) -> list[dict[str, Any]]:
    return [event.data for event in workspace.events(run) if event.kind == "tool_result"]


def test_a_report_completes_the_run(workspace: Workspace) -> None:
    run = workspace.run("digest", [turn(READ), turn(*REPORT["calls"], expect=["at dusk"])])
    assert (run.status, run.outcome, run.summary) == ("completed", "reported", "All is well.")
    assert (run.requests, run.tool_calls) == (2, 1)
    assert run.duration_seconds is not None
    assert run.input_tokens > 0
    assert run.output_tokens > 0


@pytest.mark.parametrize(
    ("tool", "status", "outcome"),
    [
        ("nothing_to_report", "completed", "nothing_to_report"),
        ("needs_attention", "failed", "needs_attention"),
    ],
)
def test_other_endings(workspace: Workspace, tool: str, status: str, outcome: str) -> None:
    run = workspace.run("digest", [turn(call(tool, reason="So it is."))])
    assert (run.status, run.outcome, run.summary) == (status, outcome, "So it is.")


def test_a_model_that_just_stops_talking_is_asked_once_for_a_summary(workspace: Workspace) -> None:
    run = workspace.run(
        "digest",
        [turn(text="I read it. Bye."), turn(*REPORT["calls"], expect=["two to three sentences"])],
    )
    assert (run.outcome, run.summary, run.requests) == ("reported", "All is well.", 2)


def test_a_summary_in_plain_words_counts_too(workspace: Workspace) -> None:
    run = workspace.run("digest", [turn(text="I read one note.")])
    assert (run.outcome, run.summary, run.requests) == ("reported", "I read one note.", 2)


def test_a_model_that_says_nothing_at_all_is_asked_for_a_summary(workspace: Workspace) -> None:
    run = workspace.run("digest", [turn(), REPORT])
    assert (run.outcome, run.summary) == ("reported", "All is well.")


def limited(workspace: Workspace, iterations: int, more: str = "") -> None:
    workspace.write(
        "agents/digest.md",
        f"---\nsources: [notes]\nlimits: {{iterations: {iterations}{more}}}\n---\nWrite a digest.",
    )


def test_a_run_may_use_all_its_iterations_and_then_report(workspace: Workspace) -> None:
    limited(workspace, 3)
    run = workspace.run("digest", [turn(READ)] * 3 + [REPORT])
    assert (run.outcome, run.tool_calls, run.requests) == ("reported", 3, 4)


def test_asking_for_more_than_the_iterations_fails_the_run(workspace: Workspace) -> None:
    limited(workspace, 3)
    run = workspace.run("digest", [turn(READ)] * 6)
    assert (run.status, run.outcome, run.tool_calls) == ("failed", "stopped_by_limit", 3)
    assert run.requests == 4
    assert "limit of 3 iterations" in (run.summary or "")
    assert "Refused" in results(workspace, run)[-1]["error"]


def test_calls_beyond_the_limit_within_one_turn_are_refused(workspace: Workspace) -> None:
    limited(workspace, 2)
    run = workspace.run("digest", [turn(READ, READ, READ), REPORT])
    assert (run.outcome, run.tool_calls) == ("stopped_by_limit", 2)
    assert ["result" in result for result in results(workspace, run)].count(True) == 2
    assert "All is well." in (run.summary or "")


def test_the_workspaces_limit_counts_where_the_agent_has_none(workspace: Workspace) -> None:
    run = workspace.run("digest", [turn(READ)] * 20)
    assert (run.outcome, run.tool_calls, run.requests) == ("stopped_by_limit", 15, 16)


def test_the_time_limit_stops_a_slow_model(workspace: Workspace) -> None:
    limited(workspace, 3, ", timeout: 1")
    run = workspace.run("digest", [turn(READ), turn(sleep=60)])
    assert (run.status, run.outcome) == ("failed", "stopped_by_limit")
    assert "time limit of 1 s" in (run.summary or "")
    assert run.tool_calls == 1


def test_bad_calls_go_back_to_the_model_and_spare_their_siblings(workspace: Workspace) -> None:
    run = workspace.run(
        "digest",
        [
            turn(call("nope"), READ, call("read_document", number=7)),
            turn(*REPORT["calls"], expect=["Unknown tool name", "at dusk", "Field required"]),
        ],
    )
    assert run.outcome == "reported"
    assert run.tool_calls == 3
    by_tool = {result["tool"]: result for result in results(workspace, run)}
    assert "error" in by_tool["nope"]
    assert len(results(workspace, run)) == 3


def test_a_failing_tool_tells_the_model_why(workspace: Workspace) -> None:
    run = workspace.run(
        "digest",
        [
            turn(call("read_document", id="notes:absent.md")),
            turn(*REPORT["calls"], expect=["no document"]),
        ],
    )
    assert (run.status, run.outcome) == ("failed", "error")  # whatever it reports
    assert "its only tool call failed. All is well." in (run.summary or "")


def test_one_call_that_went_well_among_failures_is_enough(workspace: Workspace) -> None:
    absent = turn(call("read_document", id="notes:absent.md"))
    assert workspace.run("digest", [absent, READ_TURN, absent, REPORT]).outcome == "reported"


def test_a_delivery_is_something_to_report(workspace: Workspace) -> None:
    done = turn(call("write_file", path="a.md", content="x"), call("deliver_file", path="a.md"))
    run = workspace.run("digest", [done, turn(call("nothing_to_report", reason="All quiet."))])
    assert (run.outcome, run.summary) == ("reported", "All quiet.")


def test_silence_is_no_report(workspace: Workspace) -> None:
    run = workspace.run("digest", [READ_TURN, turn(), turn()])
    assert (run.status, run.outcome) == ("failed", "error")
    assert run.summary == "It ended without a report."


def test_a_failing_model_fails_the_run(workspace: Workspace) -> None:
    run = workspace.run("digest", [turn(READ), turn(error="the provider is on fire")])
    assert (run.status, run.outcome) == ("failed", "error")
    assert run.error == "the provider is on fire"


def test_a_run_that_leaves_its_script_fails_loudly(workspace: Workspace) -> None:
    run = workspace.run("digest", [turn(READ), turn(text="?", expect=["the moon"])])
    assert run.outcome == "error"
    assert "turn 2 of the script expects 'the moon'" in (run.error or "")


def test_a_tool_that_is_not_listed_does_not_exist(workspace: Workspace) -> None:
    workspace.write("agents/digest.md", "---\nsources: [notes]\ntools: [read_document]\n---\nRead.")
    run = workspace.run(
        "digest",
        [
            turn(call("write_file", path="a.md", content="x")),
            turn(*REPORT["calls"], expect=["Unknown tool name: 'write_file'"]),
        ],
    )
    assert run.outcome == "error"


def test_an_agent_without_sources_sees_nothing(workspace: Workspace) -> None:
    workspace.write("agents/digest.md", "Read what there is.")
    run = workspace.run(
        "digest",
        [turn(call("list_documents"), READ), turn(*REPORT["calls"], expect=["no such documents"])],
    )
    assert run.outcome == "reported"
    by_tool = {result["tool"]: result for result in results(workspace, run)}
    assert by_tool["list_documents"]["result"] == "There are no such documents."
    assert "error" in by_tool["read_document"]


def test_a_delivered_file_stands_under_the_agent_and_the_run(workspace: Workspace) -> None:
    run = workspace.run(
        "digest",
        [
            turn(call("write_file", path="out/digest.md", content="# Dusk")),
            turn(call("deliver_file", path="out/digest.md")),
            REPORT,
        ],
    )
    delivered = workspace.path / "delivered" / "digest" / run.id / "out" / "digest.md"
    assert delivered.read_text() == "# Dusk"


def test_delivering_again_replaces_the_file(workspace: Workspace) -> None:
    deliver = turn(call("deliver_file", path="/workspace/digest.md"))
    run = workspace.run(
        "digest",
        [
            turn(call("write_file", path="digest.md", content="first")),
            turn(*deliver["calls"]),
            turn(call("write_file", path="digest.md", content="second")),
            turn(*deliver["calls"], *deliver["calls"]),
            turn(*REPORT["calls"], expect=["Delivered to delivered/digest/"]),
        ],
    )
    assert (run.outcome, run.tool_calls) == ("reported", 5)
    delivered = workspace.path / "delivered" / "digest" / run.id / "digest.md"
    assert delivered.read_text() == "second"
    told = [event.data for event in workspace.events(run) if event.kind == "effect"]
    assert [effect["state"] for effect in told] == ["sent"] * 3


def test_what_is_written_and_delivered_in_one_turn_happens_in_that_order(
    workspace: Workspace,
) -> None:
    run = workspace.run(
        "digest",
        [
            turn(
                call("write_file", path="a.md", content="first"),
                call("deliver_file", path="a.md"),
                call("write_file", path="a.md", content="second"),
            ),
            REPORT,
        ],
    )
    assert (workspace.path / "delivered" / "digest" / run.id / "a.md").read_text() == "first"


def test_the_record_is_numbered_from_one_and_complete(workspace: Workspace) -> None:
    run = workspace.run("digest", [turn(READ, READ), REPORT])
    events = workspace.events(run)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events] == [
        "started",
        "message",
        "message",
        "tool_call",
        "tool_call",
        "label",
        "label",
        "tool_result",
        "tool_result",
        "message",
        "tool_call",
        "finished",
    ]
    answer = events[2].data
    assert {"seconds", "input_tokens", "output_tokens"} <= answer.keys()
    assert all("seconds" in result for result in results(workspace, run))


def test_secrets_of_the_environment_never_reach_the_record(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-verysecret-123")
    workspace.write("notes/leak.md", "The key is sk-verysecret-123.")
    run = workspace.run(
        "digest",
        [
            turn(call("read_document", id="notes:leak.md")),
            turn(call("report", summary="It is sk-verysecret-123.")),
        ],
    )
    record = json.dumps([event.data for event in workspace.events(run)])
    assert "sk-verysecret-123" not in record + (run.summary or "")
    assert "[SOME_API_KEY]" in record


def test_the_first_message_can_be_given(workspace: Workspace) -> None:
    run = workspace.run(
        "digest", [turn(*REPORT["calls"], expect=["only dusk"])], message="only dusk"
    )
    assert run.outcome == "reported"


@dataclass
class Remembered:
    """A journal in memory."""

    told: list[str] = field(default_factory=list)

    async def step(self, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await call()

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        if kind in ("tool_call", "tool_result"):
            self.told.append(key)


def test_calls_are_told_apart_where_a_model_repeats_their_ids() -> None:
    turns = [ModelResponse([ToolCallPart("look", {}, "same") for _ in range(3)])] * 2
    script = [*turns, ModelResponse([ToolCallPart("report", {"summary": "Seen."}, "same")])]
    keys: list[str] = []

    def look(ctx: RunContext[None]) -> str:
        keys.append(f"{ctx.run_step}:{ctx.tool_call_id}")
        return "seen"

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse([*script.pop(0).parts])

    task = Task(
        agent=Agent(name="digest", instructions="Look."),
        message="Go.",
        at=datetime(2026, 10, 5, tzinfo=UTC),
        timezone="UTC",
        model=FunctionModel(answer),
        tools=FunctionToolset([look]),
    )
    journal = Remembered()
    assert asyncio.run(perform(task, journal)).summary == "Seen."
    assert len(set(keys)) == len(keys) == 6
    assert {f"call:{key}" for key in keys} < set(journal.told)
    assert {f"result:{key}" for key in keys} < set(journal.told)
