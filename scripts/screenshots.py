"""Pictures of the page, of a workspace that looks lived in; ``scripts/screenshots`` runs this."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from browsers import NARROW, WIDE, running_chromium, viewing
from gallery import furnish
from PIL import Image
from processes import Server, ended_run, serving

from lamplighter import clock
from lamplighter.engine.control import wake_engine
from lamplighter.engine.manual import request_run
from lamplighter.testing import Workspace, temporary_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = Path(__file__).parent.parent / "docs" / "images"
PICTURES = {
    "agents": "/agents",
    "new-agent": "/agents/new?like=digest",
    "agent": "/agents/daily-digest",
    "schedule": "/agents/daily-digest/schedule",
    "run": "/runs/{run}",
    "transcript": "/runs/{run}?view=transcript",
    "compare": "/runs/{run}/compare",
}
DARK = ("agents", "run")
"""Those that are shown dark, too; and the first also on a telephone."""

SOURCES = {"notes": {"path": "notes"}, "mail": {"path": "mail"}}


def main() -> None:
    """Make all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with temporary_workspace(sources=SOURCES, timezone="Europe/Berlin") as home:
        furnish(home, clock.now())
        with serving(home, LAMPLIGHTER_TIMEZONE="Europe/Berlin") as server:
            run = request_run(home.settings, home.engine, "weekly-report")
            wake_engine(home.engine, home.settings.state_dir)
            ended_run(home, "weekly-report")
            with running_chromium() as browser:
                _picture(browser, server, home, run.id)


def _picture(browser: "Browser", server: Server, home: Workspace, run: str) -> None:
    for scheme, ending, size, names in (
        ("light", "", WIDE, tuple(PICTURES)),
        ("dark", "-dark", WIDE, DARK),
        ("light", "-narrow", NARROW, DARK),
    ):
        with viewing(browser, server, home, color_scheme=scheme, viewport=size) as viewer:
            for name in names:
                page = viewer.open(PICTURES[name].replace("{run}", run))
                page.wait_for_load_state("networkidle")
                picture = Image.open(io.BytesIO(page.screenshot()))
                picture.quantize(256).save(IMAGES / f"{name}{ending}.png", optimize=True)


if __name__ == "__main__":
    main()
