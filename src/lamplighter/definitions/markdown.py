"""A Markdown file with YAML frontmatter -> ``Agent``. Pure: text in, values out."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, NoReturn, TypeVar

from lamplighter.access import owner_of, short_name
from lamplighter.addresses import read_recipient
from lamplighter.allowance import MICRO, Allowance
from lamplighter.definitions.agent import Agent, Limits, Problem
from lamplighter.definitions.effects import MODES
from lamplighter.definitions.frontmatter import Document, Value, read_document
from lamplighter.definitions.hosts import AllowedHost, read_host
from lamplighter.definitions.pages import read_page
from lamplighter.definitions.recipients import Correspondence
from lamplighter.definitions.safety import is_safety_key
from lamplighter.definitions.spelling import did_you_mean
from lamplighter.definitions.tool import AGENT, MCP, RESERVED, called, is_callable
from lamplighter.definitions.webhooks import is_webhook
from lamplighter.errors import InvalidInput, InvalidSchedule, Place
from lamplighter.schedule import Schedule, parse, read_seconds, read_zone
from lamplighter.secrets import REFERENCE

MAX_SIZE_BYTES = 1_000_000
"""The largest agent file."""

T = TypeVar("T")
Reader = Callable[[Value, str], T]

REMEMBERED = 50_000
"""Texts whose readings are remembered: a server reads all files when one has changed, and each
run reads its agent's. With more agents than this, all are read anew each time."""


@lru_cache(REMEMBERED)
def read_agent(
    text: str, *, name: str, file: str, timezone: str
) -> tuple[Agent | None, tuple[Problem, ...]]:
    """Read an agent file.

    Args:
        text: The whole file.
        name: The agent's name, from the file's path.
        file: The file as messages call it.
        timezone: The IANA zone of schedules that name none; a known one.

    Returns:
        The agent, or ``None`` when there is an error; and everything to tell the author, each
        with file and line.
    """
    notes = _Notes(file)
    document = notes.attempt(lambda: _take_apart(text), Place(line=1))
    if document is None:
        return None, tuple(notes.problems)
    given = _read_fields(document, notes, name, timezone)
    if not notes.is_sound():
        return None, tuple(notes.problems)
    lines = MappingProxyType(notes.lines)
    agent = Agent(name=name, instructions=document.body, lines=lines, **given)
    _check_type(agent, notes)
    _check_tools(agent, notes)
    _check_webhooks(agent, notes)
    return (agent if notes.is_sound() else None), tuple(notes.problems)


@dataclass(slots=True)
class _Notes:
    """What is found out while reading one file."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def is_sound(self) -> bool:
        return all(problem.level != "error" for problem in self.problems)

    def attempt(self, read: Callable[[], T], place: Place) -> T | None:
        """What ``read`` returns; when it refuses, the reason is noted at ``place`` or nearer."""
        try:
            return read()
        except InvalidInput as error:
            line, name = error.place.line or place.line, error.place.field or place.field
            where = Place(self.file, line, name)
            self.problems.append(Problem("error", error.message, where, error.hint))
            return None

    def read(self, reader: Reader[T], value: Value, name: str) -> T | None:
        """``reader``'s result for the field ``name``; its line is remembered."""
        self.lines[name] = value.line
        return self.attempt(lambda: reader(value, name), Place(line=value.line, field=name))

    def read_each(self, reader: Reader[T], value: Value, name: str) -> tuple[T, ...]:
        """``reader``'s results for the items of a list; each bad item is noted by itself."""
        items = self.read(_list, value, name) or []
        found: list[T] = []
        for number, item in enumerate(items):
            result = self.read(reader, item, f"{name}[{number}]")
            if result in found:
                self.warn("stands twice", f"{name}[{number}]", "keep one of them")
            elif result is not None:
                found.append(result)
        return tuple(found)

    def warn(self, message: str, name: str, hint: str) -> None:
        self.tell("warning", message, name, hint)

    def tell(self, level: Literal["error", "warning"], message: str, name: str, hint: str) -> None:
        place = Place(self.file, self.lines.get(name), name)
        self.problems.append(Problem(level, message, place, hint))


