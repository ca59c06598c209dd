import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rounds import Rounds

from lamplighter import clock
from lamplighter.cli.agent import group as agent_group
from lamplighter.cli.context import Context
from lamplighter.cli.schedule import group
from lamplighter.errors import InvalidSchedule, NotFound
from lamplighter.store.runs import start_run


class StoppedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 22, 7, 0, 0, 500, tzinfo=UTC)


def preview(*arguments: str, workspace: Path | None = None) -> Result:
    with clock.using(StoppedClock()):
        return CliRunner().invoke(
            group,
            ["preview", *arguments],
            obj=Context(workspace) if workspace else None,
            standalone_mode=False,
            catch_exceptions=False,
        )


def preview_json(*arguments: str) -> Any:
    return json.loads(preview(*arguments, "--json").stdout)


def test_preview_marks_where_the_clocks_change() -> None:
    found = preview_json(
        "30 2 * * *", "--timezone", "Europe/Berlin", "--from", "2026-03-28", "--count", "3"
    )
    assert found == {
        "schedule": "At 02:30 every day (Europe/Berlin)",
        "timezone": "Europe/Berlin",
        "upcoming": [
            {"local": "2026-03-28T02:30:00+01:00", "utc": "2026-03-28T01:30:00+00:00"},
            {
                "local": "2026-03-29T03:00:00+02:00",
                "utc": "2026-03-29T01:00:00+00:00",
                "shift": "+01:00",
            },
            {"local": "2026-03-30T02:30:00+02:00", "utc": "2026-03-30T00:30:00+00:00"},
        ],
    }


def test_preview_of_a_past_moment_says_what_becomes_of_it() -> None:
    assert "as soon as it is saved" in preview("at 2020-01-01 09:00").stdout
    assert preview_json("at 2020-01-01 09:00")["upcoming"] == []
    assert "Never due" in preview("at 2020-01-01 09:00", "--from", "2026-01-01").stdout


def test_preview_marks_half_hour_changes_backwards() -> None:
    found = preview_json(
        "0 12 * * *", "--timezone", "Australia/Lord_Howe", "--from", "2026-04-04", "--count", "2"
    )
    assert [row.get("shift") for row in found["upcoming"]] == [None, "-00:30"]


def test_preview_prints_local_time_offset_and_utc() -> None:
    output = preview(
        "0 9 * * *", "--timezone", "Europe/Berlin", "--from", "2026-10-24T00:00", "--count", "2"
    ).stdout
    assert "At 09:00 every day (Europe/Berlin)" in output
    lines = [line.split() for line in output.splitlines()]
    assert ["Sat", "2026-10-24", "09:00:00+02:00", "2026-10-24", "07:00:00"] in lines
    changed = next(line for line in output.splitlines() if line.startswith("Sun 2026-10-25 09:00"))
    assert "+01:00   2026-10-25 08:00:00   clocks changed by -01:00" in changed


def test_preview_starts_now_unless_told_otherwise() -> None:
    found = preview_json("every 6 hours", "--timezone", "UTC", "--count", "2")
    times = [row["utc"] for row in found["upcoming"]]
    assert times == ["2026-11-22T13:00:00+00:00", "2026-11-22T19:00:00+00:00"]


def test_preview_takes_the_time_zone_of_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "lamplighter.toml").write_text('timezone = "Asia/Kolkata"\n')
    output = preview("@daily", "--json", workspace=tmp_path).stdout
    assert json.loads(output)["timezone"] == "Asia/Kolkata"


def test_preview_works_without_a_workspace(tmp_path: Path) -> None:
    output = preview("@daily", "--json", workspace=tmp_path / "nowhere").stdout
    assert len(json.loads(output)["upcoming"]) == 10


def test_preview_shows_windows_as_a_whole_with_the_shift_of_the_clocks() -> None:
    arguments = ("daily between 8 and 10", "--timezone", "Europe/Berlin", "--from", "2026-10-24")
    found = preview_json(*arguments, "--count", "2")["upcoming"]
    assert found[1] == {
        "local": None,
        "utc": None,
        "window": {"start": "2026-10-25T08:00:00+01:00", "end": "2026-10-25T10:00:00+01:00"},
        "shift": "-01:00",
    }
    output = preview(*arguments, "--count", "2").stdout
    assert "Once between 08:00 and 10:00, every day (Europe/Berlin)" in output
    assert "Sun 2026-10-25 08:00 to 10:00+01:00   2026-10-25 07:00 to 09:00" in output


