"""Agents over HTTP: fields, versions, what is shown to whom; and Omni's paths."""

from collections.abc import Iterator

import pytest
from team import ANN, BO, ROOT, Team, made_team

AGENTS = "/api/v1/agents"
DRAFT = {"name": "digest", "instructions": "Read the notes.", "schedule": "every 6 hours"}


@pytest.fixture
def team() -> Iterator[Team]:
    with made_team() as made:
        yield made


def test_an_agent_is_made_shown_changed_and_taken_away(team: Team) -> None:
    ann = team.browser(ANN)
    made = ann.post(AGENTS, json=DRAFT | {"sources": ["notes"], "limits": {"iterations": 4}})
    assert made.status_code == 201
    agent = made.json()
    assert (agent["name"], agent["owner"], agent["iterations"]) == ("digest", ANN, 4)
    assert agent["scope"] == {"acts_as": ANN, "sources": ["notes"]}
    assert "read_document" in agent["tools"]
    path = f"{AGENTS}/{agent['id']}"
    assert ann.get(path).json()["next_due_at"]
    changed = ann.patch(path, json={"schedule": None, "description": "News"}).json()
    assert (changed["schedules"], changed["description"]) == ([], "News")
    assert ann.delete(path).status_code == 204
    assert ann.get(path).status_code == 404


def test_a_preview_keeps_nothing(team: Team) -> None:
    ann = team.browser(ANN)
    seen = ann.post(f"{AGENTS}/preview", json=DRAFT).json()
    assert seen["tools"]
    assert seen["scope"]["acts_as"] == ANN
    assert ann.get(AGENTS).json()["items"] == []


@pytest.mark.parametrize(
    "field", ["owner", "id", "version", "history_shared", "paused", "failures", "extra", "user_id"]
)
def test_only_listed_fields_can_be_written(team: Team, field: str) -> None:
    ann = team.browser(ANN)
    assert ann.post(AGENTS, json=DRAFT | {field: BO}).status_code == 422
    ann.post(AGENTS, json=DRAFT)
    assert ann.patch(f"{AGENTS}/digest", json={field: BO}).status_code == 422
    assert ann.patch(f"{AGENTS}/digest", json={"name": "other"}).status_code == 422


