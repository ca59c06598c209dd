"""Two runs side by side."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from lamplighter.access import short_name
from lamplighter.accounts import Caller
from lamplighter.roster import Roster
from lamplighter.store.events import list_events
from lamplighter.store.runs import Run, find_run
from lamplighter.store.versions import find_text
from lamplighter.web.api.asking import ENABLED, Home, Reader
from lamplighter.web.api.runs import RunId
from lamplighter.web.pages.rendering import render
from lamplighter.web.pages.runs import last_runs
from lamplighter.web.pages.timeline import Step, Timeline
from lamplighter.web.pages.versions import Change, compare_texts

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])
OFFERED = 30
"""Other runs to choose from."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Steps beside each other; ``None``: the other run has no such step there."""

    left: Step | None
    right: Step | None

    @property
    def differs(self) -> bool:
        """Whether they are not the same step with the same ending."""
        if self.left is None or self.right is None:
            return True
        return (self.left.title, self.left.state) != (self.right.title, self.right.state)


@router.get("/runs/{run_id}/compare")
def compare_runs(
    request: Request,
    run_id: RunId,
    caller: Reader,
    home: Home,
    other: Annotated[str, Query(alias="with", max_length=100)] = "",
) -> Response:
    """A run beside another one, usually the one before it."""
    right = find_run(home.engine, run_id, home.sight(caller))
    known = [run for run in last_runs(home, caller, right.agent, OFFERED) if run.id != right.id]
    before = next((run for run in known if run.id < right.id), known[0] if known else None)
    left = find_run(home.engine, other, home.sight(caller)) if other else before
    return render(
        request,
        "comparison.html",
        left=left,
        right=right,
        agent=short_name(right.agent),
        known=known,
        facts=_facts(left, right) if left else [],
        changes=_compare_agents(home, caller, left, right) if left else [],
        pairs=pair_steps(*[_steps(home, run) for run in (left, right)]) if left else [],
    )


def pair_steps(left: list[Step], right: list[Step]) -> list[Pair]:
    """Steps beside each other, as few as possible without a counterpart."""
    matcher = SequenceMatcher(None, [s.title for s in left], [s.title for s in right], False)
    pairs: list[Pair] = []
    for _, a, b, c, d in matcher.get_opcodes():
        some, others = left[a:b], right[c:d]
        pairs.extend(Pair(*each) for each in zip_longest(some, others))
    return pairs


def _steps(home: Roster, run: Run | None) -> list[Step]:
    return list(Timeline.of(list_events(home.engine, run.id)).steps.values()) if run else []


def _facts(left: Run, right: Run) -> list[tuple[str, str, object, object]]:
    """What is compared: its name, the filter that shows it, and both values."""
    named = (
        ("Status", "text", "status"),
        ("Outcome", "text", "outcome"),
        ("Trigger", "text", "trigger"),
        ("Model", "text", "model"),
        ("First message", "text", "message"),
        ("Duration", "duration", "duration_seconds"),
        ("Tool calls", "number", "tool_calls"),
        ("Requests", "number", "requests"),
        ("Tokens in", "number", "input_tokens"),
        ("Tokens out", "number", "output_tokens"),
        ("Cost", "cost", "cost_microusd"),
    )
    return [(word, kind, getattr(left, name), getattr(right, name)) for word, kind, name in named]


def _compare_agents(home: Roster, caller: Caller, left: Run, right: Run) -> list[Change]:
    """How the agent changed between the runs, for those who may read its text."""
    if left.version == right.version or not home.may_change(caller, right.agent):
        return []
    if not home.may_change(caller, left.agent):
        return []
    return compare_texts(*[find_text(home.engine, run.version) for run in (left, right)])
