"""What people are told of effects that wait for them: once a run, and only who may decide."""

import asyncio
from collections.abc import Iterator

import pytest
from team import ANN, BO, ROOT, made_team

from lamplighter import clock
from lamplighter.engine.approvals import approve, deny, expire
from lamplighter.roster import Roster
from lamplighter.store.notices import list_notices, read_notice
from lamplighter.store.outbox import list_entries
from lamplighter.store.waiting import tell_of_held
from lamplighter.testing import HeldClock, Workspace, call, temporary_workspace, turn

HEAD = "effects: hold\ntools: [write_file, deliver_file]"
NAMES = ("a.md", "b.md", "c.md", "d.md", "e.md")
TURNS = [
    turn(*(call("write_file", path=name, content=name) for name in NAMES)),
    turn(*(call("deliver_file", path=name) for name in NAMES)),
    turn(call("report", summary="Done.")),
]


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with temporary_workspace({"agents/post.md": f"---\n{HEAD}\n---\nGo."}) as made:
        yield made


def test_however_many_wait_there_is_one_notice_until_all_is_decided(workspace: Workspace) -> None:
    run = workspace.run("post", TURNS)
    [notice] = list_notices(workspace.engine)
    assert (notice.kind, notice.agent) == ("held", "post")
    assert f"delivered/post/{run.id}/a.md" in notice.message
    assert "; and 2 more. It waits for you" in notice.message
    with workspace.engine.begin() as connection:
        read_notice(connection, notice.id, clock.now())
    home = Roster(workspace.settings, workspace.engine)
    *rest, last = list_entries(workspace.engine)
    for entry in rest:
        deny(home, entry, None)
    [seen] = list_notices(workspace.engine, unread=False)
    assert seen.read_at is not None  # that less waits is no news
    assert seen.message.startswith(f"post wants to do this: {last.kind} to {last.destination}.")
    approve(home, last, None)
    assert list_notices(workspace.engine) == []


def test_what_more_is_held_makes_it_unread_again(workspace: Workspace) -> None:
    run = workspace.run("post", TURNS)
    [notice] = list_notices(workspace.engine)
    with workspace.engine.begin() as connection:
        read_notice(connection, notice.id, clock.now())
        tell_of_held(connection, run.id, clock.now(), is_news=True)
    assert [each.id for each in list_notices(workspace.engine)] == [notice.id]


def test_what_nobody_decides_is_told_once_too(workspace: Workspace, held: HeldClock) -> None:
    workspace.run("post", TURNS)
    held.advance(days=1)
    assert expire(workspace.engine, clock.now()) == len(NAMES)
    [notice] = list_notices(workspace.engine)
    assert "Nobody approved this of post within 24 hours" in notice.message
    assert "and 2 more" in notice.message


def test_only_who_may_decide_is_told() -> None:
    with made_team() as team:
        org = team.agent(
            ROOT, "census", org=True, head="effects: hold\nactions: [write_file, deliver_file]"
        )
        for agent in (team.agent(ANN, "digest", head=HEAD), org):
            asyncio.run(team.workspace.run_async(agent, team.workspace.script(TURNS)))

        def told(user: str) -> list[str]:
            shown = team.browser(user).get("/api/v1/notices").json()["items"]
            return [each["agent"] for each in shown if each["kind"] == "held"]

        assert (told(ANN), told(ROOT), told(BO)) == ([f"{ANN}/digest"], ["census"], [])
