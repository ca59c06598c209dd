"""Runs per second: many agents started at once, each making five tool calls and a report.

Beside it, in a process of its own, bare DBOS does as many workflows of as many steps that do
nothing, on the same kind of database. The ratio is what the loop, the tools and the record cost
on top of the journal, and says more than either rate.
"""

import json
import subprocess
import sys
from pathlib import Path

from figures import Figure
from served import ended_runs, environment, serving

from lamplighter.engine.manual import request_run
from lamplighter.store.runs import Run
from lamplighter.testing import call, temporary_workspace, turn

RUNS = 100
AT_ONCE = 20
TURNS = [
    turn(call("list_documents")),
    turn(call("read_document", id="notes:hello.md")),
    turn(call("search_documents", query="lamp")),
    turn(call("write_file", path="digest.md", content="- lit at dusk [notes:hello.md]")),
    turn(call("read_file", path="digest.md")),
    turn(call("report", summary="One note, one digest."), expect=["lit at dusk"]),
]
STEPS = len(TURNS) + 5
AGENT = "---\nsources: [notes]\nmodel: scripted:script.yaml\n---\nWrite a digest.\n"
TOML = '[sources.notes]\npath = "notes"\n'
NOTES = {"notes": {"path": "notes"}}
FILES = {"lamplighter.toml": TOML, "notes/hello.md": "The lamp is lit at dusk."}


def measure() -> list[Figure]:
    """Do ``RUNS`` runs, and as many bare workflows."""
    seconds = _time_runs()
    bare = _time_bare()
    steps = f"{STEPS} steps, {AT_ONCE} at once"
    return [
        Figure(f"{RUNS} runs, {steps}", RUNS / seconds, "runs/s"),
        Figure(f"{RUNS} bare DBOS workflows, {steps}", RUNS / bare, "runs/s"),
        Figure("time of a run / time of a bare workflow", seconds / bare, "times"),
    ]


def _time_runs() -> float:
    """Seconds from the first start to the last end."""
    with temporary_workspace(FILES, sources=NOTES) as made:
        made.script(TURNS)
        for number in range(RUNS):
            made.write(f"agents/agent-{number:03}.md", AGENT)
            request_run(made.settings, made.engine, f"agent-{number:03}")
        made.sync()
        with serving(made, max_concurrent_runs=AT_ONCE):  # it finds them all waiting
            runs = ended_runs(made, RUNS, patience_seconds=180)
    return _span_seconds(runs)


def _span_seconds(runs: list[Run]) -> float:
    started = min(run.started_at for run in runs if run.started_at)
    ended = max(run.finished_at for run in runs if run.finished_at)
    return (ended - started).total_seconds()


def _time_bare() -> float:
    command = [sys.executable, str(Path(__file__).with_name("bare_dbos.py"))]
    arguments = [str(RUNS), str(STEPS), str(AT_ONCE)]
    done = subprocess.run(
        [*command, *arguments], env=environment(), capture_output=True, text=True, check=True
    )
    seconds: float = json.loads(done.stdout)["seconds"]
    return seconds
