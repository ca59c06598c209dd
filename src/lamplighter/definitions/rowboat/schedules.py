"""``config/agent-schedule.json``: which agents run when."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lamplighter.definitions.agent import Agent, Problem
from lamplighter.definitions.catalogue import FOLDER, Catalogue, Entry
from lamplighter.definitions.rowboat.document import Document, read_json
from lamplighter.errors import InvalidSchedule, Place
from lamplighter.schedule import Schedule, parse

DEFAULT_MESSAGE = "go"
NOT_FOUND = "Agent file not found"
_KEYS = ("schedule", "enabled", "startingMessage", "description")


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One entry.

    Attributes:
        name: The agent.
        schedule: ``None`` when the entry cannot be honoured.
        enabled: Whether it fires.
        message: The first message of a run.
        description: For lists; empty when there is none.
        place: Where it stands.
        problems: What is wrong with it.
    """

    name: str
    schedule: Schedule | None
    enabled: bool
    message: str
    description: str
    place: Place
    problems: tuple[Problem, ...] = ()


def read_schedules(
    text: str, *, file: str, timezone: str
) -> tuple[list[Scheduled], tuple[Problem, ...]]:
    """The entries, and what is wrong with the file as a whole. A bad entry stops no other."""
    document = read_json(text, file)
    agents = document.content.get("agents", {}) if isinstance(document.content, dict) else None
    if not isinstance(agents, dict):
        document.tell("agents is no JSON object", "agents", hint='like {"agents": {"NAME": {...}}}')
        return [], tuple(document.problems)
    entries = [_read_entry(document, name, given, timezone) for name, given in agents.items()]
    return entries, tuple(document.problems)


def apply_schedules(catalogue: Catalogue, scheduled: Iterable[Scheduled]) -> Catalogue:
    """The catalogue with the agents scheduled as the entries say; new ones for absent files."""
    by_name = {entry.name: entry for entry in catalogue.entries}
    for each in scheduled:
        entry = by_name.get(each.name) or _absent(each)
        by_name[each.name] = _schedule(entry, each)
    entries = tuple(sorted(by_name.values(), key=lambda entry: entry.name))
    return replace(catalogue, entries=entries)


def _schedule(entry: Entry, scheduled: Scheduled) -> Entry:
    problems = (*entry.problems, *scheduled.problems)
    agent = entry.agent
    if agent is None or scheduled.schedule is None:
        return replace(entry, agent=None, problems=problems)
    agent = replace(
        agent,
        schedules=_joined(agent, scheduled.schedule),
        enabled=agent.enabled and scheduled.enabled,
        message=scheduled.message,
        description=scheduled.description or agent.description,
    )
    return replace(entry, agent=agent, problems=problems)


def _joined(agent: Agent, schedule: Schedule) -> tuple[Schedule, ...]:
    return (schedule, *(each for each in agent.schedules if each != schedule))


def _absent(scheduled: Scheduled) -> Entry:
    file = f"{FOLDER}/{scheduled.name}.md"
    hint = f"write {file}, or delete the entry"
    problem = Problem("error", NOT_FOUND, scheduled.place, hint)
    return Entry(scheduled.name, file, None, (problem,))


def _read_entry(whole: Document, name: str, given: Any, timezone: str) -> Scheduled:
    """One entry; its problems are its own, so that they stop nothing else."""
    document = Document(whole.file, whole.text, given)
    at = f"agents.{name}"
    schedule, given = None, given if isinstance(given, dict) else {}
    if not given:
        document.tell(f"the entry of {name} is no JSON object", at, hint="delete it, or mend it")
    elif document.check_keys(given, _KEYS, at) & _check_types(document, given, at):
        try:
            schedule = _read_schedule(given.get("schedule"), timezone)
        except InvalidSchedule as error:
            document.tell(error, f"{at}.{error.place.field or 'schedule'}")
    return Scheduled(
        name=unicodedata.normalize("NFC", name),
        schedule=schedule,
        enabled=given.get("enabled") is not False,
        message=given.get("startingMessage") or DEFAULT_MESSAGE,
        description=given.get("description") or "",
        place=document.place(at),
        problems=tuple(document.problems),
    )


def _read_schedule(given: Any, timezone: str) -> Schedule:
    if not isinstance(given, dict) or "type" not in given:
        hint = 'like {"type": "cron", "expression": "0 8 * * *"}'
        raise InvalidSchedule("a schedule is an object with a type", hint=hint)
    return parse(given, timezone=timezone)


def _check_types(document: Document, given: dict[str, Any], at: str) -> bool:
    sound = True
    kinds = {"enabled": bool, "startingMessage": str, "description": str}
    for key, kind in kinds.items():
        if given.get(key) is not None and not isinstance(given[key], kind):
            words = "true or false" if kind is bool else "a text"
            document.tell(f"{key} is {words}", f"{at}.{key}")
            sound = False
    return sound
