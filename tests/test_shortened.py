"""Ids by a clear part."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from lamplighter.errors import InvalidInput, NotFound
from lamplighter.store.shortened import find_row

things = sa.Table("things", sa.MetaData(), sa.Column("id", sa.Text, primary_key=True))


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        things.create(connection)
        for each in ("01AXXX1", "01AYYY2", "01BYYY2"):
            connection.execute(things.insert().values(id=each))
        yield connection
    engine.dispose()


@pytest.mark.parametrize("part", ["01AXXX1", "01axxx1", "01AX", "x1", "1"])
def test_a_clear_part_at_either_end_finds_it(connection: sa.Connection, part: str) -> None:
    assert find_row(connection, things, part, "thing", see="thing list").id == "01AXXX1"


@pytest.mark.parametrize("part", ["01A", "2", "YYY2"])
def test_what_fits_several_is_refused(connection: sa.Connection, part: str) -> None:
    with pytest.raises(InvalidInput, match="several things"):
        find_row(connection, things, part, "thing", see="thing list")


@pytest.mark.parametrize("part", ["", "XX", "%", "_1", "01C"])
def test_what_fits_nothing_is_not_found(connection: sa.Connection, part: str) -> None:
    with pytest.raises(NotFound, match="See: lamplighter thing list"):
        find_row(connection, things, part, "thing", see="thing list")
