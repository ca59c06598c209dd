"""Every table, in SQLAlchemy Core: one definition for SQLite and PostgreSQL.

Moments are stored as whole milliseconds since 1970 in UTC (as DBOS stores its own) and are
aware ``datetime`` values everywhere else.
"""

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


metadata = sa.MetaData()


def _some(name: str, *columns: str, where: str) -> sa.Index:
    """An index of only some rows: it stays small, however long the record grows.

    SQLite uses it for a query that has the same conditions, with literals and not parameters.
    """
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


agent_versions = sa.Table(
    "agent_versions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="SHA-256 of name, zone and text"),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False, comment="the file as it was"),
    sa.Column("timezone", sa.Text, nullable=False, comment="the default zone it was read with"),
    sa.Column("created_at", Moment, nullable=False),
)

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.ForeignKey("agent_versions.id"), nullable=False),
    sa.Column("message", sa.Text, nullable=False, comment="the first one of its runs"),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False, default=0, comment="in a row"),
    sa.Column("paused_at", Moment, comment="null: not paused"),
    sa.Column("paused_reason", sa.Text),
)

agent_records = sa.Table(
    "agent_records",
    metadata,
    sa.Column("agent", sa.Text, primary_key=True, comment="kept when its file has gone"),
    sa.Column("run_count", sa.Integer, nullable=False, comment="runs that have ended"),
    sa.Column("last_run_at", Moment, comment="when the last one ended"),
    sa.Column("last_error", sa.Text, comment="of the last one; null: it succeeded"),
)

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, nullable=False, index=True),
    sa.Column("spec", sa.JSON, nullable=False, comment="schedule.to_data"),
    sa.Column("anchor_at", Moment, nullable=False, comment="where intervals are counted from"),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("next_due_at", Moment, comment="null: nothing more to come, or not enabled"),
    sa.Index("schedules_due", "next_due_at"),
)

occurrences = sa.Table(
    "occurrences",
    metadata,
    sa.Column("schedule_id", sa.Text, primary_key=True),
    sa.Column("due_at", Moment, primary_key=True),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False, comment="ran, skipped or missed"),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("run_id", sa.Text),
    sa.Index("occurrences_by_agent", "agent", "due_at"),
    sa.Index("occurrences_by_time", "due_at"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("version", sa.ForeignKey("agent_versions.id"), nullable=False),
    sa.Column("trigger", sa.Text, nullable=False, comment="manual or scheduled"),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("model_override", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("summary", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("model", sa.Text, comment="what answered, as resolved"),
    sa.Column("label", sa.Text, comment="scripted, or small local model"),
    sa.Column("worker", sa.Text, comment="the process that carries it out; only it may write"),
    sa.Column("due_at", Moment),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("admitted_at", Moment, comment="handed to the queue"),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("cancel_requested_at", Moment),
    sa.Column("requests", sa.Integer, nullable=False, default=0),
    sa.Column("tool_calls", sa.Integer, nullable=False, default=0),
    sa.Column("input_tokens", sa.Integer, nullable=False, default=0),
    sa.Column("output_tokens", sa.Integer, nullable=False, default=0),
    sa.Index("runs_by_agent", "agent", "id"),
    sa.Index("runs_by_end", "finished_at"),
    _some("runs_active", "agent", "id", where="status IN ('pending', 'running')"),
    _some("runs_waiting", "trigger", "id", where="status = 'pending' AND admitted_at IS NULL"),
    _some(
        "runs_under_way",
        "agent",
        where="status IN ('pending', 'running') AND admitted_at IS NOT NULL",
    ),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False, comment="from 1"),
    sa.Column("key", sa.Text, nullable=False, comment="what makes writing it again harmless"),
    sa.Column("at", Moment, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.UniqueConstraint("run_id", "key"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("call", sa.Text, nullable=False, comment="the tool call: request:tool_call_id"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False, comment="what shows and performs it"),
    sa.Column("state", sa.Text, nullable=False, comment="intended, sent, failed or uncertain"),
    sa.Column("receipt", sa.JSON(none_as_null=True)),
    sa.Column("error", sa.Text),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.UniqueConstraint("run_id", "call"),
    sa.Index("outbox_by_state", "state", "id"),
)

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("config", sa.JSON, nullable=False, comment="what the index was made from"),
    sa.Column("synced_at", Moment, comment="end of the last whole sync"),
    sa.Column("error", sa.Text, comment="why the last sync failed"),
)

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("pk", sa.Integer, primary_key=True, comment="row of the full-text index"),
    sa.Column("id", sa.Text, nullable=False, unique=True, comment="source:path"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("dated_at", Moment, nullable=False, comment="its own date, else its file's"),
    sa.Column("size_bytes", sa.BigInteger, nullable=False, comment="of the original"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="mtime and hash, to see changes"),
    sa.Column("access_set", sa.Text, nullable=False),
    sa.Index("documents_by_source", "source", "dated_at"),
)

access_sets = sa.Table(
    "access_sets",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="hash of its principals"),
    sa.Column("principal", sa.Text, primary_key=True),
)

skipped_documents = sa.Table(
    "skipped_documents",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="its executor id"),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("beat_at", Moment, nullable=False),
    sa.Column("gone", sa.Boolean, nullable=False, comment="given up by the others"),
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="a ULID"),
    sa.Column("key", sa.Text, nullable=False, unique=True, comment="what is told only once"),
    sa.Column("agent", sa.Text, comment="null: about the workspace"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("read_at", Moment, comment="null: unread"),
)
