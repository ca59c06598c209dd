"""Processes killed at each point of a run's journal: nothing is lost, repeated or doubled.

``bench/chaos`` does the same at random moments, as often as it is told to.
"""

import json

import pytest
from mortal import LINES, LOG, Moment
from ordeal import STEPS, Ordeal, preparing

from lamplighter.store.runs import list_runs
from lamplighter.store.tables import events, outbox, runs

pytestmark = pytest.mark.timeout(300)  # dozens of processes, one after the other


def check_kills(ordeal: Ordeal, moments: list[Moment]) -> None:
    """Each process ends the run of the one before it, begins a new one and dies."""
    for moment in moments:
        ordeal.go(moment)
    ordeal.end()
    assert ordeal.violations() == []
    # How the events are grouped into transactions is a matter of speed.
    certain = [moment for moment in moments if not moment[0].endswith(" events")]
    assert ordeal.kills.total() >= len(certain)


def test_each_step_effect_and_ending_has_its_moments() -> None:
    with preparing() as ordeal:
        passed = {name.split(" commit to ")[-1]: times for name, times in ordeal.usual.items()}
    assert passed["steps"] == STEPS
    assert passed["audit, outbox"] == 3 <= passed["outbox"]  # receipts; intents, and what expires
    assert (passed["before the act"], passed["before the receipt"]) == (3, 3)
    assert passed["events"] >= 3
    assert passed["agent_records, agents, events, runs, spending"] == 1
    assert passed["workflow_output, workflow_status"] == 1


@pytest.mark.parametrize("half", [0, 1])
def test_a_kill_at_any_moment_on_sqlite_is_survived(half: int) -> None:
    with preparing() as ordeal:
        check_kills(ordeal, ordeal.moments()[half::2])


@pytest.mark.parametrize("quarter", [0, 2])
def test_a_kill_at_every_other_moment_on_postgresql_is_survived(
    postgresql: str, quarter: int
) -> None:
    with preparing(postgresql) as ordeal:
        check_kills(ordeal, ordeal.moments()[quarter::4])


def test_a_run_that_was_interrupted_a_thousand_times_still_ends() -> None:
    with preparing() as ordeal:
        ordeal.go(("before the act", 2))
        with ordeal.workspace.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE workflow_status SET recovery_attempts = 1000")
        ordeal.end()
        assert ordeal.violations() == []


def test_what_should_not_be_is_found() -> None:
    with preparing() as ordeal:
        [run] = list_runs(ordeal.workspace.engine)
        _append(ordeal, LOG, json.dumps({"run": run.id, "kept": [4]}) + "\n")
        _append(ordeal, LOG, json.dumps({"run": run.id, "begun": 4, "name": "model"}) + "\n")
        _append(ordeal, LINES, f"{run.id} 2:call_2_2\n")
        with ordeal.workspace.engine.begin() as connection:
            connection.execute(events.delete().where(events.c.seq == 3))
            file = outbox.c.kind == "file"
            connection.execute(outbox.update().where(file).values(state="uncertain"))
        found = " ".join(ordeal.violations())
        with ordeal.workspace.engine.begin() as connection:
            connection.execute(runs.update().values(status="running"))
        lost = ordeal.violations()
    for what in ("repeated its finished step 4", "happened 2 times", "gaps", "delivery that is"):
        assert what in found
    assert lost[0] == f"{run.id} was lost: it is running"


def _append(ordeal: Ordeal, name: str, text: str) -> None:
    with (ordeal.workspace.path / name).open("a") as file:
        file.write(text)
