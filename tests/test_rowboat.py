"""A Rowboat folder: its state file, and another program beside us."""

import json
from pathlib import Path
from typing import Any

import pytest
from rounds import Rounds
from rowboat import rowboat

from lamplighter.definitions.rowboat import SCHEDULE_FILE, STATE_FILE
from lamplighter.engine.rowboat import StateFile
from lamplighter.store.agent_records import record_ending
from lamplighter.store.runs import finish_run, start_run
from lamplighter.testing import HeldClock, Workspace


class Folder(Rounds):
    """A Rowboat folder on a held clock, with its state file."""

    def __init__(self, workspace: Workspace, clock: HeldClock, *, at_most: int = 100) -> None:
        super().__init__(workspace, clock, at_most=at_most)
        self.state_file = StateFile(workspace.settings, workspace.engine)

    def schedule(self, **agents: dict[str, Any]) -> None:
        for name in agents:
            self.workspace.write(f"agents/{name}.md", "Go.")
        entries = {
            name: {"schedule": given} if "type" in given else given
            for name, given in agents.items()
        }
        self.workspace.write(SCHEDULE_FILE, json.dumps({"agents": entries}))
        self.begin()

    def begin(self) -> None:
        """As when it is served."""
        from lamplighter.store.agents import save_agents
        from lamplighter.workspace import read_catalogue

        catalogue = read_catalogue(self.workspace.settings)
        with self.workspace.engine.begin() as connection:
            if not self.state_file.taken_over:
                self.state_file.take_over(connection, catalogue)
            save_agents(connection, catalogue, "UTC", self.clock.now())
            if not self.state_file.taken_over:
                self.state_file.go_on(connection, catalogue, self.clock.now())
        self.state_file.write()

    def restart(self) -> None:
        self.state_file = StateFile(self.workspace.settings, self.workspace.engine)
        self.begin()

    def pass_time(self, **duration: float) -> None:
        super().pass_time(**duration)
        self.state_file.write()

    def end(self, error: str | None = None) -> None:
        """Let all that is queued run and end."""
        queued, self.queued = self.queued, []
        with self.workspace.engine.begin() as connection:
            for run_id in queued:
                run = start_run(connection, run_id, "worker", self.clock.now())
                status = "failed" if error else "completed"
                finish_run(connection, run_id, "worker", status=status, outcome="reported")
                record_ending(connection, run.agent, error, self.clock.now())
        self.state_file.write()

    @property
    def path(self) -> Path:
        return self.workspace.path / STATE_FILE

    def state(self, agent: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.path.read_text())["agents"][agent]
        return state

    def leave(self, **agents: dict[str, Any]) -> None:
        """As another program leaves the file."""
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(json.dumps({"agents": agents}))


CRON = {"type": "cron", "expression": "*/5 * * * *"}
WINDOW = {"type": "window", "cron": "0 0 * * *", "startTime": "11:00", "endTime": "13:00"}
STATE = {
    "status": "finished",
    "startedAt": None,
    "lastRunAt": None,
    "nextRunAt": None,
    "lastError": None,
    "runCount": 0,
}


@pytest.fixture
def folder(held: HeldClock) -> Any:
    with rowboat({}) as workspace:
        yield Folder(workspace, held)


def once(at: str) -> dict[str, str]:
    return {"type": "once", "runAt": at}


def test_the_state_file_is_written_as_rowboat_writes_it(folder: Folder) -> None:
    folder.schedule(reader=CRON)
    assert (
        folder.path.read_text()
        == """\
{
  "agents": {
    "reader": {
      "status": "scheduled",
      "startedAt": null,
      "lastRunAt": null,
      "nextRunAt": "2026-03-02T12:05:00",
      "lastError": null,
      "runCount": 0
    }
  }
}"""
    )


