"""Chats, approvals and the outbox in a real browser."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browsers import NARROW, viewing
from processes import Server, script, serving, wait_until
from talks import HELPER

from lamplighter.store.outbox import list_entries
from lamplighter.testing import Workspace, call, temporary_workspace, turn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WORDS = " ".join(f"word{number}" for number in range(20))
LISTEN = """() => {
  window.drafts = [];
  const hear = () => {
    const draft = document.querySelector("#draft:not([hidden])");
    if (draft) window.drafts.push(draft.textContent);
  };
  const watched = {subtree: true, childList: true, characterData: true, attributes: true};
  new MutationObserver(hear).observe(document.body, watched);
}"""
"""Keeps what is shown of what a model is just saying: it may be over before anybody looks."""

FILES = {
    "lamplighter.toml": 'agents_enabled = true\n[sources.notes]\npath = "notes"\n',
    "notes/hello.md": "# Hello\n\nThe lamp is lit at dusk.",
    "agents/helper.md": HELPER,
    "script.yaml": script(
        turn(call("read_document", id="notes:hello.md")),
        turn(text=f"At **dusk**. {WORDS}", expect=["lit at dusk"], pace=0.1),
        turn(call("write_file", path="a.md", content="A"), call("deliver_file", path="a.md")),
        turn(text="It is delivered."),
    ),
}


@pytest.fixture
def home() -> Iterator[Workspace]:
    with temporary_workspace(FILES, sources={"notes": {"path": "notes"}}) as made:
        made.sync()
        yield made


@pytest.fixture
def server(home: Workspace) -> Iterator[Server]:
    with serving(home) as running:
        yield running


def say(page: "Page", message: str) -> None:
    page.get_by_label("Message").fill(message)
    page.keyboard.press("Control+Enter")


def test_a_chat_streams_asks_first_and_shows_what_it_did(
    browser: "Browser", server: Server, home: Workspace
) -> None:
    with viewing(browser, server, home) as viewer:
        page = viewer.open("/agents/helper")
        page.get_by_role("button", name="Chat").click()
        page.wait_for_url("**/chats/*")
        page.evaluate(LISTEN)
        say(page, "When?")
        wait_until(lambda: any("word3" in text for text in page.evaluate("window.drafts")), "words")
        page.locator(".exchange .turn.model strong").get_by_text("dusk").wait_for()
        page.locator("#draft").wait_for(state="hidden")
        assert page.locator(".call summary").inner_text().startswith("read_document")

        say(page, "Deliver it.")
        page.get_by_role("button", name="Approve once").wait_for()
        assert list_entries(home.engine) == []
        viewer.check()
        viewer.open("/approvals").get_by_role("link", name="deliver_file").click()
        page.get_by_role("button", name="Approve once").click()
        page.get_by_text("It is delivered.").wait_for()
        [entry] = list_entries(home.engine)
        assert entry.state == "sent"
        page.locator(".approval.completed").wait_for()

        viewer.open("/outbox").get_by_role("link", name="file to").click()
        page.wait_for_url("**/outbox/*")
        assert page.locator(".chip.sent").inner_text() == "sent"
        viewer.check()


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": NARROW}])
def test_the_pages_are_for_everybody(
    browser: "Browser", server: Server, home: Workspace, look: dict[str, Any]
) -> None:
    with viewing(browser, server, home, **look) as viewer:
        for path in (
            "/chats",
            "/approvals",
            "/approvals?all=true",
            "/outbox",
            "/outbox?state=held",
        ):
            viewer.open(path)
            viewer.check()


def test_an_earlier_message_is_said_differently_in_a_branch(
    browser: "Browser", server: Server, home: Workspace
) -> None:
    with viewing(browser, server, home) as viewer:
        page = viewer.open("/chats")
        page.get_by_label("Message").fill("When?")
        page.get_by_role("button", name="Begin").click()
        page.locator(".exchange .turn.model strong").get_by_text("dusk").wait_for()
        first = page.url
        page.get_by_text("Edit", exact=True).click()
        page.get_by_label("Say this instead").fill("At what time?")
        page.get_by_role("button", name="Say this instead").click()
        page.get_by_text("branched from").wait_for()
        assert page.url != first
        assert page.locator(".mine .bubble").all_inner_texts() == ["At what time?"]
        assert "When?" in viewer.open(first.removeprefix(server.name)).content()
