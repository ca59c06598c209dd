"""What admins set from afar: settings, syncs, and what members' agents may reach."""

from collections.abc import Iterator

import pytest
from team import ANN, BO, ROOT, Team, made_team

from lamplighter import clock
from lamplighter.accounts import Caller
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.hosts import read_host
from lamplighter.store.sources import list_begun
from lamplighter.store.tables import sources
from lamplighter.workspace import load_settings

NETWORK = "tools: [run_bash]\nnetwork: {allow: [%s]}"


@pytest.fixture
def team() -> Iterator[Team]:
    with made_team(team={"network": ["packages.example.net", "*.example.org"]}) as made:
        yield made


def test_settings_that_are_written_count_from_the_next_start_on(team: Team) -> None:
    root, folder = team.browser(ROOT), team.workspace.path
    body = {"max_iterations": 21, "timezone": "Europe/Berlin"}
    assert root.patch("/api/v1/settings", json=body).json() == {"written": sorted(body)}
    settings = load_settings(folder)
    assert (settings.max_iterations, settings.timezone) == (21, "Europe/Berlin")
    assert settings.team is not None
    assert settings.sources.keys() == {"notes"}
    assert root.patch("/api/v1/settings", json={"max_iterations": None}).status_code == 200
    assert load_settings(folder).max_iterations == 15
    [first, *_] = root.get("/api/v1/audit").json()["items"]
    assert (first["user"], first["action"]) == (ROOT, "settings.update")


@pytest.mark.parametrize(
    "body",
    [
        {"database_url": "postgresql://evil.example/x"},
        {"team": None},
        {"mcp": {"x": {"command": "sh"}}},
        {"providers": {"x": {"base_url": "https://evil.example"}}},
        {"model": "scripted:x.yaml"},
        {"agents_enabled": True},
        {"timezone": "Nowhere/At all"},
        {"max_iterations": 0},
    ],
)
def test_nothing_else_can_be_written(team: Team, body: dict[str, object]) -> None:
    file = team.workspace.path / "lamplighter.toml"
    before = file.read_text()
    assert team.browser(ROOT).patch("/api/v1/settings", json=body).status_code == 422
    assert file.read_text() == before


def test_a_source_is_due_when_an_admin_says_so(team: Team) -> None:
    engine = team.workspace.engine
    with engine.begin() as connection:
        synced = {"name": "notes", "config": {}, "begun_at": clock.now()}
        connection.execute(sources.insert().values(synced))
    assert team.browser(ROOT).post("/api/v1/sources/notes/sync").status_code == 202
    assert list_begun(engine).get("notes") is None


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ("packages.example.net", 201),
        ("api.example.org, '*.a.example.org'", 201),
        ("packages.example.net, evil.example", 403),
        ("'*.packages.example.net'", 403),
        ("'packages.example.net:22'", 403),
        ("example.org", 403),
    ],
)
def test_members_agents_reach_only_what_the_team_allows(
    team: Team, hosts: str, status: int
) -> None:
    draft = {"name": "net", "text": f"---\n{NETWORK % hosts}\n---\nGo."}
    assert team.browser(ANN).post("/api/v1/agents", json=draft).status_code == status
    assert team.browser(ROOT).post("/api/v1/agents", json=draft).status_code == 201


def test_in_a_chat_commands_reach_what_the_viewers_own_could(team: Team) -> None:
    network = tuple(read_host(host) for host in ("packages.example.net", "intranet.example.com"))
    agent = Agent(name="census", instructions="", type="org", network=network)
    reached = {
        user: [str(host) for host in team.roster.reachable(caller, agent)]
        for user, caller in {
            BO: Caller(BO, admin=False),
            ROOT: Caller(ROOT, admin=True),
            "nobody": None,
        }.items()
    }
    assert reached == {
        BO: ["packages.example.net"],
        ROOT: ["packages.example.net", "intranet.example.com"],
        "nobody": ["packages.example.net", "intranet.example.com"],
    }