def _take_apart(text: str) -> Document:
    if len(text.encode(errors="replace")) > MAX_SIZE_BYTES:
        refuse_size()
    if "\0" in text:
        place = Place(line=text.count("\n", 0, text.index("\0")) + 1)
        raise InvalidInput("there is a NUL byte", place=place, hint="save it as plain text")
    document = read_document(text)
    if not document.body:
        hint = "below the closing ---, write what the agent shall do" if document.fields else (
            "write what the agent shall do"
        )  # fmt: skip
        place = Place(line=document.body_line)
        raise InvalidInput("there are no instructions", place=place, hint=hint)
    return document


def refuse_size() -> NoReturn:
    """Say that an agent file is larger than ``MAX_SIZE_BYTES``.

    Raises:
        InvalidInput: Always.
    """
    megabytes = MAX_SIZE_BYTES // 1_000_000
    hint = "put the material into a source that the agent can read"
    raise InvalidInput(f"the file is larger than {megabytes} MB", hint=hint)


def _read_fields(document: Document, notes: _Notes, name: str, timezone: str) -> dict[str, Any]:
    fields = dict(document.fields)
    given: dict[str, Any] = {}
    for key in [key for key in fields if key in _READERS]:
        given[key] = notes.read(_READERS[key], fields.pop(key), key)
    if "tools" in fields and isinstance(fields["tools"].content, dict):
        given["aliases"] = _read_tool_map(fields.pop("tools"), notes)
        given["tools"] = tuple(dict.fromkeys(given["aliases"].values()))
    for key in [key for key in fields if key in _LISTS]:
        value = fields.pop(key)
        given[key] = notes.read_each(_name, value, key)
    if provider := given.pop("provider", None):
        given["model"] = f"{provider}:{given['model']}" if given.get("model") else None
    given["timezone"] = given.get("timezone") or ""
    zone = given["timezone"] or timezone
    given["all_sources"] = given.get("type") == "org" and "sources" not in given
    given["schedules"] = _read_schedules(fields, notes, zone)
    _check_name(given.pop("name", None), name, notes)
    for key, value in fields.items():
        notes.lines[key] = value.line
        _tell_unknown(key, notes)
    given["extra"] = MappingProxyType({key: value.plain() for key, value in fields.items()})
    return given


def _read_schedules(fields: dict[str, Value], notes: _Notes, timezone: str) -> tuple[Schedule, ...]:
    def read(value: Value, name: str) -> Schedule:
        return _schedule(value, name, timezone)

    one, many = fields.pop("schedule", None), fields.pop("schedules", None)
    first = notes.read(read, one, "schedule") if one else None
    rest = notes.read_each(read, many, "schedules") if many else ()
    return (*((first,) if first else ()), *(each for each in rest if each != first))


def _tell_unknown(key: str, notes: _Notes) -> None:
    if is_safety_key(key):  # an error: the author relies on something that would not hold
        hint = "delete it, or say the same with tools, actions or limits"
        notes.tell("error", f"{key!r} is not known here, and sounds like a safeguard", key, hint)
        return
    hint = did_you_mean(key, KEYS) or f"known keys are: {', '.join(KEYS)}"
    notes.warn(f"unknown key {key!r}", key, hint)


def _read_tool_map(value: Value, notes: _Notes) -> Mapping[str, str]:
    """``{read_file: {type: builtin, name: workspace-readFile}}``; a bad one is noted by itself."""
    assert isinstance(value.content, dict)
    notes.lines["tools"] = value.line
    found: dict[str, str] = {}
    for number, (name, given) in enumerate(value.content.items()):
        notes.lines[f"tools[{number}]"] = given.line
        tool = notes.read(_tool, given, f"tools.{name}")
        if not is_callable(name):
            hint = "use up to 64 of a-z A-Z 0-9 _ -, and not the name of a report"
            notes.tell("error", f"no model can call a tool {name!r}", f"tools.{name}", hint)
        elif tool is not None:
            found[name] = tool
    return MappingProxyType(found)


