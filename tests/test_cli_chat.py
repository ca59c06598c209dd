"""``lamplighter chat`` and ``lamplighter approval``, beside ``serve`` and without it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from processes import lamplighter, serving, wait_until
from talks import HELPER

from lamplighter.testing import Workspace, call, temporary_workspace, turn

FILES = {
    "lamplighter.toml": 'agents_enabled = true\n[sources.notes]\npath = "notes"\n',
    "notes/hello.md": "# Hello",
    "agents/helper.md": HELPER,
}
TURNS = [
    turn(call("write_file", path="a.md", content="A"), call("deliver_file", path="a.md")),
    turn(text="There it is."),
    turn(text="And that is all."),
]


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with temporary_workspace(FILES) as made:
        made.script(TURNS)
        yield made


def said(workspace: Workspace, *arguments: str) -> Any:
    done = lamplighter(workspace, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_approval_outlives_a_killed_server_and_is_given_on_the_command_line(
    workspace: Workspace,
) -> None:
    with serving(workspace) as server:
        asked = said(workspace, "chat", "helper", "-m", "Deliver")
        assert asked["turns"][0]["outcome"] == "awaiting_approval"
        server.kill()
    [approval] = said(workspace, "approval", "list", "--state", "pending")
    assert approval["id"] == asked["pending"][0]["id"]
    assert said(workspace, "approval", "approve", approval["id"][-8:])["state"] == "approved"
    with serving(workspace):
        completed = ("approval", "list", "--state", "completed")
        wait_until(lambda: said(workspace, *completed), "what was approved")
    assert len(list(workspace.path.glob("delivered/helper/*/a.md"))) == 1


def test_without_a_server_the_chat_carries_itself_out(workspace: Workspace) -> None:
    first = lamplighter(workspace, "chat", "helper", "-m", "Deliver")
    assert "Waits: lamplighter approval approve" in first.stderr
    [chat] = said(workspace, "chat", "--list")
    [approval] = said(workspace, "approval", "list")
    assert said(workspace, "approval", "deny", approval["id"], "--reason", "no")["reason"] == "no"
    went_on = said(workspace, "chat", "--chat", chat["id"], "-m", "Go on")
    assert [each["answer"] for each in went_on["turns"][1:]] == ["There it is.", "And that is all."]


def test_a_workspace_of_a_team_wants_a_token(workspace: Workspace) -> None:
    workspace.write("lamplighter.toml", FILES["lamplighter.toml"] + "[team]\n")
    for command in (["chat", "helper", "-m", "Hi"], ["approval", "list"]):
        done = lamplighter(workspace, *command)
        assert done.returncode == 4
        assert "LAMPLIGHTER_TOKEN" in done.stderr
