"""``webhook``: JSON to the URLs that the agent's file fixes, and nowhere else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from servers import Answer, Request, WebServer, web_server

from lamplighter.access import agent_of
from lamplighter.definitions.markdown import read_agent
from lamplighter.engine.approvals import approve
from lamplighter.errors import Forbidden
from lamplighter.roster import Roster
from lamplighter.store.outbox import Entry, list_entries
from lamplighter.testing import Workspace, call, temporary_workspace, turn

REPORT = turn(call("report", summary="Done."))
POST = turn(call("webhook", name="ops", data={"text": "Grüße"}))
LOOPBACK = ("127.0.0.0/8",)


def agent(url: str, mode: str = "send") -> str:
    return (
        f"---\ntools: [webhook]\neffects: {mode}\nwebhooks: {{ops: {json.dumps(url)}}}\n---\nTell."
    )


@contextmanager
def answering(
    *answers: Answer, url: str = "", internal: tuple[str, ...] = LOOPBACK
) -> Iterator[tuple[Workspace, WebServer]]:
    """A workspace whose agent posts to a server that answers so, in this order."""
    left = list(answers)

    def answer(_request: Request) -> Answer:
        return left.pop(0) if left else Answer()

    with (
        web_server(answer) as server,
        temporary_workspace(
            {"agents/teller.md": agent(url or f"{server.url}/hook?key=secret")},
            internal_networks=internal,
        ) as workspace,
    ):
        yield workspace, server


def only(workspace: Workspace) -> Entry:
    [entry] = list_entries(workspace.engine)
    return entry


def told(workspace: Workspace) -> str:
    run = workspace.run("teller", [POST, REPORT])
    [result] = [each.data for each in workspace.events(run) if each.kind == "tool_result"]
    return str(result.get("error") or result["result"])


def test_json_arrives_once_with_a_key_and_the_url_is_not_shown() -> None:
    with answering() as (workspace, server):
        assert told(workspace) == "Sent to ops."
        [request] = server.requests
        assert (request.method, request.path) == ("POST", "/hook")
        assert json.loads(request.body) == {"text": "Grüße"}
        assert len(request.headers["idempotency-key"]) == 32
        entry = only(workspace)
        assert (entry.state, entry.destination) == ("sent", "ops (127.0.0.1)")
        assert (entry.receipt, "secret" in str(entry)) == ({"status": 200}, False)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer(status=404), "failed"),
        (Answer(status=302, headers={"Location": "https://evil.example/"}), "failed"),
        (Answer(status=307, headers={"Location": "/elsewhere"}), "failed"),
        (Answer(status=503), "uncertain"),
    ],
)
def test_the_answer_tells_whether_it_has_happened(answer: Answer, state: str) -> None:
    with answering(answer) as (workspace, server):
        told(workspace)
        assert only(workspace).state == state
        assert len(server.requests) == 1


def test_a_private_address_is_refused() -> None:
    with answering(internal=()) as (workspace, server):
        assert "no public address" in told(workspace)
        assert (only(workspace).state, server.requests) == ("failed", [])


def test_what_does_not_listen_is_a_failure() -> None:
    with answering(url="http://127.0.0.1:9/") as (workspace, _):
        assert "cannot reach ops" in told(workspace)
        assert only(workspace).state == "failed"


def test_a_name_that_the_file_does_not_have_is_not_called() -> None:
    with answering() as (workspace, server):
        other = turn(call("webhook", name="https://evil.example/", data={}))
        run = workspace.run("teller", [other, {**REPORT, "expect": ["there are: ops"]}])
        assert (run.outcome, server.requests) == ("error", [])
        assert list_entries(workspace.engine) == []


def test_a_url_can_stand_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(url="env:OPS_HOOK") as (workspace, server):
        assert "OPS_HOOK is not set" in told(workspace)
        monkeypatch.setenv("OPS_HOOK", f"{server.url}/hook")
        assert told(workspace) == "Sent to ops."
        assert len(server.requests) == 1


def test_the_servers_environment_is_not_for_the_agents_of_its_users() -> None:
    text = agent("env:OPS_HOOK")
    mine, _ = read_agent(text, name="teller", file="f.md", timezone="UTC")
    theirs, problems = read_agent(
        text, name=agent_of("ann@x.org", "teller"), file="f.md", timezone="UTC"
    )
    assert (mine is not None, theirs) == (True, None)
    assert "may not use env:OPS_HOOK" in problems[0].message


def test_what_was_held_for_one_url_does_not_go_to_another() -> None:
    with answering() as (workspace, server):
        workspace.write("agents/teller.md", agent(f"{server.url}/hook", "hold"))
        told(workspace)
        workspace.write("agents/teller.md", agent(f"{server.url}/other", "hold"))
        home = Roster(workspace.settings, workspace.engine)
        with pytest.raises(Forbidden, match="has changed meanwhile"):
            approve(home, only(workspace), None)
        assert server.requests == []


@pytest.mark.parametrize(
    "url", ["ftp://x.org/", "//x.org", "x.org", "env:", "https://", "http:///x"]
)
def test_what_is_no_url_is_an_error(url: str) -> None:
    found, problems = read_agent(agent(url), name="teller", file="f.md", timezone="UTC")
    assert found is None
    assert (problems[0].place.field, "no URL" in problems[0].message) == ("webhooks.ops", True)
