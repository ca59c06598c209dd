"""A busy model is asked again, within bounds; one that refuses is not."""

import asyncio

import pytest
from processes import ended_run, lamplighter, newest_run, script, serving, wait_until
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelServerError,
)

from lamplighter.cli.timeline import describe_event
from lamplighter.errors import InvalidSettings
from lamplighter.models.retry import Patience, ask_patiently, may_pass
from lamplighter.testing import Workspace, call, temporary_workspace, turn
from lamplighter.workspace import load_settings

REPORT = call("report", summary="All is well.")
QUICK = {"run_backoff_seconds": (0.0,)}


def http(category: type | None, status: int, **more: object) -> ModelAPIError:
    return ModelHTTPError.for_category(category, status_code=status, model_name="m", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        http(ModelRateLimitError, 429),
        http(ModelOverloadedError, 529),
        http(ModelServerError, 502),
        http(None, 503),
        ModelConnectionError("m", "reset"),
        ModelRequestTimeout("m", 5),
    ],
)
def test_what_may_pass(error: ModelAPIError) -> None:
    assert may_pass(error)


@pytest.mark.parametrize(
    "error",
    [
        http(ModelAuthenticationError, 401),
        http(ModelRequestRejectedError, 400),
        http(ModelQuotaExceededError, 429),
        http(None, 404),
        http(ModelServerError, 500, headers={"x-should-retry": "false"}),
        http(ModelRateLimitError, 429, headers={"retry-after": "86400"}),
        ModelAPIError("m", "no JSON"),
    ],
)
def test_what_does_not(error: ModelAPIError) -> None:
    assert not may_pass(error)


def test_waits_follow_the_list_and_the_providers_wish() -> None:
    errors = [
        ModelConnectionError("m", "one"),
        ModelOverloadedError("m", "two", retry_after=0.01),
        ModelConnectionError("m", "three"),
    ]
    told: list[tuple[int, float, str]] = []

    async def ask() -> str:
        if errors:
            raise errors.pop(0)
        return "answer"

    patience = Patience(4, (0.001, 0.002))
    answer = asyncio.run(ask_patiently(ask, patience, lambda *what: told.append(what)))
    assert answer == "answer"
    assert told == [(2, 0.001, "one"), (3, 0.01, "two"), (4, 0.002, "three")]


def test_a_busy_model_is_asked_again_and_the_record_says_so() -> None:
    with temporary_workspace({"agents/a.md": "Go."}, **QUICK) as workspace:
        run = workspace.run("a", [turn(REPORT, overloaded=2)])
        retries = [event for event in workspace.events(run) if event.kind == "retry"]
    assert (run.status, run.requests) == ("completed", 1)
    assert [event.data["attempt"] for event in retries] == [2, 3]
    assert "↻ attempt 2 in 0 s: the script says" in describe_event(retries[0])


def test_after_the_last_attempt_the_run_fails() -> None:
    with temporary_workspace({"agents/a.md": "Go."}, **QUICK) as workspace:
        run = workspace.run("a", [turn(REPORT, overloaded=3)])
        kinds = [event.kind for event in workspace.events(run)]
    assert (run.status, run.outcome) == ("failed", "error")
    assert "overloaded" in (run.summary or "")
    assert kinds.count("retry") == 2


def test_other_errors_of_a_model_end_the_run_at_once() -> None:
    with temporary_workspace({"agents/a.md": "Go."}, **QUICK) as workspace:
        for turns in ([turn(error="no key")], [turn(REPORT, expect=["something else"])]):
            run = workspace.run("a", turns)
            assert run.outcome == "error"
            assert "retry" not in [event.kind for event in workspace.events(run)]


def waiting(workspace: Workspace) -> str:
    """The newest run's id, once it waits to ask again."""

    def read() -> str | None:
        run = newest_run(workspace)
        kinds = [event.kind for event in workspace.events(run)] if run else []
        return run.id if run and "retry" in kinds else None

    return wait_until(read, "a retry")


def test_a_wait_ends_at_once_when_the_run_is_cancelled(workspace: Workspace) -> None:
    workspace.write("busy.yaml", script(turn(REPORT, overloaded=9)))
    workspace.write("agents/digest.md", "---\nmodel: scripted:busy.yaml\n---\nGo.")

    with serving(workspace, AGENT_RUN_BACKOFF_SECONDS="1000"):
        lamplighter(workspace, "run", "start", "digest")
        lamplighter(workspace, "run", "cancel", waiting(workspace))
        assert ended_run(workspace, "digest").outcome == "cancelled"


def test_a_restart_during_a_wait_goes_on_with_the_request(workspace: Workspace) -> None:
    workspace.write("busy.yaml", script(turn(REPORT, overloaded=9)))
    workspace.write("agents/digest.md", "---\nmodel: scripted:busy.yaml\n---\nGo.")

    with serving(workspace, AGENT_RUN_BACKOFF_SECONDS="1000") as server:
        lamplighter(workspace, "run", "start", "digest")
        waiting(workspace)
        server.kill()
    workspace.write("busy.yaml", script(turn(REPORT, overloaded=1)))
    with serving(workspace, AGENT_RUN_BACKOFF_SECONDS="0"):
        run = ended_run(workspace, "digest")
    events = workspace.events(run)
    assert run.status == "completed"
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


def test_the_waits_are_a_list_in_the_environment_and_in_the_file(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(workspace.settings.run_backoff_seconds) == [30, 120, 300]
    workspace.write("lamplighter.toml", "run_backoff_seconds = [1, 2.5]\n")
    assert list(load_settings(workspace.path).run_backoff_seconds) == [1, 2.5]
    monkeypatch.setenv("AGENT_RUN_BACKOFF_SECONDS", "5, 10")
    assert list(load_settings(workspace.path).run_backoff_seconds) == [5, 10]
    monkeypatch.setenv("AGENT_RUN_BACKOFF_SECONDS", "5,-1")
    with pytest.raises(InvalidSettings, match="AGENT_RUN_BACKOFF_SECONDS"):
        load_settings(workspace.path)
