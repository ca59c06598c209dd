"""Chats: turns, approvals that last, and what they keep apart from background runs."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
import sqlalchemy as sa
from mortal import LINES, LOG, Moment, Order, bear
from talks import HELPER, OWNER, Talks, until, working
from team import ANN, BO, ROOT, Team, made_team

from lamplighter import accounts, clock
from lamplighter.access import Access
from lamplighter.accounts import Caller
from lamplighter.engine import chat as chats
from lamplighter.engine.manual import request_run
from lamplighter.engine.upkeep import Upkeep
from lamplighter.errors import Conflict, InvalidInput, NotFound
from lamplighter.store.agent_records import find_watermark, list_records
from lamplighter.store.audit import list_records as list_audit
from lamplighter.store.chats import Turn
from lamplighter.store.notices import list_notices
from lamplighter.store.runs import get_run, list_runs
from lamplighter.store.tables import approvals, contents, runs, turns
from lamplighter.testing import HeldClock, Workspace, call, temporary_workspace, turn

SETTINGS: dict[str, Any] = {"sources": {"notes": {"path": "notes"}}, "agents_enabled": True}
TOML = 'agents_enabled = true\n[sources.notes]\npath = "notes"\n'
"""What processes of their own read."""
FILES = {
    "lamplighter.toml": TOML,
    "notes/hello.md": "# Hello\n\nThe lamp is lit at dusk.",
    "agents/helper.md": HELPER,
}
DELIVERY = turn(call("write_file", path="a.md", content="A"), call("deliver_file", path="a.md"))


@pytest.fixture
def talks() -> Iterator[Talks]:
    with temporary_workspace(FILES, **SETTINGS) as workspace:
        workspace.sync()
        yield Talks(workspace)


def delivered(workspace: Workspace) -> list[str]:
    return [path.name for path in Path(workspace.path, "delivered").rglob("*") if path.is_file()]


# Turns


def test_a_chat_remembers_what_was_said_and_found(talks: Talks) -> None:
    talks.workspace.script(
        [
            turn(call("read_document", id="notes:hello.md")),
            turn(text="At dusk.", expect=["lit at dusk"]),
            turn(text="I said: at dusk.", expect=["Again?"]),
        ]
    )

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            said = await talks.begin("When is the lamp lit?")
            return await talks.say(said.chat.id, "Again?")

    said = asyncio.run(talk())
    assert [(t.number, t.message, t.outcome, t.answer) for t in said.turns] == [
        (1, "When is the lamp lit?", "answered", "At dusk."),
        (2, "Again?", "answered", "I said: at dusk."),
    ]
    assert said.chat.title == "When is the lamp lit?"
    assert not said.pending


def test_a_message_has_to_wait_for_the_answer_before(talks: Talks) -> None:
    begun = chats.begin_chat(talks.home, OWNER, "helper", "Hello")  # nobody carries it out
    with pytest.raises(Conflict, match="still answering"):
        chats.say(talks.home, OWNER, begun.chat.id, "Hello?")
    for message in ("", " \n"):
        with pytest.raises(InvalidInput):
            chats.say(
                talks.home, OWNER, chats.begin_chat(talks.home, OWNER, "helper").chat.id, message
            )


def test_what_the_model_says_can_be_seen_while_it_says_it_and_be_stopped(talks: Talks) -> None:
    words = " ".join(f"word{number}" for number in range(2000))
    talks.workspace.script([turn(text=words, pace=0.05), turn(text="Yes?", expect=["Stop!"])])

    async def talk() -> tuple[Turn, chats.Dialogue]:
        async with working(talks.workspace):
            chat = chats.begin_chat(talks.home, OWNER, "helper", "Talk.").chat.id
            await until(lambda: talks.read(chat).turns[0].draft)
            [running] = talks.read(chat).turns
            chats.stop(talks.home, OWNER, chat)
            await talks.settled(chat)
            return running, await talks.say(chat, "Stop!")

    running, said = asyncio.run(talk())
    assert running.draft is not None
    assert running.draft["request"] == 1
    assert words.startswith(running.draft["text"])
    assert [each.outcome for each in said.turns] == ["cancelled", "answered"]
    assert said.turns[0].draft is None
    [heard] = [each.data for each in talks.told(said, turn=0) if "stopped" in each.data]
    assert heard["content"].startswith(running.draft["text"])
    with pytest.raises(Conflict, match="nothing is under way"):
        chats.stop(talks.home, OWNER, said.chat.id)


def test_a_turn_that_nobody_has_begun_can_be_stopped(talks: Talks) -> None:
    begun = chats.begin_chat(talks.home, OWNER, "helper", "Hello")
    chats.stop(talks.home, OWNER, begun.chat.id)
    assert talks.read(begun.chat.id).turns[0].outcome == "cancelled"


def test_a_turn_that_fails_ends_the_turn_and_not_the_chat(talks: Talks) -> None:
    talks.workspace.script([turn(error="the provider is gone"), turn(text="Back.")])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            said = await talks.begin("Hello")
            talks.workspace.script([turn(text="Back.", expect=["Hello again"])])
            return await talks.say(said.chat.id, "Hello again")

    said = asyncio.run(talk())
    assert [each.outcome for each in said.turns] == ["error", "answered"]
    assert "the provider is gone" in (said.turns[0].answer or "")


def test_an_edited_message_begins_a_branch_with_all_before_it(talks: Talks) -> None:
    talks.workspace.script(
        [
            turn(call("write_file", path="a.md", content="Kept.")),
            turn(text="Written."),
            turn(call("read_file", path="a.md")),
            turn(text="It says: Kept.", expect=["Kept."]),
        ]
    )

    async def talk() -> tuple[chats.Dialogue, chats.Dialogue]:
        async with working(talks.workspace):
            said = await talks.begin("Write")
            said = await talks.say(said.chat.id, "Read")
            other = chats.branch(talks.home, OWNER, said.chat.id, 2, "Read it, please")
            return said, await talks.settled(other.chat.id)

    said, other = asyncio.run(talk())
    assert [each.message for each in talks.read(said.chat.id).turns] == ["Write", "Read"]
    assert [each.message for each in other.turns] == ["Write", "Read it, please"]
    assert other.turns[1].answer == "It says: Kept."
    assert (other.chat.parent, other.chat.parent_turn) == (said.chat.id, 2)
    with pytest.raises(NotFound, match="no turn 7"):
        chats.branch(talks.home, OWNER, said.chat.id, 7, "No")


def test_a_branch_outlives_the_chat_it_came_from(talks: Talks) -> None:
    talks.workspace.script(
        [
            turn(call("write_file", path="a.md", content="Kept.")),
            turn(text="Written."),
            turn(call("read_file", path="a.md")),
            turn(text="It says: Kept.", expect=["Kept."]),
            turn(call("read_file", path="a.md")),
            turn(text="Still: Kept.", expect=["Kept."]),
        ]
    )

    async def talk() -> tuple[str, chats.Dialogue]:
        async with working(talks.workspace) as holder:
            said = await talks.begin("Write")
            said = await talks.say(said.chat.id, "Read")
            other = chats.branch(talks.home, OWNER, said.chat.id, 2, "Read it, please")
            await talks.settled(other.chat.id)
            chats.delete_chat(talks.home, OWNER, said.chat.id)
            await asyncio.to_thread(lambda: list(holder.upkeep.prune(clock.now())))
            return said.chat.id, await talks.say(other.chat.id, "And now?")

    gone, other = asyncio.run(talk())
    assert other.turns[-1].answer == "Still: Kept."
    with pytest.raises(NotFound):
        talks.read(gone)
    with talks.workspace.engine.connect() as connection:
        left = sa.select(sa.func.count()).select_from(runs).where(runs.c.chat == gone)
        assert connection.scalar(left) == 0


def test_a_question_is_answered_by_the_next_message(talks: Talks) -> None:
    ask = call("ask-human", question="Which colour?", options=["red", "blue"])
    talks.workspace.script([turn(ask), turn(text="Blue it is.", expect=["blue, please"])])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            said = await talks.begin("Paint it")
            assert said.waits_for_answer
            assert said.turns[0].answer == "Which colour?"
            return await talks.say(said.chat.id, "blue, please")

    said = asyncio.run(talk())
    assert said.turns[-1].answer == "Blue it is."
    [asked] = [each.data for each in talks.told(said, turn=0) if each.kind == "question"]
    assert asked["options"] == ["red", "blue"]


# Approvals


def test_what_was_approved_happens_once_and_only_then(talks: Talks) -> None:
    talks.workspace.script([DELIVERY, turn(text="There it is.", expect=["Delivered to"])])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            said = await talks.begin("Deliver")
            assert said.turns[0].outcome == "awaiting_approval"
            assert [(p.tool, p.arguments, p.state) for p in said.pending] == [
                ("deliver_file", {"path": "a.md"}, "pending")
            ]
            assert delivered(talks.workspace) == []
            return await talks.decide(said, "once")

    said = asyncio.run(talk())
    assert [(t.message, t.outcome) for t in said.turns] == [
        ("Deliver", "awaiting_approval"),
        ("", "answered"),
    ]
    assert delivered(talks.workspace) == ["a.md"]
    assert [entry.state for entry in talks.effects()] == ["sent"]
    [approval] = chats.list_approvals(talks.home, OWNER)
    assert approval.state == "completed"
    with pytest.raises(Conflict, match="completed already"):
        chats.decide(talks.home, OWNER, approval.id, "deny")
    noted = [(each.user, each.action) for each in list_audit(talks.workspace.engine)]
    assert ("owner", "approval.approved") in noted


def test_what_only_reads_is_not_asked_about(talks: Talks) -> None:
    talks.workspace.script(
        [
            turn(call("list_documents"), call("write_file", path="a.md", content="A")),
            turn(call("read_file", path="a.md")),
            turn(text="Done."),
        ]
    )

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            return await talks.begin("Look around")

    assert asyncio.run(talk()).turns[0].outcome == "answered"


def test_a_tool_approved_for_the_chat_is_asked_about_no_more_but_in_others(talks: Talks) -> None:
    again = turn(call("deliver_file", path="a.md"))
    talks.workspace.script([DELIVERY, turn(text="One."), again, turn(text="Two.")])

    async def talk() -> tuple[chats.Dialogue, chats.Dialogue]:
        async with working(talks.workspace):
            said = await talks.decide(await talks.begin("Deliver"), "chat")
            said = await talks.say(said.chat.id, "Again")
            branched = chats.branch(talks.home, OWNER, said.chat.id, 3, "And again")
            return said, await talks.settled(branched.chat.id)

    said, branched = asyncio.run(talk())
    assert said.turns[-1].answer == "Two."
    assert len(talks.effects()) == 2
    assert [each.tool for each in branched.pending] == ["deliver_file"]


def test_a_denial_is_told_with_its_reason(talks: Talks) -> None:
    talks.workspace.script([DELIVERY, turn(text="I see.", expect=["Denied: not on Sundays"])])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            return await talks.decide(await talks.begin("Deliver"), "deny", "not on Sundays")

    assert asyncio.run(talk()).turns[-1].answer == "I see."
    assert delivered(talks.workspace) == []


def test_a_turn_goes_on_when_everything_is_decided(talks: Talks) -> None:
    calls = [call("deliver_file", path=name) for name in ("a.md", "b.md")]
    writes = [call("write_file", path=name, content=name) for name in ("a.md", "b.md")]
    talks.workspace.script(
        [turn(*writes, *calls), turn(text="Half.", expect=["no b", "Delivered"])]
    )

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            said = await talks.begin("Deliver both")
            said = await talks.decide(said, "once")
            assert len(said.turns) == len(said.pending) == 1
            return await talks.decide(said, "deny", "no b")

    said = asyncio.run(talk())
    assert said.turns[-1].answer == "Half."
    assert len(delivered(talks.workspace)) == 1


def test_a_message_instead_of_a_decision_denies_what_waits(talks: Talks) -> None:
    talks.workspace.script(
        [DELIVERY, turn(text="Then not.", expect=["a new message came", "Leave it"])]
    )

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            said = await talks.begin("Deliver")
            return await talks.say(said.chat.id, "Leave it")

    said = asyncio.run(talk())
    assert said.turns[-1].answer == "Then not."
    [approval] = chats.list_approvals(talks.home, OWNER)
    assert (approval.state, approval.reason) == ("denied", chats.SUPERSEDED)


def test_an_approval_expires_after_a_day(talks: Talks, held: HeldClock) -> None:
    talks.workspace.script([DELIVERY, turn(text="Too late.", expect=["nobody decided", "Hello?"])])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            said = await talks.begin("Deliver")
            [approval] = said.pending
            assert approval.expires_at - held.now() == timedelta(hours=24)
            held.advance(hours=23, minutes=59)
            assert chats.list_approvals(talks.home, OWNER, state="pending")
            held.advance(minutes=1)
            assert chats.find_approval(talks.home, OWNER, approval.id).state == "expired"
            assert chats.list_approvals(talks.home, OWNER, state="expired") != []
            assert chats.list_approvals(talks.home, OWNER, state="pending") == []
            with pytest.raises(Conflict, match="expired already"):
                chats.decide(talks.home, OWNER, approval.id, "once")
            return await talks.say(said.chat.id, "Hello?")

    said = asyncio.run(talk())
    assert said.turns[-1].answer == "Too late."
    assert delivered(talks.workspace) == []


def test_one_that_was_approved_is_not_carried_out_a_day_later(
    talks: Talks, held: HeldClock
) -> None:
    calls = [call("deliver_file", path="a.md"), call("deliver_file", path="a.md")]
    talks.workspace.script(
        [turn(call("write_file", path="a.md", content="A"), *calls), turn(text="Old.")]
    )

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            said = await talks.decide(await talks.begin("Deliver twice"), "once")
            held.advance(hours=25)
            return await talks.say(said.chat.id, "Well?")

    said = asyncio.run(talk())
    assert {each.state for each in chats.list_approvals(talks.home, OWNER)} == {"expired"}
    assert (said.turns[-1].answer, delivered(talks.workspace)) == ("Old.", [])


def test_an_approval_waits_across_restarts(talks: Talks) -> None:
    talks.workspace.script([DELIVERY, turn(text="There it is.")])

    async def ask() -> chats.Dialogue:
        async with working(talks.workspace):
            return await talks.begin("Deliver")

    async def go_on(chat: str) -> chats.Dialogue:
        async with working(talks.workspace):
            return await talks.settled(chat)

    said = asyncio.run(ask())
    chats.decide(talks.home, OWNER, said.pending[0].id, "once")  # while nothing runs
    said = asyncio.run(go_on(said.chat.id))
    assert (said.turns[-1].answer, delivered(talks.workspace)) == ("There it is.", ["a.md"])


def test_one_approval_of_an_agent_that_was_changed_meanwhile_is_void(talks: Talks) -> None:
    talks.workspace.script([DELIVERY, turn(text="Gone.", expect=["has been changed"])])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            said = await talks.begin("Deliver")
            talks.workspace.write("agents/helper.md", HELPER.replace("deliver_file, ", ""))
            return await talks.decide(said, "once")

    assert asyncio.run(talk()).turns[-1].answer == "Gone."
    assert delivered(talks.workspace) == []


def test_agents_that_are_called_in_a_chat_only_read(talks: Talks) -> None:
    talks.workspace.write("agents/helper.md", HELPER.replace("ask-human", "'agent:other'"))
    talks.workspace.write("agents/other.md", HELPER)
    script = {
        "helper": [turn(call("other", message="Deliver")), turn(text="It could not.")],
        "other": [
            turn(call("write_file", path="a.md", content="A"), call("deliver_file", path="a.md")),
            turn(call("report", summary="No."), expect=["Unknown tool"]),
        ],
    }
    talks.workspace.write("script.yaml", json.dumps({"agents": script}))

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            return await talks.begin("Let it be delivered")

    assert asyncio.run(talk()).turns[0].answer == "It could not."
    assert (delivered(talks.workspace), talks.effects()) == ([], [])


def test_chats_are_the_same_on_postgresql(postgresql: str) -> None:
    with temporary_workspace(FILES, **SETTINGS, database_url=postgresql) as workspace:
        talks = Talks(workspace)
        workspace.script([DELIVERY, turn(text="Done.")])

        async def talk() -> chats.Dialogue:
            async with working(workspace) as holder:
                said = await talks.decide(await talks.begin("Deliver"), "chat")
                other = chats.branch(talks.home, OWNER, said.chat.id, 1, "Deliver that")
                await talks.settled(other.chat.id)
                first, second = chats.list_chats(talks.home, OWNER)
                assert chats.list_chats(talks.home, OWNER, after=first.key) == [second]
                chats.delete_chat(talks.home, OWNER, other.chat.id)
                await asyncio.to_thread(lambda: list(holder.upkeep.prune(clock.now())))
                return talks.read(said.chat.id)

        said = asyncio.run(talk())
        assert [each.outcome for each in said.turns] == ["awaiting_approval", "answered"]
        assert delivered(workspace) == ["a.md"]


# Kills


CHOSEN = ("approvals", "outbox", "before the act", "before the receipt")
"""What is new about these turns; the other moments are those of any run."""


@pytest.mark.timeout(300)  # dozens of processes, one after the other
def test_a_kill_between_decision_and_effect_neither_loses_nor_doubles_it() -> None:
    with temporary_workspace(FILES, **SETTINGS) as workspace:
        workspace.sync()
        talks = Talks(workspace)
        lines = turn(
            call("write_file", path=LINES, content="x"),
            call("deliver_file", path=LINES),
        )
        workspace.script([lines, turn(text="Done.")])
        moments = _decide_in_child(talks)
        assert len(moments) >= 8
        for moment in moments:
            said = _decide_and_die(talks, moment)
            effects = [each for each in talks.effects() if each.run_id == said.turns[-1].run_id]
            assert said.turns[-1].outcome == "answered", moment
            assert [each.state for each in effects] in (["sent"], ["uncertain"]), moment
        assert _most_lines(workspace) == 1


def _asking(talks: Talks) -> chats.Dialogue:
    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            return await talks.begin("Deliver")

    return asyncio.run(talk())


def _decide_in_child(talks: Talks) -> list[Moment]:
    """The moments that a process passes from the decision on to the end of the turn."""
    said = _asking(talks)
    assert bear(Order(str(talks.workspace.path), approvals=(said.pending[0].id,))) == 0
    lines = (talks.workspace.path / LOG).read_text().splitlines()
    [reached] = [told["reached"] for told in map(json.loads, lines) if "reached" in told]
    return [
        (name, number)
        for name, times in reached.items()
        if any(word in name for word in CHOSEN)
        for number in range(1, times + 1)
    ]


def _decide_and_die(talks: Talks, moment: Moment) -> chats.Dialogue:
    said = _asking(talks)
    [approval] = said.pending
    path = str(talks.workspace.path)
    assert bear(Order(path, approvals=(approval.id,), moment=moment)) == -SIGKILL
    if chats.find_approval(talks.home, OWNER, approval.id).state == "pending":
        chats.decide(talks.home, OWNER, approval.id, "once")  # it was killed before
    assert bear(Order(path)) == 0
    return talks.read(said.chat.id)


def _most_lines(workspace: Workspace) -> int:
    """How often the effect of one call has happened at most."""
    lines = (workspace.path / LINES).read_text().splitlines()
    return max(lines.count(line) for line in lines)


# Apart from background runs


def test_a_chat_is_not_held_up_by_its_agents_run_and_holds_up_none(talks: Talks) -> None:
    talks.workspace.script([turn(sleep=60)], name="slow.yaml")
    talks.workspace.script([turn(text="Here.")])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace) as holder:
            slow = f"scripted:{talks.workspace.path / 'slow.yaml'}"
            run = request_run(
                talks.workspace.settings, talks.workspace.engine, "helper", model=slow
            )
            holder.woken.set()
            await until(lambda: get_run(talks.workspace.engine, run.id).status == "running")
            said = await talks.begin("Are you there?")
            assert get_run(talks.workspace.engine, run.id).status == "running"
            return said

    assert asyncio.run(talk()).turns[0].answer == "Here."


def test_turns_are_no_history_of_the_agent(talks: Talks) -> None:
    talks.workspace.script([turn(error="broken")])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            return await talks.begin("Hello")

    said = asyncio.run(talk())
    engine = talks.workspace.engine
    assert list_runs(engine) == []
    assert list_records(engine) == {}
    assert list_notices(engine) == []
    run = get_run(engine, said.turns[0].run_id or "")
    assert (run.trigger, run.viewer, run.chat) == ("chat", "owner", said.chat.id)


def test_a_chat_is_no_run_since_which_something_is_new(talks: Talks) -> None:
    talks.workspace.script([turn(text="Hello.")])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            return await talks.begin("Hello")

    asyncio.run(talk())
    run = request_run(talks.workspace.settings, talks.workspace.engine, "helper")
    assert find_watermark(talks.workspace.engine, run.agent) is None


def test_three_turns_of_a_person_are_under_way_at_once(talks: Talks) -> None:
    talks.workspace.script([turn(text="Hello.", sleep=60)])

    async def talk() -> list[str]:
        async with working(talks.workspace) as holder:
            for _ in range(4):
                chats.begin_chat(talks.home, OWNER, "helper", "Hello")
            await until(lambda: len(holder.worker.interruptible) == 3)
            with talks.workspace.engine.connect() as connection:
                found = sa.select(runs.c.id).where(runs.c.admitted_at.is_(None))
                return list(connection.scalars(found))

    assert len(asyncio.run(talk())) == 1


def test_old_chats_are_pruned_with_all_they_hold(talks: Talks) -> None:
    talks.workspace.script([DELIVERY])

    async def talk() -> chats.Dialogue:
        async with working(talks.workspace):
            return await talks.begin("Deliver")

    said = asyncio.run(talk())
    upkeep = Upkeep(talks.workspace.settings, talks.workspace.engine, lambda _ids: None)
    assert sum(upkeep.prune(clock.now() + timedelta(days=89))) == 0
    assert talks.read(said.chat.id).turns
    assert sum(upkeep.prune(clock.now() + timedelta(days=91))) > 0
    with talks.workspace.engine.connect() as connection:
        for table in (runs, turns, approvals, contents):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


# Several people


@pytest.fixture
def team() -> Iterator[Team]:
    with made_team() as made:
        made.document("anns.md", "A lantern: ann's.", Access(users=[ANN]))
        made.document("bos.md", "A lantern: bo's.", Access(users=[BO]))
        made.document("everybodys.md", "A lantern: everybody's.", Access(public=True))
        yield made


def seen(team: Team, user: str, agent: str) -> set[str]:
    team.workspace.script([turn(call("list_documents")), turn(text="Seen.")])
    talks = Talks(team.workspace, Caller(user, admin=user == ROOT))

    async def talk() -> chats.Dialogue:
        async with working(team.workspace):
            return await talks.begin("What is there?", agent)

    results = talks.results(asyncio.run(talk()))
    return {name for name in ("anns", "bos", "everybodys") if f"{name}.md" in results}


SCRIPTED = "model: scripted:script.yaml"


def test_a_chat_sees_what_its_viewer_may_see_whosever_the_agent_is(team: Team) -> None:
    census = team.agent(ROOT, "census", org=True, head=f"{SCRIPTED}\nactions: [list_documents]")
    assert seen(team, ANN, census) == {"anns", "everybodys"}
    assert seen(team, BO, census) == {"bos", "everybodys"}
    assert seen(team, ROOT, census) == {"everybodys"}


def test_the_agents_sources_narrow_it_further(team: Team) -> None:
    head = f"{SCRIPTED}\nsources: []\nactions: [list_documents]"
    assert seen(team, ANN, team.agent(ROOT, "blind", org=True, head=head)) == set()


def test_a_deactivated_persons_turns_end_and_none_begins(team: Team) -> None:
    census = team.agent(ROOT, "census", org=True, head=f"{SCRIPTED}\nactions: [list_documents]")
    team.workspace.script([turn(text="Hello.", sleep=60)])
    talks = Talks(team.workspace, Caller(ANN, admin=False))

    async def talk() -> chats.Dialogue:
        async with working(team.workspace) as holder:
            begun = chats.begin_chat(talks.home, talks.caller, census, "Hello")
            await until(lambda: holder.worker.prepared)
            accounts.deactivate(team.workspace.engine, ANN, by=ROOT)
            holder.woken.set()
            return await talks.settled(begun.chat.id)

    assert asyncio.run(talk()).turns[0].outcome == "cancelled"
    assert team.browser(ANN).get("/api/v1/chats").status_code == 401
