"""What all tests share: an environment without anybody's keys, and a temporary workspace."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from browsers import running_chromium
from containers import find_engine
from databases import new_database, running_postgresql
from postbox import Postbox, open_postbox
from rounds import START, Rounds

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.engine.record import SECRET_NAME
from lamplighter.models.weights import find_weights
from lamplighter.sandbox.toolbox import is_built
from lamplighter.secrets import known
from lamplighter.store.database import open_database
from lamplighter.testing import HeldClock, Workspace, temporary_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PREFIXES = ("LAMPLIGHTER_", "AGENT_", "AGENTS_", "OLLAMA_", "LOCAL_MODEL_", "ROWBOAT_")

HELLO = "# Hello\n\nThe lamp is lit at dusk."
DIGEST = "---\nsources: [notes]\n---\nWrite a digest of the notes."
NOTES = {"notes": {"path": "notes"}}


@pytest.fixture(scope="session", autouse=True)
def _bare_session() -> None:
    """No test sees the keys and settings of whoever runs it."""
    for name in list(os.environ):
        if name == "LAMPLIGHTER_REQUIRE_ALL":
            continue
        if name.startswith(PREFIXES) or SECRET_NAME.search(name):
            del os.environ[name]
    os.environ["LAMPLIGHTER_EMBEDDER"] = "none"  # which most tests need not wait for
    os.environ["OLLAMA_BASE_URL"] = "http://127.0.0.1:9/v1"  # nothing listens there


@pytest.fixture(autouse=True)
def _bare_environment() -> Iterator[None]:
    """No test sees what another one has left: the contents of a workspace's ``.env``, secrets."""
    before, hidden = dict(os.environ), dict(known)
    yield
    os.environ.clear()
    os.environ.update(before)
    known.clear()
    known.update(hidden)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A workspace with one note and one agent, ``digest``, that may read it."""
    files = {"notes/hello.md": HELLO, "agents/digest.md": DIGEST}
    with temporary_workspace(files, sources=NOTES) as made:
        yield made


@pytest.fixture
def held() -> Iterator[HeldClock]:
    """The time stands still, at ``START``, until the test moves it."""
    clock_ = HeldClock(START)
    with clock.using(clock_):
        yield clock_


@pytest.fixture
def rounds(workspace: Workspace, held: HeldClock) -> Rounds:
    """A scheduler whose queue is a list, on a held clock."""
    return Rounds(workspace, held)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests with the real weights, toolbox or engine run where those are."""
    here = {
        "weights": find_weights(Settings(workspace=Path.cwd(), timezone="UTC")) is not None,
        "toolbox": is_built() or "LAMPLIGHTER_REQUIRE_ALL" in os.environ,
        "container": bool(find_engine()) if _asks_for(items, "container") else False,
    }
    missing = [name for name, is_here in here.items() if not is_here]
    absent = [item for item in items if any(map(item.get_closest_marker, missing))]
    config.hook.pytest_deselected(items=absent)
    items[:] = [item for item in items if item not in absent]


def _asks_for(items: list[pytest.Item], marker: str) -> bool:
    return any(item.get_closest_marker(marker) for item in items)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything has to be tested, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("LAMPLIGHTER_REQUIRE_ALL") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def _postgresql_server(testrun_uid: str) -> Iterator[str]:
    """A PostgreSQL server, which all test processes share and the last of them stops."""
    with running_postgresql(testrun_uid) as server:
        yield server


@pytest.fixture
def postgresql(_postgresql_server: str) -> Iterator[str]:
    """The URL of a new, empty database."""
    with new_database(_postgresql_server) as url:
        yield url


@pytest.fixture(scope="module")
def module_postgresql(_postgresql_server: str) -> Iterator[str]:
    """One for all tests of a module, which empty it themselves."""
    with new_database(_postgresql_server) as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sa.Engine]:
    """A database for all tests of a module, which empty it themselves; once of each kind."""
    if request.param == "sqlite":
        made = open_database(tmp_path_factory.mktemp("state"))
    else:
        made = open_database(request.getfixturevalue("module_postgresql"))
    yield made
    made.dispose()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Postbox]:
    """A mail server that keeps what it gets."""
    with open_postbox(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium, for all tests of a module."""
    with running_chromium() as running:
        yield running
