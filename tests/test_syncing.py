"""Sources are synced by themselves, and tell when somebody has to see to them."""

from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from processes import serving, wait_until, working
from servers import Answer, Request, web_server
from sqlalchemy import Engine
from visits import Visited, visited

from lamplighter.credentials import note_expiries
from lamplighter.engine.control import wake_engine
from lamplighter.errors import Conflict
from lamplighter.store import claims
from lamplighter.store.claims import syncing_alone
from lamplighter.store.documents import list_sources
from lamplighter.store.sources import ask_for_sync, note_progress
from lamplighter.sync import Progress, sync_source
from lamplighter.testing import HeldClock, temporary_workspace

FEED = '<rss version="2.0"><channel><title>News</title>{}</channel></rss>'
ITEM = "<item><guid>{0}</guid><title>{0}</title></item>"


def test_serve_syncs_as_often_as_the_source_says() -> None:
    def answer(request: Request) -> Answer:
        return Answer(FEED.format("".join(map(ITEM.format, range(len(web.requests))))))

    with web_server(answer) as web:
        toml = f'[sources.news]\ntype = "feeds"\nevery = 1\nurls = ["{web.url}/feed"]\n'
        with temporary_workspace({"lamplighter.toml": toml}) as workspace, serving(workspace):

            def several() -> bool:
                state = list_sources(workspace.engine).get("news")
                return state is not None and state.documents >= 3

            wait_until(several, "three syncs")


def test_a_source_is_synced_at_once_when_somebody_asks() -> None:
    def answer(_request: Request) -> Answer:
        return Answer(FEED.format("".join(map(ITEM.format, range(len(web.requests))))))

    with web_server(answer) as web:
        toml = f'[sources.news]\ntype = "feeds"\nevery = 86400\nurls = ["{web.url}/feed"]\n'
        with temporary_workspace({"lamplighter.toml": toml}) as workspace, serving(workspace):

            def holds(number: int) -> bool:
                state = list_sources(workspace.engine).get("news")
                return state is not None and state.documents == number

            wait_until(lambda: holds(1), "the first sync")
            with workspace.engine.begin() as connection:
                ask_for_sync(connection, "news")
            wake_engine(workspace.engine, workspace.settings.state_dir)
            wait_until(lambda: holds(2), "the sync that was asked for")


def test_how_far_a_sync_is_stands_there_while_it_is_at_work() -> None:
    files = {"notes/a.md": "A", "notes/b.md": "B"}
    seen: list[tuple[int | None, int | None]] = []

    def look(progress: Progress) -> None:
        with home.engine.begin() as connection:
            note_progress(connection, "notes", progress.done, progress.total)
        state = list_sources(home.engine)["notes"]
        seen.append((state.done, state.total))

    with temporary_workspace(files, sources={"notes": {"path": "notes"}}) as home:
        sync_source(home.engine, home.settings, "notes", progress=look)
        assert seen == [(1, 2), (2, 2)]
        state = list_sources(home.engine)["notes"]
        assert (state.done, state.total) == (None, None)
        with home.engine.begin() as connection:
            note_progress(connection, "notes", 7, 9)  # somebody who is late
        assert list_sources(home.engine)["notes"].done is None


