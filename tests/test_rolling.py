"""A newer version goes on with the runs that an older one left under way.

Here the newer one is a copy of this one whose runs take a step more at their beginning and one
more at their end, in the way in which a release has to add them.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mortal import kept_steps
from processes import begun_run, ended_run, lamplighter, script, serving, wait_until, working

import lamplighter as program
from lamplighter.store.runs import Run
from lamplighter.testing import Workspace, call, temporary_workspace, turn

READ = turn(call("read_document", id="notes:hello.md"))
REPORT = turn(call("report", summary="All is well."))
OLD = ["model", "tool:read_document", "model"]
NEW = ["patch:more", "early", *OLD, "late"]
BODY = "            ending = await self._within_bounds(run, journal)\n"
NEW_BODY = """\
            async def do_nothing() -> None:
                pass

            more = await journal.patched("more")
            if more:
                await journal.step("early", do_nothing)
            ending = await self._within_bounds(run, journal)
            if more:
                await journal.step("late", do_nothing)
"""


@pytest.fixture
def newer(tmp_path: Path) -> dict[str, str]:
    """The environment in which ``lamplighter`` is the newer version."""
    old = Path(program.__file__).parent
    new = tmp_path / old.name
    shutil.copytree(old, new, ignore=shutil.ignore_patterns("__pycache__"))
    replace(new / "__init__.py", program.__version__, "99.0.0")
    replace(new / "engine" / "worker.py", BODY, NEW_BODY)
    return {"PYTHONPATH": str(tmp_path)}


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def new_workspace(**settings: str) -> Iterator[Workspace]:
    agent = "---\nsources: [notes]\ntools: [read_document]\nmodel: scripted:turns.yaml\n---\nRead."
    files = {
        ".env": "".join(f"{name}={value}\n" for name, value in settings.items()),
        "lamplighter.toml": '[sources.notes]\npath = "notes"\n',
        "notes/hello.md": "The lamp is lit at dusk.",
        "agents/begun.md": agent,
        "agents/waiting.md": agent,
        "turns.yaml": script(READ, turn(text="slow", sleep=300)),
    }
    sources = {"notes": {"path": "notes"}}
    url = settings.get("LAMPLIGHTER_DATABASE_URL")
    with temporary_workspace(files, sources=sources, database_url=url) as made:
        made.sync()
        yield made


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    yield from new_workspace()


@pytest.fixture
def shared(postgresql: str) -> Iterator[Workspace]:
    """A workspace on PostgreSQL."""
    yield from new_workspace(LAMPLIGHTER_DATABASE_URL=postgresql)


def leave_two_runs(workspace: Workspace) -> None:
    """One in the middle of a step, and one that waits because only one may be under way."""
    lamplighter(workspace, "run", "start", "begun")
    begun_run(workspace)
    lamplighter(workspace, "run", "start", "waiting")
    workspace.write("turns.yaml", script(READ, REPORT))


def check_both(workspace: Workspace) -> list[Run]:
    """Both have ended well; the one that had begun with the steps with which it began."""
    runs = [ended_run(workspace, "begun"), ended_run(workspace, "waiting")]
    for run, steps in zip(runs, (OLD, NEW), strict=True):
        assert (run.outcome, run.tool_calls, run.requests) == ("reported", 1, 2)
        await_steps(workspace, run, steps)
        seqs = [event.seq for event in workspace.events(run)]
        assert seqs == list(range(1, len(seqs) + 1))
    return runs


def await_steps(workspace: Workspace, run: Run, steps: list[str]) -> None:
    """The last one is taken after the run's end."""

    def taken() -> bool:
        return list(kept_steps(workspace.engine, run.id).values()) == steps

    wait_until(taken, f"the steps of {run.agent}")


def test_on_sqlite_a_newer_version_ends_what_a_killed_older_one_began(
    workspace: Workspace, newer: dict[str, str]
) -> None:
    with serving(workspace, AGENT_MAX_CONCURRENT_RUNS="1") as old:
        leave_two_runs(workspace)
        old.kill()
    with serving(workspace, **newer):
        check_both(workspace)


def test_on_postgresql_a_newer_worker_takes_over_from_an_older_one_that_leaves(
    shared: Workspace, newer: dict[str, str]
) -> None:
    one = {"AGENT_MAX_CONCURRENT_RUNS": "1"}
    with working(shared, **one) as old:
        leave_two_runs(shared)
        with working(shared, **one, **newer) as new:
            assert old.stop() == 0
            assert {run.worker for run in check_both(shared)} == {new.name}