def test_preview_reads_a_mapping_and_leaves_jitter_out() -> None:
    found = preview_json('{cron: "0 9 * * *", jitter: 5m, timezone: UTC}', "--count", "1")
    assert found["upcoming"][0]["utc"] == "2026-11-22T09:00:00+00:00"
    assert "up to 5 minutes later" in found["schedule"]


@pytest.mark.parametrize(
    "arguments",
    [
        ('{cron: "0 9 * * *", overlap: both}', "--timezone", "UTC"),
        ("60 * * * *", "--timezone", "UTC"),
        ("0 9 31 2 *", "--timezone", "UTC"),
        ("@daily", "--timezone", "Mars"),
        ("@daily", "--timezone", "UTC", "--from", "yesterday"),
    ],
)
def test_preview_of_nonsense_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        preview(*arguments)
    assert caught.value.exit_code == 2
    assert caught.value.hint


def history(rounds: Rounds, *arguments: str) -> str:
    result = CliRunner().invoke(
        group,
        ["history", *arguments],
        obj=Context(rounds.workspace.path),
        standalone_mode=False,
        catch_exceptions=False,
    )
    return result.stdout


@pytest.fixture
def with_history(rounds: Rounds) -> Rounds:
    """Three due moments in Kolkata: missed, ran 90 seconds late, skipped."""
    rounds.workspace.write("lamplighter.toml", "")
    rounds.save("a", "schedule: {every: 1 hour, timezone: Asia/Kolkata}")
    rounds.pass_time(hours=2)
    with rounds.workspace.engine.begin() as connection:
        late = rounds.clock.now() + timedelta(seconds=90)
        start_run(connection, rounds.queued[0], "worker", late)
    rounds.pass_time(hours=1)
    return rounds


def test_history_shows_due_time_result_reason_run_and_lateness(with_history: Rounds) -> None:
    skipped, ran, missed = json.loads(history(with_history, "a", "--json"))
    [run_id] = with_history.queued
    assert ran == {
        "schedule_id": "a#1",
        "due_at": "2026-03-02T14:00:00+00:00",
        "due_local": "2026-03-02T19:30:00+05:30",
        "timezone": "Asia/Kolkata",
        "result": "ran",
        "reason": "",
        "run_id": run_id,
        "run_status": "running",
        "started_at": "2026-03-02T14:01:30+00:00",
        "lateness_seconds": 90.0,
    }
    assert (skipped["result"], skipped["run_id"]) == ("skipped", run_id)
    assert (missed["result"], missed["reason"]) == ("missed", "a later one was due as well")
    table = history(with_history, "a", "--limit", "2").splitlines()
    assert len(table) == 4
    assert f"Mon 2026-03-02 19:30:00+05:30   ran       {run_id}" in table[3]
    assert "1 minute 30 seconds" in table[3]


def test_history_of_an_agent_that_was_never_due_says_so(with_history: Rounds) -> None:
    assert "Nothing has been due yet for digest." in history(with_history, "digest")
    assert json.loads(history(with_history, "digest", "--json")) == []
    with pytest.raises(NotFound):
        history(with_history, "digset")


def test_the_random_moments_of_saved_windows_are_shown_with_their_agent(rounds: Rounds) -> None:
    rounds.workspace.write("lamplighter.toml", 'timezone = "UTC"\n')
    rounds.save("a", "schedule: daily between 13 and 15")
    result = CliRunner().invoke(
        agent_group,
        ["show", "a", "--json"],
        obj=Context(rounds.workspace.path),
        standalone_mode=False,
        catch_exceptions=False,
    )
    moment = json.loads(result.stdout)["upcoming"][0]
    due = rounds.next_due("a")
    assert due is not None
    assert (moment["utc"], moment["estimated"]) == (due.isoformat(), False)
