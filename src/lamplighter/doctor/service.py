"""Checks of what serves the workspace: its holder, its schedules, what it has told."""

from lamplighter import clock
from lamplighter.doctor.finding import Case, Finding
from lamplighter.engine.control import ask_holder
from lamplighter.engine.holder import is_held
from lamplighter.engine.upkeep import GRACE
from lamplighter.store.documents import list_sources
from lamplighter.store.notices import list_notices
from lamplighter.store.pauses import list_pauses
from lamplighter.store.schedules import earliest_due

SERVE = "lamplighter serve"


def check_holder(case: Case) -> Finding | None:
    """Somebody serves the workspace, and answers; on PostgreSQL the workers say that."""
    name, state_dir = "server", case.settings.state_dir
    if case.settings.database_url:
        return None
    pid = ask_holder(state_dir)
    if pid is not None:
        return Finding(name, "ok", f"process {pid} serves this workspace" if pid else "running")
    if is_held(state_dir):
        message = "a process holds this workspace, but does not answer"
        return Finding(name, "fail", message, "stop that process, then: " + SERVE)
    expected = case.settings.agents_enabled and expects_runs(case)
    return Finding(name, "warn" if expected else "ok", "nobody serves this workspace now", SERVE)


def check_schedules(case: Case) -> Finding:
    """What is due fires."""
    name = "schedules"
    if not expects_runs(case):
        return Finding(name, "ok", "no agent has one")
    if not case.settings.agents_enabled:
        message = "they do not fire: AGENTS_ENABLED is false"
        return Finding(name, "warn", message, "set AGENTS_ENABLED=true in .env")
    due = case.engine and earliest_due(case.engine)
    if due and clock.now() - due > GRACE:
        message = f"one was due at {due:%Y-%m-%d %H:%M} UTC, and nothing came"
        return Finding(name, "warn", message, f"is the server running? {SERVE}")
    return Finding(name, "ok", f"next due at {due:%Y-%m-%d %H:%M} UTC" if due else "none is due")


def check_pauses(case: Case) -> Finding | None:
    """No agent is paused."""
    if case.engine is None:
        return None
    paused = [f"{name} ({pause.reason})" for name, pause in list_pauses(case.engine).items()]
    if paused:
        return Finding("pauses", "warn", ", ".join(paused), "lamplighter agent resume NAME")
    return Finding("pauses", "ok", "no agent is paused")


def check_notices(case: Case) -> Finding | None:
    """Everything that was told has been read."""
    if case.engine is None:
        return None
    unread = len(list_notices(case.engine))
    if unread:
        return Finding("notices", "warn", f"{unread} unread", "lamplighter notice list")
    return Finding("notices", "ok", "none unread")


def check_sources(case: Case) -> Finding | None:
    """Every source can be read, and has been."""
    name, settings = "sources", case.settings
    if case.engine is None or not settings.sources:
        return None
    states = list_sources(case.engine)
    failed, waiting = [], []
    for source, config in settings.sources.items():
        state = states.get(source)
        if not (settings.workspace / config.path).is_dir():
            failed.append(f"{source}: there is no folder {config.path}")
        elif state and state.error:
            failed.append(f"{source}: {state.error}")
        elif not state or not state.synced_at:
            waiting.append(f"{source} was never synced")
    if failed:
        return Finding(name, "fail", "; ".join(failed), "lamplighter source sync")
    if waiting:
        return Finding(name, "warn", "; ".join(waiting), "lamplighter source sync")
    return Finding(name, "ok", f"{len(settings.sources)}, all synced")


def expects_runs(case: Case) -> bool:
    """Whether some agent has a schedule that is to fire."""
    return any(agent.enabled and agent.schedules for agent in case.catalogue.agents.values())
