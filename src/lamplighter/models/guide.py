"""What a small model may do next: one step at a time, in the only order that makes sense.

A model of 1.5 billion parameters names the main points of a page that it has just read rather well,
but it cannot plan, and it mixes up what it read a few pages ago. So agents of one shape are led:
find documents; read one, note its points, and put both away before the next; write the digest from
the notes; deliver it; report. What comes next follows from the conversation alone, so that a run
that is resumed goes on as it began. Agents of another shape choose freely among their tools.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.tools import ToolDefinition

from lamplighter.definitions.fence import unfence

FINDERS = ("list_documents", "search_documents")
READER = "read_document"
WRITER = "write_file"
DELIVERER = "deliver_file"
LED = frozenset({*FINDERS, READER, "read_file", WRITER, DELIVERER})
"""The tools of an agent that can be led; ``read_file`` is never needed."""

REPORT, NOTHING, ATTENTION = "report", "nothing_to_report", "needs_attention"
MOST_DOCUMENTS = 10
"""Documents that are read in one run; the digest names those that were left out."""

MOST_CHARACTERS = 6_000
"""Read of one document, about 1,500 tokens; the digest names those that are longer."""

POINTS = (2, 3)
"""Points noted of one document, at least and at most; given a single one, it writes a platitude."""

POINT_CHARACTERS = 180
REPORT_CHARACTERS = 400
MOST_FAILURES = 2
"""Failures of one tool, one after the other, before the run is given up."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TODAY = re.compile(r"It is \w+, ([0-9]{2} \w+ [0-9]{4}),")
"""How the loop tells the model the time."""

_FILE_NAME = re.compile(r"(?<![\w:./-])[\w-]+(?:/[\w-]+)*\.(?:md|txt)\b")
_AGO = {
    "today": (0, r"today"),
    "yesterday": (1, r"yesterday|last day|24 hours|one day"),
    "7 days ago": (7, r"(7|seven) days|(last|past|this|one) week|weekly"),
    "14 days ago": (14, r"(14|fourteen) days|(2|two) weeks|fortnight"),
    "30 days ago": (30, r"(30|thirty) days|month|monthly"),
}
"""Times that a task may mean: days ago, and the words for it."""

_EVER = "the beginning"
_POINTS = "points"

Written = dict[str, Any]
"""The JSON object that the model wrote, under an action's schema."""


def _all_of_it(written: Written) -> Written:
    return {name: value for name, value in written.items() if value is not None}


def _nothing(_written: Written) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that the model may do next.

    Attributes:
        tool: The tool's name.
        schema: JSON schema of the object that the model writes.
        arguments: From what the model wrote to the tool's arguments.
        remark: From what the model wrote to what it says besides.
    """

    tool: str
    schema: Mapping[str, Any]
    arguments: Callable[[Written], Written] = _all_of_it
    remark: Callable[[Written], str] = _nothing


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        found: Titles of the documents that were found, by id; ``None`` before the first result.
        period: From which day to which they were looked for, as far as it is known.
        read: Ids of documents that were read.
        shortened: Ids of those that were too long to be read whole.
        unreadable: Ids of documents that could not be read.
        notes: What the model noted of a document, by id.
        written: Paths that were written.
        delivered: Paths that were delivered.
        failures: Failures of each tool since it last worked.
    """

    found: dict[str, str] | None = None
    period: tuple[str, ...] = ()
    read: list[str] = field(default_factory=list)
    shortened: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
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

    @property
    def lacks_note(self) -> bool:
        """Whether the document that was read last is still to be noted."""
        return bool(self.read) and self.read[-1] not in self.notes


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
    """What a led model may do next.

    Args:
        tools: The agent's tools, for which ``is_led`` holds.
        reports: The tools that end the run.
        messages: The conversation so far.
    """
    done = progress(messages)
    actions = _next(done, {tool.name for tool in tools}, reports, _task_text(messages))
    return [_with_note(action, done) for action in actions] if done.lacks_note else actions


def next_hint(tools: Sequence[ToolDefinition], messages: Sequence[ModelMessage]) -> str:
    """What a led model is told about its next step."""
    done = progress(messages)
    steps = _next(done, {tool.name for tool in tools}, (), _task_text(messages))
    hint = _HINTS[steps[0].tool] if steps else _END_HINT
    if done.lacks_note:
        hint = f"{_NOTE_HINT} {hint}"
    if steps or done.written or not done.notes:
        return hint
    return "\n".join(["Your notes of the other documents:", *_bullets(done), "", hint])


