"""How long after a kill a run goes on: in the next server, or in another worker.

A run waits for its model when its server is killed; the next server asks the model again. On
PostgreSQL another worker is there already, and takes the run over once it has missed the killed
one. When the model was asked again follows from the run's record, as in ``lateness``: a little
later than the request.
"""

import statistics
from datetime import datetime

from figures import Figure
from lateness import asked_at
from served import postgresql, serving, wait_until, working

from lamplighter import clock
from lamplighter.engine.manual import request_run
from lamplighter.store.events import Event
from lamplighter.store.runs import Run
from lamplighter.testing import Workspace, call, temporary_workspace, turn

KILLS = 5
PATIENCE_SECONDS = 60
READ = turn(call("list_documents"))
SLOW = turn(text="slow", sleep=600)
REPORT = turn(call("report", summary="On it again."))
NOTES = {"notes": {"path": "notes"}}
FILES = {
    "lamplighter.toml": '[sources.notes]\npath = "notes"\n',
    "notes/hello.md": "The lamp is lit at dusk.",
    "agents/digest.md": "---\nsources: [notes]\nmodel: scripted:script.yaml\n---\nRead.\n",
}


def measure() -> list[Figure]:
    """Kill a few servers, and a few workers, in the middle of a run."""
    with postgresql() as url:
        return [
            *_figures("start of the next server", 5, [_time_recovery() for _ in range(KILLS)]),
            *_figures("kill of a worker", 10, [_time_hand_over(url) for _ in range(KILLS)]),
        ]


def _figures(since: str, target: float, seconds: list[float]) -> list[Figure]:
    name = f"{since} to the first new step"
    return [
        Figure(f"{name}, median of {KILLS}", statistics.median(seconds), "s", target=target),
        Figure("the same, worst", max(seconds), "s", target=target),
    ]


def _time_recovery() -> float:
    with temporary_workspace(FILES, sources=NOTES) as workspace:
        run = _begin(workspace)
        with serving(workspace) as served:
            wait_until(lambda: _is_waiting(workspace, run), PATIENCE_SECONDS)
            served.process.kill()
        workspace.script([READ, REPORT])
        started = clock.now()
        with serving(workspace):
            return _seconds_until_asked(workspace, run, started)


def _time_hand_over(url: str) -> float:
    with (
        temporary_workspace(FILES, sources=NOTES, database_url=url) as workspace,
        working(workspace) as first,
    ):
        run = _begin(workspace)
        wait_until(lambda: _is_waiting(workspace, run), PATIENCE_SECONDS)
        workspace.script([READ, REPORT])
        with working(workspace):
            killed = clock.now()
            first.process.kill()
            return _seconds_until_asked(workspace, run, killed)


def _begin(workspace: Workspace) -> Run:
    """A run that will wait for its model."""
    workspace.sync()
    workspace.script([READ, SLOW])
    return request_run(workspace.settings, workspace.engine, "digest")


def _is_waiting(workspace: Workspace, run: Run) -> bool:
    return any(event.kind == "tool_result" for event in workspace.events(run))


def _seconds_until_asked(workspace: Workspace, run: Run, since: datetime) -> float:
    def answers() -> list[Event]:
        events = workspace.events(run)
        return [event for event in events if event.data.get("role") == "assistant"]

    wait_until(lambda: len(answers()) == 2, PATIENCE_SECONDS)
    return (asked_at(answers()[1]) - since).total_seconds()
