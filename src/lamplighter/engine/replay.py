"""Runs again from their record: to see that they still ask the same, or what another model does."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.toolsets import AbstractToolset

from lamplighter.access import Scope
from lamplighter.agent.budget import Budget, Ending
from lamplighter.agent.loop import Task, perform
from lamplighter.agent.prompt import find_drift
from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.tool import refer
from lamplighter.engine.acting import acting_scope
from lamplighter.engine.commands import bound, without
from lamplighter.engine.delegation import Delegation, conditions_of
from lamplighter.engine.preparation import bound_run
from lamplighter.engine.rehearsal import (
    Answer,
    Part,
    Rehearsal,
    Told,
    make_bench,
    placeholders,
    rehearse,
)
from lamplighter.errors import Conflict, Drifted, NotFound
from lamplighter.models.resolve import Resolved, resolve_model
from lamplighter.roster import Roster
from lamplighter.store.agents import get_version
from lamplighter.store.changes import Span
from lamplighter.store.database import reading
from lamplighter.store.events import Event, list_events
from lamplighter.store.runs import Run
from lamplighter.store.steps import Step, kept_steps
from lamplighter.tools.bench import Workbench
from lamplighter.tools.mcp import Servers
from lamplighter.tools.toolset import BuiltIn, Joined


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay.

    Attributes:
        ending: How it ended, as the run did.
        requests: Prompts that were compared.
        steps: Steps that were taken from the record.
    """

    ending: Ending
    requests: int
    steps: int


