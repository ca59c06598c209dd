"""What the runs of a team's agents see, and what is told of them over HTTP."""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from processes import ended_run, script, serving
from rowboat import play
from team import ANN, BO, ROOT, Team, made_team

from lamplighter import accounts
from lamplighter.access import Access
from lamplighter.accounts import make_token
from lamplighter.engine.control import wake_engine
from lamplighter.engine.manual import request_run
from lamplighter.errors import Forbidden, InvalidInput
from lamplighter.store.runs import Run, list_runs
from lamplighter.store.users import add_group, remove_members, update_user
from lamplighter.testing import call, turn

READS = "sources: [notes]"
LOOK = [turn(call("list_documents")), turn(call("report", summary="Seen."))]
DOCUMENTS = {
    "anns.md": Access(users=[ANN]),
    "bos.md": Access(users=[BO]),
    "engineers.md": Access(groups=["eng"]),
    "everybodys.md": Access(public=True),
}


@pytest.fixture
def team() -> Iterator[Team]:
    with made_team() as made:
        for path, access in DOCUMENTS.items():
            made.document(path, f"A lantern: {path}.", access)
        yield made


def run(team: Team, agent: str) -> Run:
    model = team.workspace.script(LOOK)
    return asyncio.run(team.workspace.run_async(agent, model))


def seen(team: Team, agent: str) -> set[str]:
    """What a run of an agent finds."""
    record = team.workspace.events(run(team, agent))
    [answer] = [str(event.data) for event in record if event.kind == "tool_result"][:1]
    return {path for path in DOCUMENTS if path in answer}


def test_a_user_agent_sees_what_its_owner_may_see_now(team: Team) -> None:
    agent = team.agent(ANN, "digest", head=READS)
    assert seen(team, agent) == {"anns.md", "everybodys.md"}
    with team.workspace.engine.begin() as connection:
        add_group(connection, "eng", [ANN])
    assert seen(team, agent) == {"anns.md", "everybodys.md", "engineers.md"}
    with team.workspace.engine.begin() as connection:
        remove_members(connection, "eng", [ANN])
    assert seen(team, agent) == {"anns.md", "everybodys.md"}


def test_an_admins_own_agent_sees_what_that_person_may_see(team: Team) -> None:
    assert seen(team, team.agent(ROOT, "mine", head=READS)) == {"everybodys.md"}


def test_an_agent_without_sources_sees_nothing(team: Team) -> None:
    assert seen(team, team.agent(ANN, "digest")) == set()


def test_an_org_agent_sees_all_of_the_sources_it_lists_or_of_all(team: Team) -> None:
    actions = "actions: [list_documents]"
    whole = team.agent(ROOT, "census", org=True, head=actions)
    assert seen(team, whole) == set(DOCUMENTS)
    none = team.agent(ROOT, "nothing", org=True, head=f"{actions}\nsources: []")
    assert seen(team, none) == set()


def test_a_tool_that_is_no_action_does_not_exist_for_an_org_agent(team: Team) -> None:
    agent = team.agent(ROOT, "census", org=True, head="actions: [read_document]")
    ended = run(team, agent)
    [answer] = [
        event.data for event in team.workspace.events(ended) if event.kind == "tool_result"
    ][:1]
    assert "Unknown tool" in str(answer)


def test_the_record_says_what_the_run_was_allowed(team: Team) -> None:
    started = team.workspace.events(run(team, team.agent(ANN, "digest", head=READS)))[0]
    assert started.data["acts_as"] == ANN
    assert started.data["sources"] == ["notes"]
    assert "read_document" in started.data["tools"]


def test_nothing_runs_for_somebody_who_is_deactivated(team: Team) -> None:
    agent = team.agent(BO, "digest", head=READS)
    accounts.deactivate(team.workspace.engine, BO, by=ROOT)
    ended = run(team, agent)
    assert (ended.status, ended.tool_calls) == ("failed", 0)
    assert "nobody who may use" in (ended.summary or "")


