"""Agents as tools: a run of its own kind within a run, in the same journal and the same bounds."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from pydantic_ai import Tool
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset

from lamplighter.agent.budget import Budget, Ending
from lamplighter.agent.conditions import Conditions, Watch
from lamplighter.agent.journal import NESTED, Journal
from lamplighter.agent.loop import Task, perform
from lamplighter.allowance import Bound
from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.links import learn_links
from lamplighter.definitions.nature import SPAWN, nature_of
from lamplighter.definitions.tool import refer
from lamplighter.engine.acting import acting_scope, find_callee, withheld_tools
from lamplighter.engine.commands import make_shell, without
from lamplighter.engine.record import redact
from lamplighter.errors import ToolFailed
from lamplighter.models.prices import find_tariff
from lamplighter.models.resolve import Resolved, choose_model, resolve_model
from lamplighter.models.retry import Patience
from lamplighter.outbox import Outbox, all_of, follow_mode
from lamplighter.sandbox.bounds import Bounds
from lamplighter.store.agents import get_version
from lamplighter.store.runs import SUCCESSES
from lamplighter.tools.bench import Context, Workbench, call_of
from lamplighter.tools.mcp import Servers

MAX_DEPTH = 3
"""Agents below the one whose run it is."""

_MESSAGE = {
    "type": "object",
    "properties": {"message": {"type": "string", "description": "What it shall do."}},
    "required": ["message"],
}
_TASK = {
    "type": "object",
    "properties": {
        "task": {"type": "string", "description": "What shall be done."},
        "agent_id": {"type": "string", "description": "The agent to call; else a helper."},
    },
    "required": ["task"],
}


@dataclass(frozen=True, slots=True)
class NestedJournal:
    """The journal of an agent that was called: entries of the caller's, marked as its own.

    Attributes:
        outer: The caller's.
        call: What the call is known by in it.
        subflow: Ids of the calls that lead here, the outermost first.
    """

    outer: Journal
    call: str
    subflow: tuple[str, ...]

    async def step(self, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """A step of the caller's run."""
        return await self.outer.step(name, call)

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        """An entry of the caller's record."""
        self.outer.event(f"{self.call}/{key}", kind, {"subflow": list(self.subflow), **data})


class Resolve(Protocol):
    """Finds a model by its name, as ``models.resolve.resolve_model`` does."""

    def __call__(self, name: str, settings: Settings, *, agent: str) -> Resolved:  # noqa: D102
        ...


