"""The first schema."""

import sqlalchemy as sa
from alembic import op

from lamplighter.store.columns import Vector

revision = "0001"
down_revision = None

SQLITE_INDEX = (
    # Terms come from lamplighter.terms, so all that the tokenizer has to do is split at spaces.
    """
    CREATE VIRTUAL TABLE documents_fts USING fts5(
        title, text, content='', tokenize="ascii tokenchars '_.@+#-'"
    )
    """,
    """
    CREATE TABLE document_counts (
        document INTEGER PRIMARY KEY REFERENCES documents (pk) ON DELETE CASCADE,
        length INTEGER NOT NULL,
        counts BLOB NOT NULL
    )
    """,
)

POSTGRESQL_INDEX = (
    """
    CREATE TABLE document_terms (
        document INTEGER PRIMARY KEY REFERENCES documents (pk) ON DELETE CASCADE,
        terms TSVECTOR NOT NULL,
        length INTEGER NOT NULL
    )
    """,
    "CREATE INDEX document_terms_terms ON document_terms USING gin (terms)",
)


def upgrade() -> None:  # noqa: PLR0915 - a statement for each table and index
    """Create every table."""
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
    op.create_index(
        "notices_unread",
        "notices",
        ["id"],
        unique=False,
        sqlite_where=sa.text("read_at IS NULL"),
        postgresql_where=sa.text("read_at IS NULL"),
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
        "credentials",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False, comment="encrypted with the key file"),
        sa.Column(
            "expires_at", sa.BigInteger(), nullable=True, comment="null: never, or nobody knows"
        ),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "mcp_tools",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column(
            "definition", sa.JSON(), nullable=False, comment="what it said when it was trusted"
        ),
        sa.Column("offered", sa.JSON(), nullable=True, comment="what it says now, if that differs"),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("server", "tool"),
    )
    op.create_table(
        "source_claims",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False, comment="the process that syncs it"),
        sa.Column("beat_at", sa.BigInteger(), nullable=False, comment="by the database's clock"),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "sources",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False, comment="what the index was made from"),
        sa.Column(
            "state",
            sa.JSON(none_as_null=True),
            nullable=True,
            comment="where the next sync may go on",
        ),
        sa.Column(
            "begun_at",
            sa.BigInteger(),
            nullable=True,
            comment="begin of the last sync, however it ended",
        ),
        sa.Column(
            "synced_at", sa.BigInteger(), nullable=True, comment="end of the last whole sync"
        ),
        sa.Column("error", sa.Text(), nullable=True, comment="why the last sync failed"),
        sa.Column(
            "done",
            sa.Integer(),
            nullable=True,
            comment="items that a sync has looked at; null: none is at work",
        ),
        sa.Column("total", sa.Integer(), nullable=True, comment="of so many; 0: nobody knows"),
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
        sa.Column(
            "watermark",
            sa.BigInteger(),
            nullable=True,
            comment="of the last one that went well",
        ),
        sa.PrimaryKeyConstraint("agent"),
    )
    op.create_table(
        "agents",
        sa.Column(
            "name", sa.Text(), nullable=False, comment="in a team, a user agent's: USER/NAME"
        ),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("shares_history", sa.Boolean(), nullable=False, comment="of org agents"),
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
        sa.Column("trigger", sa.Text(), nullable=False, comment="manual, scheduled or chat"),
        sa.Column(
            "chat", sa.Text(), nullable=True, comment="whose turn it is; null: a background run"
        ),
        sa.Column(
            "viewer",
            sa.Text(),
            nullable=True,
            comment="whose chat that is, and who alone may see the run",
        ),
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
        sa.Column("dry_run", sa.Boolean(), nullable=False, comment="its effects: staged"),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("tool_calls", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column(
            "cost_microusd",
            sa.BigInteger(),
            nullable=True,
            comment="null: nobody knows; so far, while it runs",
        ),
        sa.Column(
            "stopped_by", sa.Text(), nullable=True, comment="the limit, such as agent_day:cost"
        ),
        sa.Column(
            "watermark",
            sa.BigInteger(),
            nullable=True,
            comment="the newest change of the index that it sees",
        ),
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
    op.create_index("runs_by_agent", "runs", ["agent", "created_at", "id"], unique=False)
    op.create_index("runs_by_creation", "runs", ["created_at", "id"], unique=False)
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
        "chats",
        sa.Column("id", sa.Text(), nullable=False, comment="a ULID"),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("viewer", sa.Text(), nullable=False, comment="whose it is; nobody else sees it"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True, comment="the chat that it branched from"),
        sa.Column(
            "parent_turn",
            sa.Integer(),
            nullable=True,
            comment="the first turn that is another here",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "deleted_at",
            sa.BigInteger(),
            nullable=True,
            comment="invisible since then; pruning takes it away",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("chats_by_time", "chats", ["updated_at"], unique=False)
    op.create_index("chats_by_viewer", "chats", ["viewer", "updated_at"], unique=False)
    op.create_table(
        "turns",
        sa.Column("chat", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="from 1"),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column(
            "message", sa.Text(), nullable=False, comment="empty: it goes on after decisions"
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True, comment="null: it is under way"),
        sa.Column("answer", sa.Text(), nullable=True, comment="what the viewer was told last"),
        sa.Column(
            "messages",
            sa.JSON(none_as_null=True),
            nullable=True,
            comment="added to the conversation",
        ),
        sa.Column(
            "files",
            sa.JSON(none_as_null=True),
            nullable=True,
            comment="the run's files at its end",
        ),
        sa.Column(
            "draft", sa.JSON(none_as_null=True), nullable=True, comment="what the model is saying"
        ),
        sa.ForeignKeyConstraint(["chat"], ["chats.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("chat", "number"),
    )
    op.create_index("ix_turns_run_id", "turns", ["run_id"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text(), nullable=False, comment="a ULID of run and call"),
        sa.Column("chat", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False, comment="the turn that asks"),
        sa.Column("call", sa.Text(), nullable=False, comment="the model's id of the tool call"),
        sa.Column("tool", sa.Text(), nullable=False, comment="as agent files name it"),
        sa.Column("name", sa.Text(), nullable=False, comment="as the model called it"),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False, comment="who alone can decide"),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="pending, approved, denied, completed"
        ),
        sa.Column(
            "whole_chat", sa.Boolean(), nullable=False, comment="approved for later calls, too"
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it was denied"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "used_by", sa.Text(), nullable=True, comment="the turn that acts on the decision"
        ),
        sa.ForeignKeyConstraint(["chat"], ["chats.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("approvals_by_asked", "approvals", ["asked", "id"], unique=False)
    op.create_index("approvals_by_chat", "approvals", ["chat", "id"], unique=False)
    op.create_index(
        "approvals_pending",
        "approvals",
        ["asked", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_approvals_run_id", "approvals", ["run_id"], unique=False)
    op.create_index("ix_approvals_used_by", "approvals", ["used_by"], unique=False)
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
        "contents",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of a whole file of the run"),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False, comment="from 0"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "sha256", "part"),
    )
    op.create_table(
        "steps",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="from 1"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="what came of it, as JSON"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False, comment="the tool call: request:tool_call_id"),
        sa.Column("agent", sa.Text(), nullable=False, comment="whose call; else the run's agent"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False, comment="what shows and performs it"),
        sa.Column("state", sa.Text(), nullable=False, comment="store.outbox.State"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why held, staged, refused"),
        sa.Column("receipt", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True, comment="when held no more"),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="who approved or denied it"),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "worker",
            sa.Text(),
            nullable=True,
            comment="the process that performs it once it is approved",
        ),
        sa.Column(
            "again_after",
            sa.Text(),
            nullable=True,
            comment="failed or uncertain, before it was done again",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "call"),
    )
    op.create_index("outbox_by_state", "outbox", ["state", "id"], unique=False)
    op.create_index("outbox_by_agent", "outbox", ["agent", "kind", "created_at"], unique=False)
    _create_index()
    _create_accounts()
    _create_memory()


def _create_index() -> None:
    """Create the tables of documents, of who may see them, and of people."""
    shared = op.get_context().dialect.name == "postgresql"
    if shared:
        op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "access_sets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="hash of its principals"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "authors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False, comment="in small letters, or empty"),
        sa.Column(
            "folded", sa.Text(), nullable=False, comment="both, without accents and capitals"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "address"),
    )
    op.create_index(op.f("ix_authors_address"), "authors", ["address"], unique=False)
    op.create_table(
        "groups",
        sa.Column("name", sa.Text(), nullable=False, comment="SOURCE/NAME if a source defines it"),
        sa.Column("source", sa.Text(), nullable=True, comment="null: an admin's"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "index_state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        comment="changes: a counter; embedder: whose vectors are searched",
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False, comment="the main e-mail address"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "deactivated_at", sa.BigInteger(), nullable=True, comment="null: they may sign in"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "access_principals",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("access_set", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["access_set"], ["access_sets.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("principal", "access_set"),
    )
    op.create_table(
        "documents",
        sa.Column("pk", sa.Integer(), nullable=False, comment="row of the full-text index"),
        sa.Column("id", sa.Text(), nullable=False, comment="source:path"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="file, email, message, ..."),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("author", sa.Integer(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "dated_at", sa.BigInteger(), nullable=False, comment="its own date, else its file's"
        ),
        sa.Column(
            "changed_at", sa.BigInteger(), nullable=False, comment="when the index got this text"
        ),
        sa.Column("change", sa.BigInteger(), nullable=False, comment="that change's number"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False, comment="of the original"),
        sa.Column(
            "fingerprint", sa.Text(), nullable=False, comment="mtime and hash, to see changes"
        ),
        sa.Column("access_set", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["access_set"],
            ["access_sets.id"],
        ),
        sa.ForeignKeyConstraint(
            ["author"],
            ["authors.id"],
        ),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "documents_by_access", "documents", ["access_set", "source", "dated_at"], unique=False
    )
    op.create_index(
        "documents_by_author", "documents", ["author", "access_set", "source"], unique=False
    )
    op.create_index("documents_by_source", "documents", ["source", "dated_at"], unique=False)
    op.create_table(
        "group_members",
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False, comment="a principal"),
        sa.ForeignKeyConstraint(["group"], ["groups.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group", "member"),
    )
    op.create_index(op.f("ix_group_members_member"), "group_members", ["member"], unique=False)
    op.create_table(
        "people",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="what the source calls them"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("addresses", sa.JSON(), nullable=False, comment="the main one first"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("manager", sa.Text(), nullable=False, comment="address or name"),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("employee_type", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("access_set", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["access_set"],
            ["access_sets.id"],
        ),
        sa.PrimaryKeyConstraint("source", "key"),
    )
    op.create_table(
        "user_addresses",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_index(op.f("ix_user_addresses_user"), "user_addresses", ["user"], unique=False)
    op.create_table(
        "document_texts",
        sa.Column(
            "document",
            sa.Integer(),
            nullable=False,
            comment="apart, so that lists and filters do not read texts",
        ),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False, comment="for the vector only"),
        sa.ForeignKeyConstraint(["document"], ["documents.pk"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document"),
    )
    op.create_table(
        "document_vectors",
        sa.Column("document", sa.Integer(), nullable=False),
        sa.Column("embedder", sa.Text(), nullable=False, comment="the model, with its dimension"),
        sa.Column("vector", Vector(), nullable=False, comment="of length 1"),
        sa.ForeignKeyConstraint(["document"], ["documents.pk"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document", "embedder"),
    )
    for statement in POSTGRESQL_INDEX if shared else SQLITE_INDEX:
        op.execute(statement)


def _create_accounts() -> None:
    """Who may sign in, by what, and what they did; who changed which agent."""
    op.create_table(
        "passwords",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, comment="Argon2id, with its parameters"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user"),
    )
    op.create_table(
        "failed_sign_ins",
        sa.Column("id", sa.Text(), nullable=False, comment="a ULID"),
        sa.Column("key", sa.Text(), nullable=False, comment="an address, or where they came from"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("failed_sign_ins_by_key", "failed_sign_ins", ["key", "at"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False, comment="hash of what the cookie holds"),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_sessions_user"), "sessions", ["user"], unique=False)
    op.create_table(
        "sign_in_links",
        sa.Column("id", sa.Text(), nullable=False, comment="hash of what the link holds"),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False, comment="stands in the token itself"),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, comment="of the secret part"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True, comment="null: never"),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_tokens_user"), "tokens", ["user"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.Text(), nullable=False, comment="a ULID"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False, comment="who did it; empty: nobody known"),
        sa.Column("action", sa.Text(), nullable=False, comment="such as agent.update"),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "agent_changes",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="from 1"),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column(
            "author", sa.Text(), nullable=False, comment="a user; empty: the file was edited"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["agent_versions.id"]),
        sa.PrimaryKeyConstraint("agent", "number"),
    )
    op.create_table(
        "requests",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="the client's Idempotency-Key"),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="hash of what was asked for"),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user", "key"),
        comment="that have made a run",
    )


def _create_memory() -> None:
    """What agents have used, and what they have noted."""
    op.create_table(
        "spending",
        sa.Column("agent", sa.Text(), nullable=False, comment="empty: all together"),
        sa.Column("day", sa.Text(), nullable=False, comment="on which runs began, in their zone"),
        sa.Column("worker", sa.Text(), nullable=False, comment="who counted them"),
        sa.Column("runs", sa.Integer(), nullable=False, comment="that have ended"),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.Column("iterations", sa.Integer(), nullable=False),
        sa.Column("tool_calls", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column(
            "cost_microusd", sa.BigInteger(), nullable=False, comment="as far as it is known"
        ),
        sa.Column("unpriced", sa.Integer(), nullable=False, comment="runs of which it is not"),
        sa.PrimaryKeyConstraint("agent", "day", "worker"),
    )
    op.create_table(
        "agent_notes",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False, comment="from 1"),
        sa.Column("text", sa.Text(), nullable=False, comment="empty: forgotten"),
        sa.Column("labels", sa.JSON(), nullable=False, comment="of the run that wrote it"),
        sa.Column("origin", sa.Text(), nullable=False, comment="run and call, or a person"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False, comment="the newest of its topic"),
        sa.PrimaryKeyConstraint("agent", "topic", "version"),
        sa.UniqueConstraint("origin"),
    )
    op.create_index("agent_notes_current", "agent_notes", ["agent", "is_current"], unique=False)
