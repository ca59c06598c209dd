"""``web-search``, against servers that answer as the providers' public descriptions say."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from rowboat import play, rowboat
from servers import Answer, Request, WebServer, web_server

from lamplighter.config import WebSearch
from lamplighter.testing import Workspace, call, turn
from lamplighter.workspace import config_problems, read_catalogue, search_provider

AGENT = {"agents/a.md": "---\ntools: [web-search]\n---\nGo."}
KEY = "key-of-the-provider"


def answer(request: Request) -> Answer:
    if KEY not in (request.headers.get("x-api-key"), request.headers.get("x-subscription-token")):
        return Answer(json={"error": "Invalid API key"}, status=401)
    if request.path == "/search":
        found = {
            "id": "https://example.com/lamp",
            "title": "Lamps",
            "url": "https://example.com/lamp",
            "publishedDate": "2026-03-01T00:00:00.000Z",
            "author": None,
            "text": "All about lamps.",
            "highlights": ["about lamps"],
        }
        return Answer(json={"requestId": "1", "results": [found], "costDollars": {"total": 0.005}})
    page = {"title": "Lamps", "url": "https://example.com/lamp", "description": "All about lamps"}
    return Answer(json={"type": "search", "web": {"type": "search", "results": [page]}})


@pytest.fixture
def provider() -> Iterator[WebServer]:
    with web_server(answer) as server:
        yield server


def ask(workspace: Workspace, **arguments: Any) -> Any:
    turns = [turn(call("web-search", **arguments)), turn(call("report", summary="Done."))]
    run = play(workspace, "a", {"a": turns})
    [found] = [event.data for event in workspace.events(run) if event.kind == "tool_result"]
    return found.get("result", found.get("error"))


def searching(
    provider: WebServer, name: str, monkeypatch: pytest.MonkeyPatch, key: str = KEY
) -> dict[str, Any]:
    monkeypatch.setenv("SEARCH_KEY", key)
    given = {"provider": name, "api_key": "env:SEARCH_KEY", "base_url": provider.url}
    return {"web_search": given}


def test_augusts_search(provider: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with rowboat(AGENT, **searching(provider, "exa", monkeypatch)) as workspace:
        found = ask(workspace, query="lamps", numResults=50, category="news")
    assert found == {
        "success": True,
        "query": "lamps",
        "results": [
            {
                "title": "Lamps",
                "url": "https://example.com/lamp",
                "publishedDate": "2026-03-01T00:00:00.000Z",
                "author": "",
                "highlights": ["about lamps"],
                "text": "All about lamps.",
            }
        ],
        "count": 1,
    }
    [request] = provider.asked("/search")
    assert (request.method, json.loads(request.body)) == (
        "POST",
        {
            "query": "lamps",
            "numResults": 20,
            "type": "auto",
            "contents": {"text": {"maxCharacters": 1000}, "highlights": True},
            "category": "news",
        },
    )


def test_februarys_search(provider: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with rowboat(AGENT, **searching(provider, "brave", monkeypatch)) as workspace:
        found = ask(workspace, query="lamps", count=3, freshness="pw")
    page = {"title": "Lamps", "url": "https://example.com/lamp", "description": "All about lamps"}
    assert found == {"success": True, "query": "lamps", "results": [page], "count": 1}
    [request] = provider.asked("/res/v1/web/search")
    assert request.query == {"q": "lamps", "count": "3", "freshness": "pw"}


def test_a_search_that_fails_is_an_error_and_no_empty_result(
    provider: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rowboat(AGENT, **searching(provider, "exa", monkeypatch, "wrong")) as workspace:
        assert ask(workspace, query="lamps") == "the search by exa failed: HTTP 401 Unauthorized"


@pytest.mark.parametrize("name", ["exa", "brave"])
def test_the_key_may_be_where_rowboat_has_it(name: Literal["exa", "brave"]) -> None:
    with rowboat({**AGENT, f"config/{name}-search.json": json.dumps({"apiKey": KEY})}) as workspace:
        assert search_provider(workspace.settings) == WebSearch(provider=name, api_key=KEY)
        assert read_catalogue(workspace.settings).problems == ()
        workspace.write(f"config/{name}-search.json", "{")
        assert search_provider(workspace.settings) is None
        [problem] = config_problems(workspace.settings)
    assert f"config/{name}-search.json:1: error: this is no JSON" in str(problem)


def test_without_a_provider_there_is_no_such_tool() -> None:
    with rowboat(AGENT) as workspace:
        [problem] = read_catalogue(workspace.settings).problems
        told = ask(workspace, query="lamps")
    assert "'web-search' is not available (no provider: [web_search] in lamp" in str(problem)
    assert "Unknown tool name: 'web-search'" in told
