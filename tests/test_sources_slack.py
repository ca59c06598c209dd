import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Answer, Request, web_server
from visits import Visited, visited

from lamplighter.access import OWNER, Scope
from lamplighter.search.index import search_documents
from lamplighter.testing import HeldClock

USERS = [
    {"id": "U1", "name": "ann", "profile": {"real_name": "Ann", "email": "ann@x.org"}},
    {"id": "U2", "name": "bo", "profile": {"real_name": "Bo Burn", "email": "bo@x.org"}},
    {"id": "U3", "name": "bot", "is_bot": True, "profile": {"real_name": "Robot"}},
]


@pytest.fixture
def slack(held: HeldClock) -> dict[str, Any]:
    """What the workspace holds."""
    now = int(held.now().timestamp())
    return {
        "token": "xoxb-1",
        "channels": [
            {"id": "C1", "name": "general", "is_member": True},
            {"id": "C2", "name": "board", "is_member": True, "is_private": True},
            {"id": "C3", "name": "elsewhere", "is_member": False},
        ],
        "members": {"C1": ["U1", "U2"], "C2": ["U1"], "C3": ["U2"]},
        "messages": {
            "C1": [
                {
                    "ts": f"{now - 500}.000100",
                    "user": "U2",
                    "text": "Tea, <@U1>? See <https://x.org|this>",
                },
                {
                    "ts": f"{now - 400}.000100",
                    "user": "U1",
                    "text": "Yes &amp; cake",
                    "reply_count": 1,
                },
                {
                    "ts": f"{now - 300}.000100",
                    "user": "U1",
                    "subtype": "channel_join",
                    "text": "joined",
                },
            ],
            "C2": [{"ts": f"{now - 200}.000100", "user": "U1", "text": "Salaries"}],
        },
        "replies": {
            f"{now - 400}.000100": [
                {
                    "ts": f"{now - 400}.000100",
                    "user": "U1",
                    "text": "Yes &amp; cake",
                    "reply_count": 1,
                },
                {
                    "ts": f"{now - 350}.000100",
                    "thread_ts": f"{now - 400}.000100",
                    "user": "U2",
                    "text": "Which cake?",
                },
            ]
        },
    }


@pytest.fixture
def source(tmp_path: Path, slack: dict[str, Any]) -> Iterator[Visited]:
    def answer(request: Request) -> Answer:
        """As https://docs.slack.dev/reference/methods describes the methods."""
        method, asked = request.path.removeprefix("/api/"), {**request.query, **request.form}
        if request.headers.get("authorization") != f"Bearer {slack['token']}":
            return Answer(json={"ok": False, "error": "invalid_auth"})
        key, found = {
            "auth.test": ("user_id", "U1"),
            "users.list": ("members", USERS),
            "conversations.list": ("channels", slack["channels"]),
            "conversations.members": ("members", slack["members"].get(asked.get("channel"))),
            "conversations.history": ("messages", slack["messages"].get(asked.get("channel"))),
            "conversations.replies": ("messages", slack["replies"].get(asked.get("ts"))),
        }[method]
        if method == "conversations.history":
            found = [each for each in found if float(each["ts"]) >= float(asked["oldest"])]
            return page(found, asked, key)
        return Answer(json={"ok": True, key: found})

    with web_server(answer) as web:
        made = visited(tmp_path, type="slack", api_url=f"{web.url}/api/")
        made.keyring.put({"token": "xoxb-1"})
        yield made


def page(found: list[Any], asked: dict[str, str], key: str) -> Answer:
    """One at a time, newest first, with a cursor."""
    place = int(asked.get("cursor") or 0)
    cursor = str(place + 1) if place + 1 < len(found) else ""
    newest_first = list(reversed(found))[place : place + 1]
    metadata = {"next_cursor": cursor}
    return Answer(json={"ok": True, key: newest_first, "response_metadata": metadata})


def test_messages_with_names_for_ids(source: Visited) -> None:
    assert source.counts() == (4, 0, 0, 0)
    board, first = source.documents()[-1], source.documents()[0]
    assert first.title == "#general: Tea, @Ann? See this (https://x.org)"
    assert first.text == "#general\nBo Burn: Tea, @Ann? See this (https://x.org)"
    assert (first.author, first.kind) == ("Bo Burn", "message")
    assert "in a thread\nBo Burn: Which cake?" in source.documents()[2].text
    assert board.title == "#board: Salaries"


