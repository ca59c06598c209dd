"""What agents use and cost, by day, and what they will."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from lamplighter import clock
from lamplighter.definitions.forecast import Forecast
from lamplighter.engine.purse import day_at, foresee
from lamplighter.errors import InvalidInput, NotFound
from lamplighter.store.spending import ALL, Spent, list_spending
from lamplighter.web.api.asking import ENABLED, Home, Reader

router = APIRouter(tags=["spending"], dependencies=[ENABLED])
Days = Annotated[int, Query(ge=1, le=3660, description="How far back.")]


@router.get("/agents/{agent}/spending")
def list_agents_spending(agent: str, caller: Reader, home: Home, days: Days = 30) -> list[Spent]:
    """List what an agent has used, by the days on which its runs began, with their success."""
    name = home.find(caller, agent).name
    if not home.may_see_runs(caller, name):
        raise NotFound("there are no runs of this agent")
    return list_spending(home.engine, name, since=_since(home, days))


@router.get("/agents/{agent}/forecast")
def show_forecast(agent: str, caller: Reader, home: Home) -> Forecast:
    """Show what an agent will use, by its last runs and its schedules, against its limits."""
    entry = home.find(caller, agent)
    if not home.may_see_runs(caller, entry.name):
        raise NotFound("there are no runs of this agent")
    if entry.agent is None:
        raise InvalidInput(f"{agent} has an error; mend it first")
    return foresee(home.engine, entry.agent, home.settings)


@router.get("/spending")
def list_all_spending(
    caller: Reader, home: Home, days: Days = 30, together: bool = False
) -> list[Spent]:
    """List what the agents that you may see have used a day; or all together, for admins."""
    agent = ALL if together else None
    sight = home.sight(caller)
    return list_spending(home.engine, agent, since=_since(home, days), sight=sight)


def _since(home: Home, days: int) -> str:
    return day_at(clock.now() - timedelta(days=days - 1), home.settings.timezone).name
