"""Chats and approvals over HTTP: whose they are, and what a stream tells."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient
from talks import Talks, working
from team import ANN, BO, ROOT, Team, made_team

from lamplighter.accounts import Caller
from lamplighter.definitions.agent import Agent
from lamplighter.engine import chat as chats
from lamplighter.engine.following import Delta, Follower, Told
from lamplighter.engine.turn import absent_tools
from lamplighter.testing import call, turn

HEAD = "model: scripted:script.yaml\nactions: [write_file, deliver_file, list_documents]"
DELIVERY = turn(call("write_file", path="a.md", content="A"), call("deliver_file", path="a.md"))


@pytest.fixture
def team() -> Iterator[Team]:
    with made_team() as made:
        made.agent(ROOT, "census", org=True, head=HEAD)
        yield made


def settle(team: Team) -> None:
    """Let all turns end that are under way."""

    async def work() -> None:
        async with working(team.workspace):
            for user in (ANN, BO, ROOT):
                talks = Talks(team.workspace, Caller(user, admin=False))
                for chat in chats.list_chats(talks.home, talks.caller):
                    await talks.settled(chat.id)

    asyncio.run(work())


def test_a_chat_is_its_viewers_alone(team: Team) -> None:
    team.workspace.script([DELIVERY])
    ann, others = team.browser(ANN), [team.browser(BO), team.browser(ROOT)]
    begun = ann.post("/api/v1/agents/census/chats", json={"message": "Deliver"}).json()
    settle(team)
    seen = ann.get(f"/api/v1/chats/{begun['id']}").json()
    [turn_] = seen["turns"]
    [approval] = seen["pending"]
    run = f"/api/v1/runs/{turn_['run_id']}"
    for other in others:
        for path in (
            f"/api/v1/chats/{begun['id']}",
            f"/api/v1/chats/{begun['id']}/stream",
            f"/api/v1/approvals/{approval['id']}",
            run,
            f"{run}/events",
            f"{run}/stream",
            f"{run}/effects",
        ):
            assert other.get(path).status_code == 404, path
        for path in (f"{run}/cancel", f"{run}/retry"):
            assert other.post(path).status_code == 404, path
        for decision in ("approve", "deny"):
            path = f"/api/v1/approvals/{approval['id']}/{decision}"
            assert other.post(path, json={}).status_code == 404
        for path in ("chats", "approvals", "agents/census/chats"):
            assert other.get(f"/api/v1/{path}").json()["items"] == []
    assert ann.get(f"{run}/events").status_code == 200
    assert ann.post(f"/api/v1/approvals/{approval['id']}/approve").json()["state"] == "approved"


def test_turns_are_in_nobodys_list_of_runs(team: Team) -> None:
    for user in (ANN, ROOT):
        browser = team.browser(user)
        browser.post("/api/v1/agents/census/chats", json={"message": "Hello"})
        assert browser.get("/api/v1/runs").json()["items"] == []
    assert team.browser(ROOT).get("/api/v1/agents/census/runs").json()["items"] == []


def test_effects_of_a_chat_are_seen_by_its_viewer_alone(team: Team) -> None:
    team.workspace.script([DELIVERY, turn(text="Done.")])
    ann = team.browser(ANN)
    begun = ann.post("/api/v1/agents/census/chats", json={"message": "Deliver"}).json()
    settle(team)
    [approval] = ann.get("/api/v1/approvals?state=pending").json()["items"]
    ann.post(f"/api/v1/approvals/{approval['id']}/approve", json={"scope": "once"})
    settle(team)
    assert ann.get(f"/api/v1/chats/{begun['id']}").json()["turns"][-1]["answer"] == "Done."
    [effect] = ann.get("/api/v1/outbox").json()["items"]
    assert effect["state"] == "sent"
    for user in (BO, ROOT):
        assert team.browser(user).get("/api/v1/outbox").json()["items"] == []
        assert team.browser(user).get(f"/api/v1/outbox/{effect['id']}").status_code == 404
    noted = team.browser(ROOT).get("/api/v1/audit").json()["items"]
    for action in ("approval.approved", "effect.sent"):
        assert [each["user"] for each in noted if each["action"] == action] == [ANN], action


def test_saying_it_twice_with_one_key_says_it_once(team: Team) -> None:
    ann, key = team.browser(ANN), {"Idempotency-Key": "one"}
    path, body = "/api/v1/agents/census/chats", {"message": "Hello"}
    first, again = (ann.post(path, json=body, headers=key).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert ann.post(path, json={"message": "Other"}, headers=key).status_code == 422
    assert len(ann.get("/api/v1/chats").json()["items"]) == 1


def test_lists_of_chats_go_on_where_they_ended(team: Team) -> None:
    ann = team.browser(ANN)
    made = [ann.post("/api/v1/agents/census/chats").json()["id"] for _ in range(5)]
    found, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = ann.get("/api/v1/chats", params=params).json()
        found += [each["id"] for each in page["items"]]
        if not (cursor := page["next"]):
            break
    assert found == sorted(made, reverse=True)


def test_what_a_member_has_no_right_to_is_not_there_for_the_model(team: Team) -> None:
    org = Agent(name="census", instructions="", type="org", actions=("send_email", "notify-user"))
    for user, absent in ((ANN, {"send_email", "notify-user"}), (ROOT, set())):
        caller = Caller(user, admin=user == ROOT)
        assert set(absent_tools(org, caller, team.roster)) == absent


def test_an_action_without_the_right_is_refused_and_never_asked_about(team: Team) -> None:
    head = "model: scripted:script.yaml\nactions: [send_email]"
    text = f"---\ntype: org\n{head}\n---\nWrite."
    entry = team.roster.parse("mailer", text)
    with team.workspace.engine.begin() as connection:
        team.roster._write(connection, Caller(ROOT, admin=True), entry, "agent.create")
    email = call("send_email", to="all@x.org", subject="Hello", body="Hello")
    team.workspace.script([turn(email), turn(text="I may not.", expect=["Unknown tool"])])
    ann = team.browser(ANN)
    begun = ann.post("/api/v1/agents/mailer/chats", json={"message": "Write to all"}).json()
    settle(team)
    seen = ann.get(f"/api/v1/chats/{begun['id']}").json()
    assert seen["turns"][-1]["answer"] == "I may not."
    assert ann.get("/api/v1/approvals").json()["items"] == []


# Streams


@dataclass
class Heard:
    """What a client has, who has been cut off now and then."""

    events: list[tuple[int, int, str]]
    said: str = ""
    deltas: int = 0

    def hear(self, new: Told | Delta) -> None:
        if isinstance(new, Delta):
            assert new.offset in (0, len(self.said))
            self.said = self.said[: new.offset] + new.text
            self.deltas += 1
            return
        self.events.append((new.turn, new.event.seq, new.event.kind))
        if new.event.kind == "message" and "request" in new.event.data:
            assert new.event.data["content"].startswith(self.said)
            self.said = ""


def test_a_stream_that_is_cut_off_again_and_again_has_no_gap_and_nothing_twice(team: Team) -> None:
    words = " ".join(f"word{number}" for number in range(20))
    team.workspace.script(
        [turn(call("list_documents"), text="Let me see."), turn(text=words, pace=0.05)]
    )
    talks, heard = Talks(team.workspace, Caller(ANN, admin=False)), Heard([])

    async def talk() -> chats.Dialogue:
        async with working(team.workspace):
            begun = chats.begin_chat(talks.home, talks.caller, "census", "Tell")
            at = (1, 0)
            while True:
                follower = Follower(talks.home, talks.caller, begun.chat.id, *at)
                for new in await asyncio.to_thread(follower.look):
                    heard.hear(new)
                    if isinstance(new, Told):
                        at = (new.turn, new.event.seq)
                        break  # cut off after each event
                else:
                    if follower.idle:
                        return talks.read(begun.chat.id)
                heard.said = ""  # a client that reconnects has only what is numbered

    said = asyncio.run(talk())
    assert heard.deltas > 0
    assert heard.events == [(1, event.seq, event.kind) for event in talks.told(said)]


def test_a_stream_begins_after_the_last_event_id_and_says_when_it_is_over(team: Team) -> None:
    team.workspace.script([turn(text="Hello."), turn(text="Hello again.")])
    talks = Talks(team.workspace, Caller(ANN, admin=False))

    async def talk() -> chats.Dialogue:
        async with working(team.workspace):
            said = await talks.begin("Hello", "census")
            return await talks.say(said.chat.id, "And again")

    path = f"/api/v1/chats/{asyncio.run(talk()).chat.id}/stream"
    ann = team.browser(ANN)
    whole = read(ann, path)
    assert [id for id, _kind, _data in whole if id] == sorted(id for id, _k, _d in whole if id)
    assert whole[-1][1:] == ("end", {"outcome": "answered"})
    for number, (id, _kind, _data) in enumerate(whole[:-1]):
        assert read(ann, path, **{"Last-Event-ID": id}) == whole[number + 1 :]
    assert read(ann, f"{path}?after=1") == [each for each in whole if not each[0].startswith("1.")]


def read(browser: TestClient, path: str, **headers: str) -> list[tuple[str, str, Any]]:
    """The events of a stream to its end: id, kind, data."""
    text = browser.get(path, headers=headers).text
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
    return found


# Omni


def test_omnis_client_begins_a_chat(team: Team) -> None:
    ann = team.browser(ANN)
    answer = ann.post("/api/agents/census/chat")
    assert answer.status_code == 200
    assert ann.get(f"/api/v1/chats/{answer.json()['chatId']}").json()["turns"] == []
