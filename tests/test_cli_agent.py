import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lamplighter import clock
from lamplighter.cli.agent import group
from lamplighter.cli.context import Context
from lamplighter.errors import NotFound

NOW = datetime(2026, 3, 27, 12, tzinfo=UTC)  # two days before the clocks change in Berlin
SCRIPT = "turns:\n  - text: Done.\n"
GOOD = """---
description: What is [bold]new[/bold]
model: scripted:script.yaml
schedule: "30 2 * * *"
sources: [notes]
tools: [read_document, write_file]
limits: {iterations: 4, timeout: 10m}
---
Read the notes, then write.
"""


class StoppedClock:
    def now(self) -> datetime:
        return NOW


@pytest.fixture(autouse=True)
def _held_clock() -> Iterator[None]:
    before = dict(os.environ)
    with clock.using(StoppedClock()):
        yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "script.yaml").write_text(SCRIPT)
    config = 'timezone = "Europe/Berlin"\nmodel = "scripted:script.yaml"\n'
    (tmp_path / "lamplighter.toml").write_text(f'{config}[sources.notes]\npath = "notes"\n')
    return tmp_path


def write(workspace: Path, name: str, text: str) -> None:
    file = workspace / "agents" / f"{name}.md"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def run(workspace: Path, *arguments: str) -> Result:
    """The command's result; what it returns is the exit code."""
    return CliRunner().invoke(
        group, arguments, obj=Context(workspace), standalone_mode=False, catch_exceptions=False
    )


def read_json(workspace: Path, *arguments: str) -> Any:
    return json.loads(run(workspace, *arguments, "--json").stdout)


# list


def test_list_tells_a_newcomer_how_to_make_an_agent(workspace: Path) -> None:
    assert "agents/daily-digest.md" in run(workspace, "list").stdout
    assert read_json(workspace, "list") == []


def test_list_shows_when_agents_are_due(workspace: Path) -> None:
    write(workspace, "digest", GOOD)
    assert read_json(workspace, "list") == [
        {
            "name": "digest",
            "description": "What is [bold]new[/bold]",
            "model": "scripted:script.yaml",
            "type": "user",
            "enabled": True,
            "paused": None,
            "schedules": ["At 02:30 every day (Europe/Berlin)"],
            "next_due_at": "2026-03-28T01:30:00+00:00",
            "problems": 0,
            "valid": True,
            "file": "agents/digest.md",
        }
    ]
    output = run(workspace, "list").stdout
    assert "What is [bold]new[/bold]" in output
    assert "2026-03-28 02:30+01:00" in output


def test_list_shows_broken_agents_and_says_why_on_stderr(workspace: Path) -> None:
    write(workspace, "digest", GOOD)
    write(workspace, "bad", "---\nschedule: 60 * * * *\n---\nx")
    write(workspace, "typo", "---\ntools: [read_fil]\n---\nx")
    result = run(workspace, "list", "--json")
    listed = {row["name"]: (row["valid"], row["problems"]) for row in json.loads(result.stdout)}
    assert listed == {"bad": (False, 1), "digest": (True, 0), "typo": (False, 1)}
    assert "agents/bad.md:2 [schedule]: error: bad minute '60'" in result.stderr
    assert "agents/typo.md:2 [tools[0]]: error: unknown tool 'read_fil'" in result.stderr
    assert not result.return_value
    assert "broken: 1 error" in run(workspace, "list").stdout


def test_list_has_no_due_time_for_disabled_agents_and_for_intervals(workspace: Path) -> None:
    write(workspace, "off", GOOD.replace("---\nRead", "enabled: false\n---\nRead"))
    write(workspace, "often", GOOD.replace('"30 2 * * *"', "every 6 hours"))
    assert [row["next_due_at"] for row in read_json(workspace, "list")] == [None, None]


def test_list_cuts_nothing_off_where_there_is_no_terminal(workspace: Path) -> None:
    write(workspace, "long", GOOD.replace("What is [bold]new[/bold]", "word " * 100 + "end"))
    assert "word end " in run(workspace, "list").stdout


def test_control_characters_do_not_reach_the_terminal(workspace: Path) -> None:
    write(workspace, "evil", '---\ndescription: "a\\e[2Jb"\n---\nc\x1b[2Jd')
    output = run(workspace, "list").stdout + run(workspace, "show", "evil").stdout
    assert "\x1b" not in output
    assert "a\ufffd[2Jb" in output
    assert "c\ufffd[2Jd" in output


# show


