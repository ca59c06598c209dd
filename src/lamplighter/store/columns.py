"""Types of columns: how moments and vectors are stored.

Moments are stored as whole milliseconds since 1970 in UTC (as DBOS stores its own) and are
aware ``datetime`` values everywhere else.
"""

import json
from array import array
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware UTC ``datetime``, stored as milliseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """To milliseconds."""
        return None if value is None else (value - EPOCH) // MILLISECOND

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:
        """To an aware datetime."""
        return None if value is None else EPOCH + value * MILLISECOND


class Vector(sa.types.TypeDecorator[bytes]):
    """Little-endian 32-bit floats, given and got as bytes; pgvector's type on PostgreSQL."""

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Bytes, or pgvector's type."""
        return _Pgvector() if dialect.name == "postgresql" else sa.LargeBinary()

    def process_bind_param(self, value: bytes | None, dialect: sa.Dialect) -> Any:
        """To what the database takes."""
        if value is None or dialect.name != "postgresql":
            return value
        return str(array("f", value).tolist())

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> bytes | None:
        """To bytes."""
        if value is None or dialect.name != "postgresql":
            return value
        return array("f", json.loads(value)).tobytes()


class _Pgvector(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """What it is called in SQL; without a dimension, which is the embedder's."""
        return "vector"
