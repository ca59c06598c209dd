"""All agents of a workspace. Pure: files in, agents and problems out."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lamplighter.definitions.agent import Agent, Problem
from lamplighter.definitions.markdown import read_agent
from lamplighter.errors import InvalidInput, Place

FOLDER = "agents"


@dataclass(frozen=True, slots=True)
class Entry:
    """One agent file.

    Attributes:
        name: What the agent is called.
        file: The file, relative to the workspace.
        agent: ``None`` when the file cannot be read as one.
        problems: What to tell the author.
        text: The whole file; empty when it could not be read.
    """

    name: str
    file: str
    agent: Agent | None
    problems: tuple[Problem, ...] = ()
    text: str = ""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the agent from running."""
        return tuple(problem for problem in self.problems if problem.level == "error")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All agent files of a workspace, by name.

    Attributes:
        entries: One for each file.
        others: What is wrong elsewhere, and keeps all agents as they are.
    """

    entries: tuple[Entry, ...] = ()
    others: tuple[Problem, ...] = ()

    @property
    def agents(self) -> Mapping[str, Agent]:
        """The agents without an error, by name."""
        return {
            entry.name: entry.agent for entry in self.entries if entry.agent and not entry.errors
        }

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems of all files."""
        return (*(each for entry in self.entries for each in entry.problems), *self.others)

    def find(self, name: str) -> Entry | None:
        """The entry of that name, sound or broken."""
        name = unicodedata.normalize("NFC", name)
        return next((entry for entry in self.entries if entry.name == name), None)


def build_catalogue(files: Iterable[tuple[str, str | Problem]], *, timezone: str) -> Catalogue:
    """Read agent files. A bad one becomes an entry without an agent and stops no other.

    Args:
        files: Path below ``agents/``, with ``/`` between its parts, and the file's text, or the
            reason why there is none.
        timezone: The IANA zone of schedules that name none.
    """
    entries = [_read_entry(path, content, timezone) for path, content in files]
    return Catalogue(tuple(sorted(_refuse_twins(entries), key=lambda entry: entry.name)))


def name_agent(path: str) -> str:
    """The name of the agent in the file ``path`` below ``agents/``.

    Raises:
        InvalidInput: A part of the path cannot be part of a name.
    """
    name = unicodedata.normalize("NFC", path.removesuffix(".md"))
    for part in name.split("/"):
        if not part or part.startswith(".") or part != part.strip():
            hint = "a name neither begins with a dot nor begins or ends with a space"
            raise InvalidInput(f"{part!r} is no name for an agent", hint=hint)
        for character in part:
            if not _may_stand_in_name(character):
                hint = "use letters, digits, spaces and . _ -"
                raise InvalidInput(f"an agent's name cannot have {character!r}", hint=hint)
    return name


def fold_name(name: str) -> str:
    """What two names have in common that some file system cannot tell apart."""
    return unicodedata.normalize("NFC", name.casefold())


def _may_stand_in_name(character: str) -> bool:
    """Letters with their marks, digits, and a few signs."""
    return character in "._- " or unicodedata.category(character)[0] in "LMN"


def _read_entry(path: str, content: str | Problem, timezone: str) -> Entry:
    file = f"{FOLDER}/{path}"
    try:
        name = name_agent(path)
    except InvalidInput as error:
        problem = Problem("error", error.message, Place(file), error.hint)
        return Entry(path.removesuffix(".md"), file, None, (problem,))
    if isinstance(content, Problem):
        return Entry(name, file, None, (content,))
    agent, problems = read_agent(content, name=name, file=file, timezone=timezone)
    return Entry(name, file, agent, problems, content)


def _refuse_twins(entries: Iterable[Entry]) -> list[Entry]:
    """Take the agents from entries whose names some file system cannot tell apart."""
    twins: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        twins[fold_name(entry.name)].append(entry)
    return [
        entry if len(group) == 1 else _with_twins(entry, group)
        for group in twins.values()
        for entry in group
    ]


def _with_twins(entry: Entry, group: list[Entry]) -> Entry:
    others = ", ".join(other.file for other in group if other is not entry)
    message = f"two agents of one name: {entry.file} and {others}"
    hint = "rename one; capitals and ways of writing an accent do not make a difference"
    problem = Problem("error", message, Place(entry.file), hint)
    return replace(entry, agent=None, problems=(*entry.problems, problem))
