"""A run's steps are kept once they are finished; what must not stand in its record does not."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
import sqlalchemy as sa

from lamplighter import clock
from lamplighter.engine.manual import request_run
from lamplighter.engine.record import RecordWriter, RunJournal, redact, redact_data
from lamplighter.errors import Conflict
from lamplighter.store.events import written_keys
from lamplighter.store.runs import start_run
from lamplighter.store.steps import kept_steps
from lamplighter.testing import Workspace, temporary_workspace

HERE, ELSEWHERE = "this worker", "another worker"


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with temporary_workspace({"agents/a.md": "Go.", "agents/b.md": "Go."}) as made:
        yield made


def begin(workspace: Workspace, agent: str, worker: str = HERE) -> str:
    """The id of a run that a worker has begun."""
    run = request_run(workspace.settings, workspace.engine, agent)
    with workspace.engine.begin() as connection:
        return start_run(connection, run.id, worker, clock.now()).id


def attempt(
    workspace: Workspace, run_id: str, body: Callable[[RunJournal], Awaitable[None]]
) -> None:
    """Go on with a run where earlier attempts have ended."""

    async def go_on() -> None:
        writer = RecordWriter(workspace.engine, HERE)
        with workspace.engine.begin() as connection:
            written, kept = written_keys(connection, run_id), kept_steps(connection, run_id)
        await body(RunJournal(run_id, writer, written, kept))
        await writer.flush()

    asyncio.run(go_on())


async def three() -> int:
    return 3


async def unexpected() -> int:
    raise AssertionError("this step was finished before")


def test_a_finished_step_is_not_taken_again(workspace: Workspace) -> None:
    run_id = begin(workspace, "a")

    async def first(journal: RunJournal) -> None:
        assert await journal.step("count", three) == 3

    async def second(journal: RunJournal) -> None:
        assert await journal.step("count", unexpected) == 3
        assert await journal.step("count", three) == 3

    attempt(workspace, run_id, first)
    attempt(workspace, run_id, second)
    with workspace.engine.begin() as connection:
        assert list(kept_steps(connection, run_id)) == [1, 2]


def test_another_step_than_the_kept_one_is_an_error(workspace: Workspace) -> None:
    run_id = begin(workspace, "a")

    async def first(journal: RunJournal) -> None:
        await journal.step("count", three)

    async def second(journal: RunJournal) -> None:
        with pytest.raises(Conflict, match=r"step 1 .* was 'count', now it is 'ask'"):
            await journal.step("ask", three)

    attempt(workspace, run_id, first)
    attempt(workspace, run_id, second)


def test_steps_that_a_release_adds_are_not_for_runs_that_have_gone_past_them(
    workspace: Workspace,
) -> None:
    old, new = begin(workspace, "a"), begin(workspace, "b")

    async def before(journal: RunJournal) -> None:
        await journal.step("count", three)

    async def not_patched(journal: RunJournal) -> None:
        assert not await journal.patched("more")
        assert await journal.step("count", unexpected) == 3

    async def patched(journal: RunJournal) -> None:
        assert await journal.patched("more")
        assert await journal.step("count", three) == 3

    attempt(workspace, old, before)
    attempt(workspace, old, not_patched)
    attempt(workspace, new, patched)
    attempt(workspace, new, patched)
    with workspace.engine.begin() as connection:
        names = [step.name for step in kept_steps(connection, new).values()]
    assert names == ["patch:more", "count"]


def test_nothing_is_written_to_a_run_that_another_worker_has(workspace: Workspace) -> None:
    taken = begin(workspace, "a", ELSEWHERE)

    async def speak(journal: RunJournal) -> None:
        journal.event("said", "message", {})
        with pytest.raises(Conflict, match="another process"):
            await journal.step("count", three)

    attempt(workspace, taken, speak)
    with workspace.engine.begin() as connection:
        assert not written_keys(connection, taken)
        assert not kept_steps(connection, taken)


def test_what_cannot_be_written_of_one_run_keeps_no_other_from_writing(
    workspace: Workspace,
) -> None:
    sound, broken = begin(workspace, "a"), begin(workspace, "b")

    def fail(connection: sa.Connection) -> None:
        connection.exec_driver_sql("INSERT INTO events (run_id) VALUES ('nobody')")

    async def both(journal: RunJournal) -> None:
        failing = RunJournal(broken, journal.writer, set()).change(fail)
        assert await journal.step("count", three) == 3
        with pytest.raises(sa.exc.IntegrityError):
            await failing

    attempt(workspace, sound, both)
    with workspace.engine.begin() as connection:
        assert list(kept_steps(connection, sound)) == [1]


@pytest.mark.parametrize("secret", ["plain-secret", 'with"quotes"', "back\\slash", "ключ-секрет"])
def test_a_secret_is_hidden_wherever_it_stands_in_an_event(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", secret)
    data = {"arguments": {"list": [f"it is {secret}.", 1, None]}, f"key {secret}": True}
    hidden = {
        "arguments": {"list": ["it is [MAIL_PASSWORD].", 1, None]},
        "key [MAIL_PASSWORD]": True,
    }
    assert redact_data(data) == hidden
    assert redact(secret) == "[MAIL_PASSWORD]"


def test_short_values_are_ordinary_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "lamp")
    assert redact("the lamp is lit") == "the lamp is lit"