@dataclass
class Recorded:
    """A journal that answers from a record, and notes where the run goes another way.

    Attributes:
        steps: What is left of the record.
        drift: The first difference.
        taken: Steps that were answered.
        prompts: Prompts that were looked at.
    """

    steps: list[Step]
    hidden: frozenset[str] = frozenset()
    drift: Drifted | None = None
    taken: int = 0
    prompts: int = 0
    told: list[Told] = field(default_factory=list)

    async def step(self, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """What the record has as the next step.

        Raises:
            Drifted: That is another one, or there is none.
        """
        recorded = self.steps.pop(0) if self.steps else None
        if recorded is None:
            raise self._stop(f"it goes on with {name!r} where the record ends")
        if recorded.name != name:
            raise self._stop(f"it goes on with {name!r}, the record with {recorded.name!r}")
        self.taken += 1
        return json.loads(recorded.value)

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        """Keep it."""
        self.told.append(Told(key, kind, data))

    def watch(self, number: int, recorded: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """Compare a prompt with the recorded one.

        Raises:
            Drifted: They differ.
        """
        self.prompts += 1
        if not recorded:
            raise self._stop("its prompts were not recorded, because an older version made it")
        if difference := find_drift(self._shown(recorded), self._shown(now)):
            raise self._stop(f"request {number} asks for something else:\n{difference}")

    def _shown(self, prompt: Mapping[str, Any]) -> dict[str, Any]:
        """Without the tools of others, which are not asked for here."""
        tools = prompt["tools"]
        shown: Any = sorted(name for name in tools if name not in self.hidden)
        if isinstance(tools, dict):
            shown = {name: tools[name] for name in shown}
        return {**prompt, "tools": shown}

    def _stop(self, what: str) -> Drifted:
        self.drift = self.drift or Drifted(f"the replay drifts after {self.taken} steps: {what}")
        return self.drift


def replay_run(
    engine: sa.Engine, run: Run, settings: Settings, *, current: bool = False
) -> Replayed:
    """Carry out a run again on what its model and its tools have answered; nothing is done.

    Args:
        engine: The workspace's database.
        run: It has ended.
        settings: The workspace's settings.
        current: Take the agent as it is now, not as it was then.

    Raises:
        Conflict: It has not ended.
        NotFound: What was answered is not kept.
        Drifted: It asks for something else, or ends differently; the message shows where.
    """
    agent = _agent_of(engine, run, settings, current=current)
    with reading(engine) as connection:
        steps = list(kept_steps(connection, run.id).values())
    if not steps:
        raise NotFound(f"what was answered in {run.id} is not kept, so it cannot be replayed")
    hidden = frozenset(n for n, t in agent.tool_names.items() if refer(t).kind == "mcp")
    journal = Recorded(steps, hidden)
    ending = asyncio.run(_replay(engine, run, agent, settings, journal))
    if journal.drift:
        raise journal.drift
    _compare_endings(run, ending)
    return Replayed(ending, journal.prompts, journal.taken)


def compare_run(
    engine: sa.Engine, run: Run, settings: Settings, model: str, *, current: bool = False
) -> Rehearsal:
    """Let another model do what a run did: with its answers where the calls are the same.

    Other calls read what is there now, as far as that is harmless, and effects are staged.

    Raises:
        Conflict: It has not ended.
        ModelUnavailable: There is no such model here.
    """
    agent = _agent_of(engine, run, settings, current=current)
    part = Part(
        agent=agent,
        message=run.message or agent.message,
        at=run.due_at or run.created_at,
        model=resolve_model(model, settings, agent=agent.name),
        scope=acting_scope(agent, engine, settings),
        engine=engine,
        new=Span(0, run.watermark or 0),
        run_id=run.id,
        answers=tuple(recorded_answers(list_events(engine, run.id))),
    )
    return asyncio.run(rehearse(part, settings))


def recorded_answers(events: Sequence[Event]) -> list[Answer]:
    """The tool calls of a record, each with what came of it; those of agents it called are not."""
    mine = [event for event in events if "subflow" not in event.data]
    effects = {event.key.removeprefix("effect:"): event for event in mine if event.kind == "effect"}
    calls = {event.key.removeprefix("call:"): event for event in mine if event.kind == "tool_call"}
    found = []
    for event in mine:
        key = event.key.removeprefix("result:")
        if event.kind != "tool_result" or key not in calls:
            continue
        told = {name: event.data[name] for name in _KEPT if name in event.data}
        if key in effects:
            told["effect"] = effects[key].data
        found.append(Answer(event.data["tool"], _arguments(calls[key].data["arguments"]), told))
    return found


_KEPT = ("result", "error", "files", "labels", "withheld")


def calls_of(events: Sequence[Event]) -> list[tuple[str, Any]]:
    """The tool calls of a record, in order."""
    mine = (each for each in events if each.kind == "tool_call" and "subflow" not in each.data)
    return [(each.data["tool"], each.data["arguments"]) for each in mine]


def _arguments(given: Any) -> dict[str, Any]:
    data = json.loads(given or "{}") if isinstance(given, str) else given
    return dict(data or {})


def _agent_of(engine: sa.Engine, run: Run, settings: Settings, *, current: bool) -> Agent:
    if not run.ended:
        raise Conflict(f"run {run.id} has not ended yet")
    if not current:
        return get_version(engine, run.version)
    agent = Roster(settings, engine).find(None, run.agent).agent
    if agent is None:
        raise NotFound(f"the file of {run.agent} has an error")
    return agent


async def _replay(
    engine: sa.Engine, run: Run, agent: Agent, settings: Settings, journal: Recorded
) -> Ending:
    agent = without(agent, _missing(list_events(engine, run.id)))
    task = _make_task(engine, run, agent, settings, journal)
    try:
        return await perform(task, journal)
    except Exception as error:
        if journal.drift is None and run.outcome != "error":
            raise
        return task.budget.end("error", str(error))


def _make_task(
    engine: sa.Engine, run: Run, agent: Agent, settings: Settings, journal: Recorded
) -> Task:
    """The work of the run, with a model that is never asked and tools that see nothing."""
    budget = Budget(settings.max_iterations)
    bound_run(budget, agent, settings)
    part = Part(
        agent=agent,
        message=run.message or agent.message,
        at=run.due_at or run.created_at,
        model=_silent(run.model or ""),
        scope=Scope.of((), ()),
        engine=engine,
        new=Span(0, 0),
        run_id=run.id,
    )
    bench = make_bench(part, settings)
    delegation = Delegation(
        engine=engine,
        settings=settings,
        servers=Servers(settings, engine),
        bounds=bound(agent, settings),
        agent=agent,
        chain=(agent.name,),
        subflow=(),
        model=run.model_override,
        actions=frozenset(agent.actions) if agent.type == "org" else None,
        at=part.at,
        journal=journal,
        budget=budget,
        equip=_equip,
        resolve=_resolve_none,
        watch=journal.watch,
    )
    return Task(
        agent=agent,
        message=part.message,
        at=part.at,
        timezone=settings.timezone,
        model=part.model.model,
        tools=_equip(agent, delegation),
        bench=bench,
        flow=bench.flow,
        budget=budget,
        conditions=replace(conditions_of(run.model or "", settings), watch=journal.watch),
    )


def _compare_endings(run: Run, ending: Ending) -> None:
    """See whether a replay came to the same.

    Raises:
        Drifted: It did not.
    """
    if ending.outcome != run.outcome and run.outcome not in ("cancelled", "stopped_by_limit"):
        raise Drifted(
            f"the replay ends otherwise: {ending.outcome} ({ending.summary}), where the run had "
            f"{run.outcome} ({run.summary})"
        )


def _missing(events: Sequence[Event]) -> dict[str, str]:
    """The tools that the run's agent listed and that were not there."""
    started = next((event for event in events if event.kind == "started"), None)
    return dict(started.data.get("missing", {})) if started else {}


def _equip(agent: Agent, delegation: Delegation) -> AbstractToolset[Workbench]:
    """The tools of an agent; of servers only by their names."""
    others = placeholders(agent, agents=False)
    return Joined(BuiltIn(agent.tool_names), delegation.toolset(), others)


def _silent(name: str) -> Resolved:
    """A model that is never asked, because the record answers."""

    async def answer(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        raise AssertionError("a replay asks no model")

    return Resolved(name, FunctionModel(answer, model_name="replayed"))


def _resolve_none(name: str, settings: Settings, *, agent: str) -> Resolved:
    return _silent(name)


def comparison(run: Run, events: Sequence[Event], other: Rehearsal) -> dict[str, Any]:
    """A run beside what another model made of it, as JSON data."""
    ending = other.ending
    calls = [{"tool": tool, "arguments": arguments} for tool, arguments in calls_of(events)]
    return {
        "recorded": {
            "model": run.model,
            "outcome": run.outcome,
            "summary": run.summary,
            "requests": run.requests,
            "tool_calls": run.tool_calls,
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "cost_microusd": run.cost_microusd,
            "calls": calls,
        },
        "now": {
            "outcome": ending.outcome,
            "summary": ending.summary,
            "requests": ending.requests,
            "tool_calls": ending.tool_calls,
            "input_tokens": ending.input_tokens,
            "output_tokens": ending.output_tokens,
            "cost_microusd": ending.cost_microusd,
            "calls": [{"tool": tool, "arguments": args} for tool, args in other.calls],
            "answered_from_record": other.matched,
            "staged": [
                {"effect": entry.kind, "destination": entry.destination} for entry in other.staged
            ],
        },
    }
