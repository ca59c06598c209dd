"""Where the commands of a run are carried out, and within which bounds."""

from dataclasses import replace

from ulid import ULID

from lamplighter.agent.journal import Journal
from lamplighter.config import Settings
from lamplighter.definitions.agent import COMMAND_TOOLS, Agent
from lamplighter.definitions.flow import Flow
from lamplighter.sandbox.bounds import MEGABYTE, Bounds
from lamplighter.sandbox.choice import check_backend, choose_backend
from lamplighter.sandbox.proxy import Request
from lamplighter.tools.files import RunFiles
from lamplighter.tools.shell import Shell
from lamplighter.workspace import missing_tools


def make_shell(
    agent: Agent,
    bounds: Bounds,
    files: RunFiles,
    journal: Journal,
    settings: Settings,
    flow: Flow,
) -> tuple[Shell | None, dict[str, str]]:
    """The shell of an agent; and the tools that it lists and that are missing here -> why."""
    listed = missing_tools(settings).items()
    missing = {name: why for name, why in listed if name in agent.allowed_tools}
    wanted = [n for n in agent.allowed_tools if n in COMMAND_TOOLS and n not in missing]
    if not wanted:
        return None, missing
    backend = choose_backend(settings)
    readiness = check_backend(backend)
    if backend is None or not readiness.is_ready:
        return None, missing | dict.fromkeys(wanted, readiness.problem)

    def tell(request: Request) -> None:
        asked = {"method": request.method, "host": request.host, "port": request.port}
        refused = {"refused": request.refused} if request.refused else {}
        journal.event(f"network:{ULID()}", "network", asked | refused)

    def objection() -> str:
        # Hosts are fixed, but what is said to them is not, and could be anything.
        return flow.objection(acts=False, fixed=False)

    return Shell(backend, bounds, files, agent.network, tell, objection), missing


def without(agent: Agent, missing: dict[str, str]) -> Agent:
    """The agent with the tools that are there."""
    return replace(agent, tools=tuple(t for t in agent.allowed_tools if t not in missing))


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