def test_asking_twice_with_one_key_starts_one_run(team: Team) -> None:
    team.agent(ANN, "digest")
    ann, path = team.browser(ANN), "/api/v1/agents/digest/runs"
    key = {"Idempotency-Key": "monday"}
    first = ann.post(path, json={"message": "Now"}, headers=key)
    again = ann.post(path, json={"message": "Now"}, headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert ann.post(path, json={"message": "Other"}, headers=key).status_code == 422
    assert ann.post(path, json={"message": "Now"}).json()["code"] == "agent_already_active"
    assert len(list_runs(team.workspace.engine)) == 1


def test_a_key_of_somebody_else_is_another_key(team: Team) -> None:
    for user in (ANN, BO):
        team.agent(user, "digest")
        headers = {"Idempotency-Key": "monday"}
        answer = team.browser(user).post("/api/v1/agents/digest/runs", json={}, headers=headers)
        assert answer.json()["agent"] == f"{user}/digest"


def test_a_run_is_cancelled_and_tried_again(team: Team) -> None:
    agent = team.agent(ANN, "digest")
    waiting = request_run(team.workspace.settings, team.workspace.engine, agent, message="Now")
    ann = team.browser(ANN)
    cancelled = ann.post(f"/api/v1/runs/{waiting.id}/cancel").json()
    assert cancelled["status"] == "cancelled"
    assert ann.post(f"/api/v1/runs/{waiting.id}/cancel").status_code == 409
    again = ann.post(f"/api/v1/runs/{waiting.id}/retry").json()
    assert (again["status"], again["message"]) == ("pending", "Now")


def test_members_run_no_scripts(team: Team) -> None:
    team.agent(ANN, "digest")
    body = {"model": "scripted:/etc/passwd"}
    assert team.browser(ANN).post("/api/v1/agents/digest/runs", json=body).status_code == 403


def test_search_and_reading_stay_within_the_viewers_permissions(team: Team) -> None:
    for user, own, others in ((ANN, "anns.md", "bos.md"), (BO, "bos.md", "anns.md")):
        client = team.browser(user)
        hits = client.get("/api/v1/search", params={"q": "lantern"}).json()["items"]
        assert {hit["document"]["path"] for hit in hits} == {own, "everybodys.md"}
        listed = client.get("/api/v1/documents").json()
        assert {each["path"] for each in listed} == {own, "everybodys.md"}
        document = {"id": f"notes:{own}"}
        assert own in client.get("/api/v1/document", params=document).json()["text"]
        hidden = client.get("/api/v1/document", params={"id": f"notes:{others}"})
        absent = client.get("/api/v1/document", params={"id": "notes:none.md"})
        assert hidden.status_code == absent.status_code == 404


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Server-sent events."""
    event: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in ("id", "event", "data"):
            event[name] = value
        elif not line and event:
            yield event
            event = {}


def test_a_stream_goes_on_after_the_last_event_and_ends_with_the_run(team: Team) -> None:
    import httpx2

    team.workspace.write("slow.yaml", script(LOOK[0], turn(text="slow", sleep=300)))
    model = f"scripted:{team.workspace.path / 'slow.yaml'}"
    team.agent(ROOT, "census", org=True, head=f"model: {model}\nactions: [list_documents]")
    _, token = make_token(team.workspace.engine, ROOT, "test", accounts.RIGHTS, None)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        serving(team.workspace) as server,
        httpx2.Client(base_url=server.name, headers=headers, timeout=30) as client,
    ):
        run_id = client.post("/api/v1/agents/census/runs").json()["id"]
        path = f"/api/v1/runs/{run_id}/stream"
        with client.stream("GET", path) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            first = []
            for event in events(answer.iter_lines()):
                first.append(event)
                if event["event"] == "tool_result":
                    break
        assert [int(event["id"]) for event in first] == list(range(1, len(first) + 1))
        assert client.post(f"/api/v1/runs/{run_id}/cancel").status_code == 202
        resumed = {"Last-Event-ID": first[-1]["id"]}
        with client.stream("GET", path, headers=resumed) as answer:
            rest = list(events(answer.iter_lines()))
        assert int(rest[0]["id"]) == len(first) + 1
        assert rest[-1]["event"] == "end"
        assert json.loads(rest[-1]["data"])["status"] == "cancelled"
        assert ended_run(team.workspace, "census").status == "cancelled"


def test_a_stream_ends_when_its_viewer_may_look_no_more(team: Team) -> None:
    import httpx2

    team.workspace.write("slow.yaml", script(turn(text="slow", sleep=300)))
    agent = team.agent(BO, "digest")
    _, token = make_token(team.workspace.engine, BO, "test", accounts.RIGHTS, None)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        serving(team.workspace, LAMPLIGHTER_MODEL="scripted:slow.yaml") as server,
        httpx2.Client(base_url=server.name, headers=headers, timeout=30) as client,
    ):
        run_id = client.post("/api/v1/agents/digest/runs").json()["id"]
        with client.stream("GET", f"/api/v1/runs/{run_id}/stream") as answer:
            found = events(answer.iter_lines())
            assert next(found)["event"] == "started"
            accounts.deactivate(team.workspace.engine, BO, by=ROOT)
            wake_engine(team.workspace.engine, team.workspace.settings.state_dir)
            assert "end" not in [event["event"] for event in found]
        assert ended_run(team.workspace, agent).status == "cancelled"


# Agents and MCP servers as tools

CALLS = "tools: ['agent:reader']"
READER = f"tools: [list_documents]\n{READS}"
TIME = {"command": sys.executable, "args": ["-m", "mcp_server_time", "--local-timezone=UTC"]}
ASK_TIME = [
    turn(call("time_get_current_time", timezone="UTC")),
    turn(call("report", summary="Told."), expect=["UTC"]),
]


def seen_by_called(team: Team, caller: str, called: str) -> set[str]:
    """What an agent that another one calls finds."""
    parts = {
        caller: [turn(call("reader", message="Look")), turn(call("report", summary="Done."))],
        called: [turn(call("list_documents")), turn(text="Seen.")],
    }
    ended = play(team.workspace, caller, parts)
    record = team.workspace.events(ended)
    told = [event.data for event in record if event.kind == "tool_result"]
    answers = [str(data) for data in told if data["tool"] == "list_documents"]
    assert answers, told
    return {path for path in DOCUMENTS if path in answers[0]}


def refusal(team: Team, caller: str) -> str:
    """What an agent that calls ``reader`` is told."""
    turns = [turn(call("reader", message="Look")), turn(call("report", summary="Done."))]
    ended = play(team.workspace, caller, {caller: turns})
    [told] = [event.data for event in team.workspace.events(ended) if event.kind == "tool_result"]
    return str(told["error"])


def test_an_agent_calls_its_owners_others_and_nobody_elses(team: Team) -> None:
    team.agent(BO, "reader", head=READER)
    caller = team.agent(ANN, "summary", head=f"{CALLS}\n{READS}")
    assert "no agent 'reader' to call" in refusal(team, caller)
    called = team.agent(ANN, "reader", head=READER)
    assert seen_by_called(team, caller, called) == {"anns.md", "everybodys.md"}
    with pytest.raises(Forbidden, match="somebody else"):
        team.agent(BO, "spy", head=f"tools: ['agent:{ANN}/reader']")


def test_agents_of_the_organisation_are_called_by_those_who_may_start_them(team: Team) -> None:
    head = "actions: [list_documents]\nsources: [notes]"
    census = team.agent(ROOT, "reader", org=True, head=head)
    own = team.agent(ROOT, "mine", head=f"{CALLS}\n{READS}")
    assert seen_by_called(team, own, census) == {"everybodys.md"}  # as the one whose run it is
    other = team.agent(ROOT, "whole", org=True, head="actions: ['agent:reader', list_documents]")
    assert seen_by_called(team, other, census) == set(DOCUMENTS)
    with pytest.raises(Forbidden, match="only agents of admins call"):
        team.agent(ANN, "mine", head=CALLS)


def test_who_is_no_admin_any_more_calls_no_agents_of_the_organisation(team: Team) -> None:
    caller = team.agent(ROOT, "mine", head=f"{CALLS}\n{READS}")
    team.agent(ROOT, "reader", org=True, head="actions: [list_documents]")
    with team.workspace.engine.begin() as connection:
        update_user(connection, ANN, admin=True)
        update_user(connection, ROOT, admin=False)
    assert "no agent 'reader' to call" in refusal(team, caller)


def told_time(team: Team, agent: str) -> str | None:
    return play(team.workspace, agent, {agent: ASK_TIME}).outcome


def test_a_server_of_the_settings_is_for_admins_unless_it_says_otherwise() -> None:
    head = "tools: ['mcp:time/get_current_time']"
    with made_team(mcp={"time": TIME}) as team:
        assert told_time(team, team.agent(ROOT, "clock", head=head)) == "reported"
        with pytest.raises(Forbidden, match="'time' is not for agents of members"):
            team.agent(ANN, "clock", head=head)
        late = team.agent(ROOT, "late", head=head)
        with team.workspace.engine.begin() as connection:
            update_user(connection, ANN, admin=True)
            update_user(connection, ROOT, admin=False)
        assert told_time(team, late) != "reported"
    with made_team(mcp={"time": TIME | {"members": True}}) as team:
        assert told_time(team, team.agent(ANN, "clock", head=head)) == "reported"


def test_tools_of_the_servers_own_folder_are_not_for_teams(team: Team) -> None:
    for tool in ("workspace-readFile", "executeCommand", "executeMcpTool", "save-to-memory"):
        with pytest.raises(InvalidInput, match="unknown tool"):
            team.agent(ROOT, "digest", head=f"tools: [{tool}]")