def test_members_of_a_channel_see_its_messages(source: Visited, slack: dict[str, Any]) -> None:
    source.sync()
    assert len(source.documents("ann@x.org")) == 4
    assert len(source.documents("bo@x.org")) == 3
    slack["members"]["C2"] = ["U1", "U2"]
    slack["members"]["C1"] = ["U2"]
    assert source.counts() == (0, 0, 0, 4)
    assert len(source.documents("ann@x.org")) == 1
    assert len(source.documents("bo@x.org")) == 4


def test_edits_deletions_and_news_are_seen(source: Visited, slack: dict[str, Any]) -> None:
    source.sync()
    first, second, _ = slack["messages"]["C1"]
    edited = {"text": "Coffee?", "edited": {"ts": "1.0"}}
    new = {"ts": f"{float(second['ts']) + 390:.6f}", "user": "U1", "text": "Late"}
    slack["messages"] = {"C1": [first | edited, new], "C2": []}
    assert source.counts() == (1, 1, 3, 0)
    assert [each.title for each in source.documents()] == ["#general: Coffee?", "#general: Late"]


def test_old_messages_stay_though_only_new_ones_are_asked_for(
    source: Visited, slack: dict[str, Any], held: HeldClock
) -> None:
    source.sync()
    held.advance(days=8)
    source.sync()  # asks for all again
    slack["messages"] = {"C1": [], "C2": []}
    assert source.counts() == (0, 0, 0, 0)
    assert len(source.documents()) == 4


def test_a_channel_that_we_left_goes(source: Visited, slack: dict[str, Any]) -> None:
    source.sync()
    slack["channels"][0]["is_member"] = False
    assert source.counts() == (0, 0, 3, 1)
    source.configure(channels=["#elsewhere"])
    slack["messages"]["C3"] = []
    assert source.counts() == (0, 0, 1, 0)


def test_a_token_that_is_refused_leaves_a_notice_once_until_it_works(
    source: Visited, slack: dict[str, Any]
) -> None:
    slack["token"] = "another"
    assert "does not take the token (invalid_auth)" in source.error()
    source.error()
    assert len(source.notices()) == 1
    slack["token"] = "xoxb-1"
    source.sync()
    slack["token"] = "another"
    source.error()
    assert len(source.notices()) == 2
    assert "xoxb" not in " ".join(source.notices())


# Exports


def export(folder: Path, slack: dict[str, Any]) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("users.json", json.dumps(USERS))
        channels = [each | {"members": slack["members"][each["id"]]} for each in slack["channels"]]
        archive.writestr("channels.json", json.dumps(channels[:1]))
        archive.writestr("groups.json", json.dumps(channels[1:2]))
        archive.writestr("general/2026-11-01.json", json.dumps(slack["messages"]["C1"]))
        archive.writestr("general/2026-11-02.json", "{broken")
        archive.writestr("board/2026-11-01.json", json.dumps(slack["messages"]["C2"]))
    return path


def test_an_export_with_members_as_access_lists(tmp_path: Path, slack: dict[str, Any]) -> None:
    export(tmp_path, slack)
    source = visited(tmp_path, type="slack", path="export.zip")
    assert source.counts() == (3, 0, 0, 0)
    assert len(source.documents("ann@x.org")) == 3
    assert len(source.documents("bo@x.org")) == 2
    assert "no JSON" in source.skipped()["general/2026-11-02.json"]
    assert source.counts() == (0, 0, 0, 0)
    assert len(source.documents("bo@x.org")) == 2


def test_a_new_export_takes_the_place_of_the_old_one(tmp_path: Path, slack: dict[str, Any]) -> None:
    export(tmp_path, slack)
    source = visited(tmp_path, type="slack", path="export.zip")
    source.sync()
    slack["messages"]["C1"] = slack["messages"]["C1"][:1]
    export(tmp_path, slack)
    assert source.counts() == (0, 0, 1, 2)


def test_a_message_is_found_by_its_author(source: Visited) -> None:
    source.sync()
    found = search_documents(source.engine, Scope.of([OWNER], ["it"]), "cake from:bo")
    assert [hit.document.title for hit in found.hits] == ["#general: Which cake?"]