def test_show_tells_everything(workspace: Path) -> None:
    write(workspace, "digest", GOOD)
    shown = read_json(workspace, "show", "digest")
    assert shown["tools"] == ["read_document", "write_file"]
    assert not any(shown["limits"].pop("per_day").values())
    limits = {name: most for name, most in shown["limits"].items() if most is not None}
    assert limits == {"iterations": 4, "timeout_seconds": 600}
    assert shown["instructions"] == "Read the notes, then write."
    assert shown["problems"] == []
    assert shown["upcoming"][:2] == [
        {
            "utc": "2026-03-28T01:30:00+00:00",
            "local": "2026-03-28T02:30:00+01:00",
            "schedule": "At 02:30 every day (Europe/Berlin)",
            "estimated": False,
        },
        {
            "utc": "2026-03-29T01:00:00+00:00",
            "local": "2026-03-29T03:00:00+02:00",
            "schedule": "At 02:30 every day (Europe/Berlin)",
            "estimated": False,
        },
    ]
    assert len(shown["upcoming"]) == 5
    output = run(workspace, "show", "digest").stdout
    for part in ("What is [bold]new", "2026-03-29 03:00:00+02:00", "Read the notes, then write."):
        assert part in output


def test_show_merges_schedules_and_marks_what_is_counted_from_now(workspace: Path) -> None:
    schedules = "schedules: [every 12 hours, 2026-03-27 18:00]"
    write(workspace, "digest", GOOD.replace('schedule: "30 2 * * *"', schedules))
    moments = read_json(workspace, "show", "digest")["upcoming"]
    assert [(moment["utc"][:16], moment["estimated"]) for moment in moments[:3]] == [
        ("2026-03-27T17:00", False),
        ("2026-03-28T00:00", True),
        ("2026-03-28T12:00", True),
    ]


def test_show_explains_a_broken_agent_with_line_numbers(workspace: Path) -> None:
    write(workspace, "bad", "---\nmodel: x\nmodel: y\n---\nx")
    (problem,) = read_json(workspace, "show", "bad")["problems"]
    assert (problem["level"], problem["file"], problem["line"]) == ("error", "agents/bad.md", 3)
    assert "agents/bad.md:3 [model]: error" in run(workspace, "show", "bad").stdout


def test_show_of_an_unknown_agent_names_the_nearest(workspace: Path) -> None:
    write(workspace, "digest", GOOD)
    with pytest.raises(NotFound, match=r"did you mean digest\? Agents are: digest") as caught:
        run(workspace, "show", "digst")
    assert caught.value.exit_code == 5


# validate


def test_validate_accepts_sound_agents(workspace: Path) -> None:
    write(workspace, "digest", GOOD)
    result = run(workspace, "validate")
    assert (result.return_value, result.stderr) == (0, "")
    assert result.stdout == "1 agent, 0 errors, 0 warnings\n"


def test_validate_fails_on_errors_of_any_file(workspace: Path) -> None:
    write(workspace, "digest", GOOD)
    write(workspace, "team/bad", "---\nschedule: 0 9 31 2 *\n---\nx")
    (workspace / "agents" / "latin.md").write_bytes(b"\xff")
    result = run(workspace, "validate")
    assert result.return_value == 2
    assert "agents/team/bad.md:2 [schedule]: error: the date of '0 9 31 2 *'" in result.stderr
    assert "agents/latin.md:1: error: the byte 0xff is no UTF-8" in result.stderr
    assert result.stdout == "3 agents, 2 errors, 0 warnings\n"
    assert run(workspace, "validate", "digest").return_value == 0
    assert run(workspace, "validate", "digest", "team/bad").return_value == 2


def test_validate_fails_on_warnings_only_when_strict(workspace: Path) -> None:
    write(workspace, "digest", GOOD.replace("limits", "colour: red\nlimits"))
    result = run(workspace, "validate")
    assert result.return_value == 0
    assert "agents/digest.md:7 [colour]: warning: unknown key 'colour'" in result.stderr
    assert run(workspace, "validate", "--strict").return_value == 2


def test_validate_checks_the_model(workspace: Path) -> None:
    write(workspace, "digest", GOOD.replace("script.yaml", "missing.yaml"))
    result = read_json(workspace, "validate")
    assert (result["valid"], result["agents"], result["errors"]) == (False, 1, 1)
    (problem,) = result["problems"]
    assert (problem["line"], problem["field"]) == (3, "model")
    assert "missing.yaml" in problem["message"]


def test_validate_of_an_unknown_agent_is_not_found(workspace: Path) -> None:
    with pytest.raises(NotFound, match="there are no agents"):
        run(workspace, "validate", "digest")