def test_states_are_truthful(folder: Folder) -> None:
    folder.schedule(reader=CRON, saver=once("2026-03-02T12:05:00"))
    folder.pass_time(minutes=5)
    running = {"status": "running", "startedAt": "2026-03-02T12:05:00", "runCount": 0}
    assert folder.state("reader").items() >= running.items()
    folder.clock.advance(seconds=30)
    folder.end()
    assert folder.state("reader") == STATE | {
        "lastRunAt": "2026-03-02T12:05:30",
        "nextRunAt": "2026-03-02T12:10:00",
        "runCount": 1,
    }
    assert folder.state("saver").items() >= {"status": "triggered", "nextRunAt": None}.items()
    folder.pass_time(minutes=5)
    folder.end("The model is gone.")
    failed = {"status": "failed", "lastError": "The model is gone.", "runCount": 2}
    assert folder.state("reader").items() >= failed.items()


def test_an_agent_without_its_file_is_failed(folder: Folder) -> None:
    folder.schedule(reader=CRON, other=CRON)
    (folder.workspace.path / "agents/reader.md").unlink()
    folder.begin()
    failed = {"status": "failed", "lastError": "Agent file not found", "nextRunAt": None}
    assert folder.state("reader").items() >= failed.items()
    folder.pass_time(minutes=5)
    assert folder.state("other")["status"] == "running"


def test_what_others_put_into_the_file_stays(folder: Folder) -> None:
    folder.path.parent.mkdir()
    left = {"reader": {"runCount": 3, "color": "red"}, "gone": {"status": "finished"}}
    folder.path.write_text(json.dumps({"version": 1, "agents": left}))
    folder.schedule(reader=CRON)
    content = json.loads(folder.path.read_text())
    assert (content["version"], content["agents"]["gone"]) == (1, {"status": "finished"})
    assert folder.state("reader").items() >= {"color": "red", "runCount": 3}.items()


def test_a_triggered_once_never_fires_again(folder: Folder) -> None:
    folder.leave(saver=STATE | {"status": "triggered", "runCount": 1})
    folder.schedule(saver=once("2026-03-01T09:00:00"))
    folder.pass_time(minutes=1)
    assert folder.queued == []
    assert folder.state("saver").items() >= {"status": "triggered", "runCount": 1}.items()


def test_a_past_once_fires_at_once_and_only_once_even_if_it_fails(folder: Folder) -> None:
    folder.schedule(saver=once("2026-03-02T11:30:00"))
    folder.pass_time(seconds=1)
    assert len(folder.queued) == 1
    folder.end("It cannot start.")
    folder.restart()
    folder.pass_time(minutes=10)
    assert folder.queued == []
    assert folder.state("saver").items() >= {"status": "failed", "nextRunAt": None}.items()


def test_a_moment_that_the_other_program_missed_is_caught_up(folder: Folder) -> None:
    folder.leave(reader=STATE | {"nextRunAt": "2026-03-02T11:00:00"})
    folder.schedule(reader={"type": "cron", "expression": "0 11 * * *"})
    folder.pass_time(seconds=1)
    assert folder.results("reader") == ["ran"]


def test_one_that_is_no_moment_of_the_schedule_any_more_does_not_count(folder: Folder) -> None:
    folder.leave(reader=STATE | {"nextRunAt": "2026-03-02T11:57:00"})
    folder.schedule(reader=CRON)
    folder.pass_time(seconds=1)
    assert folder.queued == []
    assert folder.state("reader")["nextRunAt"] == "2026-03-02T12:05:00"


@pytest.mark.parametrize(
    "left",
    [
        {"lastRunAt": "2026-03-02T11:10:00", "nextRunAt": "2026-03-03T11:20:00"},
        {"nextRunAt": "2026-03-02T11:50:00"},
    ],
)
def test_a_window_has_one_run_whoever_makes_it(folder: Folder, left: dict[str, str]) -> None:
    folder.leave(reader=STATE | left)
    folder.schedule(reader=WINDOW)
    for _step in range(18):
        folder.pass_time(minutes=5)
        folder.end()
    assert len([each for each in folder.history("reader") if each.result == "ran"]) == 1


def test_what_the_other_program_ran_while_we_were_away_is_not_run_again(folder: Folder) -> None:
    folder.schedule(reader={"type": "cron", "expression": "0 13 * * *"})
    folder.clock.advance(minutes=70)
    done = {"lastRunAt": "2026-03-02T13:00:20", "nextRunAt": "2026-03-03T13:00:00"}
    folder.leave(reader=STATE | done | {"runCount": 8})
    folder.restart()
    folder.pass_time(seconds=1)
    assert folder.queued == []
    after = {"runCount": 8, "nextRunAt": "2026-03-03T13:00:00"}
    assert folder.state("reader").items() >= after.items()


