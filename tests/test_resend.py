"""What failed or is uncertain, done once more: by who may, on purpose, and the very same."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from mortal import Order, bear
from postbox import Postbox
from processes import lamplighter
from team import ANN, BO, ROOT, made_team

from lamplighter import clock
from lamplighter.engine.approvals import approve, resend
from lamplighter.errors import Conflict, Forbidden
from lamplighter.roster import Roster
from lamplighter.store.audit import list_records
from lamplighter.store.notices import list_notices
from lamplighter.store.outbox import Entry, list_entries, settle
from lamplighter.store.tables import outbox
from lamplighter.testing import Workspace, call, temporary_workspace, turn

AGENT = "---\ntype: org\nactions: [send_email]\neffects: %s\nemail: {to: [ann@x.org]}\n---\nWrite."
SEND = turn(call("send_email", to="ann@x.org", subject="Hello", body="All is well."))
REPORT = turn(call("report", summary="Done."))


@contextmanager
def posting(box: Postbox, mode: str = "send") -> Iterator[Workspace]:
    account = box.account()
    toml = "".join(f"{key} = {json.dumps(value)}\n" for key, value in account.items())
    with temporary_workspace({"agents/post.md": AGENT % mode}, email=account) as workspace:
        workspace.write("lamplighter.toml", f"[email]\n{toml}")
        yield workspace


@pytest.fixture
def workspace(box: Postbox) -> Iterator[Workspace]:
    with posting(box) as made:
        yield made


def only(workspace: Workspace) -> Entry:
    [entry] = list_entries(workspace.engine)
    return entry


def leave_uncertain(workspace: Workspace) -> Entry:
    """The mail has arrived, and the process died before it knew."""
    order = Order(
        str(workspace.path), ("post",), workspace.script([SEND, REPORT]), ("before the receipt", 1)
    )
    assert bear(order) == -signal.SIGKILL
    assert bear(Order(str(workspace.path))) == 0
    assert only(workspace).state == "uncertain"
    return only(workspace)


def test_what_is_uncertain_is_sent_again_on_purpose_with_the_same_message_id(
    workspace: Workspace, box: Postbox
) -> None:
    entry = leave_uncertain(workspace)
    asked = lamplighter(workspace, "outbox", "resend", entry.id)
    assert asked.returncode == 130  # nobody has confirmed it
    assert "It may have happened already. Do it once more?" in asked.stderr
    assert len(box.taken) == 1
    done = lamplighter(workspace, "outbox", "resend", entry.id, "--yes")
    assert (done.returncode, only(workspace).state) == (0, "sent"), done.stderr
    assert only(workspace).again_after == "uncertain"
    first, second = box.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert box.taken[0] == box.taken[1]
    assert list_notices(workspace.engine) == []
    records = list_records(workspace.engine)
    [resent] = [each for each in records if each.action == "outbox.resend"]
    assert (resent.target, resent.detail["was"]) == (entry.id, "uncertain")


def test_what_failed_is_sent_again_but_only_what_failed(workspace: Workspace, box: Postbox) -> None:
    box.replies["data"] = ["554 no"]
    workspace.run("post", [SEND, REPORT])
    entry = only(workspace)
    assert entry.state == "failed"
    assert lamplighter(workspace, "outbox", "resend", entry.id, "--yes").returncode == 0
    assert (only(workspace).state, len(box.taken)) == ("sent", 1)
    again = lamplighter(workspace, "outbox", "resend", entry.id, "--yes")
    assert "only what failed or is uncertain is resent" in again.stderr
    assert len(box.taken) == 1


def test_a_repetition_that_fails_says_nothing_of_what_was_before(
    workspace: Workspace, box: Postbox
) -> None:
    entry = leave_uncertain(workspace)
    box.replies["data"] = ["554 no"]
    done = lamplighter(workspace, "outbox", "resend", entry.id, "--yes")
    assert (done.returncode, only(workspace).state) == (3, "uncertain")
    # And so it stays, however often it is tried.
    box.replies["data"] = ["554 no"]
    lamplighter(workspace, "outbox", "resend", entry.id, "--yes")
    assert only(workspace).state == "uncertain"
    assert [each.kind for each in list_notices(workspace.engine)] == ["uncertain"]


def test_it_is_checked_by_what_the_agent_may_do_now(workspace: Workspace, box: Postbox) -> None:
    entry = leave_uncertain(workspace)
    file = workspace.path / "agents/post.md"
    file.write_text(file.read_text().replace("ann@x.org", "bo@x.org"))
    with pytest.raises(Forbidden, match="may not write to ann@x"):
        resend(Roster(workspace.settings, workspace.engine), entry, None)
    assert (only(workspace).state, len(box.taken)) == ("uncertain", 1)


def test_of_two_that_want_it_one_gets_it(workspace: Workspace, box: Postbox) -> None:
    entry, home = leave_uncertain(workspace), Roster(workspace.settings, workspace.engine)
    resend(home, entry, None)
    with pytest.raises(Conflict, match="is not uncertain any more"):
        resend(home, entry, None)


def test_what_is_held_is_approved_and_not_resent(box: Postbox) -> None:
    with posting(box, "hold") as workspace:
        workspace.run("post", [SEND, REPORT])
        home = Roster(workspace.settings, workspace.engine)
        with pytest.raises(Conflict, match="is held"):
            resend(home, only(workspace), None)
        approve(home, only(workspace), None)


def test_over_http_only_its_owner_does_it_and_has_to_say_so() -> None:
    with made_team() as team:
        agent = team.agent(ANN, "digest", head="tools: [write_file, deliver_file]")
        now = clock.now()
        entry = Entry(
            id="01KAAAAAAAAAAAAAAAAAAAAAAA",
            run_id=team.run(agent),
            call="1:a",
            kind="file",
            destination="delivered/a.md",
            payload={"path": "a.md", "sha256": "0" * 64, "size_bytes": 1},
            state="intended",
            created_at=now,
            updated_at=now,
        )
        with team.workspace.engine.begin() as connection:
            values = {name: getattr(entry, name) for name in entry.__slots__}
            connection.execute(outbox.insert().values(values))
        settle(team.workspace.engine, entry.id, "uncertain", error="the disk was away")
        path, yes = f"/api/v1/outbox/{entry.id}/resend", {"confirm": True}
        for user in (BO, ROOT):
            assert team.browser(user).post(path, json=yes).status_code == 404
        mine = team.browser(ANN)
        assert mine.post(path).status_code == 422
        assert mine.post(path, json={"confirm": False}).status_code == 422
        assert team.program(ANN, "read", "run").post(path, json=yes).status_code == 403
        assert mine.get(f"/api/v1/outbox/{entry.id}").json()["state"] == "uncertain"
        resent = mine.post(path, json=yes).json()
        assert (resent["state"], resent["decided_by"]) == ("approved", ANN)
        assert resent["again_after"] == "uncertain"
        assert mine.post(path, json=yes).status_code == 409
