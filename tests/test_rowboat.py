"""A Rowboat folder: its state file, and another program beside us."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import lamplighter, serving, wait_until
from rounds import Rounds
from rowboat import AUGUST, FEBRUARY, rowboat

from lamplighter import clock
from lamplighter.definitions.rowboat import SCHEDULE_FILE, STATE_FILE
from lamplighter.definitions.rowboat.state import AgentState, read_states, write_states
from lamplighter.engine.record import redact
from lamplighter.engine.rowboat import StateFile
from lamplighter.models.resolve import choose_model, resolve_model
from lamplighter.store.agent_records import record_ending
from lamplighter.store.agents import save_agents
from lamplighter.store.notices import list_notices
from lamplighter.store.runs import count_active, finish_run, list_runs, start_run
from lamplighter.testing import HeldClock, Workspace, call, turn
from lamplighter.workspace import (
    config_problems,
    find_workspace,
    load_settings,
    read_catalogue,
)


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


# A served folder


def served_state(workspace: Workspace, agent: str) -> dict[str, Any]:
    try:
        content = json.loads((workspace.path / STATE_FILE).read_text())
    except FileNotFoundError:
        return {}
    found: dict[str, Any] = content["agents"].get(agent, {})
    return found


EVERY_SECOND = {"type": "cron", "expression": "* * * * * *"}


def a_folder_that_fires(workspace: Workspace) -> None:
    turns = [turn(call("report", summary="Done."))]
    workspace.write("script.yaml", json.dumps({"turns": turns}))
    workspace.write("agents/reader.md", "---\nmodel: scripted:script.yaml\n---\nGo.")
    entry = {"schedule": EVERY_SECOND, "startingMessage": "Read"}
    workspace.write(SCHEDULE_FILE, json.dumps({"agents": {"reader": entry}}))


def test_a_folder_is_served_as_it_is_until_another_program_writes_its_state() -> None:
    with rowboat({}) as workspace:
        a_folder_that_fires(workspace)
        with serving(workspace) as server:
            wait_until(lambda: served_state(workspace, "reader").get("runCount", 0) >= 2, "2 runs")
            state = served_state(workspace, "reader")
            workspace.write(STATE_FILE, json.dumps({"agents": {"reader": {"status": "running"}}}))
            [notice] = wait_until(lambda: list_notices(workspace.engine), "a notice")
            wait_until(lambda: count_active(workspace.engine) == 0, "the end of what began")
            counted = len(list_runs(workspace.engine))
            wait_for_a_second_to_pass()
            assert len(list_runs(workspace.engine)) == counted
            assert server.stop() == 0
        assert served_state(workspace, "reader") == {"status": "running"}
    assert state["lastError"] is None
    assert notice.kind == "foreign"
    assert "Choose one" in notice.message


def test_a_schedule_that_comes_while_the_folder_is_served_is_noticed() -> None:
    with rowboat({}) as workspace:
        a_folder_that_fires(workspace)
        schedule = (workspace.path / SCHEDULE_FILE).read_text()
        shutil.rmtree(workspace.path / "config")
        with serving(workspace, AGENTS_ENABLED="true"):
            workspace.write(SCHEDULE_FILE, schedule)
            wait_until(lambda: served_state(workspace, "reader").get("runCount", 0) >= 1, "a run")


def wait_for_a_second_to_pass() -> None:
    started = clock.now()
    wait_until(lambda: clock.now() - started > timedelta(seconds=1.5), "time to pass")


def test_observing_says_what_would_fire_and_fires_nothing() -> None:
    with rowboat({}) as workspace:
        a_folder_that_fires(workspace)
        process = subprocess.Popen(
            [sys.executable, "-m", "lamplighter", "-w", str(workspace.path),
             "serve", "--observe", "--port", "0"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            assert any("would fire: reader" in line for line in process.stderr)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
        assert list_runs(workspace.engine) == []
        assert not (workspace.path / STATE_FILE).exists()


def test_a_rowboat_folder_fires_unless_it_is_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with rowboat(FEBRUARY) as workspace:
        assert load_settings(workspace.path).agents_enabled
        monkeypatch.setenv("AGENTS_ENABLED", "false")
        assert not load_settings(workspace.path).agents_enabled
        assert find_workspace(None, {"ROWBOAT_WORKDIR": str(workspace.path)}) == workspace.path


# Its other files


def test_models_of_both_versions_have_their_keys() -> None:
    for files, name, key in (
        (FEBRUARY, "gpt-5.1", "sk-february-key"),
        (AUGUST, None, "sk-ant-august-key"),
    ):
        with rowboat(files) as workspace:
            chosen = choose_model(name, workspace.settings)
            model = resolve_model(chosen, workspace.settings, agent="x").model
            assert model.client.api_key == key  # type: ignore[attr-defined]
            assert key not in redact(f"it says {key}")


@pytest.mark.parametrize("files", [FEBRUARY, AUGUST], ids=["February", "August"])
def test_both_generations_are_valid(files: dict[str, str]) -> None:
    with rowboat(files) as workspace:
        found = read_catalogue(workspace.settings).problems
        # Both read mail, and may write anywhere.
        told = [(each.level, each.place.field) for each in found]
        assert told == [("warning", "tools[1]" if files is FEBRUARY else "tools[2]")]
        assert config_problems(workspace.settings) == []


def test_validation_explains_what_cannot_be_honoured() -> None:
    tools = {
        "run": {"type": "builtin", "name": "executeCommand"},
        "search": {"type": "mcp", "mcpServerName": "firecrawl", "name": "search"},
        "other": {"type": "agent", "name": "nobody"},
        "made": {"type": "builtin", "name": "workspace-makeCoffee"},
    }
    agent = f"---\nmodel: nothing-1\nvoice: loud\ntools: {json.dumps(tools)}\n---\nGo."
    entry = {"schedule": {"type": "cron", "expression": "0 9 31 2 *"}, "priority": 1}
    files = {
        "agents/a.md": agent,
        "agents/b.md": "---\npermissionMode: plan\n---\nGo.",
        "agents/c.md": "Go.",
        SCHEDULE_FILE: json.dumps({"agents": {"c": entry, "gone": entry}}, indent=1),
        "config/models.json": '{"version": 2, "providers": {"x": {"flavor": "tea"}}}',
        "config/mcp.json": '{"mcpServers": {"m": {"args": []}}}',
        "config/security.json": '{"allowedFileAccess": [{"operation": "write"}]}',
    }
    with rowboat(files) as workspace:
        done = lamplighter(workspace, "agent", "validate")
    assert done.returncode == 2
    for said in (
        "warning: the tool 'executeCommand' is not available",
        "warning: unknown MCP server 'firecrawl'",
        "error: unknown agent 'nobody'",
        "error: unknown tool 'workspace-makeCoffee'",
        "warning: unknown key 'voice'",
        "error: 'permissionMode' is not known here, and sounds like a safeguard",
        "config/agent-schedule.json:8 [agents.c.priority]: warning: unknown key 'priority'",
        "Agent file not found",
        "config/models.json:1 [providers.x]: error:",
        "config/mcp.json:1 [mcpServers.m]: error:",
        "config/security.json:1",
    ):
        assert said in done.stderr


names = st.text(min_size=1, max_size=8)
moments = st.none() | st.integers(0, 2_000_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
states = st.builds(
    AgentState,
    status=st.sampled_from(["scheduled", "running", "finished", "failed", "triggered"]),
    started_at=moments,
    last_run_at=moments,
    next_run_at=moments,
    last_error=st.none() | st.text(),
    run_count=st.integers(0, 10**9),
)


@given(st.dictionaries(names, states), st.dictionaries(names, st.dictionaries(names, st.text())))
def test_states_come_back_and_so_does_what_others_wrote(
    given_states: dict[str, AgentState], others: dict[str, dict[str, str]]
) -> None:
    zone = ZoneInfo("UTC")
    before = json.dumps({"agents": others, "other": 1})
    text = write_states(before, given_states, zone)
    assert {k: v for k, v in read_states(text, zone).items() if k in given_states} == given_states
    content = json.loads(text)
    assert content["other"] == 1
    for name, entry in others.items():
        assert (
            content["agents"][name].items()
            >= {key: value for key, value in entry.items() if key not in STATE}.items()
        )
    assert write_states(text, given_states, zone) == text
