"""Where agents live: files in a personal workspace, the database in a team's."""

from collections.abc import Iterator

import pytest
from processes import lamplighter
from team import ANN, BO, ROOT, Team, made_team

from lamplighter.accounts import OWNER_ID, Caller, make_token
from lamplighter.errors import Changed, Conflict, Forbidden, InvalidInput, NotFound
from lamplighter.roster import Roster, id_of
from lamplighter.store.agents import next_due_times
from lamplighter.store.versions import list_changes
from lamplighter.testing import Workspace

OWNER = Caller(OWNER_ID, admin=True)
HOURLY = "---\nschedule: every hour\n---\nGo."


@pytest.fixture
def team() -> Iterator[Team]:
    with made_team() as made:
        yield made


def test_a_change_of_a_personal_agent_rewrites_its_file_and_counts_at_once(
    workspace: Workspace,
) -> None:
    roster = Roster(workspace.settings, workspace.engine)
    old = roster.find(OWNER, "digest")
    text = roster.edit(OWNER, old, {"schedule": "every hour"})
    roster.change(OWNER, old, text, seen=roster.version(old))
    assert "schedule: every hour" in (workspace.path / "agents" / "digest.md").read_text()
    assert "digest" in next_due_times(workspace.engine)
    assert list_changes(workspace.engine, "digest")[0].author == OWNER_ID
    assert [file.name for file in (workspace.path / "agents").iterdir()] == ["digest.md"]


def test_what_was_changed_meanwhile_is_not_overwritten(workspace: Workspace) -> None:
    roster = Roster(workspace.settings, workspace.engine)
    old = roster.find(OWNER, "digest")
    workspace.write("agents/digest.md", "Somebody's edit.")
    with pytest.raises(Changed):
        roster.change(OWNER, old, "Mine.", seen=roster.version(old))
    with pytest.raises(Changed):
        roster.delete(OWNER, old, seen=roster.version(old))
    assert (workspace.path / "agents" / "digest.md").read_text() == "Somebody's edit."


def test_a_deleted_personal_agent_has_no_file(workspace: Workspace) -> None:
    roster = Roster(workspace.settings, workspace.engine)
    roster.delete(OWNER, roster.find(OWNER, "digest"))
    with pytest.raises(NotFound):
        roster.find(OWNER, "digest")


@pytest.mark.parametrize("name", ["../evil", "a/../../b", ".hidden", "a@x.org/b", "", "a\nb", "/x"])
def test_no_name_leads_out_of_the_folder(workspace: Workspace, name: str) -> None:
    roster = Roster(workspace.settings, workspace.engine)
    with pytest.raises(InvalidInput):
        roster.draft(OWNER, name, "Go.")


def test_a_link_is_not_written_through(workspace: Workspace) -> None:
    outside = workspace.write("elsewhere/target.md", "Before.")
    (workspace.path / "agents" / "linked").symlink_to(outside.parent)
    roster = Roster(workspace.settings, workspace.engine)
    with pytest.raises(InvalidInput, match="link"):
        roster.create(OWNER, roster.draft(OWNER, "linked/target2", "After."))
    assert list(outside.parent.iterdir()) == [outside]


def test_two_names_that_some_disk_cannot_tell_apart_are_refused(workspace: Workspace) -> None:
    roster = Roster(workspace.settings, workspace.engine)
    with pytest.raises(Conflict):
        roster.create(OWNER, roster.draft(OWNER, "DIGEST", "Go."))


def test_everybody_names_their_agents_as_they_like(team: Team) -> None:
    names = [team.agent(ANN, "digest"), team.agent(BO, "digest")]
    names.append(team.agent(ROOT, "digest", org=True))
    assert names == ["ann@x.org/digest", "bo@x.org/digest", "digest"]
    assert team.roster.find(Caller(ANN, admin=False), "digest").name == names[0]
    assert team.roster.find(Caller(BO, admin=False), "digest").name == names[1]
    assert team.roster.find(Caller(ROOT, admin=True), "digest").name == names[2]
    assert team.roster.find(Caller(BO, admin=False), id_of(names[0])).name == names[0]


def test_files_of_a_team_mean_nothing_until_they_are_applied(team: Team) -> None:
    file = team.workspace.write("agents/digest.md", HOURLY)
    assert team.roster.read().entries == ()
    _, token = make_token(team.workspace.engine, ANN, "cli", ("write",), None)
    for said in ("made", "same"):
        done = lamplighter(team.workspace, "agent", "apply", str(file), LAMPLIGHTER_TOKEN=token)
        assert done.stdout.startswith(said), done.stderr
    assert next_due_times(team.workspace.engine).keys() == {"ann@x.org/digest"}


def test_a_file_that_says_org_makes_nobody_an_admin(team: Team) -> None:
    file = team.workspace.write("census.md", "---\ntype: org\nactions: []\n---\nCount.")
    for user, code in ((ANN, 1), (ROOT, 0)):
        _, token = make_token(team.workspace.engine, user, "cli", ("write",), None)
        done = lamplighter(team.workspace, "agent", "apply", str(file), LAMPLIGHTER_TOKEN=token)
        assert done.returncode == code
    assert [entry.name for entry in team.roster.read().entries] == ["census"]
    nobody = lamplighter(team.workspace, "agent", "apply", str(file))
    assert nobody.returncode == 4


def test_a_member_can_neither_turn_an_agent_into_an_org_agent_nor_use_scripts(team: Team) -> None:
    ann = Caller(ANN, admin=False)
    old = team.roster.find(ann, team.agent(ANN, "digest"))
    for text in ("---\ntype: org\n---\nGo.", "---\nmodel: scripted:x.yaml\n---\nGo."):
        with pytest.raises(Forbidden):
            team.roster.change(ann, old, text)
    with pytest.raises(Forbidden):
        team.roster.edit(ann, old, {"type": "org"})
    with pytest.raises(Forbidden):
        team.roster.draft(ann, "census", "---\ntype: org\n---\nGo.", of_organisation=True)


def test_no_user_agent_sends_mail(team: Team) -> None:
    with pytest.raises(InvalidInput):
        team.roster.draft(Caller(ANN, admin=False), "x", "---\ntools: [send_email]\n---\nGo.")
