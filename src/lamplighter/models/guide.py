"""What a small model may do next: one step at a time, in the only order that makes sense.

A model of 1.5 billion parameters writes a fair sentence about a page that it has just read, but it
cannot plan. So agents of one shape are led: find documents, read each of them, write a digest,
deliver it, report. What comes next follows from the conversation alone, so that a run that is
resumed goes on as it began. Agents of another shape choose freely among their tools.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    SystemPromptPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.tools import ToolDefinition

FINDERS = ("list_documents", "search_documents")
READER = "read_document"
WRITER = "write_file"
DELIVERER = "deliver_file"
LED = frozenset({*FINDERS, READER, "read_file", WRITER, DELIVERER})
"""The tools of an agent that can be led; ``read_file`` is never needed."""

REPORT, NOTHING, ATTENTION = "report", "nothing_to_report", "needs_attention"
MOST_DOCUMENTS = 10
"""Documents that are read in one run; the digest names those that were left out."""

MOST_FAILURES = 2
"""Failures of one tool, one after the other, before the run is given up."""

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_FILE_NAME = re.compile(r"(?<![\w:./-])[\w-]+(?:/[\w-]+)*\.(?:md|txt)\b")

Written = dict[str, Any]
"""The JSON object that the model wrote, under an action's schema."""