_NOTE_HINT = (
    "Pick two or three single points of this document that matter most to its readers, and "
    "say each of them in one short sentence. Leave out numbers of issues and names of people."
)
_END_HINT = (
    "You are done. Tell your reader in two short sentences what you summed up, and which news in "
    "it matters most."
)
_HINTS = {
    "list_documents": "List the documents of the time that you are asked about.",
    "search_documents": "Find the documents that you are asked about.",
    READER: "Then choose the next document.",
    WRITER: "Then name the file.",
    DELIVERER: "Deliver the file.",
}


def in_view(messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """What a led model should see: no document but the last, or it would mix them up."""
    reads = {
        number
        for number, message in enumerate(messages[:-2])
        if any(
            isinstance(part, ToolCallPart) and part.tool_name == READER for part in message.parts
        )
    }
    return [
        message
        for number, message in enumerate(messages)
        if number not in reads and number - 1 not in reads
    ]


def _next(
    done: Progress, tools: Set[str], reports: Sequence[ToolDefinition], task: str
) -> list[Action]:
    if any(count >= MOST_FAILURES for count in done.failures.values()):
        return _end(ATTENTION, reports)
    if done.found is None:
        return _find(tools, task)
    if not done.found:
        return _end(NOTHING, reports)
    if done.unread:
        return [Action(READER, _object(id=_one_of(done.unread)))]
    if not done.read:
        return _end(ATTENTION, reports)
    if WRITER in tools and not done.written:
        return [_write(done, task)]
    if DELIVERER in tools and done.written and not done.delivered:
        return [Action(DELIVERER, _object(path=_one_of(done.written)))]
    return _end(REPORT, reports)


def progress(messages: Sequence[ModelMessage]) -> Progress:
    """How far the conversation has come."""
    done = Progress()
    calls: dict[str, ToolCallPart] = {}
    for message in messages:
        for part in message.parts:
            if isinstance(part, TextPart) and done.lacks_note:
                done.notes[done.read[-1]] = part.content.strip()
            elif isinstance(part, ToolCallPart):
                calls[part.tool_call_id] = part
            elif isinstance(part, ToolReturnPart) and part.tool_call_id in calls:
                _count(done, calls[part.tool_call_id], part)
    return done


def _count(done: Progress, call: ToolCallPart, result: ToolReturnPart) -> None:
    name, arguments = call.tool_name, call.args_as_dict()
    if result.outcome != "success":
        if name == READER:
            # One bad document must not end the run, nor be tried again and again.
            done.unreadable.append(str(arguments.get("id")))
        else:
            done.failures[name] += 1
        return
    done.failures[name] = 0
    if name in FINDERS:
        done.found = (done.found or {}) | _documents(result.content)
        days = (arguments.get("after"), arguments.get("before"))
        done.period = tuple(str(day) for day in days if day)
    elif name == READER:
        _count_read(done, str(arguments["id"]), result.model_response_str())
    elif name == WRITER:
        done.written.append(str(arguments["path"]))
    elif name == DELIVERER:
        done.delivered.append(str(arguments["path"]))


def _count_read(done: Progress, id: str, text: str) -> None:
    done.read.append(id)
    if len(text) > MOST_CHARACTERS:
        done.shortened.append(id)


def _documents(content: object) -> dict[str, str]:
    """Id -> title of the documents in a finder's result."""
    found = unfence(content)
    items = found if isinstance(found, list) else []  # that there are none is told in words
    return {str(item["id"]): str(item.get("title") or item["id"]) for item in items}


def describe_found(content: object) -> str:
    """A finder's result as the model reads it: short, because every word costs it time."""
    titles = list(_documents(content).items())[:MOST_DOCUMENTS]
    return "\n".join(f"- {id}: {title}" for id, title in titles) or "(no documents)"


def _find(tools: Set[str], task: str) -> list[Action]:
    listing = _list(task)
    query = {"type": "string", "minLength": 1, "maxLength": 80}
    searching = Action("search_documents", _object(query=query))
    if "list_documents" not in tools:
        return [searching]
    # Given both, it likes to search for dates; so it may search only where that is asked for.
    may_search = "search_documents" in tools and re.search(r"\bsearch", task, re.IGNORECASE)
    return [listing, searching] if may_search else [listing]


def _list(task: str) -> Action:
    """From when to when: only times that the task names, for others would be made up."""
    days = sorted(set(_DAY.findall(task)))
    if not days:
        since = _times(task) or {_EVER: None}
        schema = _object(since=_one_of(list(since)))
        return Action("list_documents", schema, lambda said: _since(since[said["since"]]))
    either = {"anyOf": [_one_of(days), {"type": "null"}]}
    return Action("list_documents", _object(after=either, before=either))


def _since(day: str | None) -> Written:
    return {"after": day} if day else {}


def _times(task: str) -> dict[str, str | None]:
    """Days by what the task calls them; the model itself cannot reckon with dates."""
    told = _TODAY.search(task)
    if not told:
        return {}
    try:
        today = datetime.strptime(told[1], "%d %B %Y").replace(tzinfo=UTC)
    except ValueError:
        return {}
    return {
        name: f"{today - timedelta(days=days):%Y-%m-%d}"
        for name, (days, words) in _AGO.items()
        if re.search(rf"\b({words})\b", task, re.IGNORECASE)
    }


def _with_note(action: Action, done: Progress) -> Action:
    """First the points of the document that was just read, then the action."""
    point = {"type": "string", "minLength": 10, "maxLength": POINT_CHARACTERS}
    points = {"type": "array", "items": point, "minItems": POINTS[0], "maxItems": POINTS[1]}

    def note(said: Written) -> str:
        # Short of points, it says one again.
        return " ".join(dict.fromkeys(_sentence(point) for point in said[_POINTS]))

    def arguments(said: Written) -> Written:
        done.notes[done.read[-1]] = note(said)
        return action.arguments({key: said[key] for key in said if key != _POINTS})

    properties = {_POINTS: points, **action.schema["properties"]}
    return Action(action.tool, {**action.schema, **_object(**properties)}, arguments, note)


def _sentence(point: str) -> str:
    """One point as a sentence; one that ran into the limit is seen to go on."""
    ending = "…" if len(point) >= POINT_CHARACTERS else "."
    return _line(point).rstrip(".,;: ") + ending


def _write(done: Progress, task: str) -> Action:
    """The model's notes become the bullets, each with the id of its document."""
    named = list(dict.fromkeys(_FILE_NAME.findall(task)))
    schema = _object(path=_one_of(named or ["digest.md"]))
    return Action(WRITER, schema, lambda said: {"path": said["path"], "content": _digest(done)})


def _digest(done: Progress) -> str:
    """The digest's Markdown; what was not read is said, not passed over."""
    lines = [f"# Digest {' to '.join(done.period)}".strip(), "", *_bullets(done)]
    limits = {
        f"Of these, only the first {MOST_CHARACTERS:,} characters were read": done.shortened,
        "Could not be read": done.unreadable,
        f"Not read, because there were more than {MOST_DOCUMENTS}": done.left_out,
    }
    for reason, ids in limits.items():
        if ids:
            lines += ["", f"{reason}: {', '.join(ids)}"]
    return "\n".join(lines) + "\n"


def _bullets(done: Progress) -> list[str]:
    return [f"- **{_title(done, id)}**: {note} [{id}]" for id, note in done.notes.items()]


def _title(done: Progress, id: str) -> str:
    return _line((done.found or {}).get(id, id))


def _line(text: str) -> str:
    """The text on one line, without control characters, which a small model may write."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _end(name: str, reports: Sequence[ToolDefinition]) -> list[Action]:
    """The report called ``name``, or whichever there are."""
    chosen = [tool for tool in reports if tool.name == name] or reports
    return [Action(tool.name, _brief(tool.parameters_json_schema), _ended) for tool in chosen]


def _brief(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with a bound on its texts, and nothing besides what it names."""
    bounded = {
        name: {**form, "maxLength": REPORT_CHARACTERS} if form.get("type") == "string" else form
        for name, form in schema["properties"].items()
    }
    return {**schema, "properties": bounded, "additionalProperties": False}


def _ended(written: Written) -> Written:
    """Texts that ran into the bound end with their last whole sentence."""
    return {
        name: _whole_sentences(value) if isinstance(value, str) else value
        for name, value in written.items()
    }


def _whole_sentences(text: str) -> str:
    whole, found, _ = text.rpartition(". ")
    return f"{whole}." if found and len(text) >= REPORT_CHARACTERS else text.strip()


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