def test_an_error_in_an_agent_says_where(team: Team) -> None:
    answer = team.browser(ANN).post(AGENTS, json=DRAFT | {"schedule": "99 * * * *"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "schedule"


def test_a_change_of_what_one_has_not_seen_is_refused(team: Team) -> None:
    ann = team.browser(ANN)
    first = ann.post(AGENTS, json=DRAFT).headers["etag"]
    path = f"{AGENTS}/digest"
    second = ann.patch(path, json={"description": "2"}, headers={"If-Match": first})
    assert second.status_code == 200
    late = ann.patch(path, json={"description": "3"}, headers={"If-Match": first})
    assert (late.status_code, late.json()["code"]) == (412, "changed")
    assert ann.delete(path, headers={"If-Match": first}).status_code == 412
    etag = ann.get(path).headers["etag"]
    assert etag == second.headers["etag"]
    assert ann.delete(path, headers={"If-Match": etag}).status_code == 204


def test_every_version_is_kept_compared_and_restored(team: Team) -> None:
    ann, path = team.browser(ANN), f"{AGENTS}/digest"
    ann.post(AGENTS, json=DRAFT)
    ann.patch(path, json={"instructions": "Read the mail."})
    versions = ann.get(f"{path}/versions").json()["items"]
    assert [(each["number"], each["author"]) for each in versions] == [(1, ANN), (2, ANN)]
    diff = ann.get(f"{path}/versions/2/diff").json()["diff"]
    assert "-Read the notes." in diff
    assert "+Read the mail." in diff
    back = ann.post(f"{path}/versions/1/restore")
    assert back.json()["instructions"] == "Read the notes."
    assert len(ann.get(f"{path}/versions").json()["items"]) == 3


def test_others_see_that_an_agent_exists_and_not_what_it_says(team: Team) -> None:
    team.agent(ANN, "digest", head="description: News")
    census = team.agent(ROOT, "census", org=True, head="actions: [read_document]")
    bo = team.browser(BO)
    seen = bo.get(f"{AGENTS}/{ANN}%2Fdigest")
    assert seen.status_code == 404  # a slash is no part of a name in a URL: ids are
    listed = bo.get(AGENTS).json()["items"]
    assert [each["name"] for each in listed] == [census]
    everybodys = bo.get(AGENTS, params={"everybodys": True}).json()["items"]
    assert {each["owner"] for each in everybodys} == {ANN, None}
    for each in everybodys:
        assert (each["text"], each["instructions"], each["may_change"]) == (None, None, False)


def test_the_history_of_an_org_agent_is_for_admins_until_it_is_shared(team: Team) -> None:
    census = team.agent(ROOT, "census", org=True, head="actions: []")
    run = team.run(census)
    bo, path = team.browser(BO), f"{AGENTS}/census"
    assert bo.get(f"{path}/runs").status_code == 404
    assert bo.get(f"/api/v1/runs/{run}").status_code == 404
    assert bo.put(f"{path}/sharing", json={"history_shared": True}).status_code == 403
    root = team.browser(ROOT)
    assert root.put(f"{path}/sharing", json={"history_shared": True}).json()["history_shared"]
    assert [each["id"] for each in bo.get(f"{path}/runs").json()["items"]] == [run]
    assert bo.get(f"/api/v1/runs/{run}/events").status_code == 200
    assert bo.post(f"/api/v1/runs/{run}/retry").status_code == 403


def test_lists_come_page_by_page(team: Team) -> None:
    for number in range(5):
        team.agent(ANN, f"agent-{number}")
    ann, names, cursor = team.browser(ANN), [], None
    while True:
        given = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = ann.get(AGENTS, params=given).json()
        names += [each["name"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == [f"agent-{number}" for number in range(5)]


def test_a_schedule_is_previewed_in_its_zone(team: Team) -> None:
    body = {"schedule": "0 9 * * 1", "timezone": "Europe/Berlin", "count": 2}
    seen = team.browser(ANN).post("/api/v1/schedules/preview", json=body).json()
    assert "Monday" in seen["words"]
    assert ["T09:00:00+" in each["local"] for each in seen["upcoming"]] == [True, True]
    wrong = team.browser(ANN).post("/api/v1/schedules/preview", json={"schedule": "0 9 31 2 *"})
    assert wrong.json()["code"] == "invalid_schedule"


OMNI = "/api/agents"
THEIRS = {
    "name": "Weekly report!",
    "instructions": "Count.",
    "agentType": "user",
    "scheduleType": "interval",
    "scheduleValue": "3600",
    "allowedSources": [{"source_id": "notes", "modes": ["read"]}],
}


def test_a_client_of_omni_makes_and_changes_an_agent(team: Team) -> None:
    ann = team.browser(ANN)
    made = ann.post(OMNI, json=THEIRS).json()
    assert (made["name"], made["schedule_type"], made["schedule_value"]) == (
        "Weekly report",
        "interval",
        "3600",
    )
    path = f"{OMNI}/{made['id']}"
    put = {"scheduleType": "cron", "scheduleValue": "0 9 * * 1", "user_id": BO, "isEnabled": False}
    changed = ann.put(path, json=put).json()
    assert (changed["schedule_value"], changed["is_enabled"]) == ("0 9 * * 1", False)
    assert changed["user_id"] == ANN
    assert ann.put(path, json={"agentType": "org"}).status_code == 403
    assert [each["id"] for each in ann.get(OMNI).json()] == [made["id"]]
    assert ann.get(OMNI, params={"type": "org"}).json() == []
    assert ann.delete(path).status_code == 204


def test_a_client_of_omni_triggers_a_run_and_is_told_that_there_is_one(team: Team) -> None:
    ann = team.browser(ANN)
    path = f"{OMNI}/{ann.post(OMNI, json=THEIRS).json()['id']}"
    first = ann.post(f"{path}/trigger")
    assert first.status_code == 202
    assert first.json()["status"] == "queued"
    again = ann.post(f"{path}/trigger")
    assert again.status_code == 409
    assert again.json() == {
        "error": "agent_already_active",
        "run_id": first.json()["run_id"],
        "run_status": "pending",
    }
    [run] = ann.get(f"{path}/runs").json()
    assert (run["status"], run["trigger"]) == ("pending", "manual")
    assert ann.get(f"{path}/runs/{run['id']}").json()["execution_log"] == []
    assert team.browser(BO).get(f"{path}/runs").status_code == 404
    assert "error" in team.browser(BO).get(f"{path}/runs").json()
