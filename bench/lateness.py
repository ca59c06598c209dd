"""How long after its due time a run first asks its model, on a served, otherwise idle workspace.

One agent is due every 150 to 250 ms, each once, so that every firing meets an idle server. When
the model was first asked follows from the run's record: its first assistant message tells how
many ``seconds`` the model took, and was written ``at`` the moment when the answer was in the
journal. ``at - seconds`` is therefore a little later than the request: by the commit of that
journal entry. The figures err to the bad side, by a few milliseconds.
"""

import random
from datetime import datetime, timedelta

from figures import Figure, percentile
from served import ended_runs, serving

from lamplighter import clock
from lamplighter.store.events import Event
from lamplighter.store.runs import Run
from lamplighter.testing import Workspace, call, temporary_workspace, turn

FIRINGS = 200
GAP_SECONDS = (0.15, 0.25)
LEAD_SECONDS = 10
"""From writing the agents to the first due time; the server must be ready by then."""

AGENT = "---\nschedule: at {at}\nmodel: scripted:script.yaml\n---\nReport at once.\n"


def measure() -> list[Figure]:
    """Fire ``FIRINGS`` schedules one after the other."""
    with temporary_workspace() as workspace:
        workspace.script([turn(call("report", summary="On time."))])
        due = _write_agents(workspace, clock.now() + timedelta(seconds=LEAD_SECONDS))
        with serving(workspace, max_concurrent_runs=20):
            if clock.now() > due[0]:
                raise RuntimeError(f"serve was not ready within {LEAD_SECONDS} s")
            patience = (due[-1] - clock.now()).total_seconds() + 60
            runs = ended_runs(workspace, FIRINGS, patience_seconds=patience)
        late = [lateness_ms(run, workspace.events(run)) for run in runs]
    return [
        Figure(f"first request after due time, p50 of {FIRINGS}", percentile(late, 50), "ms"),
        Figure("the same, p99", percentile(late, 99), "ms", target=150),
        Figure("the same, worst", max(late), "ms"),
    ]


def lateness_ms(run: Run, events: list[Event]) -> float:
    """From the run's due time to its first model request."""
    answer = next(event for event in events if event.data.get("role") == "assistant")
    assert run.due_at is not None
    asked_at = answer.at - timedelta(seconds=answer.data["seconds"])
    return (asked_at - run.due_at) / timedelta(milliseconds=1)


def _write_agents(workspace: Workspace, first: datetime) -> list[datetime]:
    """One agent for each firing; gives the due times."""
    gaps = random.Random(1)  # not in step with anything, and the same in every run
    due = [first]
    while len(due) < FIRINGS:
        due.append(due[-1] + timedelta(seconds=gaps.uniform(*GAP_SECONDS)))
    for number, at in enumerate(due):
        text = AGENT.format(at=at.isoformat(timespec="milliseconds"))
        workspace.write(f"agents/agent-{number:03}.md", text)
    return due
