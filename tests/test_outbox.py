"""Effects: as often as they were meant, whenever the process dies, or known to be uncertain."""

import asyncio
import hashlib
import itertools
import json
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from mortal import LINES, MOMENTS, Line, Order, bear, perform_watched
from processes import lamplighter

from lamplighter import clock
from lamplighter.definitions.effects import Verdict
from lamplighter.engine.manual import request_run
from lamplighter.errors import Conflict, ToolFailed
from lamplighter.outbox import Outbox
from lamplighter.store.database import lasting, reading
from lamplighter.store.notices import list_notices
from lamplighter.store.outbox import (
    Entry,
    Quota,
    find_entry,
    list_entries,
    settle,
)
from lamplighter.store.runs import Run, finish_run, get_run, list_runs, request_cancel, start_run
from lamplighter.store.tables import contents
from lamplighter.testing import HeldClock, Workspace, call, temporary_workspace, turn
from lamplighter.tools import delivery
from lamplighter.tools.files import RunFiles

WRITE = turn(call("write_file", path="digest.md", content="# Dusk"))
DELIVER = turn(call("deliver_file", path="digest.md"))
REPORT = turn(call("report", summary="All is well."))
CALL = "2:call_1"
WORKER = "worker"
UNCLEAR = ("before the act", "before the receipt")


@pytest.fixture
def box(workspace: Workspace) -> Outbox:
    """The outbox of a run of its own."""
    return new_box(workspace)


def new_box(workspace: Workspace) -> Outbox:
    run = request_run(workspace.settings, workspace.engine, "digest")
    with workspace.engine.begin() as connection:
        start_run(connection, run.id, WORKER, clock.now())
    return Outbox(workspace.engine, run.id, WORKER, "digest")


def only_entry(workspace: Workspace) -> Entry:
    [entry] = list_entries(workspace.engine)
    return entry


def effects(workspace: Workspace, run: Run) -> list[dict[str, Any]]:
    return [event.data for event in workspace.events(run) if event.kind == "effect"]


def delivered(workspace: Workspace, run: Run) -> Path:
    return workspace.path / "delivered" / "digest" / run.id / "digest.md"


# --- Processes that are really killed ---


def start_and_be_killed(workspace: Workspace, path: str, moment: str) -> Run:
    """A run whose process was killed at that moment of its delivery."""
    model = workspace.script([WRITE, turn(call("deliver_file", path=path)), REPORT])
    order = Order(str(workspace.path), ("digest",), model, (moment, 1))
    assert bear(order) == -signal.SIGKILL
    [run] = list_runs(workspace.engine)
    assert run.status == "running"
    return run


def go_on(workspace: Workspace, run: Run) -> Run:
    """The run after the restart, at its end."""
    assert bear(Order(str(workspace.path))) == 0
    return get_run(workspace.engine, run.id)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_file_delivery_is_finished_with_the_bytes_that_were_meant(
    workspace: Workspace, moment: str
) -> None:
    run = start_and_be_killed(workspace, "digest.md", moment)
    run = go_on(workspace, run)
    meant = "# Dusk"
    assert (run.outcome, run.tool_calls) == ("reported", 2)
    assert delivered(workspace, run).read_text() == meant
    entry = only_entry(workspace)
    assert (entry.state, entry.kind, entry.error) == ("sent", "file", None)
    assert entry.receipt == {
        "path": str(delivered(workspace, run).relative_to(workspace.path)),
        "sha256": hashlib.sha256(meant.encode()).hexdigest(),
        "size_bytes": len(meant),
    }
    assert [told["state"] for told in effects(workspace, run)] == ["sent"]


@pytest.mark.parametrize(
    ("moment", "state", "lines"),
    [
        ("before the intent", "sent", 1),
        ("before the act", "uncertain", 0),
        ("before the receipt", "uncertain", 1),
        ("before the checkpoint", "sent", 1),
    ],
)
def test_what_must_not_be_repeated_happens_once_or_is_uncertain(
    workspace: Workspace, moment: str, state: str, lines: int
) -> None:
    run = start_and_be_killed(workspace, LINES, moment)
    run = go_on(workspace, run)
    assert count_lines(Line(workspace.path / LINES)) == lines
    assert only_entry(workspace).state == state
    [told] = effects(workspace, run)
    assert (told["state"], told["effect"], told["destination"]) == (state, "line", LINES)
    result = [e.data for e in workspace.events(run) if e.kind == "tool_result"][-1]
    assert ("It is uncertain" in result.get("error", "")) == (state == "uncertain")
    assert (run.outcome, run.tool_calls) == ("reported", 2)
    notices = list_notices(workspace.engine)
    assert [notice.kind for notice in notices] == ["uncertain"] * (state == "uncertain")


