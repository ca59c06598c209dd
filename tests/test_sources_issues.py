"""Jira and GitHub, answered for by their public API descriptions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Answer, Request, WebServer, web_server
from visits import Visited, visited

from lamplighter.testing import HeldClock


def github_issue(number: int, title: str, updated: str, **more: Any) -> dict[str, Any]:
    return {
        "number": number,
        "title": title,
        "state": "open",
        "user": {"login": "ann"},
        "labels": [{"name": "bug"}],
        "assignees": [{"login": "bo"}],
        "body": f"About {title}.",
        "comments": 1,
        "created_at": "2026-10-01T00:00:00Z",
        "updated_at": updated,
        "html_url": f"https://github.com/o/r/issues/{number}",
        **more,
    }


@pytest.fixture
def issues() -> list[dict[str, Any]]:
    """What the repository o/r holds."""
    return [
        github_issue(1, "Crash", "2026-10-02T00:00:00Z"),
        github_issue(2, "Fix", "2026-10-03T00:00:00Z", pull_request={"url": "x"}),
        github_issue(3, "Idea", "2026-10-04T00:00:00Z"),
    ]


@pytest.fixture
def github(issues: list[dict[str, Any]]) -> Iterator[WebServer]:
    def answer(request: Request) -> Answer:
        """As GitHub's OpenAPI description has it: two issues a page, linked by RFC 8288."""
        token = request.headers.get("authorization", "").split()[-1:]
        if token not in ([], ["ghp_1"]):
            return Answer(status=401, json={"message": "Bad credentials"})
        if request.path.endswith("/comments"):
            comment = {"user": {"login": "bo"}, "created_at": "2026-10-02", "body": "Me too."}
            return Answer(json=[comment])
        if request.path != "/repos/o/r/issues":
            return Answer(status=404, json={"message": "Not Found"})
        since = request.query.get("since", "")
        found = [each for each in issues if each["updated_at"] >= since]
        found = [each | {"url": f"{web.url}{request.path}/{each['number']}"} for each in found]
        page = int(request.query.get("page", 1))
        link = f'<{web.url}{request.path}?page={page + 1}&since={since}>; rel="next"'
        more = {"Link": link} if len(found) > page * 2 else {}
        return Answer(json=found[page * 2 - 2 : page * 2], headers=more)

    with web_server(answer) as web:
        yield web


@pytest.fixture
def repository(tmp_path: Path, github: WebServer, held: HeldClock) -> Visited:
    return visited(tmp_path, type="github", repositories=["o/r"], api_url=github.url)


def test_issues_and_pull_requests_with_their_comments(repository: Visited) -> None:
    assert repository.counts() == (3, 0, 0, 0)
    crash, fix, _ = repository.documents()
    assert (crash.path, crash.title, crash.kind, crash.author) == (
        "o/r/1",
        "#1 Crash",
        "issue",
        "ann",
    )
    assert "Labels: bug" in crash.text
    assert crash.text.endswith("## bo, 2026-10-02\nMe too.")
    assert fix.text.startswith("Kind: pull request")
    assert crash.dated_at.isoformat() == "2026-10-02T00:00:00+00:00"


def test_only_changed_issues_are_asked_for_and_once_a_day_all(
    repository: Visited, issues: list[dict[str, Any]], github: WebServer, held: HeldClock
) -> None:
    repository.sync()
    github.requests.clear()
    gone = issues.pop(0)
    issues[0] |= {"title": "Better fix", "updated_at": "2026-10-05T00:00:00Z"}
    issues.append(github_issue(4, "New", "2026-10-06T00:00:00Z"))
    assert repository.counts() == (1, 1, 0, 1)
    assert github.requests[0].query["since"] == "2026-10-04T00:00:00Z"
    assert gone["title"] in {each.title[3:] for each in repository.documents()}
    held.advance(days=1)
    assert repository.counts() == (0, 0, 1, 3)


def test_a_repository_that_is_not_there_stops_no_other(repository: Visited) -> None:
    repository.sync()
    repository.configure(repositories=["o/gone", "o/r"])
    assert repository.counts() == (0, 0, 0, 3)
    assert "404" in repository.skipped()["o/gone"]
    repository.configure(repositories=["o/gone"])
    assert repository.counts() == (0, 0, 3, 0)


def test_a_refused_github_token_is_said(repository: Visited) -> None:
    repository.keyring.put({"token": "ghp_wrong"})
    assert "GitHub does not take the token" in repository.error()
    repository.keyring.put({"token": "ghp_1"})
    assert repository.counts() == (3, 0, 0, 0)