@dataclass(frozen=True, slots=True)
class Delegation:
    """What an agent passes on to those that it calls.

    Attributes:
        engine: The workspace's database.
        settings: Its settings.
        servers: The MCP servers of the run.
        bounds: What a sandbox may use in the run.
        agent: The one that calls.
        chain: The names of those that were called to get here, the first one's included.
        subflow: The ids of those calls.
        model: What all are to use instead of their own models, if anything.
        actions: All that may be called, however deep; ``None`` if nothing restricts that.
        only_reads: Whether those that are called may only read: nobody could be asked in them.
        at: What the models are told as the time.
        journal: The caller's.
        budget: The caller's.
        equip: Makes the toolset of an agent.
        resolve: Finds a model by its name.
        watch: Who looks at the prompts.
    """

    engine: sa.Engine
    settings: Settings
    servers: Servers
    bounds: Bounds
    agent: Agent
    chain: tuple[str, ...]
    subflow: tuple[str, ...]
    model: str | None
    actions: frozenset[str] | None
    at: datetime
    journal: Journal
    budget: Budget
    equip: "Equip"
    resolve: "Resolve" = resolve_model
    watch: Watch | None = None
    only_reads: bool = False

    def toolset(self) -> FunctionToolset[Workbench]:
        """The agents that this one may call."""
        return FunctionToolset(
            [
                tool
                for name, known in self.agent.tool_names.items()
                if (tool := self._tool(name, known))
            ]
        )

    def _tool(self, name: str, known: str) -> Tool[Workbench] | None:
        kind, target, _server = refer(known)
        if known == SPAWN:

            async def spawn(ctx: Context, task: str, agent_id: str = "") -> str:
                return await self.call(ctx, agent_id or None, task)

            return _nested(
                spawn, name, "Let a task be done by an agent, and get its result.", _TASK
            )
        if kind != "agent":
            return None

        async def call(ctx: Context, message: str) -> str:
            return await self.call(ctx, target, message)

        return _nested(call, name, f"Let the agent {target} do something, and get its result.",
                       _MESSAGE)  # fmt: skip

    async def call(self, ctx: Context, target: str | None, message: str) -> str:
        """Carry out the agent ``target``, or a helper without a name; gives its answer.

        Raises:
            ToolFailed: It cannot be called, or did not succeed.
        """
        self._check(target)

        async def find() -> dict[str, str | None]:
            return await asyncio.to_thread(self._find, target)

        found = await self.journal.step(f"agent:{target}", find)
        if "error" in found:
            raise ToolFailed(found["error"])
        self._check(found.get("name", target))
        agent = self._narrow(await asyncio.to_thread(self._load, target, found["version"]))
        resolved = await asyncio.to_thread(
            self.resolve, found["model"], self.settings, agent=agent.name
        )
        name = target or "helper"
        ending = await self._carry_out(ctx, agent, resolved, message)
        if ending.outcome not in SUCCESSES:
            raise ToolFailed(f"{name} did not succeed ({ending.outcome}): {ending.summary}")
        return ending.summary

    def _check(self, target: str | None) -> None:
        way = " → ".join((*self.chain, target or "helper"))
        if target in self.chain:
            raise ToolFailed(f"{target} is at work already ({way}); do it yourself")
        if len(self.chain) > MAX_DEPTH:
            raise ToolFailed(f"agents call each other {MAX_DEPTH} deep at most ({way})")

    def _find(self, target: str | None) -> dict[str, str | None]:
        """What is to be called, decided once: a restart goes on with the same text and model."""
        name, version = target, None
        if target is not None:
            caller, first = self.agent.name, self.chain[0]
            try:
                name, version = find_callee(
                    target, caller=caller, first=first, engine=self.engine, settings=self.settings
                )
            except ToolFailed as error:
                return {"error": str(error)}
        model = self.model or self._load(target, version).model
        return {"name": name, "version": version, "model": choose_model(model, self.settings)}

    def _load(self, target: str | None, version: str | None) -> Agent:
        if version is not None:
            return get_version(self.engine, version)
        tools = tuple(tool for tool in self.agent.allowed_tools if tool != SPAWN)
        text = "You carry out one task for another agent."
        return replace(self.agent, name=self._helper, tools=tools, instructions=text)

    @property
    def _helper(self) -> str:
        return f"{self.agent.name} helper"

    def _narrow(self, agent: Agent) -> Agent:
        """The agent with nothing that those above it may not do."""
        network = tuple(host for host in agent.network if host in self.agent.network)
        agent = replace(agent, network=network)
        if self.only_reads:
            tools = tuple(t for t in agent.allowed_tools if nature_of(t).reaches == "nothing")
            agent = replace(agent, tools=tools, network=())
        if self.actions is None:
            return agent
        return replace(agent, tools=tuple(t for t in agent.allowed_tools if t in self.actions))

    async def _carry_out(
        self, ctx: Context, agent: Agent, resolved: Resolved, message: str
    ) -> Ending:
        call = call_of(ctx)
        journal = NestedJournal(self.journal, call, (*self.subflow, ctx.tool_call_id or call))
        bench, missing = await self._bench(ctx.deps, agent, journal)
        agent = without(agent, missing)
        limits = agent.limits
        budget = self.budget.share(
            limits.iterations or self.settings.max_iterations, limits.per_run
        )
        inner = replace(
            self,
            agent=agent,
            chain=(*self.chain, agent.name),
            subflow=journal.subflow,
            actions=_actions(agent, self.actions),
            journal=journal,
            budget=budget,
        )
        journal.event("started", "started", _start_data(agent, resolved, missing))
        bench.flow.links |= learn_links(agent.instructions)
        task = Task(
            agent=agent,
            message=message,
            at=self.at,
            timezone=self.settings.timezone,
            model=resolved.model,
            tools=self.equip(agent, inner),
            bench=bench,
            flow=bench.flow,  # what comes into it comes into its caller, and has come already
            budget=budget,
            conditions=replace(conditions_of(resolved.name, self.settings), watch=self.watch),
            patience=Patience(self.settings.run_max_attempts, self.settings.run_backoff_seconds),
            caller=self.agent.name,
        )
        try:
            ending = await _within_bounds(task, journal)
        finally:
            await bench.close()
        summary = {"outcome": ending.outcome, "summary": redact(ending.summary)}
        journal.event("finished", "finished", {"status": _status(ending), **summary})
        return ending

    async def _bench(
        self, bench: Workbench, agent: Agent, journal: NestedJournal
    ) -> tuple[Workbench, dict[str, str]]:
        """The caller's workbench, with what both may see and a sandbox of its own.

        The run's files and its bounds are the same; so there is one sandbox at a time.
        """
        withheld = await asyncio.to_thread(withheld_tools, agent, self.engine, self.settings)
        agent = without(agent, withheld)
        shell, missing = await asyncio.to_thread(
            make_shell, agent, self.bounds, bench.run_files, journal, self.settings, bench.flow
        )
        if shell is not None:
            await bench.close()
        own = await asyncio.to_thread(acting_scope, agent, self.engine, self.settings)
        scope = bench.library.scope.narrowed(own)
        inner = replace(
            bench,
            library=replace(bench.library, scope=scope),
            outbox=self._outbox(bench.outbox, agent, journal.call),
            allowed=frozenset(agent.allowed_tools),
            pages=agent.pages,
            writes=agent.writes,
            email=agent.email,
            webhooks=agent.webhooks,
            shell=shell,
            memory=None,  # this is no run of its own, and sees what its caller may see
        )
        return inner, withheld | missing

    def _outbox(self, outer: Outbox, agent: Agent, call: str) -> Outbox:
        """The caller's way out, as far as the one that is called has it, too."""
        return replace(
            outer,
            agent=outer.agent if agent.name == self._helper else agent.name,
            within=f"{outer.within}{call}/",
            policy=all_of(outer.policy, follow_mode(agent.effects)),
        )


