"""Tests of agents, as people write them: what an agent finds, and what it has to do then.

The tests of ``agents/digest.md`` are ``agents/digest/tests/*.yaml``; any other file has its own
beside it, too. In a team, whose agents are in the database, those of ``ann@x.org/digest`` are in
``agents/ann@x.org/digest/tests``. Each runs in a workspace of its own that is gone afterwards, with
the documents that the test gives; effects are staged.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lamplighter import clock
from lamplighter.access import OWNER, Scope
from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.catalogue import FOLDER
from lamplighter.engine.commands import without
from lamplighter.engine.rehearsal import REACHING, Answer, Part, Rehearsal, rehearse
from lamplighter.errors import InvalidInput, Place
from lamplighter.models.resolve import LABEL_SCRIPTED, Resolved, choose_model, resolve_model
from lamplighter.models.scripted import Script, Turn, scripted_model
from lamplighter.store.changes import Span
from lamplighter.store.database import open_database
from lamplighter.store.notes import write_note
from lamplighter.sync import sync_source
from lamplighter.workspace import load_settings

TESTS = "tests"
EVERYTHING = Span(0, 2**62)


class Strict(BaseModel):
    """A misspelt key is an error."""

    model_config = ConfigDict(extra="forbid")


class WantedCall(Strict):
    """A tool call that has to come; or must not.

    Attributes:
        arguments: Those that matter; others may be there.
    """

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)

    def fits(self, tool: str, arguments: Any) -> bool:
        """Whether it is this one."""
        given = arguments if isinstance(arguments, dict) else {}
        return tool == self.tool and all(
            given.get(name) == value for name, value in self.arguments.items()
        )

    def __str__(self) -> str:
        return f"{self.tool} {self.arguments}" if self.arguments else self.tool


class GivenAnswer(WantedCall):
    """What a tool call is answered with instead of being made."""

    result: Any = None
    error: str | None = None


class Expectation(Strict):
    """What has to happen.

    Attributes:
        calls: Tool calls, in this order; others may come between them.
        effects: Kinds of effects that have to be staged, such as ``file`` or ``email``.
        outcome: How it has to end.
        summary: What its summary has to say, each somewhere.
    """

    calls: list[WantedCall] = Field(default_factory=list)
    effects: list[str] = Field(default_factory=list)
    outcome: str = "reported"
    summary: list[str] = Field(default_factory=list)


class Prohibition(Strict):
    """What must not happen: tool calls, and effects of these kinds (``any``: of every kind)."""

    calls: list[WantedCall] = Field(default_factory=list)
    effects: list[str] = Field(default_factory=list)


class Trial(Strict):
    """One test.

    Attributes:
        message: The first message; default: the agent's own.
        at: What the model is told as the time; in UTC if it says nothing else.
        documents: What the sources hold: ``source:path`` -> text.
        notes: What the agent has noted in earlier runs: topic -> text.
        answers: Of tools that cannot be called here, or shall not.
        turns: What the model says, as in a script; without them the agent's own model answers.
    """

    message: str = ""
    at: datetime | None = None
    documents: dict[str, str] = Field(default_factory=dict)
    notes: dict[str, str] = Field(default_factory=dict)
    answers: list[GivenAnswer] = Field(default_factory=list)
    turns: list[Turn] = Field(default_factory=list)
    expect: Expectation = Expectation()
    forbid: Prohibition = Prohibition()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a test.

    Attributes:
        agent: Whose.
        file: The test, relative to the workspace.
        failures: What is not as it has to be; none: it passed.
        rehearsal: What happened; ``None``: the test itself cannot be read.
    """

    agent: str
    file: str
    failures: tuple[str, ...]
    rehearsal: Rehearsal | None = None


def find_trials(workspace: Path, agent: str) -> list[Path]:
    """The files with an agent's tests."""
    return find_trials_beside(workspace / FOLDER / f"{agent}.md")


def find_trials_beside(file: Path) -> list[Path]:
    """The files with the tests of an agent in a file."""
    folder = file.with_suffix("") / TESTS
    return sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))


def try_agent(agent: Agent, file: Path, settings: Settings, *, model: str | None = None) -> Verdict:
    """Let an agent pass a test.

    Args:
        agent: The agent.
        file: The test.
        settings: The workspace's, for its models.
        model: What answers, instead of what the test or the agent says.
    """
    inside = file.is_relative_to(settings.workspace)
    shown = str(file.relative_to(settings.workspace) if inside else file)
    try:
        trial = read_trial(file)
        rehearsal = _rehearse(agent, trial, settings, model)
    except InvalidInput as error:
        return Verdict(agent.name, shown, (str(error),))
    return Verdict(agent.name, shown, tuple(judge(trial, rehearsal)), rehearsal)