def test_a_dump_of_issues(tmp_path: Path, issues: list[dict[str, Any]]) -> None:
    for issue in issues:
        issue["repository_url"] = "https://api.github.com/repos/o/r"
    issues[0]["comments"] = [{"user": {"login": "cy"}, "created_at": "now", "body": "Hm."}]
    (tmp_path / "issues.json").write_text(json.dumps(issues))
    source = visited(tmp_path, type="github", path="issues.json")
    assert source.counts() == (3, 0, 0, 0)
    assert source.documents()[0].text.endswith("## cy, now\nHm.")
    assert source.counts() == (0, 0, 0, 3)
    (tmp_path / "issues.json").write_text("{broken")
    assert "issues.json" in source.error()
    (tmp_path / "issues.jsonl").write_text("\n".join(json.dumps(issue) for issue in issues[:2]))
    source.configure(path="issues.jsonl")
    assert source.counts() == (0, 0, 1, 2)


# Jira


def jira_issue(key: str, summary: str, updated: str) -> dict[str, Any]:
    return {
        "key": key,
        "fields": {
            "summary": summary,
            "description": f"About {summary}.",
            "status": {"name": "Open"},
            "issuetype": {"name": "Task"},
            "reporter": {"displayName": "Ann", "emailAddress": "ann@x.org"},
            "assignee": None,
            "labels": ["tea"],
            "created": "2026-10-01T09:00:00.000+0200",
            "updated": updated,
            "comment": {
                "comments": [
                    {"author": {"displayName": "Bo"}, "created": "2026-10-02", "body": "Me too."}
                ]
            },
        },
    }


@pytest.fixture(params=["Server", "Cloud"])
def jira(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """A site, with two issues a page; the cloud pages by tokens."""
    state: dict[str, Any] = {
        "token": "t1",
        "asked": [],
        "issues": [
            jira_issue(f"T-{number}", f"Task {number}", "2026-10-02T09:00:00.000+0200")
            for number in range(1, 4)
        ],
    }

    def answer(asked: Request) -> Answer:
        if state["token"] not in asked.headers.get("authorization", ""):
            return Answer(status=401, json={"errorMessages": ["no"]})
        if asked.path.endswith("/serverInfo"):
            return Answer(
                json={
                    "version": "10.0.0",
                    "versionNumbers": [10, 0, 0],
                    "deploymentType": request.param,
                }
            )
        if asked.path.endswith("/myself"):
            return Answer(json={"name": "ann"})
        if asked.path.endswith("/field"):
            return Answer(json=[])
        state["asked"].append(asked.query["jql"])
        begin = int(asked.query.get("nextPageToken") or asked.query.get("startAt") or 0)
        found = state["issues"]
        told: dict[str, Any] = {"issues": found[begin : begin + 2]}
        if request.param == "Cloud":
            assert asked.path.endswith("/search/jql")
            more = begin + 2 < len(found)
            return Answer(
                json=told | ({"nextPageToken": str(begin + 2)} if more else {"isLast": True})
            )
        return Answer(json=told | {"startAt": begin, "maxResults": 2, "total": len(found)})

    with web_server(answer) as web:
        yield state | {"url": web.url, "state": state}


@pytest.fixture
def site(tmp_path: Path, jira: dict[str, Any], held: HeldClock) -> Visited:
    source = visited(tmp_path, type="jira", url=jira["url"], jql="project = T")
    source.keyring.put({"token": "t1"})
    return source


def test_issues_of_a_jira_site(site: Visited, jira: dict[str, Any]) -> None:
    assert site.counts() == (3, 0, 0, 0)
    first = site.documents()[0]
    assert (first.title, first.author, first.url) == (
        "T-1 Task 1",
        "Ann",
        f"{jira['url']}/browse/T-1",
    )
    assert first.text.endswith("## Bo, 2026-10-02\nMe too.")
    assert jira["asked"][0] == "(project = T) ORDER BY updated ASC"


def test_only_changed_issues_of_a_site_are_asked_for_and_once_a_day_all(
    site: Visited, jira: dict[str, Any], held: HeldClock
) -> None:
    site.sync()
    state = jira["state"]
    everything, state["issues"] = state["issues"][1:], []
    held.advance(minutes=20)
    assert site.counts() == (0, 0, 0, 0)
    assert state["asked"][-1] == "(project = T) AND updated >= -30m ORDER BY updated ASC"
    state["issues"] = everything
    held.advance(days=1)
    assert site.counts() == (0, 0, 1, 2)


def test_a_refused_jira_token_is_said(site: Visited, jira: dict[str, Any]) -> None:
    jira["state"]["token"] = "t2"
    assert "does not take the token (HTTP 401" in site.error()


def test_an_export_of_jira(tmp_path: Path) -> None:
    issue = jira_issue("T-1", "Task", "2026-10-02T09:00:00.000+0200")
    text = {"type": "text", "text": "In a document."}
    paragraph = {"type": "paragraph", "content": [text]}
    issue["fields"]["description"] = {"type": "doc", "content": [paragraph]}
    issue["self"] = "https://x.atlassian.net/rest/api/3/issue/1"
    (tmp_path / "export.json").write_text(json.dumps({"issues": [issue]}))
    source = visited(tmp_path, type="jira", path="export.json")
    assert source.counts() == (1, 0, 0, 0)
    (found,) = source.documents()
    assert "In a document." in found.text
    assert found.url == "https://x.atlassian.net/browse/T-1"