def test_an_intent_that_its_run_does_not_come_back_to_is_uncertain(workspace: Workspace) -> None:
    run = start_and_be_killed(workspace, "digest.md", "before the act")
    with workspace.engine.begin() as connection:
        request_cancel(connection, run.id, clock.now())
    run = go_on(workspace, run)
    assert run.outcome == "cancelled"
    assert not delivered(workspace, run).exists()
    assert only_entry(workspace).state == "uncertain"
    assert [told["state"] for told in effects(workspace, run)] == ["uncertain"]
    assert [event.kind for event in workspace.events(run)][-2:] == ["effect", "finished"]
    [notice] = list_notices(workspace.engine)
    assert f"outbox show {only_entry(workspace).id}" in notice.message


# --- The rule, in every order of crashes ---


class Crashed(Exception):
    pass


def perform_through(box: Outbox, effect: Line, crashes: Sequence[str]) -> Entry:
    """The effect in the end, where each attempt but the last crashes at its moment."""
    key = effect.file.name
    for moment in [*crashes, None]:

        def reach(reached: str, moment: str | None = moment) -> None:
            if reached == moment:
                raise Crashed

        with suppress(Crashed):
            asyncio.run(perform_watched(box, key, effect, reach))
    entry = find_entry(box.engine, box.run_id, key)
    assert entry is not None
    return entry


def count_lines(effect: Line) -> int:
    return len(effect.file.read_text().splitlines()) if effect.file.exists() else 0


@dataclass(frozen=True)
class HarmlessLine(Line):
    deduplicates = True


def check_orders_of_crashes(box: Outbox, folder: Path, at_most: int) -> None:
    """Each order of crashes, on an effect that must not be repeated."""
    lengths = range(at_most + 1)
    orders = [c for length in lengths for c in itertools.product(MOMENTS, repeat=length)]
    for number, crashes in enumerate(orders):
        effect = Line(folder / str(number))
        entry = perform_through(box, effect, crashes)
        begun = [moment for moment in crashes if moment != "before the intent"]
        unclear = bool(begun) and begun[0] in UNCLEAR
        assert entry.state == ("uncertain" if unclear else "sent"), crashes
        assert count_lines(effect) <= 1, crashes
        assert count_lines(effect) == 1 or unclear, crashes


def test_no_order_of_crashes_repeats_an_effect(workspace: Workspace, box: Outbox) -> None:
    check_orders_of_crashes(box, workspace.path, at_most=3)


def test_in_any_order_of_crashes_a_harmless_effect_is_finished(
    workspace: Workspace, box: Outbox
) -> None:
    for number, crashes in enumerate(itertools.product(MOMENTS, repeat=2)):
        effect = HarmlessLine(workspace.path / str(number))
        assert perform_through(box, effect, crashes).state == "sent", crashes
        assert count_lines(effect) >= 1, crashes


# --- Failures ---


