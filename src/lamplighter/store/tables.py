"""Every table, in SQLAlchemy Core: one definition for SQLite and PostgreSQL."""

import sqlalchemy as sa

from lamplighter.store.columns import Moment, Vector

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

agent_changes = sa.Table(
    "agent_changes",
    metadata,
    sa.Column("agent", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, comment="from 1"),
    sa.Column("version", sa.ForeignKey("agent_versions.id"), nullable=False),
    sa.Column("author", sa.Text, nullable=False, comment="a user; empty: the file was edited"),
    sa.Column("at", Moment, nullable=False),
)

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="in a team, a user agent's: USER/NAME"),
    sa.Column("version", sa.ForeignKey("agent_versions.id"), nullable=False),
    sa.Column("shares_history", sa.Boolean, nullable=False, default=False, comment="of org agents"),
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
    sa.Column("watermark", sa.BigInteger, comment="of the last one that went well"),
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
    sa.Column("trigger", sa.Text, nullable=False, comment="manual, scheduled or chat"),
    sa.Column("chat", sa.Text, comment="whose turn it is; null: a background run"),
    sa.Column("viewer", sa.Text, comment="whose chat that is, and who alone may see the run"),
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
    sa.Column("dry_run", sa.Boolean, nullable=False, default=False, comment="its effects: staged"),
    sa.Column("requests", sa.Integer, nullable=False, default=0),
    sa.Column("tool_calls", sa.Integer, nullable=False, default=0),
    sa.Column("input_tokens", sa.Integer, nullable=False, default=0),
    sa.Column("output_tokens", sa.Integer, nullable=False, default=0),
    sa.Column("cost_microusd", sa.BigInteger, comment="null: nobody knows; so far, while it runs"),
    sa.Column("stopped_by", sa.Text, comment="the limit, such as agent_day:cost"),
    sa.Column("watermark", sa.BigInteger, comment="the newest change of the index that it sees"),
    sa.Index("runs_by_agent", "agent", "created_at", "id"),
    sa.Index("runs_by_creation", "created_at", "id"),
    sa.Index("runs_by_end", "finished_at"),
    _some("runs_active", "agent", "id", where="status IN ('pending', 'running')"),
    _some("runs_waiting", "trigger", "id", where="status = 'pending' AND admitted_at IS NULL"),
    _some(
        "runs_under_way",
        "agent",
        where="status IN ('pending', 'running') AND admitted_at IS NOT NULL",
    ),
)