def test_our_own_file_is_not_taken_for_another_programs(folder: Folder) -> None:
    folder.schedule(reader=CRON)
    folder.pass_time(minutes=5)
    folder.end()
    assert not folder.state_file.is_foreign()
    folder.restart()
    assert not folder.state_file.is_foreign()
    assert folder.state("reader")["runCount"] == 1


def test_another_writer_is_noticed(folder: Folder) -> None:
    folder.schedule(reader=CRON)
    folder.leave(reader=STATE | {"status": "running"})
    assert folder.state_file.is_foreign()


def test_three_agents_that_are_due_together(folder: Folder) -> None:
    folder.schedule(a=CRON, b=CRON, c=CRON)
    for trial in range(1, 101):
        folder.pass_time(minutes=5)
        assert [folder.state(name)["status"] for name in "abc"] == ["running"] * 3
        folder.end()
        for name in "abc":
            assert folder.state(name).items() >= {"status": "finished", "runCount": trial}.items()
    for name in "abc":
        assert folder.results(name).count("ran") == 50  # the newest 50 are listed
        assert len(folder.history(name)) == 100


# What the other runner gets wrong


@pytest.mark.parametrize("expression", ["", "* *", "0 9 31 2 *", "nonsense"])
def test_nonsense_never_fires_and_stops_no_other(folder: Folder, expression: str) -> None:
    folder.schedule(bad={"type": "cron", "expression": expression}, good=CRON)
    folder.pass_time(minutes=5)
    assert folder.results("good") == ["ran"]
    assert folder.results("bad") == []
    assert folder.state("bad")["status"] == "failed"


def test_a_schedule_edited_to_nonsense_stops_firing(folder: Folder) -> None:
    folder.schedule(reader=CRON)
    folder.schedule(reader={"type": "cron", "expression": "every now and then"})
    folder.pass_time(minutes=10)
    assert folder.queued == []


def test_a_window_that_is_open_now_runs_today(folder: Folder) -> None:
    folder.schedule(reader=WINDOW)
    assert "2026-03-02T12:00" <= folder.state("reader")["nextRunAt"] < "2026-03-02T13:00"


def test_a_window_whose_cron_is_at_another_time_of_day_uses_its_days_only(folder: Folder) -> None:
    folder.schedule(
        reader=WINDOW | {"cron": "0 12 * * *", "startTime": "08:00", "endTime": "10:00"}
    )
    assert "2026-03-03T08:00" <= folder.state("reader")["nextRunAt"] < "2026-03-03T10:00"


def test_an_overnight_window_ends_on_the_next_day(folder: Folder) -> None:
    folder.schedule(reader=WINDOW | {"startTime": "22:00", "endTime": "02:00"})
    assert "2026-03-02T22:00" <= folder.state("reader")["nextRunAt"] < "2026-03-03T02:00"


def test_enabling_again_does_not_fire_at_once(folder: Folder) -> None:
    folder.schedule(reader={"schedule": CRON, "enabled": False})
    assert folder.state("reader")["nextRunAt"] is None
    folder.pass_time(minutes=7)
    folder.schedule(reader={"schedule": CRON, "enabled": True})
    folder.pass_time(seconds=1)
    assert folder.queued == []
    assert folder.state("reader")["nextRunAt"] == "2026-03-02T12:10:00"


def test_an_edited_schedule_is_due_anew(folder: Folder) -> None:
    folder.schedule(reader=CRON)
    folder.schedule(reader={"type": "cron", "expression": "30 12 * * *"})
    assert folder.state("reader")["nextRunAt"] == "2026-03-02T12:30:00"


def test_a_safety_key_that_is_not_known_keeps_its_entry_from_running(folder: Folder) -> None:
    folder.schedule(reader={"schedule": CRON, "requireApproval": True}, other=CRON)
    folder.pass_time(minutes=5)
    assert (folder.results("reader"), folder.results("other")) == ([], ["ran"])
    assert "requireApproval" in folder.state("reader")["lastError"]
