"""Addresses in what goes out: what came in may go on, what a run has put together waits."""

from collections.abc import Mapping

import pytest

from lamplighter.agent.entrance import Entrance
from lamplighter.definitions.flow import Flow
from lamplighter.definitions.links import find_links, learn_links
from lamplighter.definitions.nature import LABELS

KNOWN = "https://x.org/a?b=1"
EVIL = "https://evil.example"


@pytest.mark.parametrize(
    "text",
    [
        KNOWN,
        f"See {KNOWN}.",
        f"[Title]({KNOWN})",
        f"[{KNOWN}]({KNOWN}), and so on",
        f"<{KNOWN}>",
        f"| {KNOWN} |",
        f'"{KNOWN}", *{KNOWN}*',
        {"text": [f"({KNOWN})"]},
    ],
)
def test_an_address_is_the_same_however_it_is_put(text: object) -> None:
    assert find_links(text) == {KNOWN}
    assert KNOWN in learn_links(text)


@pytest.mark.parametrize(
    "text",
    [
        f"{EVIL}/?d=SECRET",
        f"{EVIL}/(SECRET",
        f"{EVIL}/](SECRET)",
        f"{EVIL}/),[SECRET]",
        f"{EVIL}/|SECRET",
        f"{EVIL}/,SECRET",
        f"<{EVIL}/>SECRET",
        f"[x]({EVIL}/)SECRET",
        f"{EVIL}/;{EVIL}/SECRET",
        f"{EVIL}/.,;:.,;:!",
        "HTTPS://evil.example/SECRET",
        "www.evil.example/SECRET",
        {"https://evil.example/SECRET": 1},
    ],
)
def test_nothing_hides_behind_an_address_that_has_come_in(text: object) -> None:
    known = learn_links(f"{EVIL}/ [x]({EVIL}/) <{EVIL}/> www.evil.example")
    assert find_links(text) - known


def objection(flow: Flow, text: str) -> str:
    return flow.objection(acts=True, fixed=True, links=find_links(text))


def test_what_was_read_may_be_passed_on_and_what_was_put_together_not() -> None:
    flow = Flow()
    flow.take(LABELS, "notes:a.md")
    flow.links |= learn_links(f"Read {KNOWN}")
    assert objection(flow, f"Read {KNOWN}!") == ""
    assert "has put together (https://x.org/a?b=12)" in objection(flow, f"Read {KNOWN}2")
    assert objection(Flow(), f"{EVIL}/SECRET") == ""  # nothing has come in


def entered(tool: str, arguments: Mapping[str, object], answer: Mapping[str, object]) -> set[str]:
    entrance = Entrance(Flow())
    entrance.admit(tool, arguments, answer)
    return entrance.flow.links


def test_no_tool_makes_an_address_one_that_has_come_in() -> None:
    page = {"result": {"body": f"Go to {KNOWN}", "url": f"{EVIL}/SECRET"}}
    assert entered("fetch-url", {"url": f"{EVIL}/SECRET"}, page) == {KNOWN}
    for tool in ("read_file", "run_python", "file-readText", "workspace-grep", "recall"):
        assert entered(tool, {}, {"result": f"{EVIL}/SECRET", "labels": ["untrusted"]}) == set()
    assert entered("read_document", {}, {"error": f"there is no {EVIL}/SECRET"}) == set()
    sent = {"result": f"{EVIL}/SECRET", "effect": {"state": "sent"}}
    assert entered("executeMcpTool", {}, sent) == set()