def conditions_of(model: str, settings: Settings) -> Conditions:
    """Under which conditions the model called ``model`` is asked."""
    return Conditions(
        tariff=find_tariff(model, settings),
        name=model,
        room=settings.context_tokens,
        max_output=settings.max_output_tokens,
    )


Equip = Callable[[Agent, Delegation], AbstractToolset[Workbench]]
"""Makes the toolset of an agent that calls others by a ``Delegation``."""


async def _within_bounds(task: Task, journal: Journal) -> Ending:
    """The ending of an agent that was called; what goes wrong in it is its caller's to judge."""
    seconds = task.agent.limits.timeout_seconds
    bound = asyncio.timeout(seconds)
    try:
        async with bound:
            return await perform(task, journal)
    except TimeoutError:
        if not bound.expired():
            raise
        by = Bound("run", "seconds", seconds or 0)
        return task.budget.end("stopped_by_limit", f"Stopped by {by}.", by)
    except AgentRunError as error:
        message = redact(str(error))
        journal.event("error", "error", {"error": message, "type": type(error).__name__})
        return task.budget.end("error", message)


def _actions(agent: Agent, actions: frozenset[str] | None) -> frozenset[str] | None:
    if agent.type != "org":
        return actions
    own = frozenset(agent.actions)
    return own if actions is None else own & actions


def _status(ending: Ending) -> str:
    return "completed" if ending.outcome in SUCCESSES else "failed"


def _start_data(agent: Agent, resolved: Resolved, missing: dict[str, str]) -> dict[str, object]:
    return {
        "agent": agent.name,
        "model": resolved.name,
        "label": resolved.label,
        "tools": list(agent.allowed_tools),
        "sources": list(agent.sources),
        **({"missing": missing} if missing else {}),
    }


def _nested(
    call: Callable[..., Coroutine[Any, Any, str]], name: str, description: str, schema: Any
) -> Tool[Workbench]:
    tool: Tool[Workbench] = Tool.from_schema(
        call, name, description, schema, takes_ctx=True, sequential=True
    )
    return replace(tool, metadata=NESTED)