def as_written(written: Written) -> Written:
    """The arguments as the model wrote them, without those that it left open."""
    return {name: value for name, value in written.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that the model may do next.

    Attributes:
        tool: The tool's name.
        schema: JSON schema of what the model writes.
        arguments: From what the model wrote to the tool's arguments.
    """

    tool: str
    schema: Mapping[str, Any]
    arguments: Callable[[Written], Written] = as_written


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        found: Titles of the documents that were found, by id; ``None`` before the first result.
        read: Ids of documents that were read.
        unreadable: Ids of documents that could not be read.
        written: Paths that were written.
        delivered: Paths that were delivered.
        failures: Failures of each tool since it last worked.
    """

    found: dict[str, str] | None = None
    read: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def unread(self) -> list[str]:
        """Ids of documents that are still to be read, in the order in which they were found."""
        chosen = list(self.found or ())[:MOST_DOCUMENTS]
        return [id for id in chosen if id not in self.read and id not in self.unreadable]

    @property
    def left_out(self) -> list[str]:
        """Ids of documents that were found and will not be read."""
        return list(self.found or ())[MOST_DOCUMENTS:]


def is_led(tools: Sequence[ToolDefinition]) -> bool:
    """Whether an agent with these tools, without its reports, is led step by step."""
    names = {tool.name for tool in tools}
    return names <= LED and READER in names and not names.isdisjoint(FINDERS)


def fits_small_model(tools: Sequence[str]) -> str | None:
    """A warning for the author of an agent that asks too much of the small local model.

    Args:
        tools: The names of the tools that the agent may call.
    """
    advice = "choose a larger model for it"
    if more := sorted(set(tools) - LED):
        return (
            f"the small local model is dependable only with {', '.join(sorted(LED))}; "
            f"this agent also has {', '.join(more)}: {advice}"
        )
    if READER not in tools or set(tools).isdisjoint(FINDERS):
        return (
            "the small local model is dependable only for agents that list (or search), read and "
            f"sum up documents; this one lacks list_documents or read_document: {advice}"
        )
    return None


def next_actions(
    tools: Sequence[ToolDefinition],
    reports: Sequence[ToolDefinition],
    messages: Sequence[ModelMessage],
) -> list[Action]:
    """What a led model may do next; one of the actions, never none if there are reports.

    Args:
        tools: The agent's tools, for which ``is_led`` holds.
        reports: The tools that end the run.
        messages: The conversation so far.
    """
    names = {tool.name for tool in tools}
    done = progress(messages)
    if any(count >= MOST_FAILURES for count in done.failures.values()):
        return _end(ATTENTION, reports)
    if done.found is None:
        return [_find(tool, messages) for tool in tools if tool.name in FINDERS]
    if not done.found:
        return _end(NOTHING, reports)
    if done.unread:
        return [Action(READER, _object(id=_one_of(done.unread)))]
    if not done.read:
        return _end(ATTENTION, reports)
    if WRITER in names and not done.written:
        return [_write(done, messages)]
    if DELIVERER in names and done.written and not done.delivered:
        return [Action(DELIVERER, _object(path=_one_of(done.written)))]
    return _end(REPORT, reports)


def next_hint(tools: Sequence[ToolDefinition], messages: Sequence[ModelMessage]) -> str:
    """One line that tells a led model what its next step is about."""
    names = {tool.name for tool in tools}
    done = progress(messages)
    if done.found is None:
        return "First find the documents that you are asked about."
    if done.unread:
        return "Read the next document."
    if done.read and WRITER in names and not done.written:
        return (
            "You have read every document. Write the digest: a short title, and for each document "
            "one plain sentence with the most important facts that this very document states."
        )
    if done.written and DELIVERER in names and not done.delivered:
        return "Deliver the file."
    return "End the run: say in two sentences what you did and what the documents say."


def progress(messages: Sequence[ModelMessage]) -> Progress:
    """How far the conversation has come."""
    done = Progress()
    for call, result in _calls(messages):
        if result.outcome != "success":
            _note_failure(done, call)
            continue
        done.failures[call.tool_name] = 0
        _note_success(done, call, result)
    return done


def _note_failure(done: Progress, call: ToolCallPart) -> None:
    if call.tool_name == READER:
        # One bad document must not end the run, nor be tried again and again.
        done.unreadable.append(str(_argument(call, "id")))
    else:
        done.failures[call.tool_name] += 1


def _note_success(done: Progress, call: ToolCallPart, result: ToolReturnPart) -> None:
    if call.tool_name in FINDERS:
        done.found = (done.found or {}) | _documents(result.content)
    elif call.tool_name == READER:
        done.read.append(str(_argument(call, "id")))
    elif call.tool_name == WRITER:
        done.written.append(str(_argument(call, "path")))
    elif call.tool_name == DELIVERER:
        done.delivered.append(str(_argument(call, "path")))


def _calls(messages: Sequence[ModelMessage]) -> Iterator[tuple[ToolCallPart, ToolReturnPart]]:
    """Each tool call that has a result, in the order of the results."""
    calls: dict[str, ToolCallPart] = {}
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                calls[part.tool_call_id] = part
            elif isinstance(part, ToolReturnPart) and part.tool_call_id in calls:
                yield calls[part.tool_call_id], part


def _argument(call: ToolCallPart, name: str) -> object:
    return call.args_as_dict().get(name, "")


def _documents(content: object) -> dict[str, str]:
    """Id -> title of the documents in a finder's result."""
    if isinstance(content, str):
        content = json.loads(content)
    items = content if isinstance(content, list) else []
    return {str(item["id"]): str(item.get("title") or item["id"]) for item in items}


def describe_found(content: object) -> str:
    """A finder's result as the model reads it: short, because every word costs it time."""
    titles = list(_documents(content).items())[:MOST_DOCUMENTS]
    return "\n".join(f"- {id}: {title}" for id, title in titles) or "(no documents)"


def _find(tool: ToolDefinition, messages: Sequence[ModelMessage]) -> Action:
    if tool.name == "search_documents":
        return Action(tool.name, _object(query={"type": "string", "minLength": 1, "maxLength": 80}))
    # A day that the agent's text does not mention would be made up.
    days = sorted(set(re.findall(rf"\b{_DATE}\b", _task_text(messages))))
    day = {"enum": days} if days else {"type": "string", "pattern": f"^{_DATE}$"}
    either = {"anyOf": [day, {"type": "null"}]}
    return Action(tool.name, _object(after=either, before=either))


def _write(done: Progress, messages: Sequence[ModelMessage]) -> Action:
    """The digest has a sentence for every document, under its id: so none can lack its source."""
    named = list(dict.fromkeys(_FILE_NAME.findall(_task_text(messages))))
    sentence = {"type": "string", "minLength": 20, "maxLength": 280}
    schema = _object(
        path=_one_of(named or ["digest.md"]),
        title={"type": "string", "minLength": 3, "maxLength": 80},
        bullets=_object(**dict.fromkeys(done.read, sentence)),
    )
    return Action(
        WRITER, schema, lambda said: {"path": said["path"], "content": _digest(done, said)}
    )


def _digest(done: Progress, written: Written) -> str:
    """The digest's Markdown; what was not read is said, not passed over."""
    titles = done.found or {}
    lines = [f"# {_line(written['title'])}", ""]
    lines += [
        f"- **{_line(titles.get(id, id))}**: {_line(text)} [{id}]"
        for id, text in written["bullets"].items()
    ]
    for ids, reason in ((done.unreadable, "Could not be read"), (done.left_out, "Not read")):
        if ids:
            lines += ["", f"{reason}: {', '.join(ids)}"]
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _end(name: str, reports: Sequence[ToolDefinition]) -> list[Action]:
    """The report called ``name``, or whichever there are."""
    chosen = [tool for tool in reports if tool.name == name] or reports
    return [Action(tool.name, tool.parameters_json_schema) for tool in chosen]


def _task_text(messages: Sequence[ModelMessage]) -> str:
    """What the agent was told to do: its instructions and the user's messages."""
    told: list[str] = []
    for message in messages:
        if isinstance(message, ModelResponse):
            continue
        told.append(message.instructions or "")
        told += [
            str(part.content)
            for part in message.parts
            if isinstance(part, SystemPromptPart | UserPromptPart)
        ]
    return "\n".join(told)


def _one_of(values: Sequence[str]) -> dict[str, Any]:
    return {"enum": list(values)}


def _object(**properties: Any) -> dict[str, Any]:
    """The schema of an object that has exactly these properties, in this order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
