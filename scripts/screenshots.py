"""Pictures of the page, of a workspace that looks lived in; ``scripts/screenshots`` runs this."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from browsers import NARROW, WIDE, Viewer, running_chromium, viewing
from gallery import SOURCES, furnish
from PIL import Image
from processes import ended_run, serving, wait_until
from team import ANN, BO, ROOT, TOML, made_team

from lamplighter import clock
from lamplighter.access import Access
from lamplighter.engine.control import wake_engine
from lamplighter.engine.manual import request_run
from lamplighter.store.documents import list_sources
from lamplighter.testing import Workspace, temporary_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = Path(__file__).parent.parent / "docs" / "images"
PICTURES = {
    "agents": "/agents",
    "new-agent": "/agents/new?like=digest",
    "agent": "/agents/weekly-report",
    "schedule": "/agents/daily-digest/schedule",
    "versions": "/agents/weekly-report/versions/2",
    "memory": "/agents/weekly-report/memory",
    "run": "/runs/{run}",
    "held": "/runs/{held}",
    "transcript": "/runs/{run}?view=transcript",
    "compare": "/runs/{run}/compare",
    "runs": "/runs",
    "chats": "/chats",
    "chat": "{chat}",
    "approvals": "/approvals",
    "outbox": "/outbox",
    "search": "/search?q=launch",
    "document": "/documents?id=notes%3Alaunch.md",
    "sources": "/sources",
    "people": "/people",
    "notices": "/notices",
    "settings": "/settings",
}
OF_TEAMS = {
    "users": "/settings/users",
    "groups": "/settings/groups",
    "tokens": "/settings/tokens",
    "audit": "/settings/audit",
}
DARK = ("agents", "run", "chat", "search")
SMALL = ("agents", "run", "new-agent", "search", "held")
"""Those that are shown dark, or as on a telephone, too."""

ZONE = "Europe/Berlin"


def main() -> None:
    """Make all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with running_chromium() as browser:
        _picture_personal(browser)
        _picture_team(browser)


def _picture_personal(browser: "Browser") -> None:
    with temporary_workspace(sources=SOURCES, timezone=ZONE) as home:
        furnish(home, clock.now())
        with serving(home, LAMPLIGHTER_TIMEZONE=ZONE) as server:
            wait_until(lambda: _is_read(home), "the sources")
            places = {"run": _run(home, "weekly-report"), "held": _run(home, "inbox-triage")}
            _change(home)
            with viewing(browser, server, home) as viewer:
                places["chat"] = _talk(viewer)
            for scheme, ending, size, names in (
                ("light", "", WIDE, tuple(PICTURES)),
                ("dark", "-dark", WIDE, DARK),
                ("light", "-narrow", NARROW, SMALL),
            ):
                with viewing(browser, server, home, color_scheme=scheme, viewport=size) as viewer:
                    _take(viewer, {name: PICTURES[name] for name in names}, ending, places)


def _picture_team(browser: "Browser") -> None:
    with made_team() as team:
        team.workspace.write("lamplighter.toml", TOML)
        team.agent(ANN, "digest")
        team.agent(ROOT, "census", org=True, head="actions: [read_document]")
        team.document("hello.md", "Hello", Access(public=True))
        team.browser(ROOT).post(
            "/settings/groups", data={"name": "sales", "members": f"{ANN}\n{BO}"}
        )
        team.browser(ROOT).post("/settings/tokens", data={"name": "backup", "scope": "read"})
        with (
            serving(team.workspace) as server,
            viewing(browser, server, team.workspace, ROOT) as viewer,
        ):
            _take(viewer, OF_TEAMS, "", {})
            viewer.page.context.clear_cookies()
            _take(viewer, {"sign-in": "/sign-in"}, "", {})


def _is_read(home: Workspace) -> bool:
    states = list_sources(home.engine)
    return len(states) == len(SOURCES) and all(each.synced_at for each in states.values())


def _run(home: Workspace, agent: str) -> str:
    """A run of an agent that has ended."""
    run = request_run(home.settings, home.engine, agent)
    wake_engine(home.engine, home.settings.state_dir)
    ended_run(home, agent)
    return run.id


def _change(home: Workspace) -> None:
    """A second version of an agent."""
    file = home.path / "agents" / "weekly-report.md"
    file.write_text(file.read_text().replace("one page**", "one page**, no more"))
    from lamplighter.store.versions import list_changes

    wait_until(lambda: len(list_changes(home.engine, "weekly-report")) == 2, "the change")


def _talk(viewer: Viewer) -> str:
    """A chat that waits for an approval; gives its path."""
    page = viewer.open("/chats")
    page.get_by_label("With whom").select_option(label="assistant")
    page.get_by_label("Message").fill("What is open before the launch?")
    page.get_by_role("button", name="Begin").click()
    page.get_by_text("Two things are open").wait_for()
    page.get_by_label("Message").fill("Write that down as open.md, please, and deliver it.")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Approve once").wait_for()
    return page.url.removeprefix(viewer.url)


def _take(
    viewer: Viewer, pictures: Mapping[str, str], ending: str, places: Mapping[str, str]
) -> None:
    for name, path in pictures.items():
        page = viewer.open(path.format_map(places))
        page.wait_for_load_state("networkidle")
        picture = Image.open(io.BytesIO(page.screenshot()))
        picture.quantize(256, kmeans=2).save(IMAGES / f"{name}{ending}.png", optimize=True)


if __name__ == "__main__":
    main()
