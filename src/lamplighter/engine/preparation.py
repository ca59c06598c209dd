"""What a run is carried out with: its agent, its model, its tools.

This imports the loop and all tools, half of what a server loads: so it is imported in a thread,
after the server is up (``rehearse``) or when a run begins.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic_ai.toolsets import AbstractToolset

from lamplighter import clock
from lamplighter.access import owner_of
from lamplighter.accounts import Caller, find_caller
from lamplighter.agent.budget import Budget
from lamplighter.agent.journal import Journal
from lamplighter.agent.loop import Task, perform
from lamplighter.config import Settings
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.effects import Mode
from lamplighter.definitions.flow import Flow
from lamplighter.definitions.links import learn_links
from lamplighter.engine.acting import acting_scope, withheld_tools
from lamplighter.engine.commands import bound, make_shell, without
from lamplighter.engine.delegation import Delegation, conditions_of
from lamplighter.engine.purse import make_purse, run_allowance
from lamplighter.engine.turn import (
    Conversation,
    Drafts,
    Spoken,
    absent_tools,
    as_approved,
    load_conversation,
    make_talk,
    viewing_scope,
)
from lamplighter.models.resolve import Resolved, choose_model, resolve_model
from lamplighter.models.retry import Patience
from lamplighter.models.scripted import Call, Script, Turn, scripted_model
from lamplighter.originals import fetch_original
from lamplighter.outbox import Outbox, all_of, follow_flow, follow_mode
from lamplighter.roster import Roster
from lamplighter.search.index import Ranking
from lamplighter.store.agent_records import find_watermark
from lamplighter.store.agents import get_version
from lamplighter.store.changes import Span
from lamplighter.store.runs import Run
from lamplighter.tools.bench import Memory, Workbench
from lamplighter.tools.delivery import Delivery
from lamplighter.tools.documents import Library
from lamplighter.tools.files import RunFiles, read_changes
from lamplighter.tools.mcp import Servers
from lamplighter.tools.mcp_tools import McpTools
from lamplighter.tools.toolset import BuiltIn, Joined


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a run is carried out with.

    Attributes:
        task: The work.
        bench: What its tools work on; to be closed when it has ended.
        resolved: The model that does it.
        missing: The names of tools that its agent lists and this run cannot have -> why.
        spoken: What it needs besides if it is a turn of a chat.
    """

    task: Task
    bench: Workbench
    resolved: Resolved
    missing: dict[str, str]
    spoken: Spoken | None = None


def prepare(
    run: Run, budget: Budget, journal: Journal, outbox: Outbox, settings: Settings
) -> Preparation:
    """What ``run`` is carried out with.

    Raises:
        ModelUnavailable: There is no such model here.
        NotFound: The agent's version cannot be read any more.
    """
    agent = get_version(outbox.engine, run.version)
    conversation = load_conversation(run, outbox.engine, settings) if run.chat else None
    resolved = _choose(run, agent, settings)
    bound_run(budget, agent, settings)
    budget.purse = make_purse(outbox.engine, run, outbox.worker, settings, agent)
    mode: Mode = "staged" if run.dry_run else agent.effects
    flow = Flow(links=learn_links([agent.instructions, run.message or agent.message]))
    pages = None if conversation else agent.pages
    policy, absent = all_of(follow_mode(mode), follow_flow(flow, pages)), {}
    home = Roster(settings, outbox.engine)
    agent = replace(agent, network=home.reachable(_person(agent, conversation, home), agent))
    if conversation:
        viewer = conversation.viewer
        flow.take(conversation.labels, "earlier in this chat")
        policy = as_approved(policy, by_owner=home.may_change(viewer, agent.name))
        absent = absent_tools(agent, viewer, home)
        agent = without(agent, absent)
    outbox = replace(outbox, agent=agent.name, policy=policy)
    bench, missing = _workbench(run, agent, journal, outbox, settings, conversation, flow)
    agent = without(agent, missing)
    talk, drafts = None, Drafts(outbox.engine, outbox.worker, run.id)
    if conversation:
        talk = make_talk(run, agent, conversation, absent, drafts, flow)
    task = Task(
        agent=agent,
        message=run.message if talk else run.message or agent.message,
        at=run.due_at or run.created_at,
        timezone=settings.timezone,
        model=resolved.model,
        tools=equip(agent, _delegation(run, agent, journal, budget, bench)),
        bench=bench,
        flow=flow,
        budget=budget,
        conditions=conditions_of(resolved.name, settings),
        patience=Patience(settings.run_max_attempts, settings.run_backoff_seconds),
    )
    spoken = Spoken(task, talk, drafts, bench) if talk else None
    return Preparation(task, bench, resolved, absent | missing, spoken)


