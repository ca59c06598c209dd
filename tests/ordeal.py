"""A run of ten steps that is killed again and again, and what has to be true of it afterwards."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from signal import SIGKILL
from typing import Any

from mortal import LINES, LOG, Moment, Order, bear

from lamplighter.store.notices import list_notices
from lamplighter.store.outbox import Entry, list_entries
from lamplighter.store.runs import Run, list_runs
from lamplighter.testing import Workspace, call, temporary_workspace, turn

CONTENT = "# Dusk"
TURNS = [
    turn(call("write_file", path="digest.md", content=CONTENT)),
    turn(call("deliver_file", path="digest.md"), call("deliver_file", path=LINES)),
    turn(call("read_file", path="digest.md")),
    turn(call("deliver_file", path=LINES)),
    turn(call("report", summary="All is well.")),
]
TOOL_CALLS = 5
STEPS = TOOL_CALLS + len(TURNS)
AGENT = "---\ntools: [read_file, write_file, deliver_file]\n---\nWrite a digest."
BESIDE = (" workers", " notices")
"""Commits to these are of the heartbeat and the upkeep, not of a run."""
DOUBLES = ("before the intent", "before the checkpoint")
"""Nothing is committed between these and other moments."""

MOST = 10_000


@dataclass
class Ordeal:
    """Runs on one database, in processes that die.

    Attributes:
        workspace: Where.
        agents: Of whom each process begins a run.
        kills: How many processes were killed, by when.
        faults: Of processes that ended in another way.
        usual: Which moments an undisturbed process passes, and how often.
    """

    workspace: Workspace
    agents: tuple[str, ...] = ("digest",)
    kills: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    usual: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.model = self.workspace.script(TURNS)
        for agent in self.agents:
            self.workspace.write(f"agents/{agent}.md", AGENT)
        self.go()
        assert self.violations() == []
        [self.usual] = [said["reached"] for said in self.said() if "reached" in said]

    def moments(self) -> list[Moment]:
        """All that an undisturbed run passes."""
        return [
            (name, number)
            for name, times in self.usual.items()
            if not name.endswith(BESIDE) and name not in DOUBLES
            for number in range(1, times + 1)
        ]

    def go(self, moment: Moment | None = None, after_seconds: float | None = None) -> None:
        """Let a process end all runs, begin new ones, and die when it is told to."""
        path = str(self.workspace.path)
        code = bear(Order(path, self.agents, self.model, moment, after_seconds))
        if code == -SIGKILL:
            self.kills["by time" if moment is None else moment[0]] += 1
        elif code:
            self.faults.append(f"a process ended with {code}")

    def end(self) -> None:
        """Let a process end what is left."""
        if code := bear(Order(str(self.workspace.path))):
            self.faults.append(f"the last process ended with {code}")

    def said(self) -> list[dict[str, Any]]:
        """What the processes said, in order."""
        return [json.loads(line) for line in (self.workspace.path / LOG).read_text().splitlines()]

    def violations(self) -> list[str]:
        """What should not be, in words; asked when all runs have ended."""
        checks = Checks(self.workspace)
        found = [f"{run.id} {what}" for run in checks.runs for what in checks.examine(run)]
        return [*self.faults, *found, *self._repeated()]

    def _repeated(self) -> Iterator[str]:
        kept: defaultdict[str, set[int]] = defaultdict(set)
        for said in self.said():
            if "kept" in said:
                kept[said["run"]].update(said["kept"])
            elif said.get("begun") in kept[said.get("run", "")]:
                yield f"{said['run']} repeated its finished step {said['begun']} ({said['name']})"


class Checks:
    """What has to be true of each run that has ended, by the workspace alone."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.runs = list_runs(workspace.engine, limit=MOST)
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in list_entries(workspace.engine, limit=MOST):
            self.entries[entry.run_id].append(entry)

    @cached_property
    def lines(self) -> Counter[str]:
        """How often each line was appended."""
        file = self.workspace.path / LINES
        return Counter(file.read_text().splitlines() if file.exists() else ())

    @cached_property
    def noticed(self) -> str:
        """All notices, as one text."""
        return "\n".join(each.message for each in list_notices(self.workspace.engine, limit=MOST))

    def examine(self, run: Run) -> Iterator[str]:
        """What is wrong with a run."""
        if not run.ended:
            yield f"was lost: it is {run.status}"
            return
        if (run.outcome, run.requests, run.tool_calls) != ("reported", len(TURNS), TOOL_CALLS):
            yield f"{run.outcome}: {run.requests} requests, {run.tool_calls} calls: {run.summary}"
        yield from self._examine_record(run)
        entries = self.entries[run.id]
        if len(entries) != 3:
            yield f"has {len(entries)} effects"
        for entry in entries:
            yield from self._examine_effect(run, entry)
        if (self.workspace.settings.state_dir / "outbox" / run.id).exists():
            yield "left contents in the outbox"

    def _examine_record(self, run: Run) -> Iterator[str]:
        events = self.workspace.events(run)
        if [event.seq for event in events] != list(range(1, len(events) + 1)):
            yield "has gaps in its record"
        kinds = Counter(event.kind for event in events)
        del kinds["resumed"]
        told = {"started": 1, "finished": 1, "message": 1 + len(TURNS), "effect": 3}
        told |= {"tool_call": TOOL_CALLS + 1, "tool_result": TOOL_CALLS}
        if kinds != told:
            yield f"has a record of {dict(kinds)}"

    def _examine_effect(self, run: Run, entry: Entry) -> Iterator[str]:
        if entry.kind == "file":
            file = self.workspace.path / entry.destination
            if entry.state != "sent" or file.read_text() != CONTENT:
                yield f"has a delivery that is {entry.state}"
            return
        times = self.lines[f"{run.id} {entry.call}"]
        if entry.state not in ("sent", "uncertain") or times > 1:
            yield f"has a {entry.state} effect that happened {times} times"
        if entry.state == "sent" and not times:
            yield "has an effect that is said to be sent, but did not happen"
        if entry.state == "uncertain" and entry.id not in self.noticed:
            yield "has an uncertain effect that nobody was told of"


@contextmanager
def preparing(database_url: str = "", agents: tuple[str, ...] = ("digest",)) -> Iterator[Ordeal]:
    """An ordeal in a new workspace: on SQLite, or on an empty PostgreSQL."""
    with temporary_workspace(database_url=database_url or None) as workspace:
        if database_url:
            workspace.write(".env", f"LAMPLIGHTER_DATABASE_URL={database_url}\n")
        yield Ordeal(workspace, agents)
