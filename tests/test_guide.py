from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.test import TestModel
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import FunctionToolset

from lamplighter.agent.loop import Task, instruct
from lamplighter.definitions.agent import DEFAULT_TOOLS, Agent
from lamplighter.models import guide
from lamplighter.models.guide import Action

TASK = "Digest the notes from 2026-10-05 to 2026-10-11 into week.md."
REPORTS = [
    ToolDefinition(name="report", parameters_json_schema={"properties": {"summary": {}}}),
    ToolDefinition(name="nothing_to_report", parameters_json_schema={"properties": {"reason": {}}}),
    ToolDefinition(name="needs_attention", parameters_json_schema={"properties": {"reason": {}}}),
]
TWO = [{"id": "notes:a.md", "title": "A"}, {"id": "notes:b.md", "title": "B"}]


class Talk:
    """A conversation, step by step."""

    def __init__(self, *tools: str, task: str = TASK) -> None:
        self.tools = [ToolDefinition(name=name) for name in tools or DEFAULT_TOOLS]
        self.messages: list[ModelMessage] = [
            ModelRequest(parts=[UserPromptPart("Do your task now.")], instructions=task)
        ]

    def does(self, tool: str, result: object, **arguments: Any) -> "Talk":
        return self._add(ToolCallPart(tool, arguments, tool_call_id=self._id()), result)

    def notes(self, note: str, tool: str, result: object, **arguments: Any) -> "Talk":
        return self._add(ToolCallPart(tool, arguments, tool_call_id=self._id()), result, note)

    def fails(self, tool: str, **arguments: Any) -> "Talk":
        call = ToolCallPart(tool, arguments, tool_call_id=self._id())
        return self._add(call, "broken", outcome="failed")

    def _id(self) -> str:
        return f"call_{len(self.messages)}"

    def _add(
        self, call: ToolCallPart, result: object, note: str = "", outcome: Any = "success"
    ) -> "Talk":
        said: list[TextPart | ToolCallPart] = [TextPart(note), call] if note else [call]
        answer = ToolReturnPart(call.tool_name, result, call.tool_call_id, outcome=outcome)
        self.messages += [ModelResponse(parts=said), ModelRequest(parts=[answer])]
        return self

    def next(self) -> list[Action]:
        return guide.next_actions(self.tools, REPORTS, self.messages)

    def only(self) -> Action:
        [action] = self.next()
        return action

    def hint(self) -> str:
        return guide.next_hint(self.tools, self.messages)


def properties(action: Action) -> dict[str, Any]:
    found: dict[str, Any] = action.schema["properties"]
    return found


def instructions(words: str) -> str:
    """As the loop gives them on 10 November 2026, Berlin's time."""
    at = datetime(2026, 11, 9, 23, 30, tzinfo=UTC)
    agent = Agent("daily", words)
    return instruct(Task(agent, "Go", at, "Europe/Berlin", TestModel(), FunctionToolset()))


def both_read() -> Talk:
    talk = Talk().does("list_documents", TWO, after="2026-10-05", before="2026-10-11")
    talk.does("read_document", "Text of A", id="notes:a.md")
    return talk.notes("A is first.", "read_document", "Text of B", id="notes:b.md")


def digest_of(talk: Talk, *points: str) -> str:
    action = talk.only()
    assert action.tool == "write_file"
    content: str = action.arguments({"points": list(points), "path": "week.md"})["content"]
    return content


@pytest.mark.parametrize(
    ("tools", "led"),
    [
        (DEFAULT_TOOLS, True),
        (("list_documents", "read_document"), True),
        (("search_documents", "read_document", "write_file"), True),
        (("read_document", "write_file"), False),
        (("list_documents", "write_file"), False),
        ((*DEFAULT_TOOLS, "run_bash"), False),
        ((), False),
    ],
)
def test_only_agents_that_find_and_read_and_do_no_more_are_led(
    tools: tuple[str, ...], led: bool
) -> None:
    assert guide.is_led([ToolDefinition(name=name) for name in tools]) is led