def _person(agent: Agent, conversation: Conversation | None, home: Roster) -> Caller | None:
    """Whose rights a run has besides what it may see; ``None``: the organisation's."""
    if conversation:
        return conversation.viewer
    owner = owner_of(agent.name)
    return find_caller(home.settings, home.engine, owner) if owner else None


def equip(agent: Agent, delegation: Delegation) -> AbstractToolset[Workbench]:
    """All that an agent may call: built-in tools, other agents, tools of MCP servers."""
    servers = McpTools(agent, delegation.servers)
    return Joined(BuiltIn(agent.tool_names), delegation.toolset(), servers)


def bound_run(budget: Budget, agent: Agent, settings: Settings) -> None:
    """Let a run's budget be what its agent's file says, within what the settings allow."""
    most = settings.budgets.run.iterations
    wanted = agent.limits.iterations or settings.max_iterations
    budget.iterations = wanted if most is None else min(wanted, most)
    budget.allowance = run_allowance(agent, settings)


def rehearse() -> None:
    """Carry out a run of nothing, so that the first real one finds all imported and made."""
    script = Script(turns=[Turn(calls=[Call(tool="report", arguments={"summary": "Ready."})])])
    agent = Agent(name="rehearsal", instructions="")
    task = Task(
        agent=agent,
        message="",
        at=clock.now(),
        timezone="UTC",
        model=scripted_model(script, agent.name),
        tools=BuiltIn(agent.tool_names),
    )
    asyncio.run(perform(task, _Rehearsal()))


class _Rehearsal:
    """A journal that keeps nothing."""

    async def step(self, _name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await call()

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        pass


def _choose(run: Run, agent: Agent, settings: Settings) -> Resolved:
    """The run's model: once chosen it stays, also after a restart with other settings."""
    name = run.model or choose_model(run.model_override or agent.model, settings)
    return resolve_model(name, settings, agent=agent.name)


def _delegation(
    run: Run, agent: Agent, journal: Journal, budget: Budget, bench: Workbench
) -> Delegation:
    return Delegation(
        engine=bench.outbox.engine,
        settings=bench.settings,
        servers=bench.servers,
        bounds=bound(agent, bench.settings),
        agent=agent,
        chain=(agent.name,),
        subflow=(),
        model=run.model_override,
        actions=frozenset(agent.actions) if agent.type == "org" else None,
        at=run.due_at or run.created_at,
        journal=journal,
        budget=budget,
        equip=equip,
        only_reads=run.chat is not None,
    )


def _workbench(  # noqa: PLR0913 - what tools need of a run
    run: Run,
    agent: Agent,
    journal: Journal,
    outbox: Outbox,
    settings: Settings,
    conversation: Conversation | None,
    flow: Flow,
) -> tuple[Workbench, dict[str, str]]:
    """What the tools work on, and the tools that are missing, with the reason."""
    bounds = bound(agent, settings)
    engine = outbox.engine
    withheld = withheld_tools(agent, engine, settings)
    agent = without(agent, withheld)
    if conversation:
        scope = viewing_scope(agent, conversation.viewer, engine, settings)
        files = RunFiles(engine, conversation.keeper, bounds.disk_bytes)
        files.apply(read_changes(conversation.files))
        new = memory = None  # what an agent's runs know is none of a viewer's business
    else:
        scope = acting_scope(agent, engine, settings)
        files = RunFiles(engine, run.id, bounds.disk_bytes)
        new = Span(find_watermark(engine, run.agent) or 0, run.watermark or 0)
        memory = Memory(engine, agent.name, run.id)
    shell, missing = make_shell(agent, bounds, files, journal, settings, flow)
    bench = Workbench(
        library=Library(
            engine,
            scope,
            Ranking.of(settings),
            new,
            partial(fetch_original, engine, settings),
        ),
        run_files=files,
        destination=Delivery(settings.workspace, agent.name, run.id),
        outbox=outbox,
        settings=settings,
        servers=Servers(settings, outbox.engine),
        allowed=frozenset(agent.allowed_tools),
        pages=agent.pages,
        writes=agent.writes,
        email=agent.email,
        webhooks=agent.webhooks,
        shell=shell,
        flow=flow,
        memory=memory,
    )
    return bench, withheld | missing
