"""What a run is carried out with: its agent, its model, its tools.

This imports the loop and all tools, half of what a server loads: so it is imported in a thread,
after the server is up (``rehearse``) or when a run begins.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ulid import ULID

from lamplighter import clock
from lamplighter.access import OWNER, Scope
from lamplighter.agent.budget import Budget
from lamplighter.agent.journal import Journal
from lamplighter.agent.loop import Task, perform
from lamplighter.config import Settings
from lamplighter.definitions.agent import SHELL_TOOLS, Agent
from lamplighter.models.resolve import Resolved, choose_model, resolve_model
from lamplighter.models.retry import Patience
from lamplighter.models.scripted import Call, Script, Turn, scripted_model
from lamplighter.outbox import Outbox
from lamplighter.sandbox.bounds import MEGABYTE, Bounds
from lamplighter.sandbox.choice import check_backend, choose_backend
from lamplighter.sandbox.proxy import Request
from lamplighter.search.index import Ranking
from lamplighter.store.agents import get_version
from lamplighter.store.runs import Run, find_last_success, set_model
from lamplighter.tools.delivery import Delivery
from lamplighter.tools.documents import Library
from lamplighter.tools.files import RunFiles
from lamplighter.tools.shell import Shell
from lamplighter.tools.toolset import Workbench, build_toolset


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a run is carried out with.

    Attributes:
        task: The work.
        bench: What its tools work on; to be closed when it has ended.
        resolved: The model that does it.
        tools: The names of the tools that it has.
        missing: The names of those that its agent lists and this machine cannot offer -> why.
    """

    task: Task
    bench: Workbench
    resolved: Resolved
    tools: tuple[str, ...]
    missing: dict[str, str]


def prepare(
    run: Run, budget: Budget, journal: Journal, outbox: Outbox, settings: Settings
) -> Preparation:
    """What ``run`` is carried out with; its model is recorded.

    Raises:
        ModelUnavailable: There is no such model here.
        NotFound: The agent's version cannot be read any more.
    """
    agent = get_version(outbox.engine, run.version)
    resolved = _choose(run, agent, outbox.engine, settings)
    budget.iterations = agent.limits.iterations or budget.iterations
    bench, missing = _workbench(run, agent, journal, outbox, settings)
    tools = tuple(name for name in agent.allowed_tools if name not in missing)
    task = Task(
        agent=agent,
        message=run.message or agent.message,
        at=run.due_at or run.created_at,
        timezone=settings.timezone,
        model=resolved.model,
        tools=build_toolset(tools),
        bench=bench,
        budget=budget,
        patience=Patience(settings.run_max_attempts, settings.run_backoff_seconds),
    )
    return Preparation(task, bench, resolved, tools, missing)


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
        tools=build_toolset(agent.allowed_tools),
    )
    asyncio.run(perform(task, _Rehearsal()))


class _Rehearsal:
    """A journal that keeps nothing."""

    async def step(self, _name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await call()

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        pass


def _choose(run: Run, agent: Agent, engine: sa.Engine, settings: Settings) -> Resolved:
    """The run's model: once chosen it stays, also after a restart with other settings."""
    name = run.model or choose_model(run.model_override or agent.model, settings)
    resolved = resolve_model(name, settings, agent=agent.name)
    if run.model is None:
        with engine.begin() as connection:
            set_model(connection, run.id, resolved.name, resolved.label)
    return resolved


def _workbench(
    run: Run, agent: Agent, journal: Journal, outbox: Outbox, settings: Settings
) -> tuple[Workbench, dict[str, str]]:
    """What the tools work on, and the tools that are missing, with the reason."""
    bounds = bound(agent, settings)
    files = RunFiles(outbox.engine, run.id, bounds.disk_bytes)
    shell, missing = _shell(agent, bounds, files, journal, settings)
    bench = Workbench(
        library=Library(
            outbox.engine,
            Scope.of({OWNER}, agent.sources),
            Ranking(settings.embedder, settings.search_fusion),
            find_last_success(outbox.engine, run),
        ),
        run_files=files,
        destination=Delivery(settings.workspace, agent.name, run.id),
        outbox=outbox,
        shell=shell,
    )
    return bench, missing


def _shell(
    agent: Agent, bounds: Bounds, files: RunFiles, journal: Journal, settings: Settings
) -> tuple[Shell | None, dict[str, str]]:
    wanted = [name for name in agent.allowed_tools if name in SHELL_TOOLS]
    if not wanted:
        return None, {}
    backend = choose_backend(settings)
    readiness = check_backend(backend)
    if backend is None or not readiness.is_ready:
        return None, dict.fromkeys(wanted, readiness.problem)

    def tell(request: Request) -> None:
        asked = {"method": request.method, "host": request.host, "port": request.port}
        refused = {"refused": request.refused} if request.refused else {}
        journal.event(f"network:{ULID()}", "network", asked | refused)

    return Shell(backend, bounds, files, agent.network, tell), {}


def bound(agent: Agent, settings: Settings) -> Bounds:
    """What the sandbox of an agent's run may use."""
    limits = agent.limits
    return Bounds(
        command_seconds=limits.command_seconds or settings.sandbox_command_seconds,
        memory_bytes=(limits.memory_mb or settings.sandbox_memory_mb) * MEGABYTE,
        processes=limits.processes or settings.sandbox_processes,
        disk_bytes=(limits.disk_mb or settings.sandbox_disk_mb) * MEGABYTE,
        output_bytes=(limits.output_kb or settings.sandbox_output_kb) * 1000,
    )