def _check_name(given: str | None, name: str, notes: _Notes) -> None:
    if given is not None and given not in (name, short_name(name)):
        hint = "delete the key, or rename the file"
        notes.warn(f"the agent is called {name!r}, as its file is", "name", hint)


def _check_tools(agent: Agent, notes: _Notes) -> None:
    """No two tools of a list may be called the same, and none as a run ends."""
    names = [called(tool) for tool in agent.tools or () if tool not in agent.aliases.values()]
    for name in (*names, *agent.aliases):
        if name in RESERVED and name in (agent.tools or ()):
            hint = "delete it from the tools: every agent has it"
            notes.tell("error", f"{name!r} is how a run ends, and no tool to choose", "tools", hint)
            return
        if [*names, *agent.aliases].count(name) > 1 or not is_callable(name):
            hint = "give the tools names: tools: {NAME: {type: mcp, mcpServerName: ..., name: ...}}"
            notes.tell("error", f"the model cannot tell {name!r} from other tools", "tools", hint)
            return


def _check_webhooks(agent: Agent, notes: _Notes) -> None:
    """The environment is the server's: what stands there is not for its users' agents."""
    for name, url in agent.webhooks.items():
        if owner_of(agent.name) and url.startswith(REFERENCE):
            hint = "write the URL itself"
            notes.tell("error", f"the webhook {name!r} may not use {url}", "webhooks", hint)


def _check_type(agent: Agent, notes: _Notes) -> None:
    if agent.type == "org" and not agent.actions:
        notes.warn("an org agent without actions can call nothing", "type", "list its actions")
    if agent.type == "user" and agent.actions:
        hint = "list tools instead, or say `type: org`"
        notes.warn("actions have no effect on a user agent", "actions", hint)


# The readers of single fields


def _refuse(message: str, hint: str) -> NoReturn:
    raise InvalidInput(message, hint=hint)


def _kind(value: Value) -> str:
    kinds = {str: "a text", bool: "true or false", int: "a number", float: "a number"}
    kinds |= {list: "a list", dict: "a mapping", type(None): "nothing"}
    return kinds[type(value.content)]


def _text(value: Value, name: str) -> str:
    if value.content is None or value.content == "":
        _refuse(f"{name} has no value", "give it one, or delete the line")
    if not isinstance(value.content, str):
        _refuse(f"{name} is a text, not {_kind(value)}", f"write {name} in quotes")
    return value.content.strip()


def _name(value: Value, name: str) -> str:
    if not isinstance(value.content, str) or not value.content.strip():
        _refuse(f"{name} is a name, not {_kind(value)}", "write names, as texts")
    return value.content.strip()


def _list(value: Value, name: str) -> list[Value]:
    if not isinstance(value.content, list):
        _refuse(f"{name} is a list, not {_kind(value)}", f"write {name}: [...]")
    return value.content


def _tool(value: Value, name: str) -> str:
    """One tool of a mapping, as ``definitions.tool`` names it."""
    given = value.plain()
    match given:
        case {"type": "builtin", "name": str(tool)} if not tool.startswith((AGENT, MCP)):
            return tool
        case {"type": "agent", "name": str(agent)}:
            return f"{AGENT}{agent}"
        case {"type": "mcp", "name": str(tool), "mcpServerName": str(server)}:
            return f"{MCP}{server}/{tool}"
    hint = "like {type: builtin, name: workspace-readFile}; types are builtin, mcp and agent"
    _refuse(f"{name} is no tool", hint)


def _flag(value: Value, name: str) -> bool:
    if not isinstance(value.content, bool):
        _refuse(f"{name} is true or false, not {_kind(value)}", "without quotes")
    return value.content


def _type(value: Value, name: str) -> str:
    if value.content not in ("user", "org"):
        _refuse(f"{name} is user or org", "a user agent acts with its owner's permissions")
    return str(value.content)


