"""What people ask for: a run now, a run's end. The holder does it when it is woken."""

import difflib
from pathlib import Path

import sqlalchemy as sa

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.definitions.catalogue import Entry
from lamplighter.errors import Conflict, InvalidInput, NotFound
from lamplighter.models.resolve import SCRIPTED
from lamplighter.store.agents import save_agent, save_version
from lamplighter.store.pauses import BY_HAND, pause_agent, resume_agent
from lamplighter.store.runs import Run, create_run, get_run, new_run_id, request_cancel
from lamplighter.workspace import read_catalogue, read_entry


def request_run(
    settings: Settings,
    engine: sa.Engine,
    agent: str,
    *,
    message: str = "",
    model: str | None = None,
) -> Run:
    """Record that an agent is to run now, as its file is now.

    Args:
        settings: The workspace's settings.
        engine: Its database.
        agent: The agent's name.
        message: The first message; empty means the agent's own.
        model: Another model for this run; a script's path may be relative to here.

    Raises:
        NotFound: There is no such agent.
        InvalidInput: Its file has an error.
        AgentAlreadyActive: It is running, or about to.
    """
    entry = _find(settings, agent)
    now = clock.now()
    with engine.begin() as connection:
        run = Run(
            id=new_run_id(),
            agent=entry.name,
            version=save_version(connection, entry, settings.timezone, now),
            trigger="manual",
            message=message or (entry.agent.message if entry.agent else ""),
            model_override=_absolute_script(model),
            status="pending",
            created_at=now,
        )
        create_run(connection, run)
    return run


def cancel_run(engine: sa.Engine, run: Run) -> Run:
    """Ask for a run's end; a run that has not begun ends at once.

    Raises:
        Conflict: It has ended already.
    """
    if run.ended:
        raise Conflict(f"run {run.id} has already ended: {run.outcome}")
    with engine.begin() as connection:
        request_cancel(connection, run.id, clock.now())
    return get_run(engine, run.id)


def pause(settings: Settings, engine: sa.Engine, agent: str) -> bool:
    """Let an agent's schedules not fire until it is resumed; ``False`` if it is paused already.

    Raises:
        NotFound: There is no such agent.
        InvalidInput: Its file has an error, so its schedules do not fire anyway.
    """
    entry = _find(settings, agent)
    assert entry.agent is not None
    now = clock.now()
    with engine.begin() as connection:
        save_agent(connection, entry.agent, save_version(connection, entry, settings.timezone, now))
        return pause_agent(connection, entry.name, BY_HAND, now)


def resume(settings: Settings, engine: sa.Engine, agent: str) -> bool:
    """Let a paused agent's schedules fire again, from their next times on; ``False`` if they did.

    Raises:
        NotFound: There is no such agent.
        InvalidInput: Its file has an error.
    """
    entry = _find(settings, agent)
    with engine.begin() as connection:
        return resume_agent(connection, entry.name)


def _find(settings: Settings, name: str) -> Entry:
    entry = read_entry(settings, name)
    if entry is None:
        names = [each.name for each in read_catalogue(settings).entries]
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else "See: lamplighter agent list"
        raise NotFound(f"no agent {name!r}. {hint}")
    if entry.agent is None:
        problem = next(each for each in entry.problems if each.level == "error")
        raise InvalidInput(problem.message, place=problem.place, hint=problem.hint)
    return entry


def _absolute_script(model: str | None) -> str | None:
    if model is None or not model.startswith(SCRIPTED):
        return model
    path = Path(model.removeprefix(SCRIPTED))
    return f"{SCRIPTED}{path.absolute()}" if path.exists() else model
