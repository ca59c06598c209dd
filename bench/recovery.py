"""How long after a kill a run goes on: from the start of the next server to its first new step.

A run waits for its model when its server is killed; the next server asks the model again. When it
did so follows from the run's record, as in ``lateness``: a little later than the request.
"""

import statistics

from figures import Figure
from lateness import asked_at
from served import serving, wait_until

from lamplighter import clock
from lamplighter.engine.manual import request_run
from lamplighter.store.events import Event
from lamplighter.testing import Workspace, call, temporary_workspace, turn

KILLS = 5
PATIENCE_SECONDS = 60
READ = turn(call("list_documents"))
REPORT = turn(call("report", summary="On it again."))
FILES = {
    "lamplighter.toml": '[sources.notes]\npath = "notes"\n',
    "notes/hello.md": "The lamp is lit at dusk.",
    "agents/digest.md": "---\nsources: [notes]\nmodel: scripted:script.yaml\n---\nRead.\n",
}


def measure() -> list[Figure]:
    """Kill a few servers in the middle of a run."""
    seconds = []
    for _ in range(KILLS):
        with temporary_workspace(FILES, sources={"notes": {"path": "notes"}}) as workspace:
            workspace.sync()
            seconds.append(_time_recovery(workspace))
    name = "start of the next server to the first new step"
    return [
        Figure(f"{name}, median of {KILLS}", statistics.median(seconds), "s", target=5),
        Figure("the same, worst", max(seconds), "s", target=5),
    ]


def _time_recovery(workspace: Workspace) -> float:
    workspace.script([READ, turn(text="slow", sleep=600)])
    run = request_run(workspace.settings, workspace.engine, "digest")

    def answers() -> list[Event]:
        events = workspace.events(run)
        return [event for event in events if event.data.get("role") == "assistant"]

    def begun() -> bool:
        return any(event.kind == "tool_result" for event in workspace.events(run))

    with serving(workspace) as served:
        wait_until(begun, PATIENCE_SECONDS)
        served.process.kill()
    workspace.script([READ, REPORT])
    started = clock.now()
    with serving(workspace):
        wait_until(lambda: len(answers()) == 2, PATIENCE_SECONDS)
    return (asked_at(answers()[1]) - started).total_seconds()