@dataclass(frozen=True)
class Refused(Line):
    deduplicates = True

    async def act(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        raise ToolFailed("nobody home")


def test_what_certainly_has_not_happened_is_failed_and_may_be_tried_by_a_new_call(
    workspace: Workspace, box: Outbox
) -> None:
    refused = Refused(workspace.path / LINES)
    outcome = asyncio.run(box.perform(CALL, refused))
    assert (outcome.entry.state, outcome.answer["error"]) == ("failed", "nobody home")
    works = Line(workspace.path / LINES)
    again = asyncio.run(box.perform(CALL, works))
    assert again.entry == outcome.entry
    other = asyncio.run(box.perform("3:call_1", works))
    assert (other.entry.state, other.answer["result"]) == ("sent", "Appended.")


def test_failing_again_says_nothing_of_the_attempt_that_was_interrupted(
    workspace: Workspace, box: Outbox
) -> None:
    harmless = HarmlessLine(workspace.path / LINES)

    def crash(moment: str) -> None:
        if moment == "before the receipt":
            raise Crashed

    with pytest.raises(Crashed):
        asyncio.run(perform_watched(box, CALL, harmless, crash))
    refused = Refused(workspace.path / LINES)
    outcome = asyncio.run(box.perform(CALL, refused))
    assert (outcome.entry.state, outcome.entry.error) == ("uncertain", "nobody home")


def test_what_makes_no_sense_is_not_intended(workspace: Workspace) -> None:
    run = workspace.run("digest", [DELIVER, turn(*REPORT["calls"], expect=["No such file"])])
    assert run.outcome == "error"
    assert list_entries(workspace.engine) == []


def test_a_delivery_that_cannot_be_made_is_failed_and_the_model_is_told(
    workspace: Workspace,
) -> None:
    workspace.write("delivered", "a file where the folder belongs")
    run = workspace.run(
        "digest", [WRITE, DELIVER, turn(*REPORT["calls"], expect=["cannot write digest.md"])]
    )
    assert run.outcome == "reported"
    assert only_entry(workspace).state == "failed"
    assert [told["state"] for told in effects(workspace, run)] == ["failed"]


def test_an_unforeseen_error_ends_the_run_and_leaves_the_effect_uncertain(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(delivery.FileDelivery):
        async def act(self, payload: Mapping[str, Any]) -> dict[str, Any]:
            raise ValueError("who knows")

    monkeypatch.setattr(delivery, "FileDelivery", Broken)
    run = workspace.run("digest", [WRITE, DELIVER, REPORT])
    assert (run.outcome, run.error) == ("error", "who knows")
    assert only_entry(workspace).state == "uncertain"


def test_content_that_was_damaged_is_not_delivered(workspace: Workspace, box: Outbox) -> None:
    files = RunFiles(workspace.engine, box.run_id, 1000)
    files.write_bytes("a.md", b"meant")
    place = delivery.Delivery(workspace.path, "digest", box.run_id)
    effect = delivery.FileDelivery(files, place, "a.md")
    payload = effect.prepare()
    with workspace.engine.begin() as connection:
        connection.execute(contents.update().values(content=b"other"))
    with pytest.raises(ToolFailed, match="damaged"):
        asyncio.run(effect.act(payload))


# --- The table ---


def test_a_late_receipt_ends_a_doubt_and_nothing_ends_a_receipt(
    workspace: Workspace, box: Outbox
) -> None:
    line, engine = Line(workspace.path / LINES), workspace.engine
    with pytest.raises(Crashed):
        asyncio.run(perform_watched(box, CALL, line, _crash_before_act))
    [doubted] = box.give_up()
    assert doubted.state == "uncertain"
    assert box.give_up() == [doubted]
    sent = settle(engine, doubted.id, "sent", receipt={"id": 7})
    assert (sent.state, sent.receipt, sent.error) == ("sent", {"id": 7}, None)
    assert settle(engine, doubted.id, "failed", error="no") == sent
    assert box.give_up() == []


def _crash_before_act(moment: str) -> None:
    if moment == "before the act":
        raise Crashed


def check_race(box: Outbox, folder: Path) -> None:
    """Many that want to perform the same call at the same time."""
    line = Line(folder / LINES)

    async def race() -> None:
        await asyncio.gather(*[box.perform(CALL, line) for _ in range(8)])

    asyncio.run(race())
    assert count_lines(line) == 1
    entry = find_entry(box.engine, box.run_id, CALL)
    assert entry is not None
    assert entry.state == "sent"


def test_of_many_that_race_for_one_call_only_one_acts(workspace: Workspace, box: Outbox) -> None:
    check_race(box, workspace.path)


def check_quota(workspace: Workspace) -> None:
    """Many effects at the same time, of two runs one after the other, with a quota."""
    quota = Quota(per_run=3, per_day=5)

    async def race(box: Outbox) -> list[object]:
        lines = [Line(workspace.path / f"{box.run_id}-{number}") for number in range(8)]
        work = [box.perform(line.file.name, line, quota=quota) for line in lines]
        return await asyncio.gather(*work, return_exceptions=True)

    first = new_box(workspace)
    refused = [each for each in asyncio.run(race(first)) if isinstance(each, ToolFailed)]
    assert [str(each) for each in refused] == ["this run has had all the 3 that it may: line"] * 5
    with workspace.engine.begin() as connection:
        request_cancel(connection, first.run_id, clock.now())
        finish_run(connection, first.run_id, WORKER, status="cancelled")
    refused = [
        each for each in asyncio.run(race(new_box(workspace))) if isinstance(each, ToolFailed)
    ]
    assert [str(each) for each in refused] == ["digest has had all the 5 of a day: line"] * 6
    assert [entry.state for entry in list_entries(workspace.engine)] == ["sent"] * 5


def test_however_many_race_a_quota_holds(workspace: Workspace) -> None:
    check_quota(workspace)


def test_a_day_is_over_after_24_hours_and_what_did_not_happen_does_not_count(
    workspace: Workspace, held: HeldClock
) -> None:
    box, quota = new_box(workspace), Quota(per_run=9, per_day=1)
    asyncio.run(box.perform("1:a", Refused(workspace.path / "a"), quota=quota))
    asyncio.run(box.perform("1:b", Line(workspace.path / "b"), quota=quota))
    held.advance(hours=23, minutes=59)
    with pytest.raises(ToolFailed, match="of a day"):
        asyncio.run(box.perform("1:c", Line(workspace.path / "c"), quota=quota))
    held.advance(minutes=1)
    asyncio.run(box.perform("1:d", Line(workspace.path / "d"), quota=quota))
    states = [(entry.call, entry.state) for entry in list_entries(workspace.engine)]
    assert sorted(states) == [("1:a", "failed"), ("1:b", "sent"), ("1:d", "sent")]


def test_what_was_interrupted_long_ago_is_not_repeated_even_if_it_was_harmless(
    workspace: Workspace, box: Outbox, held: HeldClock
) -> None:
    for hours, state in ((11, "sent"), (13, "uncertain")):
        harmless = HarmlessLine(workspace.path / str(hours))
        with pytest.raises(Crashed):
            asyncio.run(perform_watched(box, str(hours), harmless, _crash_before_act))
        held.advance(hours=hours)
        assert asyncio.run(box.perform(str(hours), harmless)).entry.state == state


def test_what_a_policy_refuses_is_recorded_with_the_reason(
    workspace: Workspace, box: Outbox
) -> None:
    strict = replace(box, policy=lambda _effect, _payload: Verdict("refuse", "it is late"))
    line = Line(workspace.path / LINES)
    outcome = asyncio.run(strict.perform(CALL, line))
    assert outcome.answer["error"] == "Refused: it is late. It has not happened."
    assert (outcome.entry.state, outcome.entry.reason) == ("refused", "it is late")
    # Judged once: what another policy would say later does not matter.
    again = asyncio.run(box.perform(CALL, line))
    assert (again.entry.id, again.entry.state) == (outcome.entry.id, "refused")
    assert not line.file.exists()


def test_the_rule_holds_on_postgresql_too(postgresql: str) -> None:
    files = {"agents/digest.md": "Write a digest."}
    with temporary_workspace(files, database_url=postgresql) as workspace:
        box = new_box(workspace)
        check_race(box, workspace.path)
        check_orders_of_crashes(box, workspace.path, at_most=2)


def test_a_quota_holds_on_postgresql_too(postgresql: str) -> None:
    files = {"agents/digest.md": "Write a digest."}
    with temporary_workspace(files, database_url=postgresql) as workspace:
        check_quota(workspace)


def test_a_process_that_lost_the_run_intends_nothing_and_gives_nothing_up(
    workspace: Workspace, box: Outbox
) -> None:
    line = Line(workspace.path / LINES)
    lost = replace(box, worker="another")
    with pytest.raises(Conflict, match="another process"):
        asyncio.run(lost.perform(CALL, line))
    assert not line.file.exists()
    with pytest.raises(Crashed):
        asyncio.run(perform_watched(box, CALL, line, _crash_before_act))
    assert [entry.state for entry in lost.give_up()] == ["intended"]
    assert only_entry(workspace).state == "intended"


def test_a_lasting_transaction_syncs_and_the_next_one_on_its_connection_does_not(
    workspace: Workspace,
) -> None:
    with lasting(workspace.engine) as connection:
        driver = connection.connection.driver_connection
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    with pytest.raises(Crashed), lasting(workspace.engine):
        raise Crashed
    with reading(workspace.engine) as connection:
        assert connection.connection.driver_connection is driver
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1


# --- What people see ---


def test_the_outbox_is_listed_shown_and_part_of_its_run(workspace: Workspace) -> None:
    run = workspace.run("digest", [WRITE, DELIVER, REPORT])
    listed = lamplighter(workspace, "outbox", "list", "--run", run.id, "--state", "sent", "--json")
    [entry] = json.loads(listed.stdout)
    assert (entry["run_id"], entry["kind"], entry["state"]) == (run.id, "file", "sent")
    path = str(delivered(workspace, run).relative_to(workspace.path))
    shown = lamplighter(workspace, "outbox", "show", entry["id"][-8:].lower())
    assert path in shown.stdout
    assert hashlib.sha256(b"# Dusk").hexdigest() in shown.stdout
    of_run = lamplighter(workspace, "run", "show", "last", "--events")
    assert f"✓ sent: file to {path}" in of_run.stdout.splitlines()[-1]
    as_json = json.loads(lamplighter(workspace, "run", "show", "last", "--json").stdout)
    assert [effect["id"] for effect in as_json["effects"]] == [entry["id"]]
    table = lamplighter(workspace, "outbox", "list")
    assert entry["id"] in table.stdout


def test_an_empty_outbox_a_wrong_state_and_an_unknown_effect_are_named(
    workspace: Workspace,
) -> None:
    assert "Nothing in the outbox" in lamplighter(workspace, "outbox", "list").stdout
    wrong = lamplighter(workspace, "outbox", "list", "--state", "gone")
    assert wrong.returncode == 2
    assert "uncertain" in wrong.stderr
    assert lamplighter(workspace, "outbox", "show", "NOSUCH").returncode == 5
