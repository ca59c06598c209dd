"""A database of the first released schema, with what runs wrote, becomes one of today's."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from first_schema import FILES, NOTES, TURNS, WAITING, load_postgresql, load_sqlite

from lamplighter.access import Scope
from lamplighter.engine.holder import hold, making_rounds
from lamplighter.schedule import Interval
from lamplighter.search.index import read_document
from lamplighter.store.database import SCHEMA_VERSION, open_database, schema_version
from lamplighter.store.notices import list_notices
from lamplighter.store.outbox import list_entries
from lamplighter.store.runs import Run, get_run, list_runs
from lamplighter.store.schedules import list_occurrences, list_schedules
from lamplighter.store.tables import metadata
from lamplighter.testing import Workspace
from lamplighter.workspace import load_settings

ANEW = "not released yet? Then keep the first schema anew: python tests/first_schema.py"


@pytest.fixture(params=["sqlite", "postgresql"])
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose database was made by the first released schema."""
    url: str | None = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        load_postgresql(str(url))
    else:
        load_sqlite(tmp_path / ".lamplighter")
    settings = load_settings(tmp_path, timezone="UTC", sources=NOTES, database_url=url)
    workspace = Workspace(tmp_path, settings, open_database(settings.database))
    for name, text in FILES.items():
        workspace.write(name, text)
    workspace.script(TURNS)
    yield workspace
    workspace.engine.dispose()


def test_it_has_todays_tables(upgraded: Workspace) -> None:
    def ours(item: Any, name: str | None, _type: str, reflected: bool, _other: Any) -> bool:
        table = getattr(item, "table", item)  # of an index
        return not reflected or table.name in {*metadata.tables, "alembic_version"}

    assert schema_version(upgraded.engine) == SCHEMA_VERSION, ANEW
    with upgraded.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, metadata) == [], ANEW


def test_what_was_recorded_is_still_known(upgraded: Workspace) -> None:
    engine = upgraded.engine
    [ended] = list_runs(engine, status="completed")
    assert (ended.agent, ended.summary, ended.tool_calls) == ("digest", "All is well.", 3)
    events = upgraded.events(ended)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].kind == "finished"
    [effect] = list_entries(engine, run_id=ended.id)
    assert (effect.state, effect.destination.endswith("digest.md")) == ("sent", True)
    [notice] = list_notices(engine)
    assert notice.message == "something failed"
    [schedule] = list_schedules(engine, "hourly")
    assert schedule.schedule.timing == Interval(3600)
    assert {each.result for each in list_occurrences(engine, "hourly")} == {"missed", "ran"}
    document = read_document(engine, Scope.of(["user:owner"], ["notes"]), "notes:hello.md")
    assert "lit at dusk" in " ".join(document.lines)


def test_what_was_waiting_goes_on(upgraded: Workspace) -> None:
    waiting = list_runs(upgraded.engine, status="pending")
    assert {run.message == WAITING for run in waiting} == {True, False}

    async def go_on() -> None:
        async with hold(upgraded.settings, fires=False) as holder, making_rounds(holder):
            for run in waiting:
                await holder.worker.wait_for_end(run.id)

    asyncio.run(go_on())
    ended: list[Run] = [get_run(upgraded.engine, run.id) for run in waiting]
    assert [run.error for run in ended] == [None, None]
    assert upgraded.run("digest", TURNS).status == "completed"
