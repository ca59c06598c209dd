import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lamplighter import clock
from lamplighter.cli.context import Context
from lamplighter.cli.schedule import group
from lamplighter.errors import InvalidSchedule


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


def test_preview_of_a_moment_gone_by_says_so() -> None:
    assert "Never due after that." in preview("at 2020-01-01 09:00", "--timezone", "UTC").stdout


@pytest.mark.parametrize(
    "arguments",
    [
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
