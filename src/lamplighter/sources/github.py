"""GitHub: issues and pull requests with their comments, by the API or from a JSON dump."""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lamplighter import clock
from lamplighter.errors import SignInFailed, Unreadable
from lamplighter.source_config import GithubSource
from lamplighter.sources.connector import Document, Finding, Gone, Item, Kept, State, Total, Visit
from lamplighter.sources.extract.extracted import moment

if TYPE_CHECKING:
    from github import Github
    from github.Issue import Issue
    from github.IssueComment import IssueComment

WHOLE_EVERY_SECONDS = 86_400.0
"""So often all issues are listed, because deleted and moved ones are in no list of changes."""


def survey(visit: Visit[GithubSource]) -> Iterator[Finding]:
    """Every issue that changed since the last sync; all of them once a day."""
    if visit.config.path:
        return _survey_dump(visit)
    return _survey_repositories(visit)


def _survey_dump(visit: Visit[GithubSource]) -> Iterator[Finding]:
    issues = load_dump(visit, ("items", "issues"))
    yield Total(len(issues))
    for issue in issues:
        comments = issue.get("comments")
        known = comments if isinstance(comments, list) else []
        path = _path(issue)
        yield Item(path, _stamp(issue), partial(_documents, issue, path, known))


def load_dump(visit: Visit[Any], keys: Sequence[str]) -> list[dict[str, Any]]:
    """The objects in a JSON file, or JSON lines; or in the first of ``keys`` that it has.

    Raises:
        Unreadable: It is no such file.
    """
    path = visit.boundary.resolve(visit.config.path)
    try:
        text = path.read_text("utf-8-sig")
        lines = [line for line in text.splitlines() if line.strip()]
        jsonl = path.suffix in (".jsonl", ".ndjson")
        found = [json.loads(line) for line in lines] if jsonl else json.loads(text)
    except (OSError, ValueError) as error:
        raise Unreadable(f"source {visit.name}: {path}: {error}") from error
    if isinstance(found, dict):
        found = next((found[key] for key in keys if isinstance(found.get(key), list)), [found])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Unreadable(f"source {visit.name}: {path} holds no list of issues")
    return found


def _survey_repositories(visit: Visit[GithubSource]) -> Iterator[Finding]:
    from github import BadCredentialsException, GithubException

    client = _client(visit)
    state = {
        name: about for name, about in visit.state.items() if name in visit.config.repositories
    }
    for path in {"/".join(known.split("/")[:2]) for known in visit.known}:
        if path not in visit.config.repositories:
            yield Gone(path)
    for name in visit.config.repositories:
        try:
            found = yield from _survey_repository(client, name, state.get(name, {}))
        except BadCredentialsException as error:
            raise SignInFailed(
                f"source {visit.name}: GitHub does not take the token (it may have expired); use: "
                f"lamplighter source login {visit.name}"
            ) from error
        except GithubException as error:
            said = error.data.get("message") if isinstance(error.data, dict) else ""
            yield Item(name, problem=f"HTTP {error.status}: {said or error}", gone=False)
            yield Kept(name)
            continue
        state = {**state, name: found}
        yield State(state)


def _survey_repository(
    client: "Github", name: str, earlier: Mapping[str, Any]
) -> Generator[Finding, None, dict[str, Any]]:
    begun = clock.now()
    repository = client.get_repo(name)
    whole_at = moment(earlier.get("whole_at"))
    whole = whole_at is None or (begun - whole_at).total_seconds() >= WHOLE_EVERY_SECONDS
    since = moment(earlier.get("since"))
    if whole or since is None:
        issues = repository.get_issues(state="all", sort="updated", direction="asc")
    else:
        yield Kept(name)
        issues = repository.get_issues(state="all", sort="updated", direction="asc", since=since)
    newest = since
    for issue in issues:
        data = listed(issue)
        path = f"{name}/{data['number']}"
        yield Item(path, _stamp(data), partial(_read, issue, path))
        newest = max(filter(None, (newest, moment(data.get("updated_at")))), default=newest)
    return {
        "since": newest.isoformat() if newest else None,
        "whole_at": begun.isoformat() if whole else earlier.get("whole_at"),
    }


def _client(visit: Visit[GithubSource]) -> "Github":
    from github import Auth, Github

    token = visit.credentials.get("token")
    auth = Auth.Token(token) if token else None
    return Github(
        base_url=visit.config.api_url,
        auth=auth,
        per_page=100,
        lazy=True,
        seconds_between_requests=0,
    )


def _read(issue: "Issue", path: str) -> list[Document]:
    comments = [listed(each) for each in issue.get_comments()] if issue.comments else []
    return _documents(listed(issue), path, comments)


def listed(thing: "Issue | IssueComment") -> dict[str, Any]:
    """What a list said of something; the library's own ``raw_data`` asks again for each."""
    found: dict[str, Any] = thing._rawData
    return found


def _documents(
    issue: Mapping[str, Any], path: str, comments: Iterable[Mapping[str, Any]]
) -> list[Document]:
    author = str((issue.get("user") or {}).get("login") or "")
    told = {
        "Kind": "pull request" if issue.get("pull_request") else "issue",
        "State": issue.get("state"),
        "Author": author,
        "Labels": ", ".join(_names(issue.get("labels"), "name")),
        "Assignees": ", ".join(_names(issue.get("assignees"), "login")),
        "Milestone": (issue.get("milestone") or {}).get("title"),
        "Created": issue.get("created_at"),
    }
    lines = [f"{name}: {value}" for name, value in told.items() if value]
    lines += ["", str(issue.get("body") or "")]
    for comment in comments:
        who = (comment.get("user") or {}).get("login") or "somebody"
        lines += ["", f"## {who}, {comment.get('created_at')}", str(comment.get("body") or "")]
    return [
        Document(
            path=path,
            title=f"#{issue.get('number')} {issue.get('title')}",
            text="\n".join(lines),
            media_type="text/markdown",
            dated_at=moment(issue.get("updated_at") or issue.get("created_at")),
            kind="issue",
            author=author,
            url=str(issue.get("html_url") or ""),
        )
    ]


def _names(stated: Any, key: str) -> list[str]:
    each = stated if isinstance(stated, list) else []
    return [str(one.get(key) or "") if isinstance(one, dict) else str(one) for one in each]


def _path(issue: Mapping[str, Any]) -> str:
    repository = "/".join(str(issue.get("repository_url") or "").split("/")[-2:])
    return f"{repository}/{issue.get('number')}".lstrip("/")


def _stamp(issue: Mapping[str, Any]) -> str:
    return str(issue.get("updated_at") or "").replace(" ", "T")
