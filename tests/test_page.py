"""The page in a real browser: every one of them, wide and narrow, light and dark."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browsers import NARROW, running_chromium, viewing
from processes import Server, serving

from lamplighter.testing import Workspace, temporary_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FILES = {
    "notes/hello.md": "# Hello",
    "agents/digest.md": "---\ndescription: News\nschedule: daily at 9\nsources: [notes]\n---\nRead.",
}
LOOKS = [{}, {"color_scheme": "dark"}, {"viewport": NARROW}]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="module")
def home() -> Iterator[Workspace]:
    with temporary_workspace(FILES, sources={"notes": {"path": "notes"}}) as made:
        made.write("lamplighter.toml", '[sources.notes]\npath = "notes"\n')
        yield made


@pytest.fixture(scope="module")
def server(home: Workspace) -> Iterator[Server]:
    with serving(home) as running:
        yield running


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "narrow"])
@pytest.mark.parametrize("path", ["/agents"])
def test_every_page_is_for_everybody(
    browser: "Browser", server: Server, home: Workspace, path: str, look: dict[str, object]
) -> None:
    with viewing(browser, server, home, **look) as viewer:
        viewer.open(path)
        viewer.check()