spending = sa.Table(
    "spending",
    metadata,
    sa.Column("agent", sa.Text, primary_key=True, comment="empty: all together"),
    sa.Column("day", sa.Text, primary_key=True, comment="on which runs began, in their zone"),
    sa.Column("worker", sa.Text, primary_key=True, comment="who counted them"),
    sa.Column("runs", sa.Integer, nullable=False, comment="that have ended"),
    sa.Column("successes", sa.Integer, nullable=False),
    sa.Column("iterations", sa.Integer, nullable=False),
    sa.Column("tool_calls", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("cost_microusd", sa.BigInteger, nullable=False, comment="as far as it is known"),
    sa.Column("unpriced", sa.Integer, nullable=False, comment="runs of which it is not"),
)

agent_notes = sa.Table(
    "agent_notes",
    metadata,
    sa.Column("agent", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, comment="from 1"),
    sa.Column("text", sa.Text, nullable=False, comment="empty: forgotten"),
    sa.Column("labels", sa.JSON, nullable=False, comment="of the run that wrote it"),
    sa.Column("origin", sa.Text, nullable=False, unique=True, comment="run and call, or a person"),
    sa.Column("at", Moment, nullable=False),
    sa.Column("is_current", sa.Boolean, nullable=False, comment="the newest of its topic"),
    sa.Index("agent_notes_current", "agent", "is_current"),
)

chats = sa.Table(
    "chats",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="a ULID"),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("viewer", sa.Text, nullable=False, comment="whose it is; nobody else sees it"),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("parent", sa.Text, comment="the chat that it branched from"),
    sa.Column("parent_turn", sa.Integer, comment="the first turn that is another here"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("deleted_at", Moment, comment="invisible since then; pruning takes it away"),
    sa.Index("chats_by_viewer", "viewer", "updated_at"),
    sa.Index("chats_by_time", "updated_at"),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("chat", sa.ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, comment="from 1"),
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="SET NULL"), index=True),
    sa.Column("message", sa.Text, nullable=False, comment="empty: it goes on after decisions"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("outcome", sa.Text, comment="null: it is under way"),
    sa.Column("answer", sa.Text, comment="what the viewer was told last"),
    sa.Column("messages", sa.JSON(none_as_null=True), comment="added to the conversation"),
    sa.Column("files", sa.JSON(none_as_null=True), comment="the run's files at its end"),
    sa.Column("draft", sa.JSON(none_as_null=True), comment="what the model is saying"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="a ULID of run and call"),
    sa.Column("chat", sa.ForeignKey("chats.id", ondelete="CASCADE"), nullable=False),
    sa.Column("run_id", sa.Text, nullable=False, index=True, comment="the turn that asks"),
    sa.Column("call", sa.Text, nullable=False, comment="the model's id of the tool call"),
    sa.Column("tool", sa.Text, nullable=False, comment="as agent files name it"),
    sa.Column("name", sa.Text, nullable=False, comment="as the model called it"),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("asked", sa.Text, nullable=False, comment="who alone can decide"),
    sa.Column("state", sa.Text, nullable=False, comment="pending, approved, denied, completed"),
    sa.Column("whole_chat", sa.Boolean, nullable=False, comment="approved for later calls, too"),
    sa.Column("reason", sa.Text, nullable=False, comment="why it was denied"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("decided_at", Moment),
    sa.Column("used_by", sa.Text, index=True, comment="the turn that acts on the decision"),
    sa.Index("approvals_by_asked", "asked", "id"),
    sa.Index("approvals_by_chat", "chat", "id"),
    _some("approvals_pending", "asked", "id", where="state = 'pending'"),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True, comment="the client's Idempotency-Key"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="hash of what was asked for"),
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    comment="that have made a run",
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

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, comment="from 1"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False, comment="what came of it, as JSON"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("call", sa.Text, nullable=False, comment="the tool call: request:tool_call_id"),
    sa.Column("agent", sa.Text, nullable=False, comment="whose call; else the run's agent"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False, comment="what shows and performs it"),
    sa.Column("state", sa.Text, nullable=False, comment="store.outbox.State"),
    sa.Column("reason", sa.Text, nullable=False, comment="why held, staged, refused"),
    sa.Column("receipt", sa.JSON(none_as_null=True)),
    sa.Column("error", sa.Text),
    sa.Column("expires_at", Moment, comment="when held no more"),
    sa.Column("decided_by", sa.Text, comment="who approved or denied it"),
    sa.Column("decided_at", Moment),
    sa.Column("worker", sa.Text, comment="the process that performs it once it is approved"),
    sa.Column("again_after", sa.Text, comment="failed or uncertain, before it was done again"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.UniqueConstraint("run_id", "call"),
    sa.Index("outbox_by_state", "state", "id"),
    sa.Index("outbox_by_agent", "agent", "kind", "created_at"),
)

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True, comment="of a whole file of the run"),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False, comment="from 0"),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("config", sa.JSON, nullable=False, comment="what the index was made from"),
    sa.Column("state", sa.JSON(none_as_null=True), comment="where the next sync may go on"),
    sa.Column("begun_at", Moment, comment="begin of the last sync, however it ended"),
    sa.Column("synced_at", Moment, comment="end of the last whole sync"),
    sa.Column("error", sa.Text, comment="why the last sync failed"),
    sa.Column("done", sa.Integer, comment="items that a sync has looked at; null: none is at work"),
    sa.Column("total", sa.Integer, comment="of so many; 0: nobody knows"),
)

source_claims = sa.Table(
    "source_claims",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False, comment="the process that syncs it"),
    sa.Column("beat_at", Moment, nullable=False, comment="by the database's clock"),
)

credentials = sa.Table(
    "credentials",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False, comment="encrypted with the key file"),
    sa.Column("expires_at", Moment, comment="null: never, or nobody knows"),
    sa.Column("updated_at", Moment, nullable=False),
)

mcp_tools = sa.Table(
    "mcp_tools",
    metadata,
    sa.Column("server", sa.Text, primary_key=True),
    sa.Column("tool", sa.Text, primary_key=True),
    sa.Column("definition", sa.JSON, nullable=False, comment="what it said when it was trusted"),
    sa.Column("offered", sa.JSON(none_as_null=True), comment="what it says now, if that differs"),
    sa.Column("updated_at", Moment, nullable=False),
)

