"""Effects that wait for a person, are only recorded, or were approved and happen later."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from adversary import serving_mcp
from mortal import Order, bear, start_child
from postbox import Postbox
from processes import lamplighter, serving
from rowboat import play
from team import ANN, BO, ROOT, Team, made_team

from lamplighter import clock
from lamplighter.accounts import Caller
from lamplighter.engine import approvals, revival
from lamplighter.engine.approvals import approve, deny, expire
from lamplighter.engine.approved import Approved
from lamplighter.engine.revival import check_permission
from lamplighter.errors import Conflict, Forbidden
from lamplighter.outbox import Outbox, all_of, follow_mode
from lamplighter.roster import Roster
from lamplighter.store.approvals import take_approved
from lamplighter.store.notices import list_notices
from lamplighter.store.outbox import HELD_FOR, Entry, list_entries
from lamplighter.store.runs import Run
from lamplighter.testing import HeldClock, Workspace, call, temporary_workspace, turn

AGENT = """---
type: org
actions: [write_file, deliver_file, send_email]
effects: %s
email: {to: [ann@x.org]}
---
Write to Ann.
"""
WRITE = turn(call("write_file", path="table.csv", content="a,b\n"))
DELIVER = turn(call("deliver_file", path="table.csv"))
SEND = turn(call("send_email", to="ann@x.org", subject="Hello", body="All is well."))
REPORT = turn(call("report", summary="Done."))


@contextmanager
def with_mode(box: Postbox, mode: str) -> Iterator[Workspace]:
    account = box.account()
    toml = "".join(f"{key} = {json.dumps(value)}\n" for key, value in account.items())
    with temporary_workspace({"agents/post.md": AGENT % mode}, email=account) as workspace:
        workspace.write("lamplighter.toml", f"[email]\n{toml}")
        yield workspace


@pytest.fixture
def workspace(box: Postbox) -> Iterator[Workspace]:
    """An agent whose effects are held."""
    with with_mode(box, "hold") as made:
        yield made


def home(workspace: Workspace) -> Roster:
    return Roster(workspace.settings, workspace.engine)


def newest(workspace: Workspace, kind: str = "email") -> Entry:
    return next(each for each in list_entries(workspace.engine) if each.kind == kind)


def perform(workspace: Workspace) -> None:
    """What the engine does when it is woken."""

    async def begin_and_end() -> None:
        at_work = Approved(workspace.engine, workspace.settings, "worker")
        await at_work.begin()
        await at_work.end(60)

    asyncio.run(begin_and_end())


def told(workspace: Workspace, run: Run) -> list[str]:
    data = [each.data for each in workspace.events(run) if each.kind == "tool_result"]
    return [str(each.get("error") or each["result"]) for each in data]


# --- Held ---


def test_a_held_effect_waits_and_the_run_goes_on_and_ends(
    workspace: Workspace, box: Postbox
) -> None:
    run = workspace.run("post", [SEND, {**REPORT, "expect": ["held: this (email to ann@x.org)"]}])
    assert (run.outcome, box.taken) == ("reported", [])
    entry = newest(workspace)
    assert (entry.state, entry.reason) == ("held", "this agent's effects wait for approval")
    [notice] = list_notices(workspace.engine)
    assert (notice.kind, notice.agent) == ("held", "post")
    assert f"outbox list --state held --run {run.id}" in notice.message
    shown = lamplighter(workspace, "run", "show", "last")
    assert "held: email to ann@x.org" in shown.stdout


def test_an_approved_effect_happens_once_as_it_was_and_without_the_model(
    workspace: Workspace, box: Postbox
) -> None:
    run = workspace.run("post", [SEND, REPORT])
    events = len(workspace.events(run))
    approved = approve(home(workspace), newest(workspace), None)
    assert approved.state == "approved"
    perform(workspace)
    perform(workspace)
    entry = newest(workspace)
    assert (entry.state, len(box.taken)) == ("sent", 1)
    assert box.messages[0]["Subject"] == "Hello"
    assert list_notices(workspace.engine) == []
    assert len(workspace.events(run)) == events
    with pytest.raises(Conflict, match="is sent"):
        approve(home(workspace), entry, None)


def test_a_denied_effect_never_happens(workspace: Workspace, box: Postbox) -> None:
    workspace.run("post", [SEND, REPORT])
    deny(home(workspace), newest(workspace), None, "not to her")
    perform(workspace)
    entry = newest(workspace)
    assert (entry.state, entry.reason, box.taken) == ("refused", "denied: not to her", [])
    with pytest.raises(Conflict, match="is refused"):
        approve(home(workspace), entry, None)


def test_nobody_can_decide_twice(workspace: Workspace, box: Postbox) -> None:
    workspace.run("post", [SEND, REPORT])
    seen = newest(workspace)
    deny(home(workspace), seen, None)
    with pytest.raises(Conflict, match="somebody else has decided"):
        approve(home(workspace), seen, None)
    perform(workspace)
    assert box.taken == []


def test_what_nobody_decides_within_a_day_is_refused(
    workspace: Workspace, box: Postbox, held: HeldClock
) -> None:
    workspace.run("post", [SEND, REPORT])
    held.advance(hours=23, minutes=59)
    assert expire(workspace.engine, clock.now()) == 0
    held.advance(minutes=1)
    with pytest.raises(Conflict, match="within 24 hours"):
        approve(home(workspace), newest(workspace), None)
    assert expire(workspace.engine, clock.now()) == 1
    assert newest(workspace).state == "refused"
    [notice] = list_notices(workspace.engine)
    assert "Nobody approved this of post within 24 hours" in notice.message
    assert expire(workspace.engine, clock.now()) == 0


def test_a_run_with_something_held_is_not_pruned(workspace: Workspace, held: HeldClock) -> None:
    from lamplighter.store.retention import Retention, list_prunable_runs

    run = workspace.run("post", [SEND, REPORT])
    held.advance(days=1)
    everything = Retention(clock.now(), None)
    assert list_prunable_runs(workspace.engine, everything, 10) == []
    expire(workspace.engine, clock.now())
    assert list_prunable_runs(workspace.engine, everything, 10) == [run.id]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "the agent post is gone"),
        ("---\ntype: [\n---\nGo.", "has an error"),
        (AGENT.replace("ann@x.org", "bo@x.org") % "hold", "may not write to ann@x.org"),
        (AGENT.replace(", send_email", "") % "hold", "may not do this any more: send_email"),
        (AGENT.replace("type: org", "type: user") % "hold", "may not do this any more"),
    ],
)
def test_an_agent_that_may_not_any_more_does_not(
    workspace: Workspace, box: Postbox, text: str | None, why: str
) -> None:
    workspace.run("post", [SEND, REPORT])
    before = newest(workspace)
    approved = Roster(workspace.settings, workspace.engine)
    file = workspace.path / "agents/post.md"
    kept = file.read_text()
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(Forbidden, match=why):
        approve(approved, before, None)
    assert newest(workspace).state == "held"
    # Changed between the approval and the act, it is seen, too.
    file.write_text(kept)
    approve(approved, before, None)
    file.unlink() if text is None else file.write_text(text)
    perform(workspace)
    entry = newest(workspace)
    assert entry.state == "refused"
    assert why in (entry.error or "")
    assert box.taken == []
    [notice] = list_notices(workspace.engine)
    assert "You approved this of post, and it has not happened" in notice.message


def test_what_goes_along_has_to_be_approved_first(workspace: Workspace, box: Postbox) -> None:
    attached = call("send_email", to="ann@x.org", subject="Hi", body="x", attachments=["table.csv"])
    run = workspace.run("post", [WRITE, DELIVER, turn(attached), REPORT])
    assert not (workspace.path / "delivered").exists()
    with pytest.raises(Forbidden, match=r"table\.csv, which is attached, has not been delivered"):
        approve(home(workspace), newest(workspace), None)
    approve(home(workspace), newest(workspace, "file"), None)
    perform(workspace)
    file = workspace.path / "delivered" / "post" / run.id / "table.csv"
    assert file.read_text() == "a,b\n"
    approve(home(workspace), newest(workspace), None)
    perform(workspace)
    [message] = box.messages
    assert [each.get_content() for each in message.iter_attachments()] == ["a,b\n"]


CHANGES = {
    "write": call("workspace-writeFile", path="new.md", data="# New"),
    "folder": call("workspace-mkdir", path="made"),
    "move": call("workspace-rename", **{"from": "old.md", "to": "moved.md"}),
    "remove": call("workspace-remove", path="gone.md"),
    "note": call("save-to-memory", note="Ann likes tea."),
    "mcp": call("executeMcpTool", serverName="notes", toolName="append", arguments={"line": "x"}),
}


def test_whatever_kind_is_held_can_be_performed_later(tmp_path: Path) -> None:
    tools = ["workspace-writeFile", "workspace-mkdir", "workspace-rename", "workspace-remove"]
    names = json.dumps([*tools, "save-to-memory", "executeMcpTool"])
    server = Path(__file__).with_name("mcp_server.py")
    files = {
        "agents/helper.md": f"---\ntools: {names}\neffects: hold\n---\nHelp.",
        "old.md": "# Old",
        "gone.md": "# Gone",
    }
    notes = tmp_path / "notes.txt"
    args = [str(server), str(notes)]
    mcp = {"notes": {"command": sys.executable, "args": args, "tools": ["append"]}}
    with temporary_workspace(files, mcp=mcp) as workspace:
        run = workspace.run("helper", [turn(each) for each in CHANGES.values()] + [REPORT])
        assert run.outcome == "reported", told(workspace, run)
        waiting = {each.kind: each for each in list_entries(workspace.engine)}
        assert {kind: each.state for kind, each in waiting.items()} == dict.fromkeys(
            CHANGES, "held"
        )
        assert not (workspace.path / "new.md").exists()
        assert not notes.exists()
        for entry in waiting.values():
            approve(home(workspace), entry, None)
        perform(workspace)
        states = {each.kind: (each.state, each.error) for each in list_entries(workspace.engine)}
        assert states == dict.fromkeys(CHANGES, ("sent", None))
        there = {
            name for name in ("new.md", "made", "moved.md") if (workspace.path / name).exists()
        }
        assert there == {"new.md", "made", "moved.md"}
        assert not (workspace.path / "old.md").exists()
        assert not (workspace.path / "gone.md").exists()
        assert notes.read_text() == "x\n"
        assert "Ann likes tea." in (workspace.path / "memory/helper.md").read_text()


def test_what_was_held_for_an_address_that_is_not_allowed_any_more_does_not_happen() -> None:
    agent = "---\ntools: [fetch-url]\neffects: hold\nfetch: {allow: [%s]}\n---\nGo."
    post = turn(call("fetch-url", url="http://127.0.0.1:9/a", method="POST", body="x"))
    files = {"agents/helper.md": agent % "'http://127.0.0.1:9/a'"}
    with temporary_workspace(files) as workspace:
        workspace.run("helper", [post, REPORT])
        check_permission(newest(workspace, "http"), home(workspace))
        workspace.write("agents/helper.md", agent % "'http://127.0.0.1:9/b'")
        with pytest.raises(Forbidden, match="not among the addresses"):
            approve(home(workspace), newest(workspace, "http"), None)


def test_a_tool_that_changed_while_its_call_waited_is_not_called() -> None:
    files = {"agents/helper.md": "---\ntools: ['mcp:world/tell']\neffects: hold\n---\nGo."}
    with temporary_workspace(files) as workspace:

        def serve_at(url: str) -> None:
            servers = {"mcpServers": {"world": {"url": url}}}
            workspace.write("config/mcp.json", json.dumps(servers))

        with serving_mcp([("tell", "Tells Ann.", "Done.")], []) as url:
            serve_at(url)
            workspace.run("helper", [turn(call("world_tell")), REPORT])
        with serving_mcp([("tell", "Tells everybody.", "Done.")], []) as url:
            serve_at(url)
            approve(home(workspace), newest(workspace, "mcp"), None)
            perform(workspace)
        entry = newest(workspace, "mcp")
        assert entry.state == "failed"
        assert "has changed since it was trusted" in (entry.error or "")


def test_every_kind_of_effect_can_be_revived() -> None:
    tools = Path(revival.__file__).parents[1] / "tools"
    texts = [file.read_text() for file in tools.glob("*.py")]
    kinds = {kind for text in texts for kind in re.findall(r'^    kind = "(\w+)"', text, re.M)}
    assert kinds == set(revival.MAKERS)


# --- Killed on the way ---


def settle_after_a_kill(workspace: Workspace) -> Entry:
    assert bear(Order(str(workspace.path), approved=True)) == 0
    return newest(workspace)


@pytest.mark.parametrize(("where", "taken"), [("rcpt", 0), ("data", 1)])
def test_killed_while_it_is_performed_it_is_uncertain_and_not_repeated(
    workspace: Workspace, box: Postbox, where: str, taken: int
) -> None:
    workspace.run("post", [SEND, REPORT])
    approve(home(workspace), newest(workspace), None)
    box.stops_at = where
    process = start_child(Order(str(workspace.path), approved=True))
    assert box.reached.wait(60)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    box.stops_at = ""
    box.released.set()
    assert settle_after_a_kill(workspace).state == "uncertain"
    assert settle_after_a_kill(workspace).state == "uncertain"
    assert (len(box.taken), box.seen["rcpt"]) == (taken, 1)
    assert [notice.kind for notice in list_notices(workspace.engine)] == ["uncertain"]


def test_killed_after_the_approval_it_is_performed_by_the_next_process(
    workspace: Workspace, box: Postbox
) -> None:
    workspace.run("post", [SEND, REPORT])
    approve(home(workspace), newest(workspace), None)
    moment = ("before a commit to outbox", 1)
    assert bear(Order(str(workspace.path), moment=moment, approved=True)) == -signal.SIGKILL
    assert newest(workspace).state == "approved"
    assert settle_after_a_kill(workspace).state == "sent"
    assert len(box.taken) == 1


def test_of_several_processes_one_performs_it(workspace: Workspace, box: Postbox) -> None:
    workspace.run("post", [SEND, REPORT])
    approve(home(workspace), newest(workspace), None)
    takers = [take_approved(workspace.engine, name, clock.now()) for name in ("one", "two")]
    assert [len(taken) for taken in takers] == [1, 0]


def test_approved_while_its_run_goes_on_it_is_not_the_runs_any_more(
    workspace: Workspace, box: Postbox
) -> None:
    run = workspace.run("post", [SEND, REPORT])
    approve(home(workspace), newest(workspace), None)
    [entry] = take_approved(workspace.engine, "another", clock.now())
    assert run.worker is not None
    outbox = Outbox(workspace.engine, run.id, run.worker)
    assert outbox.give_up() == [entry]
    assert newest(workspace).state == "intended"

    @dataclass
    class Never:
        kind = "email"
        destination = "ann@x.org"
        fixed = deduplicates = True
        done = None

        def prepare(self) -> Mapping[str, Any]:
            raise AssertionError

        async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
            raise AssertionError

    outcome = asyncio.run(outbox.perform(entry.call, Never()))
    assert "held" in outcome.answer["result"]


def test_approvals_work_on_postgresql_too(postgresql: str) -> None:
    agent = "---\ntools: [write_file, deliver_file]\neffects: hold\n---\nWrite."
    with temporary_workspace({"agents/post.md": agent}, database_url=postgresql) as workspace:
        run = workspace.run("post", [WRITE, DELIVER, REPORT])
        approve(home(workspace), newest(workspace, "file"), None)
        [entry] = take_approved(workspace.engine, "gone", clock.now())
        assert (entry.state, entry.worker) == ("intended", "gone")
        perform(workspace)  # delivering a file again is harmless
        assert newest(workspace, "file").state == "sent"
        assert (workspace.path / "delivered" / "post" / run.id / "table.csv").exists()
        second = workspace.run("post", [WRITE, DELIVER, REPORT])
        assert newest(workspace, "file").run_id == second.id
        assert expire(workspace.engine, clock.now() + HELD_FOR) == 1
        assert newest(workspace, "file").state == "refused"


# --- Staged ---


def test_a_staged_agent_does_everything_but_the_effects(box: Postbox) -> None:
    with with_mode(box, "staged") as workspace:
        run = workspace.run("post", [WRITE, DELIVER, SEND, REPORT])
        assert run.outcome == "reported"
        assert [each[:6] for each in told(workspace, run)][1:] == ["staged", "staged"]
        states = {entry.kind: entry.state for entry in list_entries(workspace.engine)}
        assert states == {"file": "staged", "email": "staged"}
        assert newest(workspace).payload["body"] == "All is well.\n"
        assert (box.seen, (workspace.path / "delivered").exists()) == ({}, False)
        assert list_notices(workspace.engine) == []
        with pytest.raises(Conflict, match="is staged"):
            approve(home(workspace), newest(workspace), None)


def test_a_dry_run_is_staged_whatever_the_file_says(box: Postbox) -> None:
    with with_mode(box, "send") as workspace:
        model = workspace.script([WRITE, DELIVER, SEND, REPORT])
        done = lamplighter(
            workspace, "run", "start", "post", "--model", model, "--dry-run", "--wait"
        )
        assert done.returncode == 0, done.stderr
        assert "staged: email to ann@x.org" in done.stdout
        assert "dry run" in done.stdout
        assert (box.seen, (workspace.path / "delivered").exists()) == ({}, False)
        workspace.run("post", [SEND, REPORT])
        assert len(box.taken) == 1


def test_promoted_it_is_live(box: Postbox) -> None:
    with with_mode(box, "staged") as workspace:
        workspace.run("post", [SEND, REPORT])
        done = lamplighter(workspace, "agent", "promote", "post")
        assert done.returncode == 0, done.stderr
        text = (workspace.path / "agents/post.md").read_text()
        assert text == AGENT % "send"
        assert box.taken == []
        workspace.run("post", [SEND, REPORT])
        assert len(box.taken) == 1
        again = lamplighter(workspace, "agent", "promote", "post")
        assert (again.returncode, "not held back" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("outer", "inner", "state"),
    [("send", "hold", "held"), ("staged", "send", "staged"), ("hold", "staged", "staged")],
)
def test_an_agent_that_is_called_is_bound_by_both_modes(outer: str, inner: str, state: str) -> None:
    caller = f"---\neffects: {outer}\ntools: [agent:scribe]\n---\nLet it write."
    scribe = f"---\neffects: {inner}\ntools: [write_file, deliver_file]\n---\nWrite."
    files = {"agents/post.md": caller, "agents/scribe.md": scribe}
    with temporary_workspace(files) as workspace:
        turns = [turn(call("scribe", message="Go.")), REPORT]
        run = play(workspace, "post", {"post": turns, "scribe": [WRITE, DELIVER, REPORT]})
        assert run.outcome == "reported"
        entry = newest(workspace, "file")
        assert (entry.state, entry.agent) == (state, "scribe")
        if state == "held":
            check_permission(entry, home(workspace))
            workspace.write("agents/scribe.md", scribe.replace(", deliver_file", ""))
            with pytest.raises(Forbidden, match="scribe may not do this any more"):
                check_permission(entry, home(workspace))


def test_the_strictest_of_all_that_have_a_say_counts() -> None:
    @dataclass
    class Some:
        kind: str = "email"

    modes = [follow_mode("send"), follow_mode("staged"), follow_mode("hold")]
    judged = {
        (a, b): all_of(modes[a], modes[b])(Some(), {}).act  # type: ignore[arg-type]
        for a in range(3)
        for b in range(3)
    }
    assert judged == {
        (0, 0): "perform",
        **dict.fromkeys([(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)], "stage"),
        **dict.fromkeys([(0, 2), (2, 0), (2, 2)], "hold"),
    }
    assert follow_mode("hold")(Some("notice"), {}).act == "perform"  # type: ignore[arg-type]


# --- At the command line, and over HTTP ---


def test_without_a_server_an_approval_performs_it_at_once(
    workspace: Workspace, box: Postbox
) -> None:
    workspace.run("post", [SEND, REPORT])
    done = lamplighter(workspace, "outbox", "approve", newest(workspace).id[-8:].lower())
    assert (done.returncode, len(box.taken)) == (0, 1), done.stderr
    assert "✓ sent: email to ann@x.org" in done.stdout


def test_a_server_performs_what_is_approved_beside_it(workspace: Workspace, box: Postbox) -> None:
    workspace.run("post", [SEND, REPORT])
    with serving(workspace):
        done = lamplighter(workspace, "outbox", "approve", newest(workspace).id, "--json")
    assert json.loads(done.stdout)["state"] == "sent"
    assert len(box.taken) == 1


def test_a_denial_at_the_command_line_is_kept(workspace: Workspace) -> None:
    workspace.run("post", [SEND, REPORT])
    done = lamplighter(workspace, "outbox", "deny", newest(workspace).id, "-r", "no")
    assert "refused: email to ann@x.org (denied: no)" in done.stdout
    listed = lamplighter(workspace, "outbox", "list", "--state", "refused", "--json")
    assert [each["decided_by"] for each in json.loads(listed.stdout)] == [""]


HELD = "effects: hold\ntools: [write_file, deliver_file]"


def hold_in_team(team: Team, agent: str) -> Entry:
    model = team.workspace.script([WRITE, DELIVER, REPORT])
    asyncio.run(team.workspace.run_async(agent, model))
    return newest(team.workspace, "file")


def test_only_the_owner_decides_about_an_agents_effects() -> None:
    with made_team() as team:
        entry = hold_in_team(team, team.agent(ANN, "digest", head=HELD))
        path = f"/api/v1/outbox/{entry.id}"
        for user in (BO, ROOT):
            for what in ("approve", "deny"):
                assert team.browser(user).post(f"{path}/{what}").status_code == 404
        assert team.program(ANN, "read", "run").post(f"{path}/approve").status_code == 403
        approved = team.browser(ANN).post(f"{path}/approve")
        assert (approved.status_code, approved.json()["state"]) == (200, "approved")
        assert approved.json()["decided_by"] == ANN
        assert team.browser(ANN).post(f"{path}/deny").status_code == 409


def test_whoever_only_sees_the_history_of_an_org_agent_decides_nothing() -> None:
    with made_team() as team:
        head = "effects: hold\nactions: [write_file, deliver_file]"
        agent = team.agent(ROOT, "census", org=True, head=head)
        entry = hold_in_team(team, agent)
        path = f"/api/v1/outbox/{entry.id}"
        shared = team.browser(ROOT).put(
            "/api/v1/agents/census/sharing", json={"history_shared": True}
        )
        assert shared.status_code == 200
        assert team.browser(ANN).get(path).status_code == 200
        assert team.browser(ANN).post(f"{path}/approve").status_code == 403
        denied = team.browser(ROOT).post(f"{path}/deny", json={"reason": "no"})
        assert (denied.status_code, denied.json()["reason"]) == (200, "denied: no")


def test_an_agent_whose_owner_is_gone_does_nothing_more() -> None:
    from lamplighter import accounts

    with made_team() as team:
        entry = hold_in_team(team, team.agent(ANN, "digest", head=HELD))
        check_permission(entry, team.roster)
        accounts.deactivate(team.workspace.engine, ANN, by=ROOT)
        with pytest.raises(Forbidden):
            approvals.approve(team.roster, entry, Caller(ANN, admin=False))


def test_agents_are_promoted_and_run_dry_over_http() -> None:
    with made_team() as team:
        team.agent(ANN, "digest", head=HELD)
        browser = team.browser(ANN)
        shown = browser.get("/api/v1/agents/digest").json()
        assert (shown["effects"], shown["email"]["to"]) == ("hold", [])
        started = browser.post("/api/v1/agents/digest/runs", json={"dry_run": True})
        assert started.json()["dry_run"] is True
        assert browser.post("/api/v1/agents/digest/promote").json()["effects"] == "send"
        assert browser.post("/api/v1/agents/digest/promote").status_code == 409
        changed = browser.patch("/api/v1/agents/digest", json={"effects": "staged"})
        assert changed.json()["effects"] == "staged"
        assert team.browser(BO).post(f"/api/v1/agents/{shown['id']}/promote").status_code == 403