def test_at_first_it_can_only_list_with_days_that_the_task_names() -> None:
    action = Talk().only()

    assert action.tool == "list_documents"
    days = {"anyOf": [{"enum": ["2026-10-05", "2026-10-11"]}, {"type": "null"}]}
    assert properties(action) == {"after": days, "before": days}


def test_a_day_that_it_left_open_is_no_argument() -> None:
    said = {"after": "2026-10-05", "before": None}

    assert Talk().only().arguments(said) == {"after": "2026-10-05"}


@pytest.mark.parametrize(
    ("words", "offered", "after"),
    [
        ("Sum up the notes of the last seven days.", "7 days ago", "2026-11-03"),
        ("What came in since yesterday?", "yesterday", "2026-11-09"),
        ("What came in today?", "today", "2026-11-10"),
        ("A digest of the past two weeks.", "14 days ago", "2026-10-27"),
        ("A monthly digest.", "30 days ago", "2026-10-11"),
    ],
)
def test_a_time_that_the_task_names_is_reckoned_from_what_the_loop_says(
    words: str, offered: str, after: str
) -> None:
    action = Talk(task=instructions(words)).only()

    assert properties(action) == {"since": {"enum": [offered]}}
    assert action.arguments({"since": offered}) == {"after": after}


@pytest.mark.parametrize("task", ["Sum up all notes.", "It is Monday, 99 Brumaire 2026, today"])
def test_without_any_time_it_lists_all(task: str) -> None:
    action = Talk(task=task).only()

    assert properties(action) == {"since": {"enum": ["the beginning"]}}
    assert action.arguments({"since": "the beginning"}) == {}


@pytest.mark.parametrize(
    ("tools", "task", "offered"),
    [
        (DEFAULT_TOOLS, "Sum up the notes.", ["list_documents"]),
        (DEFAULT_TOOLS, "Search for open questions.", ["list_documents", "search_documents"]),
        (("search_documents", "read_document"), "Sum up.", ["search_documents"]),
    ],
)
def test_it_searches_where_it_is_told_to_or_cannot_list(
    tools: tuple[str, ...], task: str, offered: list[str]
) -> None:
    assert [action.tool for action in Talk(*tools, task=task).next()] == offered


def test_nothing_found_is_nothing_to_report() -> None:
    assert Talk().does("list_documents", []).only().tool == "nothing_to_report"


def test_it_can_only_read_what_was_found_and_is_unread() -> None:
    talk = Talk().does("list_documents", TWO)
    assert properties(talk.only()) == {"id": {"enum": ["notes:a.md", "notes:b.md"]}}

    talk.does("read_document", "Text of A", id="notes:a.md")
    assert properties(talk.only())["id"] == {"enum": ["notes:b.md"]}


def test_words_instead_of_a_list_mean_that_there_is_nothing() -> None:
    assert Talk().does("list_documents", "No documents.").only().tool == "nothing_to_report"


def test_what_it_read_it_notes_before_it_goes_on() -> None:
    talk = Talk().does("list_documents", TWO).does("read_document", "Text", id="notes:a.md")
    action = talk.only()
    said = {"points": ["One\nthing\x1b, ", "Another."], "id": "notes:b.md"}

    assert list(properties(action)) == ["points", "id"]
    assert action.remark(said) == "One thing. Another."
    assert action.arguments(said) == {"id": "notes:b.md"}


def test_a_point_that_ran_into_the_limit_is_seen_to_go_on() -> None:
    talk = Talk().does("list_documents", TWO).does("read_document", "Text", id="notes:a.md")
    long = "x" * guide.POINT_CHARACTERS

    assert talk.only().remark({"points": [long]}) == f"{long}…"


def test_a_point_that_is_made_twice_is_noted_once() -> None:
    talk = Talk().does("list_documents", TWO).does("read_document", "Text", id="notes:a.md")

    assert talk.only().remark({"points": ["It rains.", "It rains", "It snows."]}) == (
        "It rains. It snows."
    )


def test_a_document_that_cannot_be_read_is_passed_by_and_named() -> None:
    talk = Talk().does("list_documents", TWO).fails("read_document", id="notes:a.md")
    assert properties(talk.only()) == {"id": {"enum": ["notes:b.md"]}}

    talk.does("read_document", "Text of B", id="notes:b.md")
    assert "Could not be read: notes:a.md" in digest_of(talk, "B is second.")


