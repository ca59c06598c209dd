"""A real browser before a real server, which notices what people would not.

Each page that a ``Viewer`` opens is held against three rules when the test ends: nothing is said on
the console, nothing is asked of any other origin, and axe-core finds nothing serious. axe-core
4.14.1 is in ``vendor`` as npm has it (MPL-2.0); it is for these tests only.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from processes import Server

from lamplighter.accounts import OWNER_ID, make_link
from lamplighter.testing import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NARROW = {"width": 360, "height": 740}
WIDE = {"width": 1280, "height": 900}
PATIENCE_MILLISECONDS = 60_000
"""How long anything may take before it counts as not coming; only conditions are waited for."""

SERIOUS = ("serious", "critical")


@contextmanager
def running_chromium() -> Iterator["Browser"]:
    """Debian's Chromium; for one module, because its event loop occupies the thread."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed; scripts/setup dev does that on Debian")
    from playwright.sync_api import sync_playwright

    # Debian's start script trips over a variable; its own sandbox does not start as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


def expect(locator: "Locator") -> Any:
    """What the page shows, or will: unlike ``count()`` it waits."""
    from playwright.sync_api import expect as expecting

    expecting.set_options(timeout=PATIENCE_MILLISECONDS)
    return expecting(locator)


@dataclass
class Viewer:
    """Somebody at a browser.

    Attributes:
        url: The server's.
        page: What they look at.
        faults: What broke a rule.
        expected: What may be said on the console.
    """

    url: str
    page: "Page"
    faults: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._watch)

    def open(self, path: str) -> "Page":
        """Go to a page of the server."""
        self.page.goto(f"{self.url}{path}")
        return self.page

    def settle(self) -> None:
        """Wait until nothing is being fetched for the page."""
        self.page.locator(".htmx-request").first.wait_for(state="detached")

    def check(self, rules: str = "{}") -> None:
        """Nothing serious for axe-core (by default by all of its rules), no sideways scrolling."""
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        if (over := self.page.evaluate(wider)) > 0:
            self.faults.append(f"{self.page.url} scrolls sideways, by {over} px")
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(f"axe.run(document, {rules})")
        worst = [each for each in found["violations"] if each["impact"] in SERIOUS]
        self.faults += [f"{self.page.url}: {_explain(each)}" for each in worst]

    def _hear(self, message: Any) -> None:
        if message.type not in ("error", "warning"):
            return
        if not any(text in message.text for text in self.expected):
            self.faults.append(f"console: {message.text}")

    def _watch(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"asked elsewhere: {request.url}")


def _explain(violation: dict[str, Any]) -> str:
    nodes = [node["html"][:200] for node in violation["nodes"][:3]]
    return f"axe: {violation['id']}: {violation['help']}: {nodes}"


@contextmanager
def viewing(
    browser: "Browser", server: Server, workspace: Workspace, user: str = OWNER_ID, **context: Any
) -> Iterator[Viewer]:
    """Somebody signed in, with a fresh browser profile; at the end there were no faults."""
    made = browser.new_context(**{"viewport": WIDE, "timezone_id": "Europe/Berlin", **context})
    made.set_default_timeout(PATIENCE_MILLISECONDS)
    viewer = Viewer(server.name, made.new_page())
    try:
        viewer.open(f"/open/{make_link(workspace.settings, workspace.engine, user, by=user)}")
        yield viewer
        assert not viewer.faults, "\n".join(viewer.faults)
    finally:
        made.close()
