"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Full text over titles and texts, kept in step by the database itself.
FULL_TEXT = (
    """
    CREATE VIRTUAL TABLE documents_fts USING fts5(
        title, text, content='documents', content_rowid='pk',
        tokenize="porter unicode61 remove_diacritics 2"
    )
    """,
    """
    CREATE TRIGGER documents_inserted AFTER INSERT ON documents BEGIN
        INSERT INTO documents_fts(rowid, title, text) VALUES (new.pk, new.title, new.text);
    END
    """,
    """
    CREATE TRIGGER documents_deleted AFTER DELETE ON documents BEGIN
        INSERT INTO documents_fts(documents_fts, rowid, title, text)
        VALUES ('delete', old.pk, old.title, old.text);
    END
    """,
    """
    CREATE TRIGGER documents_updated AFTER UPDATE OF title, text ON documents BEGIN
        INSERT INTO documents_fts(documents_fts, rowid, title, text)
        VALUES ('delete', old.pk, old.title, old.text);
        INSERT INTO documents_fts(rowid, title, text) VALUES (new.pk, new.title, new.text);
    END
    """,
)


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "access_sets",
        sa.Column("id", sa.Text(), nullable=False, comment="hash of its principals"),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "principal"),
    )
    op.create_table(
        "agent_versions",
        sa.Column("id", sa.Text(), nullable=False, comment="SHA-256 of name, zone and text"),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="the file as it was"),
        sa.Column(
            "timezone", sa.Text(), nullable=False, comment="the default zone it was read with"
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "documents",
        sa.Column("pk", sa.Integer(), nullable=False, comment="row of the full-text index"),
        sa.Column("id", sa.Text(), nullable=False, comment="source:path"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "dated_at", sa.BigInteger(), nullable=False, comment="its own date, else its file's"
        ),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False, comment="of the original"),
        sa.Column(
            "fingerprint", sa.Text(), nullable=False, comment="mtime and hash, to see changes"
        ),
        sa.Column("access_set", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("documents_by_source", "documents", ["source", "dated_at"], unique=False)
    op.create_table(
        "notices",
        sa.Column("id", sa.Text(), nullable=False, comment="a ULID"),
        sa.Column("key", sa.Text(), nullable=False, comment="what is told only once"),
        sa.Column("agent", sa.Text(), nullable=True, comment="null: about the workspace"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True, comment="null: unread"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "occurrences",
        sa.Column("schedule_id", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False, comment="ran, skipped or missed"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("schedule_id", "due_at"),
    )
    op.create_index("occurrences_by_agent", "occurrences", ["agent", "due_at"], unique=False)
    op.create_index("occurrences_by_time", "occurrences", ["due_at"], unique=False)
    op.create_table(
        "schedules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False, comment="schedule.to_data"),
        sa.Column(
            "anchor_at", sa.BigInteger(), nullable=False, comment="where intervals are counted from"
        ),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column(
            "next_due_at",
            sa.BigInteger(),
            nullable=True,
            comment="null: nothing more to come, or not enabled",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_schedules_agent"), "schedules", ["agent"], unique=False)
    op.create_index("schedules_due", "schedules", ["next_due_at"], unique=False)
    op.create_table(
        "skipped_documents",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "path"),
    )
    op.create_table(
        "sources",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False, comment="what the index was made from"),
        sa.Column(
            "synced_at", sa.BigInteger(), nullable=True, comment="end of the last whole sync"
        ),
        sa.Column("error", sa.Text(), nullable=True, comment="why the last sync failed"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Text(), nullable=False, comment="its executor id"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False, comment="given up by the others"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "agent_records",
        sa.Column("agent", sa.Text(), nullable=False, comment="kept when its file has gone"),
        sa.Column("run_count", sa.Integer(), nullable=False, comment="runs that have ended"),
        sa.Column("last_run_at", sa.BigInteger(), nullable=True, comment="when the last one ended"),
        sa.Column(
            "last_error",
            sa.Text(),
            nullable=True,
            comment="of the last one; null: it succeeded",
        ),
        sa.PrimaryKeyConstraint("agent"),
    )
    op.create_table(
        "agents",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False, comment="the first one of its runs"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, comment="in a row"),
        sa.Column("paused_at", sa.BigInteger(), nullable=True, comment="null: not paused"),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["version"],
            ["agent_versions.id"],
        ),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False, comment="manual or scheduled"),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("model_override", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True, comment="what answered, as resolved"),
        sa.Column("label", sa.Text(), nullable=True, comment="scripted, or small local model"),
        sa.Column(
            "worker",
            sa.Text(),
            nullable=True,
            comment="the process that carries it out; only it may write",
        ),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("admitted_at", sa.BigInteger(), nullable=True, comment="handed to the queue"),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("cancel_requested_at", sa.BigInteger(), nullable=True),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("tool_calls", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"],
            ["agent_versions.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "runs_active",
        "runs",
        ["agent", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'running')"),
        postgresql_where=sa.text("status IN ('pending', 'running')"),
    )
    op.create_index("runs_by_agent", "runs", ["agent", "id"], unique=False)
    op.create_index("runs_by_end", "runs", ["finished_at"], unique=False)
    op.create_index(
        "runs_under_way",
        "runs",
        ["agent"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'running') AND admitted_at IS NOT NULL"),
        postgresql_where=sa.text("status IN ('pending', 'running') AND admitted_at IS NOT NULL"),
    )
    op.create_index(
        "runs_waiting",
        "runs",
        ["trigger", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'pending' AND admitted_at IS NULL"),
        postgresql_where=sa.text("status = 'pending' AND admitted_at IS NULL"),
    )
    op.create_table(
        "events",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="from 1"),
        sa.Column("key", sa.Text(), nullable=False, comment="what makes writing it again harmless"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "seq"),
        sa.UniqueConstraint("run_id", "key"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False, comment="the tool call: request:tool_call_id"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False, comment="what shows and performs it"),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="intended, sent, failed or uncertain"
        ),
        sa.Column("receipt", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "call"),
    )
    op.create_index("outbox_by_state", "outbox", ["state", "id"], unique=False)
    if op.get_context().dialect.name == "sqlite":
        for statement in FULL_TEXT:
            op.execute(statement)