def hold_lock(state: Path, shared: str, held: "object", done: "object") -> None:
    from lamplighter.store.database import open_database

    engine = open_database(shared or state)
    with syncing_alone(engine, state, "it"):
        held.set()  # type: ignore[attr-defined]
        done.wait()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_one_process_at_a_time_syncs_a_source_and_death_lets_go(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    from lamplighter.store.database import open_database

    shared = request.getfixturevalue("postgresql") if kind == "postgresql" else ""
    state = tmp_path / ".lamplighter"
    engine = open_database(shared or state)
    spawn = get_context("spawn")
    held, done = spawn.Event(), spawn.Event()
    process = spawn.Process(target=hold_lock, args=(state, shared, held, done))
    process.start()
    try:
        assert held.wait(60)
        with pytest.raises(Conflict, match="another process"), syncing_alone(engine, state, "it"):
            pass
        with syncing_alone(engine, state, "another"):
            pass
    finally:
        process.kill()
        process.join()

    def free() -> bool:
        try:
            with syncing_alone(engine, state, "it"):
                return True
        except Conflict:
            return False

    wait_until(free, "the lock of a process that died")
    engine.dispose()


def test_a_process_that_lost_its_claim_writes_no_more(
    tmp_path: Path, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lamplighter.store.database import open_database

    monkeypatch.setattr(claims, "PATIENCE", timedelta(0))  # as if the first had been stopped
    monkeypatch.setattr(claims, "BEAT_SECONDS", 60.0)
    engine = open_database(postgresql)
    with syncing_alone(engine, tmp_path, "it") as first:
        wait_until(lambda: claim(engine, tmp_path), "the claim of one that is silent")
        with engine.begin() as connection, pytest.raises(Conflict, match="another process"):
            first(connection)
    engine.dispose()


def claim(engine: Engine, state: Path) -> bool:
    """Whether the claim was to be had; whoever has it checks it well."""
    try:
        with syncing_alone(engine, state, "it") as check, engine.begin() as connection:
            check(connection)
            return True
    except Conflict:
        return False


def test_a_worker_syncs_what_every_machine_can_read_and_another_goes_on_when_it_dies(
    postgresql: str,
) -> None:
    def answer(request: Request) -> Answer:
        return Answer(FEED.format("".join(map(ITEM.format, range(len(web.requests))))))

    with web_server(answer) as web:
        toml = (
            f'[sources.news]\ntype = "feeds"\nevery = 1\nurls = ["{web.url}/feed"]\n'
            '[sources.notes]\npath = "notes"\nevery = 1\n'
        )
        files = {
            ".env": f"LAMPLIGHTER_DATABASE_URL={postgresql}\n",
            "lamplighter.toml": toml,
            "notes/a.md": "text",
        }
        with temporary_workspace(files, database_url=postgresql) as workspace:

            def grows() -> bool:
                state = list_sources(workspace.engine).get("news")
                return state is not None and state.documents > before

            before = 0
            with working(workspace) as first, working(workspace):
                wait_until(grows, "the first syncs")
                first.kill()
                before = list_sources(workspace.engine)["news"].documents
                wait_until(grows, "a sync by the other worker")
            assert "notes" not in list_sources(workspace.engine)


def test_credentials_that_are_about_to_expire_are_announced_once(
    tmp_path: Path, held: HeldClock
) -> None:
    source = visited(tmp_path, type="slack")
    source.keyring.put({"token": "a"}, held.now() + timedelta(days=10))
    note_expiries(source.engine, source.settings, held.now())
    assert source.notices() == []
    held.advance(days=4)
    for _ in range(2):
        note_expiries(source.engine, source.settings, held.now())
    (notice,) = source.notices()
    assert "source it: what it signs in with expires on" in notice
    assert "lamplighter source login it" in notice


def test_a_token_of_the_environment_may_have_a_date_too(tmp_path: Path) -> None:
    source = visited(tmp_path, type="slack", token="env:T", expires="2026-12-01")
    note_expiries(source.engine, source.settings, datetime(2026, 11, 20, tzinfo=UTC))
    assert source.notices() == []
    note_expiries(source.engine, source.settings, datetime(2026, 11, 26, tzinfo=UTC))
    assert len(source.notices()) == 1


def test_a_type_that_nobody_knows_is_said(tmp_path: Path) -> None:
    source = visited(tmp_path, type="telepathy", to="ann")
    assert "no type of sources 'telepathy'; there are: files, mail" in source.error()


def test_another_package_brings_a_connector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf.py").write_text(
        "from lamplighter.sources.connector import Document, Item\n"
        "def survey(visit):\n"
        "    for title in visit.config.options['books']:\n"
        "        yield Item(title, '1', lambda t=title: [Document(path=t, title=t, text=t)])\n"
    )
    about = tmp_path / "shelf-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[lamplighter.connectors]\nshelf = shelf:survey\n")
    monkeypatch.syspath_prepend(tmp_path)
    source: Visited = visited(tmp_path, type="shelf", books=["Emma", "Persuasion"])
    assert source.counts() == (2, 0, 0, 0)
    source.configure(books=["Emma"])
    assert source.counts() == (0, 0, 1, 1)
