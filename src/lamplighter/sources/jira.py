"""Jira: issues with their comments, by the REST API or from a JSON export."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from lamplighter import clock
from lamplighter.errors import SignInFailed, Unreadable
from lamplighter.source_config import JiraSource
from lamplighter.sources.connector import Document, Finding, Item, Kept, State, Total, Visit
from lamplighter.sources.extract.extracted import moment
from lamplighter.sources.github import load_dump

if TYPE_CHECKING:
    from jira import JIRA

WHOLE_EVERY = timedelta(days=1)
"""So often all issues are listed, because deleted and moved ones are in no list of changes."""

OVERLAP = timedelta(minutes=10)
"""Changes are asked for from a little earlier on: clocks differ, and JQL counts minutes."""

PAGE = 100
TIMEOUT_SECONDS = 60
FIELDS = (
    *("summary", "description", "status", "issuetype", "priority", "labels", "reporter"),
    *("assignee", "created", "updated", "comment", "project"),
)


def survey(visit: Visit[JiraSource]) -> Iterator[Finding]:
    """Every issue that changed since the last sync; all of them once a day."""
    if visit.config.path:
        issues = load_dump(visit, ("issues",))
        yield Total(len(issues))
        yield from (_item(issue, str(issue.get("self") or "")) for issue in issues)
        return
    begun = clock.now()
    client = _signed_in(visit)
    since, whole_at = (moment(visit.state.get(name)) for name in ("since", "whole_at"))
    whole = since is None or whole_at is None or begun - whole_at >= WHOLE_EVERY
    if not whole:
        yield Kept()
    for issue in _search(client, _query(visit.config.jql, None if whole else since, begun)):
        yield _item(issue, visit.config.url)
    done = begun if whole else whole_at
    yield State({"since": begun.isoformat(), "whole_at": done.isoformat() if done else None})


def _signed_in(visit: Visit[JiraSource]) -> "JIRA":
    from jira import JIRA, JIRAError
    from requests import RequestException

    config, token = visit.config, visit.secret("token")
    auth: dict[str, Any] = {"basic_auth": (config.user, token)}
    try:
        client = JIRA(
            config.url,
            **(auth if config.user else {"token_auth": token}),
            max_retries=2,
            timeout=TIMEOUT_SECONDS,
        )
        client.myself()
    except JIRAError as error:
        if error.status_code in (401, 403):
            raise SignInFailed(
                f"source {visit.name}: {config.url} does not take the token (HTTP "
                f"{error.status_code}; it may have expired); use: lamplighter source login "
                f"{visit.name}"
            ) from error
        raise Unreadable(f"source {visit.name}: {config.url}: HTTP {error.status_code}") from error
    except RequestException as error:
        raise Unreadable(f"source {visit.name}: cannot reach {config.url}: {error}") from error
    return client


def _query(jql: str, since: datetime | None, now: datetime) -> str:
    """The JQL; times are given as minutes ago, since JQL's own are in the zone of the account."""
    parts = [f"({jql})"] if jql else []
    if since is not None:
        parts.append(f"updated >= -{(now - since + OVERLAP) // timedelta(minutes=1)}m")
    # The cloud refuses a query without any bound.
    return f"{' AND '.join(parts) or 'created is not EMPTY'} ORDER BY updated ASC"


def _search(client: "JIRA", jql: str) -> Iterator[Mapping[str, Any]]:
    fields = ",".join(FIELDS)
    if client._is_cloud:
        token: str | None = None
        while True:
            page: Any = client.enhanced_search_issues(
                jql, nextPageToken=token, maxResults=PAGE, fields=fields, json_result=True
            )
            yield from page["issues"]
            token = page.get("nextPageToken")
            if not token:
                return
    begin = 0
    while True:
        page = client.search_issues(
            jql, startAt=begin, maxResults=PAGE, fields=fields, json_result=True
        )
        yield from page["issues"]
        begin += len(page["issues"])
        if not page["issues"] or begin >= int(page["total"]):
            return


def _item(issue: Mapping[str, Any], url: str) -> Item:
    key = str(issue.get("key") or issue.get("id"))
    stamp = str((issue.get("fields") or {}).get("updated") or "").replace(" ", "T")
    return Item(key, stamp, partial(_documents, issue, key, url))


def _documents(issue: Mapping[str, Any], key: str, url: str) -> list[Document]:
    fields = issue.get("fields") or {}
    reporter = fields.get("reporter") or {}
    told = {
        "Type": _named(fields.get("issuetype")),
        "Status": _named(fields.get("status")),
        "Priority": _named(fields.get("priority")),
        "Labels": ", ".join(map(str, fields.get("labels") or [])),
        "Reporter": reporter.get("displayName"),
        "Assignee": (fields.get("assignee") or {}).get("displayName"),
        "Created": fields.get("created"),
    }
    lines = [f"{name}: {value}" for name, value in told.items() if value]
    lines += ["", plain(fields.get("description"))]
    for comment in (fields.get("comment") or {}).get("comments") or []:
        who = (comment.get("author") or {}).get("displayName") or "somebody"
        lines += ["", f"## {who}, {comment.get('created')}", plain(comment.get("body"))]
    site = url.split("/rest/")[0].rstrip("/")
    return [
        Document(
            path=key,
            title=f"{key} {fields.get('summary') or ''}",
            text="\n".join(lines),
            dated_at=moment(fields.get("updated") or fields.get("created")),
            kind="issue",
            author=str(reporter.get("displayName") or ""),
            author_address=str(reporter.get("emailAddress") or ""),
            url=f"{site}/browse/{key}" if site else "",
        )
    ]


def _named(value: Any) -> str:
    return str(value.get("name") or "") if isinstance(value, dict) else ""


def plain(value: Any) -> str:
    """The text of a field: as it is, or out of Atlassian's document format."""
    if isinstance(value, dict):
        inner = "".join(plain(each) for each in value.get("content") or [])
        block = value.get("type") in ("paragraph", "heading", "listItem", "codeBlock", "tableRow")
        return f"{value.get('text') or ''}{inner}" + ("\n" if block else "")
    return str(value) if value is not None else ""