def read_trial(file: Path) -> Trial:
    """Read a test.

    Raises:
        InvalidInput: It is malformed.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    place = Place(file=file.name)
    try:
        return Trial.model_validate(YAML(typ="safe").load(file.read_text("utf-8")) or {})
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise InvalidInput(f"the test cannot be read: {error}", place=place) from error
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"]) or None
        raise InvalidInput(problem["msg"], place=Place(file.name, field=field)) from error


def judge(trial: Trial, rehearsal: Rehearsal) -> Iterator[str]:
    """What is not as a test wants it."""
    ending, calls = rehearsal.ending, rehearsal.calls
    if ending.outcome != trial.expect.outcome:
        yield f"it ended as {ending.outcome}, not {trial.expect.outcome}: {ending.summary}"
    yield from (
        f"the summary does not say {text!r}: {ending.summary}"
        for text in trial.expect.summary
        if text not in ending.summary
    )
    yield from _missing_calls(trial.expect.calls, calls)
    for unwanted in trial.forbid.calls:
        for tool, arguments in calls:
            if unwanted.fits(tool, arguments):
                yield f"it called {tool} {arguments}"
    kinds = [entry.kind for entry in rehearsal.staged]
    yield from (
        f"there was no effect {kind!r}" for kind in trial.expect.effects if kind not in kinds
    )
    for entry in rehearsal.staged:
        if {entry.kind, "any"} & set(trial.forbid.effects):
            yield f"it wanted to do this: {entry.kind} to {entry.destination}"


def _missing_calls(wanted: Sequence[WantedCall], calls: Sequence[tuple[str, Any]]) -> Iterator[str]:
    left = iter(calls)
    for each in wanted:
        if not any(each.fits(tool, arguments) for tool, arguments in left):
            made = ", ".join(tool for tool, _arguments in calls) or "none"
            yield f"it did not call {each}, or not in this order; its calls: {made}"
            return


def _rehearse(agent: Agent, trial: Trial, settings: Settings, model: str | None) -> Rehearsal:
    with tempfile.TemporaryDirectory(prefix="lamplighter-") as folder:
        inner = _workspace(Path(folder), agent, trial, settings)
        engine = open_database(inner.database)
        try:
            for source in inner.sources:
                sync_source(engine, inner, source)
            _note(engine, agent, trial.notes)
            part = Part(
                agent=without(agent, _unanswered(agent, trial)),
                message=trial.message or agent.message,
                at=_moment(trial.at),
                model=_choose(agent, trial, settings, model),
                scope=Scope.of({OWNER}, inner.sources),
                engine=engine,
                new=EVERYTHING,
                answers=tuple(map(_answer, trial.answers)),
            )
            return asyncio.run(rehearse(part, inner))
        finally:
            engine.dispose()


def _workspace(folder: Path, agent: Agent, trial: Trial, settings: Settings) -> Settings:
    """A workspace of its own, with the test's documents in the agent's sources."""
    sources = settings.sources if agent.all_sources else agent.sources
    for id, text in trial.documents.items():
        source, colon, path = id.partition(":")
        if not colon or source not in sources:
            known = ", ".join(sources) or "none"
            hint = f"write source:path; sources of {agent.name}: {known}"
            raise InvalidInput(f"{id!r} is in no source", hint=hint)
        file = folder / source / path
        if not file.resolve().is_relative_to(folder.resolve()):
            raise InvalidInput(f"{id!r} leads out of its source", hint="write source:path")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    for source in sources:
        (folder / source).mkdir(exist_ok=True)
    return load_settings(
        folder,
        timezone=settings.timezone,
        sources={source: {"path": source} for source in sources},
        embedder="none",
        providers=settings.providers,
        prices=settings.prices,
        budgets=settings.budgets,
        max_iterations=settings.max_iterations,
        email=settings.email,
    )


def _note(engine: Any, agent: Agent, notes: Mapping[str, str]) -> None:
    with engine.begin() as connection:
        for topic, text in notes.items():
            origin = f"test/{topic}"
            now = clock.now()
            write_note(connection, agent.name, topic, text, labels=(), origin=origin, now=now)


def _unanswered(agent: Agent, trial: Trial) -> dict[str, str]:
    """Tools that would reach out of the test, and that it does not answer."""
    answered = {each.tool for each in trial.answers}
    names = agent.tool_names
    return {
        known: "a test does not call it"
        for name, known in names.items()
        if known in REACHING and name not in answered
    }


def _choose(agent: Agent, trial: Trial, settings: Settings, model: str | None) -> Resolved:
    if model is None and trial.turns:
        script = Script(turns=trial.turns)
        return Resolved("scripted:test", scripted_model(script, agent.name), LABEL_SCRIPTED)
    return resolve_model(choose_model(model or agent.model, settings), settings, agent=agent.name)


def _answer(given: GivenAnswer) -> Answer:
    answer = {"result": given.result} if given.error is None else {"error": given.error}
    return Answer(given.tool, given.arguments, answer, repeats=True)


def _moment(at: datetime | None) -> datetime:
    if at is None:
        return clock.now()
    return at if at.tzinfo else at.replace(tzinfo=UTC)