def test_the_digest_has_a_bullet_with_its_id_for_every_document() -> None:
    assert digest_of(both_read(), "B is second.") == (
        "# Digest 2026-10-05 to 2026-10-11\n\n"
        "- **A**: A is first. [notes:a.md]\n"
        "- **B**: B is second. [notes:b.md]\n"
    )


def test_the_digest_names_what_was_left_out_and_what_was_cut() -> None:
    found = [{"id": f"notes:{number}.md"} for number in range(guide.MOST_DOCUMENTS + 2)]
    talk = Talk().does("list_documents", found)
    long = "word " * guide.MOST_CHARACTERS
    talk.does("read_document", long, id="notes:0.md")
    for number in range(1, guide.MOST_DOCUMENTS):
        talk.notes("Noted.", "read_document", "Short", id=f"notes:{number}.md")

    digest = digest_of(talk, "Last.")

    assert "only the first 6,000 characters were read: notes:0.md\n" in digest
    assert "more than 10: notes:10.md, notes:11.md\n" in digest


@pytest.mark.parametrize(
    ("task", "paths"),
    [
        (TASK, ["week.md"]),
        ("Write `out/a.txt` from the note notes:b.md, see https://x.org/c.md", ["out/a.txt"]),
        ("Sum it up.", ["digest.md"]),
    ],
)
def test_the_file_is_the_one_that_the_task_names(task: str, paths: list[str]) -> None:
    talk = Talk(task=task).does("list_documents", TWO[:1])
    talk.does("read_document", "Text", id="notes:a.md")

    assert properties(talk.only())["path"] == {"enum": paths}


def test_after_writing_it_delivers_that_file_and_then_reports() -> None:
    talk = both_read().notes("B.", "write_file", "ok", path="week.md", content="# Week")
    assert properties(talk.only()) == {"path": {"enum": ["week.md"]}}

    talk.does("deliver_file", "ok", path="week.md")
    assert talk.only().tool == "report"


def test_an_agent_that_cannot_write_reports_from_its_notes() -> None:
    talk = Talk("list_documents", "read_document").does("list_documents", TWO)
    talk.does("read_document", "Text of A", id="notes:a.md")
    talk.notes("A is first.", "read_document", "Text of B", id="notes:b.md")

    assert talk.only().tool == "report"
    assert "- **A**: A is first. [notes:a.md]" in talk.hint()


@pytest.mark.parametrize("tool", ["list_documents", "write_file", "deliver_file"])
def test_what_fails_twice_needs_attention(tool: str) -> None:
    talk = Talk().fails(tool)
    assert "needs_attention" not in [action.tool for action in talk.next()]

    assert talk.fails(tool).only().tool == "needs_attention"


def test_nothing_readable_needs_attention() -> None:
    talk = Talk().does("list_documents", TWO[:1]).fails("read_document", id="notes:a.md")

    assert talk.only().tool == "needs_attention"


def test_a_report_has_only_its_own_fields_and_ends_with_a_whole_sentence() -> None:
    action = Talk().does("list_documents", []).only()
    long = "Done. " + "and so on " * 50

    assert action.schema["additionalProperties"] is False
    assert action.arguments({"reason": long}) == {"reason": "Done."}
    assert action.arguments({"reason": "Short. Fine"}) == {"reason": "Short. Fine"}


def test_documents_that_were_noted_are_out_of_view() -> None:
    talk = both_read()
    seen = guide.in_view(talk.messages)

    assert seen == [*talk.messages[:3], *talk.messages[5:]]


@pytest.mark.parametrize(
    ("tools", "warning"),
    [
        (DEFAULT_TOOLS, None),
        ((*DEFAULT_TOOLS, "send_email"), "send_email"),
        (("write_file",), "lacks"),
    ],
)
def test_agents_that_ask_too_much_get_a_warning(
    tools: tuple[str, ...], warning: str | None
) -> None:
    found = guide.fits_small_model(tools)

    assert (found is None) if warning is None else (found is not None and warning in found)