def _effects(value: Value, name: str) -> str:
    if value.content not in MODES:
        hint = "send: they happen; hold: you approve each; staged: they are only recorded"
        _refuse(f"{name} is {', '.join(MODES[:-1])} or {MODES[-1]}", hint)
    return str(value.content)


def _zone(value: Value, name: str) -> str:
    return read_zone(_text(value, name), field=name).key


def _schedule(value: Value, name: str, timezone: str) -> Schedule:
    if isinstance(value.content, list):
        _refuse("schedule is one schedule, not a list", "for several, use the key schedules")
    try:
        return parse(value.plain(), timezone=timezone)
    except InvalidSchedule as error:
        key = (error.place.field or "").partition(".")[2]
        nested = value
        for part in key.split("."):
            if isinstance(nested.content, dict):
                nested = nested.content.get(part, nested)
        place = Place(line=nested.line, field=f"{name}.{key}" if key else name)
        raise InvalidSchedule(error.message, place=place, hint=error.hint) from error


def _limits(value: Value, name: str) -> Limits:
    readers = {**_LIMITS, "per_day": ("per_day", _per_day)}
    return Limits(**_amounts(value, name, readers))


def _per_day(value: Value, _key: str, place: Place) -> Allowance:
    return Allowance(**_amounts(value, str(place.field), _PER_DAY))


