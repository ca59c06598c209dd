"""Runs that leave nothing behind: no row, no file, no effect.

Their journal is in memory, what they write is kept in memory, their effects are staged, and what
could reach out of them is answered from a record, or not at all.
"""

import json
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.tools import Tool
from pydantic_ai.toolsets import FunctionToolset, WrapperToolset
from pydantic_ai.toolsets.abstract import ToolsetTool

from lamplighter.access import Scope
from lamplighter.agent.budget import Budget, Ending
from lamplighter.agent.loop import Task, perform
from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.effects import Verdict
from lamplighter.definitions.flow import Flow
from lamplighter.definitions.links import learn_links
from lamplighter.definitions.nature import SPAWN
from lamplighter.definitions.tool import refer
from lamplighter.engine.delegation import conditions_of
from lamplighter.engine.preparation import bound_run
from lamplighter.errors import LamplighterError, ToolFailed
from lamplighter.models.resolve import Resolved
from lamplighter.outbox import Effect, Outbox, Outcome, all_of, follow_flow, follow_mode
from lamplighter.search.index import Ranking
from lamplighter.store.changes import Span
from lamplighter.store.outbox import Entry, Quota, new_intent
from lamplighter.tools.bench import Memory, Workbench
from lamplighter.tools.delivery import Delivery
from lamplighter.tools.documents import Library
from lamplighter.tools.files import DraftFiles
from lamplighter.tools.mcp import Servers
from lamplighter.tools.toolset import BuiltIn, Joined

REACHING = frozenset(
    {
        "executeCommand",
        "executeMcpTool",
        "fetch-url",
        "listMcpServers",
        "listMcpTools",
        "run_bash",
        "run_python",
        "web-search",
        SPAWN,
    }
)
"""Tools that are never really called in a rehearsal; nor are those of MCP servers, and agents."""

QUOTA_BYTES = 256 * 2**20
STAGE = Verdict("stage", "this is a rehearsal")


@dataclass(frozen=True, slots=True)
class StagedOutbox(Outbox):
    """The way out that leads nowhere.

    Attributes:
        staged: What would have gone out.
    """

    staged: list[Entry] = field(default_factory=list)

    async def perform(self, call: str, effect: Effect, *, quota: Quota | None = None) -> Outcome:
        """Keep in mind what would have been done."""
        payload = effect.prepare()
        verdict = self.policy(effect, payload)
        entry = new_intent(
            self.run_id,
            f"{self.within}{call}",
            effect.kind,
            effect.destination,
            payload,
            agent=self.agent,
            verdict=STAGE if verdict.act == "perform" else verdict,
        )
        self.staged.append(entry)
        return Outcome(entry, effect.done)


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a rehearsal told, as ``store.events.Event`` of a run."""

    key: str
    kind: str
    data: Mapping[str, Any]


@dataclass
class Draft:
    """A journal in memory: every step is taken, and none is kept.

    Attributes:
        told: What was told.
    """

    told: list[Told] = field(default_factory=list)

    async def step(self, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Take the step."""
        return await call()

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        """Tell it, once."""
        if all(each.key != key for each in self.told):
            self.told.append(Told(key, kind, json.loads(json.dumps(data, default=str))))


@dataclass
class Answer:
    """What a tool call is answered with instead of being made.

    Attributes:
        tool: As the model calls it.
        arguments: Of the call.
        answer: As a step's: ``result`` or ``error``, and what came with it.
        repeats: Whether it answers any number of calls, with other arguments besides.
    """

    tool: str
    arguments: Mapping[str, Any]
    answer: dict[str, Any]
    repeats: bool = False

    def fits(self, tool: str, given: Mapping[str, Any], usual: Mapping[str, Any]) -> bool:
        """Whether it answers this call, if the tool has these ``usual`` arguments."""
        wanted = dict(self.arguments)
        if self.repeats:
            return tool == self.tool and all(given.get(name) == wanted[name] for name in wanted)
        return tool == self.tool and {**usual, **given} == {**usual, **wanted}


