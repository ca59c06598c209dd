"""Budgets: what is asked for never costs more than it may, whoever asks beside, whatever dies."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.toolsets import FunctionToolset
from pydantic_ai.usage import RequestUsage

from lamplighter import clock
from lamplighter.agent.budget import Budget, Ending
from lamplighter.agent.conditions import Conditions
from lamplighter.agent.loop import Task, perform
from lamplighter.allowance import KINDS, Allowance, Bound, Usage, describe_cost
from lamplighter.config import Price, Provider, Settings
from lamplighter.definitions.agent import Agent
from lamplighter.definitions.forecast import forecast
from lamplighter.definitions.markdown import read_agent
from lamplighter.engine.preparation import _Rehearsal
from lamplighter.engine.purse import DayPurse, day_at, make_purse
from lamplighter.models.prices import Fixed, find_tariff
from lamplighter.schedule import parse
from lamplighter.store.database import open_database
from lamplighter.store.notices import list_notices
from lamplighter.store.pauses import list_pauses
from lamplighter.store.runs import Run, add_runs, finish_run, get_run, new_run_id, start_run
from lamplighter.store.spending import ALL, list_spending
from lamplighter.store.tables import agent_versions
from lamplighter.testing import HeldClock, call, temporary_workspace, turn
from lamplighter.workspace import load_settings

READ = turn(call("read_document", id="notes:hello.md"))
REPORT = turn(call("report", summary="All is well."))
NOTES = {"notes": {"path": "notes"}}
A_DOLLAR = Price(input=Decimal(1), output=Decimal(1))
PRICED = {"scripted": {"input": 1, "output": 1}}
"""A dollar a million tokens: a token is a micro-dollar."""


def agent_with(limits: str) -> dict[str, str]:
    text = f"---\nsources: [notes]\nlimits: {{{limits}}}\n---\nWrite a digest."
    return {"notes/hello.md": "# Hello\n\nThe lamp is lit.", "agents/digest.md": text}


# What limits are


def test_limits_are_read_with_their_units() -> None:
    text = '---\nlimits: {cost: "$0.50", per_day: {cost: 2, time: 1h, input_tokens: 9}}\n---\nGo.'
    agent, problems = read_agent(text, name="a", file="a.md", timezone="UTC")
    assert agent is not None
    assert not problems
    assert agent.limits.cost_microusd == 500_000
    assert agent.limits.per_day == Allowance(seconds=3600, input_tokens=9, cost_microusd=2_000_000)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("cost: much", "an amount of money"),
        ("cost: -1", "an amount of money"),
        ("cost: true", "an amount of money"),
        ("per_day: 3", "is a mapping"),
        ("per_day: {timeout: 3}", "unknown limit 'timeout'"),
        ("tool_calls: 0", "from 1 on"),
    ],
)
def test_what_would_not_limit_is_an_error(limits: str, message: str) -> None:
    text = f"---\nlimits: {{{limits}}}\n---\nGo."
    agent, [problem] = read_agent(text, name="a", file="a.md", timezone="UTC")
    assert agent is None
    assert message in problem.message


def test_an_allowance_names_what_is_exceeded_and_what_is_near() -> None:
    allowance = Allowance(iterations=10, cost_microusd=1000)
    assert allowance.exceeded_by(Usage(iterations=10, cost_microusd=1000)) is None
    assert allowance.exceeded_by(Usage(cost_microusd=1001)) == "cost_microusd"
    assert allowance.strained_by(Usage(iterations=8, cost_microusd=799)) == ["iterations"]
    narrow = allowance.narrowed(Allowance(iterations=20, tool_calls=3))
    assert narrow == Allowance(iterations=10, tool_calls=3, cost_microusd=1000)
    assert not Allowance()


def test_bounds_are_said_in_words() -> None:
    assert str(Bound("fleet_day", "cost_microusd", 500_000)) == (
        "the limit of $0.50 a day for all agents"
    )
    assert Bound("agent_day", "cost_microusd", 1).code == "agent_day:cost"
    assert [describe_cost(n) for n in (0, 1, 1_234_500_000)] == ["$0.00", "$0.000001", "$1,234.50"]


# One run


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("cost_microusd", 1),
        ("cost_microusd", 900),
        ("input_tokens", 300),
        ("output_tokens", 900),
        ("tool_calls", 3),
    ],
)
def test_a_run_never_uses_more_than_it_may(kind: str, most: int) -> None:
    asked: list[int | None] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        wanted = (info.model_settings or {}).get("max_tokens")
        asked.append(wanted)
        out = min(400, wanted or 400)
        text = "x" * out
        usage = RequestUsage(input_tokens=len(str(messages)) // 40, output_tokens=out)
        return ModelResponse([TextPart(text), ToolCallPart("look", {})], usage=usage)

    def look() -> str:
        return "seen " * 20

    task = Task(
        agent=Agent(name="digest", instructions="Look."),
        message="Go.",
        at=datetime(2026, 10, 5, tzinfo=UTC),
        timezone="UTC",
        model=FunctionModel(answer),
        tools=FunctionToolset([look]),
        budget=Budget(20, Allowance(**{kind: most})),
        conditions=Conditions(Fixed(A_DOLLAR), "test:model"),
    )
    ending = asyncio.run(perform(task, _Rehearsal()))
    used = {"tool_calls": ending.tool_calls, "cost_microusd": ending.cost_microusd or 0}
    used |= {"input_tokens": ending.input_tokens, "output_tokens": ending.output_tokens}
    assert ending.outcome == "stopped_by_limit"
    assert ending.stopped_by == Bound("run", kind, most)
    assert used[kind] <= most
    if kind in ("cost_microusd", "output_tokens"):
        assert all(asked)


def test_an_answer_that_the_budget_cut_short_ends_the_run() -> None:
    def answer(_messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse([TextPart("I was about to")], finish_reason="length")

    task = Task(
        agent=Agent(name="digest", instructions="Look."),
        message="Go.",
        at=datetime(2026, 10, 5, tzinfo=UTC),
        timezone="UTC",
        model=FunctionModel(answer),
        tools=FunctionToolset(),
        budget=Budget(5, Allowance(output_tokens=300)),
    )
    ending = asyncio.run(perform(task, _Rehearsal()))
    assert ending.outcome == "stopped_by_limit"
    assert ending.stopped_by == Bound("run", "output_tokens", 300)


def test_a_run_says_what_it_cost_and_which_limit_stopped_it() -> None:
    files = agent_with("cost: 0.0023")
    with temporary_workspace(
        files, sources=NOTES, prices=PRICED, max_output_tokens=256
    ) as workspace:
        run = workspace.run("digest", [*[READ] * 9, REPORT])
        assert (run.outcome, run.stopped_by) == ("stopped_by_limit", "run:cost")
        assert run.cost_microusd == run.input_tokens + run.output_tokens
        assert 0 < run.cost_microusd <= 2300
        assert "the limit of $0.0023 after" in (run.summary or "")
        [day] = list_spending(workspace.engine, "digest")
        assert (day.runs, day.successes, day.cost_microusd) == (1, 0, run.cost_microusd)


def test_money_that_nobody_can_count_is_not_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none-at-all")
    with temporary_workspace(agent_with("cost: 1"), sources=NOTES) as workspace:
        run = asyncio.run(workspace.run_async("digest", "openai:no-such-model-at-all"))
        assert (run.status, run.requests) == ("failed", 0)
        assert '[prices."openai:no-such-model-at-all"]' in (run.error or "")


def test_settings_bound_every_agent_whatever_its_file_says() -> None:
    budgets = {"run": {"iterations": 2, "cost": 5}}
    with temporary_workspace(
        agent_with("iterations: 50, cost: 99"), sources=NOTES, budgets=budgets
    ) as workspace:
        run = workspace.run("digest", [READ] * 5)
        assert (run.requests, run.stopped_by) == (3, "run:iterations")


# Days


def test_a_days_limit_stops_the_next_run_and_is_no_fault_of_the_agent(held: HeldClock) -> None:
    files = agent_with("per_day: {iterations: 4}")
    with temporary_workspace(files, sources=NOTES, pause_after_failures=1) as workspace:
        first = workspace.run("digest", [READ, READ, READ, REPORT])
        assert first.outcome == "reported"
        for _ in range(2):
            run = workspace.run("digest", [REPORT])
            assert (run.outcome, run.stopped_by) == ("stopped_by_limit", "agent_day:iterations")
            assert run.requests == 0
        assert not list_pauses(workspace.engine)
        notices = [notice.message for notice in list_notices(workspace.engine)]
        assert len(notices) == len(set(notices)) == 2  # nearly, and stopped; each once a day
        held.advance(days=1)
        assert workspace.run("digest", [REPORT]).outcome == "reported"


def running(engine: sa.Engine, agent: str) -> Run:
    """A run that is under way in the worker ``w``."""
    now = clock.now()
    run = Run(
        id=new_run_id(),
        agent=agent,
        version="v",
        trigger="manual",
        message="",
        status="pending",
        created_at=now,
        admitted_at=now,
    )
    with engine.begin() as connection:
        if connection.scalar(sa.select(sa.func.count()).select_from(agent_versions)) == 0:
            row = {"id": "v", "agent": "a", "text": "", "timezone": "UTC", "created_at": now}
            connection.execute(agent_versions.insert().values(row))
        add_runs(connection, [run])
        return start_run(connection, run.id, "w", now)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    place = tmp_path if request.param == "sqlite" else request.getfixturevalue("postgresql")
    engine = open_database(place)
    yield engine
    engine.dispose()


def fleet(tmp_path: Path, **day: Any) -> Settings:
    return load_settings(tmp_path, timezone="UTC", budgets={"day": day})


def test_who_does_not_close_when_all_is_used_up_is_not_asked_again() -> None:
    files = agent_with("iterations: 20, tool_calls: 2")
    with temporary_workspace(files, sources=NOTES) as workspace:
        run = workspace.run("digest", [READ, READ, READ, READ, READ, REPORT])
        assert (run.stopped_by, run.requests, run.tool_calls) == ("run:tool_calls", 3, 2)
        closing = workspace.run("digest", [turn(*READ["calls"] * 3), REPORT])
        assert (closing.stopped_by, closing.requests) == ("run:tool_calls", 2)


def test_calls_that_an_answer_asks_for_fit_into_the_day_or_none_is_made() -> None:
    files = agent_with("iterations: 20, per_day: {tool_calls: 5}")
    many = turn(*[call("list_documents")] * 3)
    with temporary_workspace(files, sources=NOTES) as workspace:
        first = workspace.run("digest", [many, REPORT])
        assert (first.outcome, first.tool_calls) == ("reported", 3)
        second = workspace.run("digest", [many, REPORT])
        assert (second.stopped_by, second.tool_calls) == ("agent_day:tool_calls", 0)
        two = turn(*[call("list_documents")] * 2)
        third = workspace.run("digest", [two, REPORT])
        assert (third.outcome, third.tool_calls) == ("reported", 2)


def test_many_workers_together_stay_within_everybodys_day(
    engine: sa.Engine, tmp_path: Path
) -> None:
    settings = fleet(tmp_path, cost="0.001")
    purses = [
        make_purse(engine, running(engine, f"a{n}"), "w", settings, Agent(f"a{n}", "Go."))
        for n in range(8)
    ]

    def spend(purse: DayPurse) -> int:
        """Until the limit stops it: 90 are asked for, and 70 used, each time."""
        used = Usage()
        while not purse._claim(used, Usage(cost_microusd=90)).refused:
            used += Usage(cost_microusd=70)
        with engine.begin() as connection:
            ending = Ending("stopped_by_limit", "", cost_microusd=used.cost_microusd)
            finish_run(connection, purse.run.id, "w", status="failed", outcome=ending.outcome)
            purse.settle(connection, ending, clock.now())
        return used.cost_microusd

    with ThreadPoolExecutor(8) as pool:
        spent = sum(pool.map(spend, purses))
    assert 1000 - 8 * 90 < spent <= 1000
    [total] = list_spending(engine, ALL)
    assert (total.cost_microusd, total.runs) == (spent, 8)
    assert sum(each.cost_microusd for each in list_spending(engine)) == spent


def test_a_request_that_is_asked_again_counts_once(engine: sa.Engine, tmp_path: Path) -> None:
    settings = fleet(tmp_path, input_tokens=100)
    agent = Agent("a", "Go.")
    run = running(engine, "a")
    need = Usage(input_tokens=80)
    for _attempt in range(3):  # as after a crash before the answer was kept
        again = make_purse(engine, run, "w", settings, agent)
        assert again._claim(Usage(), need).refused is None
    other = make_purse(engine, running(engine, "b"), "w", settings, agent)
    refused = other._claim(Usage(), need).refused
    assert refused == Bound("fleet_day", "input_tokens", 100)
    with engine.begin() as connection:  # the run fails without an answer: nothing was used
        finish_run(connection, run.id, "w", status="failed", outcome="error", input_tokens=0)
        make_purse(engine, run, "w", settings, agent).settle(
            connection, Ending("error", ""), clock.now()
        )
    assert other._claim(Usage(), need).refused is None


def test_a_worker_that_lost_its_run_claims_nothing(engine: sa.Engine, tmp_path: Path) -> None:
    run = running(engine, "a")
    purse = make_purse(engine, run, "gone", fleet(tmp_path, cost=1), Agent("a", "Go."))
    with pytest.raises(Exception, match="carried out by another process"):
        purse._claim(Usage(), Usage(cost_microusd=1))
    assert get_run(engine, run.id).cost_microusd is None


def test_a_day_is_that_of_the_agents_zone() -> None:
    late = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert day_at(late, "UTC").name == "2026-03-28"
    berlin = day_at(late, "Europe/Berlin")
    assert berlin.name == "2026-03-29"
    assert berlin.end - berlin.begin.astimezone(UTC) == timedelta(hours=23)  # the clocks change


# Prices


def settings_with(**more: Any) -> Settings:
    return Settings(workspace=Path("/nowhere"), timezone="UTC", **more)


def test_prices_are_the_settings_own_else_those_of_the_field_else_unknown() -> None:
    usage = RequestUsage(input_tokens=1_000_000, output_tokens=100_000)
    plain = settings_with()
    assert find_tariff("local", plain).cost_of(usage) == 0
    known = find_tariff("anthropic:claude-sonnet-4-5", plain).cost_of(usage)
    assert known is not None
    assert 1_000_000 < known < 20_000_000
    assert find_tariff("anthropic:no-such-model", plain).cost_of(usage) is None
    box = Provider(base_url="http://localhost:1/v1")
    own = settings_with(providers={"box": box})
    assert find_tariff("box:claude-sonnet-4-5", own).cost_of(usage) is None
    price = Price(input=Decimal("0.5"), output=Decimal(2))
    for name in ("box", "box:llama"):
        priced = settings_with(providers={"box": box}, prices={name: price})
        assert find_tariff("box:llama", priced).cost_of(usage) == 700_000


# Forecast


def test_the_past_is_held_against_the_limits() -> None:
    agent = Agent("a", "Go.", schedules=(parse("every 1 hour", timezone="UTC"),))
    past = [(Usage(input_tokens=n * 100, cost_microusd=n * 1000), True) for n in range(1, 11)]
    now = datetime(2026, 10, 5, tzinfo=UTC)
    found = forecast(
        agent,
        past,
        now,
        per_run=Allowance(input_tokens=1000),
        per_day=Allowance(cost_microusd=100_000),
    )
    assert (found.runs, round(found.runs_per_day)) == (10, 24)
    assert (found.median.input_tokens, found.p90.input_tokens) == (500, 900)
    assert len(found.warnings) == 2
    assert "24 runs a day take about $0.12" in found.warnings[1]
    assert "$0.005, so $0.12 a day" in str(found)
    idle = forecast(
        replace(agent, enabled=False), [], now, per_run=Allowance(), per_day=Allowance()
    )
    assert (idle.runs_per_day, idle.warnings) == (0, ())


def test_every_kind_of_usage_is_counted() -> None:
    assert set(KINDS) == set(Allowance.__slots__)
    assert Usage(*range(6)) + Usage(*range(6)) == Usage(*range(0, 12, 2))
