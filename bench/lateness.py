"""How long after its due time a run first asks its model, on a served, otherwise idle workspace.

One agent is due every 150 to 250 ms, each once, so that every firing meets an idle server. When
the model was first asked follows from the run's record: its first assistant message tells how
many ``seconds`` the model took, and was written ``at`` the moment when the answer was in the
journal. ``at - seconds`` is therefore a little later than the request: by the commit of that
journal entry. The figures err to the bad side, by a few milliseconds.

After those, as many as ``AT_ONCE`` agents are due at one moment, and may all run at once. What
they wait for is mostly each other: so many runs begin on one core.
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
AT_ONCE = 100
LEAD_SECONDS = 10
"""From writing the agents to the first due time; the server must be ready by then."""

AGENT = "---\nschedule: at {at}\nmodel: scripted:script.yaml\n---\nReport at once.\n"


def measure() -> list[Figure]:
    """Fire ``FIRINGS`` schedules one after the other, then ``AT_ONCE`` at the same moment."""
    with temporary_workspace() as workspace:
        workspace.script([turn(call("report", summary="On time."))])
        due = _due_times(clock.now() + timedelta(seconds=LEAD_SECONDS))
        _write_agents(workspace, due)
        with serving(workspace, max_concurrent_runs=AT_ONCE):
            if clock.now() > due[0]:
                raise RuntimeError(f"serve was not ready within {LEAD_SECONDS} s")
            patience = (due[-1] - clock.now()).total_seconds() + 60
            runs = ended_runs(workspace, FIRINGS + AT_ONCE, patience_seconds=patience)
        late = [lateness_ms(run, workspace.events(run)) for run in runs]
    alone, together = late[:FIRINGS], late[FIRINGS:]
    started = [_start_ms(run) for run in runs[FIRINGS:]]
    return [
        Figure(f"first request after due time, p50 of {FIRINGS}", percentile(alone, 50), "ms"),
        Figure("the same, p99", percentile(alone, 99), "ms", target=100),
        Figure("the same, worst", max(alone), "ms"),
        Figure(f"{AT_ONCE} due at once: start after due time, p50", percentile(started, 50), "ms"),
        Figure("the same, p99", percentile(started, 99), "ms"),
        Figure("first request, p50", percentile(together, 50), "ms"),
        Figure("the same, p99", percentile(together, 99), "ms"),
    ]


def lateness_ms(run: Run, events: list[Event]) -> float:
    """From the run's due time to its first model request."""
    answer = next(event for event in events if event.data.get("role") == "assistant")
    assert run.due_at is not None
    return (asked_at(answer) - run.due_at) / timedelta(milliseconds=1)


def asked_at(answer: Event) -> datetime:
    """When the model was asked for an answer, or a little later."""
    return answer.at - timedelta(seconds=answer.data["seconds"])


def _start_ms(run: Run) -> float:
    """From the run's due time to when a worker began with it."""
    assert run.due_at is not None
    assert run.started_at is not None
    return (run.started_at - run.due_at) / timedelta(milliseconds=1)


def _due_times(first: datetime) -> list[datetime]:
    """When each agent is due, in order."""
    gaps = random.Random(1)  # not in step with anything, and the same in every run
    due = [first]
    while len(due) < FIRINGS:
        due.append(due[-1] + timedelta(seconds=gaps.uniform(*GAP_SECONDS)))
    return due + [due[-1] + timedelta(seconds=1)] * AT_ONCE


def _write_agents(workspace: Workspace, due: list[datetime]) -> None:
    """One agent for each firing."""
    for number, at in enumerate(due):
        text = AGENT.format(at=at.isoformat(timespec="milliseconds"))
        workspace.write(f"agents/agent-{number:03}.md", text)
