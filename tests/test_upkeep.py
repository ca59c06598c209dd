"""What the holder notices besides runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from processes import serving, wait_until

from lamplighter import clock
from lamplighter.engine.manual import pause
from lamplighter.engine.upkeep import GRACE, MOST_NOTICES, Upkeep
from lamplighter.store.agents import save_agents
from lamplighter.store.notices import list_notices
from lamplighter.store.schedules import set_next_due
from lamplighter.testing import HeldClock, Workspace, temporary_workspace
from lamplighter.workspace import read_catalogue

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOURLY = "---\nschedule: every 1 hour\n---\nGo."


@pytest.fixture
def hourly() -> Iterator[Workspace]:
    with temporary_workspace({"agents/a.md": HOURLY}, agents_enabled=True) as made:
        save(made)
        yield made


def save(workspace: Workspace, now: datetime = START) -> None:
    with clock.using(HeldClock(now)), workspace.engine.begin() as connection:
        save_agents(connection, read_catalogue(workspace.settings), "UTC", now)


def look(workspace: Workspace, **later: float) -> int:
    upkeep = Upkeep(workspace.settings, workspace.engine)
    return upkeep.note_silence(START + timedelta(**later))


def test_a_schedule_that_is_a_little_late_is_not_silent(hourly: Workspace) -> None:
    assert look(hourly, hours=1) == 0
    assert look(hourly, hours=1, seconds=GRACE.total_seconds()) == 0
    assert list_notices(hourly.engine) == []


def test_a_silence_is_told_once_however_long_it_lasts(hourly: Workspace) -> None:
    assert look(hourly, hours=4) == 1
    assert look(hourly, hours=5) == 0
    [notice] = list_notices(hourly.engine)
    assert (notice.kind, notice.agent) == ("silent", "a")
    assert "due at 2026-03-02 13:00 UTC" in notice.message
    assert "180 minutes" not in notice.message
    assert "for 3 hours" in notice.message
    assert "not served" in notice.message


def test_the_next_silence_is_told_again(hourly: Workspace) -> None:
    look(hourly, hours=4)
    with hourly.engine.begin() as connection:
        set_next_due(connection, "a#1", START + timedelta(hours=5))
    assert look(hourly, hours=5, minutes=1) == 0
    assert look(hourly, hours=6) == 1


def test_schedules_that_do_not_fire_by_setting_are_told_with_that_reason() -> None:
    with temporary_workspace({"agents/a.md": HOURLY}, agents_enabled=False) as workspace:
        save(workspace)
        look(workspace, hours=2)
        [notice] = list_notices(workspace.engine)
    assert "AGENTS_ENABLED" in notice.message


def test_nothing_is_expected_of_paused_and_disabled_agents(hourly: Workspace) -> None:
    hourly.write("agents/b.md", HOURLY.replace("---\nGo", "enabled: false\n---\nGo"))
    save(hourly)
    pause(hourly.settings, hourly.engine, "a")
    assert look(hourly, hours=4) == 0


def test_very_many_silences_share_a_notice(hourly: Workspace) -> None:
    for number in range(MOST_NOTICES):
        hourly.write(f"agents/more/{number}.md", HOURLY)
    save(hourly)
    assert look(hourly, hours=4) == 1
    assert look(hourly, hours=5) == 0
    [notice] = list_notices(hourly.engine)
    assert notice.agent is None
    assert f"{MOST_NOTICES + 1} schedules" in notice.message


def test_a_server_that_comes_back_tells_what_was_due_while_it_was_off(hourly: Workspace) -> None:
    save(hourly, clock.now() - timedelta(days=3))
    with hourly.engine.begin() as connection:
        set_next_due(connection, "a#1", clock.now() - timedelta(days=2))
    with serving(hourly):
        [notice] = wait_until(lambda: list_notices(hourly.engine), "a notice")
    assert "for 2 days" in notice.message
