"""The pages of documents, people, sources, notices and settings, in a real browser."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browsers import NARROW, expect, viewing
from processes import Server, serving, wait_until

from lamplighter import clock
from lamplighter.store.documents import list_sources
from lamplighter.store.notices import add_notice, list_notices
from lamplighter.store.sources import list_begun
from lamplighter.store.tokens import list_tokens
from lamplighter.store.users import add_user, get_user
from lamplighter.sync import sync_all
from lamplighter.testing import Workspace, temporary_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SETTINGS = """
model = "scripted:answers.yaml"
[team]
[sources.notes]
path = "notes"
access = {public = true}
[sources.board]
path = "board"
"""
SOURCES = {
    "notes": {"path": "notes", "access": {"public": True}},
    "board": {"path": "board"},
}
FILES = {
    "answers.yaml": "turns:\n  - text: ready\n",
    "notes/plan.md": "---\ntitle: The plan\n---\nLaunch on Tuesday; <b>not</b> bold, budget 3 M.\n",
    "notes/hello.md": "# Hello\n\nNo money here.\n",
    "notes/broken.pdf": "this is no PDF",
    "board/secret.md": "The budget is gone.\n",
    "lamplighter.toml": SETTINGS,
}
ADMIN, MEMBER = "ann@example.org", "bob@example.org"
LOOKS = [{}, {"color_scheme": "dark"}, {"viewport": NARROW}]
PAGES = (
    *("/search", "/search?q=budget", "/documents?id=notes%3Aplan.md", "/people", "/notices"),
    *("/sources", "/sources/notes", "/settings", "/settings/models", "/settings/users"),
    *("/settings/groups", "/settings/tokens", "/settings/audit"),
)


@pytest.fixture(scope="module")
def home() -> Iterator[Workspace]:
    with temporary_workspace(FILES, team={}, sources=SOURCES) as made:
        with made.engine.begin() as connection:
            add_user(connection, ADMIN, clock.now(), admin=True)
            add_user(connection, MEMBER, clock.now())
            add_notice(connection, "failure", "one", "digest failed", now=clock.now())
        sync_all(made.engine, made.settings)
        assert list_sources(made.engine)["notes"].documents == 2
        yield made


@pytest.fixture(scope="module")
def server(home: Workspace) -> Iterator[Server]:
    with serving(home) as running:
        yield running


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "narrow"])
def test_every_page_is_for_everybody(
    browser: "Browser", server: Server, home: Workspace, look: dict[str, Any]
) -> None:
    with viewing(browser, server, home, ADMIN, **look) as viewer:
        for path in PAGES:
            viewer.open(path)
            viewer.check()


def test_search_finds_what_the_viewer_may_see_and_marks_it(
    browser: "Browser", server: Server, home: Workspace
) -> None:
    with viewing(browser, server, home, MEMBER) as viewer:
        page = viewer.open("/search")
        page.keyboard.type("budget")
        page.wait_for_url("**/search?q=budget")
        expect(page.locator("mark")).to_have_text(["budget"])
        expect(page.locator(".hits li")).to_have_count(1)
        page.locator(".hits a").click()
        page.get_by_role("heading", name="The plan").wait_for()
        assert "<b>not</b> bold" in page.locator(".lines").inner_text()


def test_admins_have_pages_that_others_do_not_find(
    browser: "Browser", server: Server, home: Workspace
) -> None:
    with viewing(browser, server, home, MEMBER) as viewer:
        page = viewer.open("/settings")
        assert page.locator(".tabs a").all_inner_texts() == ["Workspace", "API tokens"]
        assert page.locator("text=Health").count() == 0
        viewer.expected = ("status of 404",)
        for path in ("/settings/users", "/settings/groups", "/settings/models", "/settings/audit"):
            answer = page.goto(f"{server.name}{path}")
            assert answer is not None
            assert answer.status == 404
        page = viewer.open("/sources/notes")
        assert "broken.pdf" not in page.content()


def test_a_source_says_what_it_could_not_read(
    browser: "Browser", server: Server, home: Workspace
) -> None:
    with viewing(browser, server, home, ADMIN) as viewer:
        page = viewer.open("/sources")
        page.get_by_role("link", name="1 not read").click()
        assert "broken.pdf" in page.locator("#skipped").inner_text()


def test_an_admin_has_a_source_synced_now(
    browser: "Browser", server: Server, home: Workspace
) -> None:
    with viewing(browser, server, home, MEMBER) as viewer:
        assert viewer.open("/sources").get_by_role("button", name="Sync now").count() == 0
    with viewing(browser, server, home, ADMIN) as viewer:
        for path in ("/sources", "/sources/notes"):
            page = viewer.open(path)
            before = list_begun(home.engine)["notes"]
            page.get_by_role("button", name="Sync now: notes").click()
            wait_until(
                lambda before=before: list_begun(home.engine).get("notes", before) > before,  # type: ignore[misc]
                "the sync",
            )
            page.locator("#source-notes, #state").get_by_text("in sync").wait_for()


def test_a_token_is_shown_once_and_revoked_after_a_question(
    browser: "Browser", server: Server, home: Workspace
) -> None:
    with viewing(browser, server, home, MEMBER) as viewer:
        page = viewer.open("/settings/tokens")
        assert page.get_by_label("admin").count() == 0
        page.get_by_label("Name").fill("backup script")
        page.get_by_role("button", name="Make it").click()
        assert page.locator(".secret").inner_text().startswith("llt_")
        page.goto(f"{server.name}/settings/tokens")
        assert "llt_" not in page.content()
        page.get_by_role("button", name="Revoke backup script").click()
        page.get_by_role("button", name="Leave it").click()
        assert [token.revoked_at for token in list_tokens(home.engine, MEMBER)] == [None]
        page.get_by_role("button", name="Revoke backup script").click()
        page.get_by_role("button", name="Revoke it", exact=True).click()
        page.get_by_text("None. A token lets").wait_for()
        assert None not in [token.revoked_at for token in list_tokens(home.engine, MEMBER)]


def test_an_admin_adds_somebody_and_locks_them_out(
    browser: "Browser", server: Server, home: Workspace
) -> None:
    with viewing(browser, server, home, ADMIN) as viewer:
        page = viewer.open("/settings/users")
        page.get_by_label("E-mail address").fill("cy@example.org")
        page.get_by_role("button", name="Add, and make").click()
        assert f"{server.name}/open/" in page.locator(".secret").inner_text()
        row = page.locator("li", has_text="cy@example.org")
        row.get_by_role("button", name="Deactivate").click()
        page.locator("dialog").get_by_role("button", name="Deactivate").click()
        row.get_by_text("deactivated").wait_for()
        assert get_user(home.engine, "cy@example.org").deactivated_at is not None


def test_a_model_is_tested(browser: "Browser", server: Server, home: Workspace) -> None:
    with viewing(browser, server, home, ADMIN) as viewer:
        page = viewer.open("/settings/models")
        page.get_by_role("button", name="Test scripted:answers.yaml").click()
        page.locator(".note").get_by_text("answered in").wait_for()
        page.get_by_label("Another model").fill("nowhere:model")
        page.get_by_role("button", name="Test another").click()
        page.locator(".note").get_by_text("cannot be used").wait_for()


def test_a_notice_is_read(browser: "Browser", server: Server, home: Workspace) -> None:
    with viewing(browser, server, home, ADMIN) as viewer:
        page = viewer.open("/notices")
        page.locator("li", has_text="digest failed").get_by_role("button", name="Read").click()
        page.locator("li.seen").wait_for()
        assert list_notices(home.engine) == []
        assert "Nothing needs you" in viewer.open("/notices").content()