authors = sa.Table(
    "authors",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False, index=True, comment="in small letters, or empty"),
    sa.Column("folded", sa.Text, nullable=False, comment="both, without accents and capitals"),
    sa.UniqueConstraint("name", "address"),
)

access_sets = sa.Table(
    "access_sets",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True, comment="hash of its principals"),
)

access_principals = sa.Table(
    "access_principals",
    metadata,
    sa.Column("principal", sa.Text, primary_key=True),
    sa.Column("access_set", sa.ForeignKey("access_sets.id", ondelete="CASCADE"), primary_key=True),
)

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("pk", sa.Integer, primary_key=True, comment="row of the full-text index"),
    sa.Column("id", sa.Text, nullable=False, unique=True, comment="source:path"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="file, email, message, ..."),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("author", sa.ForeignKey("authors.id")),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("dated_at", Moment, nullable=False, comment="its own date, else its file's"),
    sa.Column("changed_at", Moment, nullable=False, comment="when the index got this text"),
    sa.Column("change", sa.BigInteger, nullable=False, comment="that change's number"),
    sa.Column("size_bytes", sa.BigInteger, nullable=False, comment="of the original"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="mtime and hash, to see changes"),
    sa.Column("access_set", sa.ForeignKey("access_sets.id"), nullable=False),
    sa.Index("documents_by_source", "source", "dated_at"),
    sa.Index("documents_by_access", "access_set", "source", "dated_at"),
    sa.Index("documents_by_author", "author", "access_set", "source"),
    sqlite_autoincrement=True,  # a row's number is never used again: a vector is for one text
)

document_texts = sa.Table(
    "document_texts",
    metadata,
    sa.Column(
        "document",
        sa.ForeignKey("documents.pk", ondelete="CASCADE"),
        primary_key=True,
        comment="apart, so that lists and filters do not read texts",
    ),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("context", sa.Text, nullable=False, comment="for the vector only"),
)

document_vectors = sa.Table(
    "document_vectors",
    metadata,
    sa.Column("document", sa.ForeignKey("documents.pk", ondelete="CASCADE"), primary_key=True),
    sa.Column("embedder", sa.Text, primary_key=True, comment="the model, with its dimension"),
    sa.Column("vector", Vector, nullable=False, comment="of length 1"),
)

index_state = sa.Table(
    "index_state",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    comment="changes: a counter; embedder: whose vectors are searched",
)

people = sa.Table(
    "people",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True, comment="what the source calls them"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("addresses", sa.JSON, nullable=False, comment="the main one first"),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("department", sa.Text, nullable=False),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("manager", sa.Text, nullable=False, comment="address or name"),
    sa.Column("office", sa.Text, nullable=False),
    sa.Column("employee_type", sa.Text, nullable=False),
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("access_set", sa.ForeignKey("access_sets.id"), nullable=False),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="the main e-mail address"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("admin", sa.Boolean, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("deactivated_at", Moment, comment="null: they may sign in"),
)

passwords = sa.Table(
    "passwords",
    metadata,
    sa.Column("user", sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, comment="Argon2id, with its parameters"),
    sa.Column("changed_at", Moment, nullable=False),
)

failed_sign_ins = sa.Table(
    "failed_sign_ins",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="a ULID"),
    sa.Column("key", sa.Text, nullable=False, comment="an address, or where they came from"),
    sa.Column("at", Moment, nullable=False),
    sa.Index("failed_sign_ins_by_key", "key", "at"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="hash of what the cookie holds"),
    sa.Column("user", sa.Text, nullable=False, index=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
)

sign_in_links = sa.Table(
    "sign_in_links",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="hash of what the link holds"),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="stands in the token itself"),
    sa.Column("user", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, comment="of the secret part"),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, comment="null: never"),
    sa.Column("revoked_at", Moment),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="a ULID"),
    sa.Column("at", Moment, nullable=False),
    sa.Column("user", sa.Text, nullable=False, comment="who did it; empty: nobody known"),
    sa.Column("action", sa.Text, nullable=False, comment="such as agent.update"),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)

user_addresses = sa.Table(
    "user_addresses",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("user", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
)

groups = sa.Table(
    "groups",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="SOURCE/NAME if a source defines it"),
    sa.Column("source", sa.Text, comment="null: an admin's"),
)

group_members = sa.Table(
    "group_members",
    metadata,
    sa.Column("group", sa.ForeignKey("groups.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("member", sa.Text, primary_key=True, index=True, comment="a principal"),
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
    _some("notices_unread", "id", where="read_at IS NULL"),
)
