"""The page: how soon it answers with many agents and runs, what it weighs, how many may watch."""

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx
from figures import Figure, percentile
from served import serving, wait_until

from lamplighter import clock
from lamplighter.accounts import OWNER_ID, make_link
from lamplighter.store.agents import current_versions
from lamplighter.store.overview import Wanted, count_rows
from lamplighter.store.runs import Run, add_runs, list_runs, new_run_id
from lamplighter.store.sight import EVERYTHING
from lamplighter.testing import Workspace, call, temporary_workspace, turn

AGENTS = 10_000
RUNS = 100_000
REQUESTS = 100
VIEWERS = 200
AGENT = "---\ndescription: Makes the rounds\nschedule: daily at {hour}:{minute:02}\n---\nLook.\n"
KEEPING = "run_retention_count = 0\n"
BUSY = "---\nmodel: scripted:play.yaml\nlimits: {iterations: 100}\n---\nLook.\n"


def measure() -> list[Figure]:
    """The figures of this bench."""
    with _furnished() as workspace, serving(workspace) as server:
        wanted = Wanted(user=None, sight=EVERYTHING)
        wait_until(lambda: count_rows(workspace.engine, wanted) > AGENTS, 300)
        _add_history(workspace)
        with _client(workspace, server.url) as client:
            agents = _first_bytes(client, "/agents")
            agent = _first_bytes(client, "/agents/busy")
            delays = asyncio.run(_watch(client, workspace))
            page = _weigh(workspace, server.url)
    return [
        Figure(f"agents page, {AGENTS:,} agents: first byte p50", percentile(agents, 50), "ms"),
        Figure("agents page: first byte p95", percentile(agents, 95), "ms", target=50),
        Figure(f"agent's page, {RUNS:,} runs: first byte p50", percentile(agent, 50), "ms"),
        Figure("agent's page: first byte p95", percentile(agent, 95), "ms", target=50),
        *([Figure("agent's page, cold: transfer", page / 1000, "kB", target=150)] if page else []),
        Figure(f"{VIEWERS} viewers of a run: event seen after, p50", percentile(delays, 50), "ms"),
        Figure(f"{VIEWERS} viewers of a run: event seen after, p95", percentile(delays, 95), "ms"),
    ]


@contextmanager
def _furnished() -> Iterator[Workspace]:
    agents = {
        f"agents/agent-{number:05}.md": AGENT.format(hour=number % 24, minute=number % 60)
        for number in range(AGENTS)
    }
    files = {"agents/busy.md": BUSY, "lamplighter.toml": KEEPING, **agents}
    with temporary_workspace(files) as workspace:
        looking = [turn(call("list_documents"), sleep=0.2)] * 20
        workspace.script([*looking, turn(call("report", summary="Done."))], "play.yaml")
        yield workspace


def _add_history(workspace: Workspace) -> None:
    with workspace.engine.begin() as connection:
        version, message = current_versions(connection, ["busy"])["busy"]
    for _ in range(RUNS // 1000):
        with workspace.engine.begin() as connection:
            add_runs(connection, [_ended(version, message) for _ in range(1000)])


def _ended(version: str, message: str) -> Run:
    now = clock.now()
    return Run(
        id=new_run_id(),
        agent="busy",
        version=version,
        trigger="manual",
        message=message,
        status="completed",
        outcome="reported",
        summary="Four notes are new; the launch moved to Tuesday.",
        created_at=now,
        started_at=now,
        finished_at=now + timedelta(seconds=20),
        tool_calls=5,
    )


@contextmanager
def _client(workspace: Workspace, url: str) -> Iterator[httpx.Client]:
    secret = make_link(workspace.settings, workspace.engine, OWNER_ID, by=OWNER_ID)
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        client.get(f"/open/{secret}")
        yield client


def _first_bytes(client: httpx.Client, path: str) -> list[float]:
    """Milliseconds until an answer begins; the first ones, which load things, left out."""
    times = []
    for _ in range(REQUESTS + 5):
        started = time.perf_counter()
        with client.stream("GET", path) as answer:
            times.append((time.perf_counter() - started) * 1000)
            answer.raise_for_status()
            answer.read()
    return times[5:]


async def _watch(client: httpx.Client, workspace: Workspace) -> list[float]:
    """Milliseconds from an event to when each of many viewers had it."""
    before = list_runs(workspace.engine, agent="busy", limit=1)[0].id
    client.post("/agents/busy/run")  # noqa: ASYNC212 - nothing else goes on yet
    run = list_runs(workspace.engine, agent="busy", limit=1)[0]
    assert run.id != before
    delays: list[float] = []
    limits = httpx.Limits(max_connections=VIEWERS + 5)
    async with httpx.AsyncClient(
        base_url=client.base_url, cookies=client.cookies, timeout=60, limits=limits
    ) as viewers:
        await asyncio.gather(*(_view(viewers, run.id, delays) for _ in range(VIEWERS)))
    return delays


async def _view(client: httpx.AsyncClient, run_id: str, delays: list[float]) -> None:
    """Watch as a program does, whose events tell their moment; pieces of pages go the same way."""
    path = f"/api/v1/runs/{run_id}/stream"
    opened = clock.now()
    async with client.stream("GET", path) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {") and '"at"' in line:
                at = datetime.fromisoformat(json.loads(line[6:])["at"])
                if at > opened + timedelta(seconds=1):
                    delays.append((clock.now() - at).total_seconds() * 1000)


def _weigh(workspace: Workspace, url: str) -> float:
    """Bytes that a browser fetches for the heaviest page, with nothing kept from before."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        return 0
    secret = make_link(workspace.settings, workspace.engine, OWNER_ID, by=OWNER_ID)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context()
        context.request.get(f"{url}/open/{secret}", max_redirects=0)
        page = context.new_page()
        page.goto(f"{url}/agents/busy", wait_until="networkidle")
        sizes = "performance.getEntries().reduce((sum, each) => sum + (each.transferSize || 0), 0)"
        total: float = page.evaluate(sizes)
        browser.close()
    return total