class AnsweredTools(WrapperToolset[Any]):
    """Tools of which calls are answered from a list; others are made only if that is harmless."""

    def __init__(self, wrapped: Any, names: Mapping[str, str], answers: Iterable[Answer]) -> None:
        super().__init__(wrapped)
        self.names = names
        self.answers = list(answers)
        self.matched = 0

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """Answer a call, or make it."""
        parameters = tool.tool_def.parameters_json_schema.get("properties", {})
        usual = {key: each["default"] for key, each in parameters.items() if "default" in each}
        for number, each in enumerate(self.answers):
            if each.fits(name, tool_args, usual):
                self.matched += 1
                if not each.repeats:
                    del self.answers[number]
                return each
        known = self.names.get(name, name)
        if known in REACHING or refer(known).kind != "builtin":
            raise ToolFailed(f"This is a rehearsal, and no answer of {name} to this is recorded.")
        return await super().call_tool(name, tool_args, ctx, tool)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of a rehearsal.

    Attributes:
        ending: How it ended.
        told: What would stand in its record.
        staged: What would have gone out.
        matched: Calls that were answered from the list.
    """

    ending: Ending
    told: list[Told]
    staged: list[Entry]
    matched: int

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """The tool calls of the model, with their arguments, in order."""
        return [
            (str(each.data["tool"]), each.data["arguments"])
            for each in self.told
            if each.kind == "tool_call" and "subflow" not in each.data
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What an agent rehearses.

    Attributes:
        agent: The agent.
        message: The first message.
        at: What the model is told as the time.
        model: What answers.
        scope: What it may see.
        engine: The database with its documents and its memory.
        new: What is new to it.
        run_id: The run whose files it begins with, and that is none of its earlier ones.
        answers: Instead of calls.
    """

    agent: Agent
    message: str
    at: datetime
    model: Resolved
    scope: Scope
    engine: Any
    new: Span
    run_id: str = "rehearsal"
    answers: tuple[Answer, ...] = ()


async def rehearse(part: Part, settings: Settings) -> Rehearsal:
    """Let an agent work as in a run, and leave nothing behind.

    What goes wrong with the model is how it ended, as in a run.
    """
    journal, budget = Draft(), Budget(settings.max_iterations)
    bound_run(budget, part.agent, settings)
    bench = make_bench(part, settings)
    tools = AnsweredTools(_toolset(part.agent), part.agent.tool_names, part.answers)
    task = Task(
        agent=part.agent,
        message=part.message,
        at=part.at,
        timezone=settings.timezone,
        model=part.model.model,
        tools=tools,
        bench=bench,
        flow=bench.flow,
        budget=budget,
        conditions=conditions_of(part.model.name, settings),
    )
    try:
        ending = await perform(task, journal)
    except LamplighterError as error:
        ending = budget.end("error", str(error))
    except Exception as error:  # noqa: BLE001 - as at a run's boundary
        ending = budget.end("error", f"{type(error).__name__}: {error}")
    assert isinstance(bench.outbox, StagedOutbox)
    return Rehearsal(ending, journal.told, bench.outbox.staged, tools.matched)


def placeholders(agent: Agent, *, agents: bool = True) -> FunctionToolset[Any]:
    """The tools of an agent that are not built in, so that a model can call them in vain.

    Args:
        agent: The agent.
        agents: Whether other agents are among them.
    """
    wanted = []
    for name, known in agent.tool_names.items():
        is_agent = refer(known).kind == "agent" or known == SPAWN
        if refer(known).kind == "mcp" or (is_agent and agents):
            wanted.append(_placeholder(name))
    return FunctionToolset(wanted)


def _placeholder(name: str) -> Tool[Any]:
    def call(ctx: RunContext[Any], **arguments: Any) -> Any:
        raise ToolFailed(f"{name} is not called in a rehearsal")

    schema = {"type": "object", "additionalProperties": True}
    return Tool.from_schema(call, name, None, schema, takes_ctx=True)


def _toolset(agent: Agent) -> Joined:
    return Joined(BuiltIn(agent.tool_names), placeholders(agent))


def make_bench(part: Part, settings: Settings) -> Workbench:
    """What its tools work on."""
    agent, engine = part.agent, part.engine
    flow = Flow(links=learn_links([agent.instructions, part.message]))
    policy = all_of(follow_mode(agent.effects), follow_flow(flow, agent.pages))
    outbox = StagedOutbox(engine, part.run_id, "", agent.name, policy=policy)
    return Workbench(
        library=Library(
            engine, part.scope, Ranking(settings.embedder, settings.search_fusion), part.new
        ),
        run_files=DraftFiles(engine, part.run_id, QUOTA_BYTES),
        destination=Delivery(settings.workspace, agent.name, part.run_id),
        outbox=outbox,
        settings=settings,
        servers=Servers(settings, engine),
        allowed=frozenset(agent.allowed_tools),
        pages=agent.pages,
        writes=agent.writes,
        email=agent.email,
        webhooks=agent.webhooks,
        flow=flow,
        memory=Memory(engine, agent.name, part.run_id),
    )
