"""``config/agent-schedule-state.json``: how the scheduled agents fare, for other tools to read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from lamplighter.definitions.rowboat.document import read_json
from lamplighter.errors import InvalidSchedule
from lamplighter.schedule import read_moment

Status = Literal["scheduled", "running", "finished", "failed", "triggered"]
_STATUSES = get_args(Status)
_MOMENTS = {
    "startedAt": "started_at",
    "lastRunAt": "last_run_at",
    "nextRunAt": "next_run_at",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """One agent's state; moments are aware.

    Attributes:
        status: ``triggered`` means a ``once`` schedule that has run.
        started_at: When the run that is under way began.
        last_run_at: When the last run ended.
        last_error: Of the last run; ``None`` if it succeeded.
        run_count: Runs that have ended.
    """

    status: Status = "scheduled"
    started_at: datetime | None = None
    last_run_at: datetime | None = None
    next_run_at: datetime | None = None
    last_error: str | None = None
    run_count: int = 0


def read_states(text: str, zone: ZoneInfo) -> dict[str, AgentState]:
    """The states that can be understood; local times are in ``zone``."""
    content = read_json(text, "").content
    agents = content.get("agents") if isinstance(content, dict) else None
    if not isinstance(agents, dict):
        return {}
    return {
        name: _read_state(given, zone) for name, given in agents.items() if isinstance(given, dict)
    }


def write_states(before: str, states: Mapping[str, AgentState], zone: ZoneInfo) -> str:
    """The file with ``states`` in place of what stood ``before``.

    What others have put there, of agents or beside the known keys, stays.
    """
    content = read_json(before, "").content if before.strip() else {}
    content = content if isinstance(content, dict) else {}
    agents = content.get("agents")
    kept = dict(agents) if isinstance(agents, dict) else {}
    for name, state in states.items():
        other = kept.get(name)
        extra = other if isinstance(other, dict) else {}
        kept[name] = {**_data(state, zone), **{k: v for k, v in extra.items() if k not in _KEYS}}
    return json.dumps({**content, "agents": kept}, indent=2, ensure_ascii=False)


def local_time(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as Rowboat writes it: on the wall clock, without a zone."""
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def _data(state: AgentState, zone: ZoneInfo) -> dict[str, Any]:
    moments = {
        key: (moment := getattr(state, name)) and local_time(moment, zone)
        for key, name in _MOMENTS.items()
    }
    rest = {"lastError": state.last_error, "runCount": state.run_count}
    return {"status": state.status, **moments, **rest}


_KEYS = frozenset(_data(AgentState(), ZoneInfo("UTC")))


def _read_state(given: dict[str, Any], zone: ZoneInfo) -> AgentState:
    count = given.get("runCount")
    status: Any = given.get("status")
    error = given.get("lastError")
    moments = {name: _read_moment(given.get(key), zone) for key, name in _MOMENTS.items()}
    return AgentState(
        status=status if status in _STATUSES else "scheduled",
        last_error=error if isinstance(error, str) else None,
        run_count=count if isinstance(count, int) and count > 0 else 0,
        **moments,
    )


def _read_moment(text: Any, zone: ZoneInfo) -> datetime | None:
    try:
        return read_moment(text, zone) if isinstance(text, str) else None
    except InvalidSchedule:
        return None