def _amounts(value: Value, name: str, readers: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    """The limits in a mapping, as ``Limits`` or ``Allowance`` call them."""
    if not isinstance(value.content, dict):
        _refuse(f"{name} is a mapping, not {_kind(value)}", f"like {name}: {{iterations: 10}}")
    found: dict[str, Any] = {}
    for key, given in value.content.items():
        place = Place(line=given.line, field=f"{name}.{key}")
        if key not in readers:  # an error: a misspelt limit would not limit
            hint = did_you_mean(key, readers) or f"limits are {', '.join(readers)}"
            raise InvalidInput(f"unknown limit {key!r}", place=place, hint=hint)
        meant, reader = readers[key]
        found[meant] = reader(given, key, place)
    return found


def _network(value: Value, name: str) -> tuple[AllowedHost, ...]:
    return _allowed(value, name, read_host, "example.org")


def _fetch(value: Value, name: str) -> tuple[str, ...]:
    return _allowed(value, name, read_page, "https://example.org/feed.xml")


def _allowed(value: Value, name: str, read: Callable[[str], T], like: str) -> tuple[T, ...]:
    """``{allow: [...]}``."""
    content = value.content
    if not isinstance(content, dict) or list(content) != ["allow"]:
        _refuse(f"{name} is a mapping with the one key allow", f"like {name}: {{allow: [{like}]}}")
    entries = content["allow"]
    if not isinstance(entries.content, list):
        _refuse(f"{name}.allow is a list, not {_kind(entries)}", f"like [{like}]")
    found = []
    for number, item in enumerate(entries.content):
        place = Place(line=item.line, field=f"{name}.allow[{number}]")
        try:
            found.append(read(_name(item, str(place.field))))
        except InvalidInput as error:
            raise InvalidInput(error.message, place=place, hint=error.hint) from error
    return tuple(found)


def _email(value: Value, name: str) -> Correspondence:
    content = value.content
    if not isinstance(content, dict) or "to" not in content:
        _refuse(f"{name} is a mapping with the key to", "like email: {to: [ann@x.org, x.org]}")
    given: dict[str, Any] = {}
    for key, item in content.items():
        place = Place(line=item.line, field=f"{name}.{key}")
        if key == "to":
            given[key] = tuple(_recipients(item, f"{name}.to"))
        elif key in ("per_run", "per_day"):
            given[key] = _count(item, key, place)
        else:  # an error: a misspelt bound would not bound
            hint = "there are to, per_run and per_day"
            raise InvalidInput(f"unknown key {key!r}", place=place, hint=hint)
    return Correspondence(**given)


def _recipients(value: Value, name: str) -> Iterator[str]:
    for number, item in enumerate(_list(value, name)):
        place = Place(line=item.line, field=f"{name}[{number}]")
        try:
            yield read_recipient(_name(item, str(place.field)))
        except InvalidInput as error:
            hint = "an address, like ann@x.org, or a domain, like x.org"
            raise InvalidInput(error.message, place=place, hint=hint) from error


def _webhooks(value: Value, name: str) -> Mapping[str, str]:
    if not isinstance(value.content, dict):
        hint = "like webhooks: {ops: https://hooks.example.org/1}"
        _refuse(f"{name} is a mapping of names to URLs, not {_kind(value)}", hint)
    found = {}
    for key, item in value.content.items():
        place = Place(line=item.line, field=f"{name}.{key}")
        url = item.content
        if not isinstance(url, str) or not is_webhook(url):
            hint = "like https://hooks.example.org/1, or env:NAME"
            raise InvalidInput(f"{key} is no URL of the web", place=place, hint=hint)
        found[key] = url.strip()
    return MappingProxyType(found)


def _count(value: Value, key: str, place: Place) -> int:
    number, least = value.content, _COUNTS[key]
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        hint = f"like {max(least, 15)}"
        raise InvalidInput(f"{key} is a whole number from {least} on", place=place, hint=hint)
    return number


def _money(value: Value, key: str, place: Place) -> int:
    """Dollars as micro-dollars: 0.5, or "$0.50"."""
    given = value.content
    text = given.strip().removeprefix("$") if isinstance(given, str) else str(given)
    try:
        amount = Decimal("nan") if isinstance(given, bool) else Decimal(text)
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0:
        hint = "like 0.50 (US dollars)"
        raise InvalidInput(f"{key} is an amount of money", place=place, hint=hint)
    return math.ceil(amount * MICRO)


def _duration(value: Value, key: str, place: Place) -> float:
    if isinstance(value.content, bool) or not isinstance(value.content, str | int):
        hint = 'like "10m" or 600 (seconds)'
        raise InvalidInput(f"{key} is a length of time", place=place, hint=hint)
    try:
        return float(read_seconds(str(value.content).strip(), field=str(place.field)))
    except InvalidSchedule as error:
        raise InvalidInput(error.message, place=place, hint='like "10m"') from error


_LIMIT_COUNTS = {
    "iterations": 1,
    "memory_mb": 64,
    "processes": 4,
    "disk_mb": 1,
    "output_kb": 1,
    "tool_calls": 1,
    "input_tokens": 1,
    "output_tokens": 1,
}
"""Limits that are whole numbers, and the least that makes sense."""

_COUNTS = {**_LIMIT_COUNTS, "per_run": 1, "per_day": 1}
"""All whole numbers."""

_LIMITS: dict[str, tuple[str, Any]] = {
    **{key: (key, _count) for key in _LIMIT_COUNTS},
    "timeout": ("timeout_seconds", _duration),
    "command_timeout": ("command_seconds", _duration),
    "cost": ("cost_microusd", _money),
}
"""Limits as files call them -> as ``Limits`` does, and what reads them."""

_PER_DAY: dict[str, tuple[str, Any]] = {
    **{key: (key, _count) for key in ("iterations", "tool_calls", "input_tokens", "output_tokens")},
    "time": ("seconds", _duration),
    "cost": ("cost_microusd", _money),
}

_READERS: dict[str, Reader[Any]] = {
    "name": _text,
    "description": _text,
    "model": _text,
    "provider": _text,
    "timezone": _zone,
    "type": _type,
    "limits": _limits,
    "network": _network,
    "fetch": _fetch,
    "effects": _effects,
    "email": _email,
    "webhooks": _webhooks,
    "message": _text,
    "enabled": _flag,
}
_LISTS = ("tools", "sources", "actions", "writes")
KEYS = (*_READERS, *_LISTS, "schedule", "schedules")
"""All keys that the frontmatter of an agent may have."""
