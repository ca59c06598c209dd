"""Runs per second: many agents started at once, each taking five steps: two tool calls, a report.

Beside it, each in a process of its own, bare DBOS takes as many steps that give the same, on the
same kind of database, and if asked so does a Temporal dev server. They take turns, because a
machine's speed changes. The ratios say more than the rates: against bare DBOS, what the loop, the
tools, the limits and the record cost on top of the journal.
"""

import json
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from figures import Figure
from served import ended_runs, environment, serving
from steps import CALLS, STEPS

from lamplighter import clock
from lamplighter.engine.control import wake_engine
from lamplighter.store.agents import current_versions
from lamplighter.store.runs import Run, add_runs, new_run_id
from lamplighter.testing import Workspace, call, temporary_workspace, turn

RUNS = 100
AT_ONCE = 20
ROUNDS = 3
TURNS = [turn(call(tool, **arguments)) for tool, arguments in CALLS]
AGENT = "---\nsources: [notes]\nmodel: scripted:script.yaml\n---\nRead the note.\n"
TOML = '[sources.notes]\npath = "notes"\n'
NOTES = {"notes": {"path": "notes"}}
NAMES = [f"agent-{number:03}" for number in range(RUNS)]
FILES = {"lamplighter.toml": TOML, "notes/hello.md": "The lamp is lit at dusk."} | {
    f"agents/{name}.md": AGENT for name in NAMES
}
LOOP = "pydantic-ai's loop on DBOS"
HERE = Path(__file__).parent
PEERS = HERE / ".peers"
"""An environment of the peers' own; made when it is needed."""


def measure(*, peers: bool = False) -> list[Figure]:
    """Do ``RUNS`` runs, and as many bare workflows, a few times in turn."""
    with temporary_workspace(FILES, sources=NOTES) as made:
        made.script(TURNS)
        made.sync()
        notes = str(made.path / "notes")
        timers: dict[str, Callable[[], float]] = {
            "bare DBOS": lambda: _time_program(sys.executable, "bare_dbos.py", notes),
            LOOP: lambda: _time_program(sys.executable, "loop_on_dbos.py", notes),
        }
        if peers:
            python = _peers_python()
            timers["Temporal dev server"] = lambda: _time_program(python, "temporal_dev.py", notes)
        with serving(made, max_concurrent_runs=AT_ONCE):
            _time_runs(made, ["agent-000"])  # what the first one imports is not measured
            timers["Lamplighter"] = lambda: _time_runs(made, NAMES)
            rounds = [{name: time() for name, time in timers.items()} for _ in range(ROUNDS)]
    return _compare(rounds)


def _compare(rounds: list[dict[str, float]]) -> list[Figure]:
    steps = f"{RUNS} runs of {STEPS} steps, {AT_ONCE} at once"
    rates = [
        Figure(
            f"{name}, {steps}", RUNS / statistics.median(each[name] for each in rounds), "runs/s"
        )
        for name in rounds[0]
    ]
    targets = {"bare DBOS": 0.8, LOOP: None, "Temporal dev server": 3.0}
    ratios = [
        Figure(
            f"Lamplighter's rate / {peer}'s, median of {ROUNDS}",
            statistics.median(each[peer] / each["Lamplighter"] for each in rounds),
            "times",
            at_least=target,
        )
        for peer, target in targets.items()
        if peer in rounds[0]
    ]
    return [*rates, *ratios]


def _time_runs(made: Workspace, agents: list[str]) -> float:
    """Seconds from the first start to the last end."""
    begun = _request_runs(made, agents)
    wake_engine(made.engine, made.settings.state_dir)
    ended = {run.id: run for run in ended_runs(made, patience_seconds=180)}
    return _span_seconds([ended[run_id] for run_id in begun])


def _request_runs(made: Workspace, agents: list[str]) -> list[str]:
    """Ids of new runs, there all at once: nobody can start the first before the last is there."""
    with made.engine.begin() as connection:
        versions = current_versions(connection, agents)
        new = [
            Run(
                id=new_run_id(),
                agent=agent,
                version=versions[agent][0],
                trigger="manual",
                message="",
                status="pending",
                created_at=clock.now(),
            )
            for agent in agents
        ]
        add_runs(connection, new)
    return [run.id for run in new]


def _span_seconds(runs: list[Run]) -> float:
    started = min(run.started_at for run in runs if run.started_at)
    ended = max(run.finished_at for run in runs if run.finished_at)
    return (ended - started).total_seconds()


def _time_program(python: str, program: str, folder: str) -> float:
    done = subprocess.run(
        [python, str(HERE / program), folder, str(RUNS), str(AT_ONCE)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds: float = json.loads(done.stdout)["seconds"]
    return seconds


def _peers_python() -> str:
    python = str(PEERS / "bin" / "python")
    if not PEERS.exists():
        venv.create(PEERS, with_pip=True)
        install = ["-m", "pip", "install", "--quiet", "-r", str(HERE / "peers.txt")]
        subprocess.run([python, *install], check=True)
    return python
