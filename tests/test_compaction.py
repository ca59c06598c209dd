"""Long conversations: old results make room, nothing else changes, and nothing is lost."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from lamplighter.agent.compaction import BYTES_PER_TOKEN, compact
from lamplighter.testing import call, temporary_workspace, turn

REPORT = turn(call("report", summary="All is well."))


def conversation(sizes: list[list[int]]) -> list[ModelMessage]:
    """A message, and turns with results of so many characters."""
    messages: list[ModelMessage] = [ModelRequest([UserPromptPart("Go.")])]
    for number, results in enumerate(sizes):
        calls = [ToolCallPart("read", {"n": n}, f"{number}-{n}") for n in range(len(results))]
        messages.append(ModelResponse(calls))
        parts = [
            ToolReturnPart("read", f"{number}." + "x" * size, f"{number}-{n}")
            for n, size in enumerate(results)
        ]
        messages.append(ModelRequest(parts))
    return messages


def prefixes(messages: list[ModelMessage]) -> list[list[ModelMessage]]:
    """What is sent, request by request."""
    return [messages[: n + 1] for n in range(0, len(messages), 2)]


def length(messages: list[ModelMessage]) -> int:
    return sum(len(str(getattr(part, "content", ""))) for m in messages for part in m.parts)


def pairs(messages: list[ModelMessage]) -> list[tuple[str, str]]:
    return [(p.part_kind, getattr(p, "tool_call_id", "")) for m in messages for p in m.parts]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, 6000), max_size=3), min_size=1, max_size=12),
    st.integers(500, 4000),
    st.booleans(),
)
def test_what_is_sent_fits_pairs_and_changes_only_in_big_steps(
    sizes: list[list[int]], room: int, is_kept: bool
) -> None:
    before: list[ModelMessage] = []
    cut = 0
    for sent in prefixes(conversation(sizes)):
        found = compact(sent, room, is_kept=is_kept)
        assert found == compact(list(sent), room, is_kept=is_kept)  # a restart does the same
        assert pairs(found.messages) == pairs(sent)
        assert found.messages[-1] == sent[-1]  # what the model has just asked for
        assert found.before >= cut
        if found.before == cut:  # nothing was taken out: the provider's cache stays good
            assert found.messages[: len(before)] == before
            assert not found.fresh
        before, cut = found.messages, found.before
        # Small results stay, each at most 600 characters; a stub is no longer than 300.
        small = 700 * sum(map(len, sizes))
        most = max(room * BYTES_PER_TOKEN, length(sent[-1:])) + small
        assert length(found.messages) <= most


def test_a_result_that_was_taken_out_can_be_read_again() -> None:
    files = {f"notes/{n}.md": f"# Note {n}\n\n" + f"word{n} " * 400 for n in range(6)}
    files["agents/digest.md"] = (
        "---\nsources: [notes]\ntools: [read_document, read_file]\n---\nRead."
    )
    reads = [turn(call("read_document", id=f"notes:{n}.md")) for n in range(6)]
    turns: list[Any] = [
        *reads,
        turn(call("read_file", path="/workspace/results/2-call-1-1.txt")),
        turn(*REPORT["calls"], expect=["word0"]),
    ]
    with temporary_workspace(
        files, sources={"notes": {"path": "notes"}}, context_tokens=3000
    ) as workspace:
        run = workspace.run("digest", turns)
        assert run.outcome == "reported", run.summary
        told = [event for event in workspace.events(run) if event.kind == "compaction"]
        assert 1 <= len(told) <= 3
        assert told[0].data["tokens"] < told[0].data["tokens_before"]
        assert told[0].data["tokens_before"] > 3000
