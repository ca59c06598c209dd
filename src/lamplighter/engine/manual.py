"""What people ask for: a run now, a run's end. The holder does it when it is woken."""

from pathlib import Path

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.definitions.catalogue import Entry
from lamplighter.errors import Conflict, InvalidInput
from lamplighter.models.resolve import SCRIPTED
from lamplighter.roster import Roster
from lamplighter.store.agents import save_agent, save_version
from lamplighter.store.audit import note
from lamplighter.store.database import decide_alone
from lamplighter.store.pauses import BY_HAND, pause_agent, resume_agent
from lamplighter.store.requests import Request, find_made, note_made
from lamplighter.store.runs import Run, create_run, get_run, new_run_id, request_cancel


def request_run(  # noqa: PLR0913 - a run can be asked for in so many ways, by name
    settings: Settings,
    engine: sa.Engine,
    agent: str,
    *,
    message: str = "",
    model: str | None = None,
    dry_run: bool = False,
    by: str = "",
    request: Request | None = None,
) -> Run:
    """Record that an agent is to run now, as it is now.

    Args:
        settings: The workspace's settings.
        engine: Its database.
        agent: The agent's name.
        message: The first message; empty means the agent's own.
        model: Another model for this run; a script's path may be relative to here.
        dry_run: Whether its effects are only recorded, whatever the agent's file says.
        by: Who asks; empty: somebody at the command line.
        request: What makes asking for it again harmless.

    Raises:
        NotFound: There is no such agent.
        InvalidInput: Its file has an error.
        AgentAlreadyActive: It is running, or about to.
    """
    entry = _find(settings, engine, agent)
    now = clock.now()
    with engine.begin() as connection:
        decide_alone(connection)
        made = find_made(connection, request) if request else None
        if made:
            return get_run(engine, made)
        run = Run(
            id=new_run_id(),
            agent=entry.name,
            version=save_version(connection, entry, settings.timezone, now),
            trigger="manual",
            message=message or (entry.agent.message if entry.agent else ""),
            model_override=_absolute_script(model),
            dry_run=dry_run,
            status="pending",
            created_at=now,
        )
        create_run(connection, run)
        note(connection, by, "run.start", run.id, now=now, detail={"agent": run.agent})
        if request:
            note_made(connection, request, run.id)
    return run


def request_trial(settings: Settings, engine: sa.Engine, entry: Entry, *, by: str = "") -> Run:
    """Record that an agent is to be tried now as ``entry`` says, whether that is kept or not.

    What it would do to the world is only recorded, and it counts for nothing but its cost.

    Args:
        settings: The workspace's settings.
        engine: Its database.
        entry: The agent, without an error.
        by: Who asks.

    Raises:
        AgentAlreadyActive: An agent of this name is running, or about to.
    """
    now = clock.now()
    with engine.begin() as connection:
        run = Run(
            id=new_run_id(),
            agent=entry.name,
            version=save_version(connection, entry, settings.timezone, now),
            trigger="manual",
            message=entry.agent.message if entry.agent else "",
            dry_run=True,
            status="pending",
            created_at=now,
        )
        create_run(connection, run)
        note(connection, by, "run.try", run.id, now=now, detail={"agent": run.agent})
    return run


def cancel_run(engine: sa.Engine, run: Run, *, by: str = "") -> Run:
    """Ask for a run's end; a run that has not begun ends at once.

    Raises:
        Conflict: It has ended already.
    """
    if run.ended:
        raise Conflict(f"run {run.id} has already ended: {run.outcome}")
    with engine.begin() as connection:
        request_cancel(connection, run.id, clock.now())
        note(connection, by, "run.cancel", run.id, now=clock.now(), detail={"agent": run.agent})
    return get_run(engine, run.id)


def pause(settings: Settings, engine: sa.Engine, agent: str, *, by: str = "") -> bool:
    """Let an agent's schedules not fire until it is resumed; ``False`` if it is paused already.

    Raises:
        NotFound: There is no such agent.
        InvalidInput: Its file has an error, so its schedules do not fire anyway.
    """
    entry = _find(settings, engine, agent)
    assert entry.agent is not None
    now = clock.now()
    with engine.begin() as connection:
        version = save_version(connection, entry, settings.timezone, now)
        save_agent(connection, entry.agent, version, now)
        note(connection, by, "agent.pause", entry.name, now=now)
        return pause_agent(connection, entry.name, BY_HAND, now)


def resume(settings: Settings, engine: sa.Engine, agent: str, *, by: str = "") -> bool:
    """Let a paused agent's schedules fire again, from their next times on; ``False`` if they did.

    Raises:
        NotFound: There is no such agent.
        InvalidInput: Its file has an error.
    """
    entry = _find(settings, engine, agent)
    with engine.begin() as connection:
        note(connection, by, "agent.resume", entry.name, now=clock.now())
        return resume_agent(connection, entry.name)


def _find(settings: Settings, engine: sa.Engine, name: str) -> Entry:
    entry = Roster(settings, engine).find(None, name)
    if entry.agent is None:
        problem = next(each for each in entry.problems if each.level == "error")
        raise InvalidInput(problem.message, place=problem.place, hint=problem.hint)
    return entry


def _absolute_script(model: str | None) -> str | None:
    if model is None or not model.startswith(SCRIPTED):
        return model
    path = Path(model.removeprefix(SCRIPTED))
    return f"{SCRIPTED}{path.absolute()}" if path.exists() else model
