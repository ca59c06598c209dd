CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE access_sets (
	id TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	PRIMARY KEY (id, principal)
);
CREATE TABLE agent_versions (
	id TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	text TEXT NOT NULL, 
	timezone TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE documents (
	pk INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	source TEXT NOT NULL, 
	path TEXT NOT NULL, 
	title TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	text TEXT NOT NULL, 
	dated_at BIGINT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	access_set TEXT NOT NULL, 
	PRIMARY KEY (pk), 
	UNIQUE (id)
);
CREATE TABLE notices (
	id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	agent TEXT, 
	kind TEXT NOT NULL, 
	message TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	read_at BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
CREATE TABLE occurrences (
	schedule_id TEXT NOT NULL, 
	due_at BIGINT NOT NULL, 
	agent TEXT NOT NULL, 
	result TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	run_id TEXT, 
	PRIMARY KEY (schedule_id, due_at)
);
CREATE TABLE schedules (
	id TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	spec JSON NOT NULL, 
	anchor_at BIGINT NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	next_due_at BIGINT, 
	PRIMARY KEY (id)
);
CREATE TABLE skipped_documents (
	source TEXT NOT NULL, 
	path TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	PRIMARY KEY (source, path)
);
CREATE TABLE sources (
	name TEXT NOT NULL, 
	config JSON NOT NULL, 
	synced_at BIGINT, 
	error TEXT, 
	PRIMARY KEY (name)
);
CREATE TABLE workers (
	id TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	beat_at BIGINT NOT NULL, 
	gone BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE agent_records (
	agent TEXT NOT NULL, 
	run_count INTEGER NOT NULL, 
	last_run_at BIGINT, 
	last_error TEXT, 
	PRIMARY KEY (agent)
);
CREATE TABLE agents (
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	message TEXT NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	failures INTEGER NOT NULL, 
	paused_at BIGINT, 
	paused_reason TEXT, 
	PRIMARY KEY (name), 
	FOREIGN KEY(version) REFERENCES agent_versions (id)
);
CREATE TABLE runs (
	id TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	version TEXT NOT NULL, 
	"trigger" TEXT NOT NULL, 
	message TEXT NOT NULL, 
	model_override TEXT, 
	status TEXT NOT NULL, 
	outcome TEXT, 
	summary TEXT, 
	error TEXT, 
	model TEXT, 
	label TEXT, 
	worker TEXT, 
	due_at BIGINT, 
	created_at BIGINT NOT NULL, 
	admitted_at BIGINT, 
	started_at BIGINT, 
	finished_at BIGINT, 
	cancel_requested_at BIGINT, 
	requests INTEGER NOT NULL, 
	tool_calls INTEGER NOT NULL, 
	input_tokens INTEGER NOT NULL, 
	output_tokens INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(version) REFERENCES agent_versions (id)
);
CREATE TABLE events (
	run_id TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	data JSON NOT NULL, 
	PRIMARY KEY (run_id, seq), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE, 
	UNIQUE (run_id, "key")
);
CREATE TABLE outbox (
	id TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	call TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	destination TEXT NOT NULL, 
	payload JSON NOT NULL, 
	state TEXT NOT NULL, 
	receipt JSON, 
	error TEXT, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE, 
	UNIQUE (run_id, call)
);
CREATE VIRTUAL TABLE documents_fts USING fts5(
        title, text, content='documents', content_rowid='pk',
        tokenize="porter unicode61 remove_diacritics 2"
    );
CREATE TABLE dbos_migrations (version INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE workflow_status (
    workflow_uuid TEXT PRIMARY KEY,
    status TEXT,
    name TEXT,
    authenticated_user TEXT,
    assumed_role TEXT,
    authenticated_roles TEXT,
    request TEXT,
    output TEXT,
    error TEXT,
    executor_id TEXT,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    application_version TEXT,
    application_id TEXT,
    class_name TEXT DEFAULT NULL,
    config_name TEXT DEFAULT NULL,
    recovery_attempts INTEGER DEFAULT 0,
    queue_name TEXT,
    workflow_timeout_ms INTEGER,
    workflow_deadline_epoch_ms INTEGER,
    inputs TEXT,
    started_at_epoch_ms INTEGER,
    deduplication_id TEXT,
    priority INTEGER NOT NULL DEFAULT 0
, queue_partition_key TEXT, forked_from TEXT, "owner_xid" TEXT DEFAULT NULL, "parent_workflow_id" TEXT DEFAULT NULL, "serialization" TEXT DEFAULT NULL, "delay_until_epoch_ms" BIGINT DEFAULT NULL, "was_forked_from" BOOLEAN NOT NULL DEFAULT FALSE, "rate_limited" BOOLEAN NOT NULL DEFAULT FALSE, "completed_at" BIGINT, "attributes" TEXT, "schedule_name" TEXT, "debounce_deadline_epoch_ms" BIGINT DEFAULT NULL, "is_debounced" BOOLEAN NOT NULL DEFAULT FALSE, "application_name" TEXT DEFAULT NULL, "creator_xid" TEXT DEFAULT NULL);
CREATE TABLE notifications (
    message_uuid TEXT NOT NULL DEFAULT (hex(randomblob(16))) PRIMARY KEY,
    destination_uuid TEXT NOT NULL,
    topic TEXT,
    message TEXT NOT NULL,
    created_at_epoch_ms INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000), "serialization" TEXT DEFAULT NULL, "consumed" BOOLEAN NOT NULL DEFAULT FALSE, consumed_by_function_id INTEGER,
    FOREIGN KEY (destination_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_events (
    workflow_uuid TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, key),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE streams (
    workflow_uuid TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    "offset" INTEGER NOT NULL, function_id INTEGER NOT NULL DEFAULT 0, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, key, "offset"),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_events_history (
    workflow_uuid TEXT NOT NULL,
    function_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, function_id, key),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_schedules (
    schedule_id TEXT PRIMARY KEY,
    schedule_name TEXT NOT NULL UNIQUE,
    workflow_name TEXT NOT NULL,
    workflow_class_name TEXT,
    schedule TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'ACTIVE',
    context TEXT NOT NULL
, "last_fired_at" TEXT DEFAULT NULL, "automatic_backfill" BOOLEAN NOT NULL DEFAULT FALSE, "cron_timezone" TEXT DEFAULT NULL, "queue_name" TEXT DEFAULT NULL, "application_name" TEXT DEFAULT NULL);
CREATE TABLE application_versions (
    version_id TEXT NOT NULL PRIMARY KEY,
    version_name TEXT NOT NULL UNIQUE,
    version_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
, "application_name" TEXT DEFAULT NULL);
CREATE TABLE queues (
    queue_id TEXT PRIMARY KEY DEFAULT (hex(randomblob(16))),
    name TEXT NOT NULL UNIQUE,
    concurrency INTEGER,
    worker_concurrency INTEGER,
    rate_limit_max INTEGER,
    rate_limit_period_sec REAL,
    priority_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    partition_queue BOOLEAN NOT NULL DEFAULT FALSE,
    polling_interval_sec REAL NOT NULL DEFAULT 1.0,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
, "application_name" TEXT DEFAULT NULL, "partition_concurrency" INTEGER DEFAULT NULL, "partition_worker_concurrency" INTEGER DEFAULT NULL, "partition_rate_limit_max" INTEGER DEFAULT NULL, "partition_rate_limit_period_sec" REAL DEFAULT NULL);
CREATE TABLE workflow_input (
    workflow_uuid TEXT NOT NULL PRIMARY KEY,
    inputs TEXT,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
);
CREATE TABLE workflow_output (
    workflow_uuid TEXT NOT NULL PRIMARY KEY,
    output TEXT,
    error TEXT,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
);
CREATE TABLE "operation_outputs" (
    workflow_uuid TEXT NOT NULL,
    function_id INTEGER NOT NULL,
    function_name TEXT NOT NULL DEFAULT '',
    output TEXT,
    error TEXT,
    child_workflow_id TEXT,
    started_at_epoch_ms INTEGER,
    completed_at_epoch_ms INTEGER,
    serialization TEXT,
    application_name TEXT DEFAULT NULL,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    PRIMARY KEY (workflow_uuid, function_id)
);
CREATE INDEX documents_by_source ON documents (source, dated_at);
CREATE INDEX occurrences_by_agent ON occurrences (agent, due_at);
CREATE INDEX occurrences_by_time ON occurrences (due_at);
CREATE INDEX ix_schedules_agent ON schedules (agent);
CREATE INDEX schedules_due ON schedules (next_due_at);
CREATE INDEX runs_active ON runs (agent, id) WHERE status IN ('pending', 'running');
CREATE INDEX runs_by_agent ON runs (agent, id);
CREATE INDEX runs_by_end ON runs (finished_at);
CREATE INDEX runs_under_way ON runs (agent) WHERE status IN ('pending', 'running') AND admitted_at IS NOT NULL;
CREATE INDEX runs_waiting ON runs ("trigger", id) WHERE status = 'pending' AND admitted_at IS NULL;
CREATE INDEX outbox_by_state ON outbox (state, id);
CREATE TRIGGER documents_inserted AFTER INSERT ON documents BEGIN
        INSERT INTO documents_fts(rowid, title, text) VALUES (new.pk, new.title, new.text);
    END;
CREATE TRIGGER documents_deleted AFTER DELETE ON documents BEGIN
        INSERT INTO documents_fts(documents_fts, rowid, title, text)
        VALUES ('delete', old.pk, old.title, old.text);
    END;
CREATE TRIGGER documents_updated AFTER UPDATE OF title, text ON documents BEGIN
        INSERT INTO documents_fts(documents_fts, rowid, title, text)
        VALUES ('delete', old.pk, old.title, old.text);
        INSERT INTO documents_fts(rowid, title, text) VALUES (new.pk, new.title, new.text);
    END;
CREATE INDEX workflow_status_created_at_index ON workflow_status (created_at);
CREATE INDEX idx_workflow_topic ON notifications (destination_uuid, topic);
CREATE INDEX "idx_workflow_status_delayed" ON "workflow_status" ("delay_until_epoch_ms") WHERE status = 'DELAYED';
CREATE INDEX "idx_workflow_status_forked_from" ON "workflow_status" ("forked_from") WHERE "forked_from" IS NOT NULL;
CREATE INDEX "idx_workflow_status_parent_workflow_id" ON "workflow_status" ("parent_workflow_id") WHERE "parent_workflow_id" IS NOT NULL;
CREATE UNIQUE INDEX "uq_workflow_status_dedup_id" ON "workflow_status" ("queue_name", "deduplication_id") WHERE "deduplication_id" IS NOT NULL;
CREATE INDEX "idx_workflow_status_pending" ON "workflow_status" ("created_at") WHERE "status" = 'PENDING';
CREATE INDEX "idx_workflow_status_failed" ON "workflow_status" ("status", "created_at") WHERE "status" IN ('ERROR', 'CANCELLED', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED');
CREATE INDEX "idx_workflow_status_rate_limited" ON "workflow_status" ("queue_name", "started_at_epoch_ms") WHERE "rate_limited" = TRUE;
CREATE INDEX "idx_workflow_status_completed_at" ON "workflow_status" ("completed_at") WHERE "completed_at" IS NOT NULL;
CREATE INDEX "idx_workflow_status_started_at" ON "workflow_status" ("started_at_epoch_ms") WHERE "started_at_epoch_ms" IS NOT NULL;
CREATE INDEX "idx_workflow_status_schedule_name" ON "workflow_status" ("schedule_name") WHERE "schedule_name" IS NOT NULL;
CREATE UNIQUE INDEX "uq_application_versions_owner_version"
    ON application_versions ("application_name", "version_name")
    WHERE "application_name" IS NOT NULL;
CREATE UNIQUE INDEX "uq_application_versions_unclaimed_version"
    ON application_versions ("version_name")
    WHERE "application_name" IS NULL;
CREATE INDEX idx_workflow_input_retention
    ON workflow_input (retention_timestamp);
CREATE INDEX idx_workflow_output_retention
    ON workflow_output (retention_timestamp);
CREATE INDEX idx_operation_outputs_retention
    ON operation_outputs (retention_timestamp);
CREATE INDEX "idx_workflow_status_in_flight_v2" ON "workflow_status" ("queue_name", "status", "priority", "created_at", "application_name") WHERE "status" IN ('ENQUEUED', 'PENDING');
CREATE INDEX "idx_workflow_status_partition_dequeue_v3" ON "workflow_status" ("queue_name", "status", "queue_partition_key", "priority", "created_at", "workflow_uuid", "application_name") WHERE "status" IN ('ENQUEUED', 'PENDING') AND "queue_partition_key" IS NOT NULL;
CREATE INDEX "idx_operation_outputs_completed_at_function_name_v2" ON "operation_outputs" ("completed_at_epoch_ms", "function_name", "application_name");
CREATE INDEX "idx_workflow_status_deadline" ON "workflow_status" ("workflow_deadline_epoch_ms") WHERE "status" IN ('ENQUEUED', 'PENDING', 'DELAYED') AND "workflow_deadline_epoch_ms" IS NOT NULL;
CREATE INDEX "idx_application_versions_timestamp" ON "application_versions" ("version_timestamp" DESC);
CREATE INDEX "idx_application_versions_owner_timestamp" ON "application_versions" ("application_name", "version_timestamp" DESC);
INSERT INTO "alembic_version" ("version_num") VALUES ('0001');
INSERT INTO "access_sets" ("id", "principal") VALUES ('aa4c70371fea90224c85497af475896a', 'user:owner');
INSERT INTO "agent_versions" ("id", "agent", "text", "timezone", "created_at") VALUES ('6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2', 'digest', '---
sources: [notes]
model: scripted:script.yaml
---
Write.', 'UTC', 1795344652328);
INSERT INTO "agent_versions" ("id", "agent", "text", "timezone", "created_at") VALUES ('c5d27c366ab3eb373cd0acf21c69385f1b84abed593d775c709ae00545a78a51', 'hourly', '---
schedule: every 1 hour
sources: [notes]
model: scripted:script.yaml
---
Write.', 'UTC', 1795344652457);
INSERT INTO "documents" ("pk", "id", "source", "path", "title", "media_type", "text", "dated_at", "size_bytes", "fingerprint", "access_set") VALUES (1, 'notes:hello.md', 'notes', 'hello.md', 'Hello', 'text/markdown', '# Hello

The lamp is lit at dusk.', 1795344652238, 33, ' fc0814999619f887df92e4227e107a9b310a6b5b0eba1895ef3aec9eb1f9bd71', 'aa4c70371fea90224c85497af475896a');
INSERT INTO "notices" ("id", "key", "agent", "kind", "message", "created_at", "read_at") VALUES ('01M81E2VY0PZN0E4QEG0G89MHT', 'kept', 'digest', 'failure', 'something failed', 1795344658368, NULL);
INSERT INTO "occurrences" ("schedule_id", "due_at", "agent", "result", "reason", "run_id") VALUES ('hourly#1', 1795341052457, 'hourly', 'missed', 'a later one was due as well', NULL);
INSERT INTO "occurrences" ("schedule_id", "due_at", "agent", "result", "reason", "run_id") VALUES ('hourly#1', 1795344652457, 'hourly', 'ran', '', '01M81E2P590M8BBXS67Y7YTJXS');
INSERT INTO "schedules" ("id", "agent", "spec", "anchor_at", "enabled", "next_due_at") VALUES ('hourly#1', 'hourly', '{"type": "interval", "seconds": 3600, "timezone": "UTC"}', 1795344652457, 1, 1795348252457);
INSERT INTO "sources" ("name", "config", "synced_at", "error") VALUES ('notes', '{"type": "files", "path": "notes", "include": [], "exclude": [], "max_file_size_bytes": 20000000}', 1795344652297, NULL);
INSERT INTO "agent_records" ("agent", "run_count", "last_run_at", "last_error") VALUES ('digest', 1, 1795344658207, NULL);
INSERT INTO "agents" ("name", "version", "message", "enabled", "failures", "paused_at", "paused_reason") VALUES ('digest', '6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2', 'Do your scheduled task now.', 1, 0, NULL, NULL);
INSERT INTO "agents" ("name", "version", "message", "enabled", "failures", "paused_at", "paused_reason") VALUES ('hourly', 'c5d27c366ab3eb373cd0acf21c69385f1b84abed593d775c709ae00545a78a51', 'Do your scheduled task now.', 1, 0, NULL, NULL);
INSERT INTO "runs" ("id", "agent", "version", "trigger", "message", "model_override", "status", "outcome", "summary", "error", "model", "label", "worker", "due_at", "created_at", "admitted_at", "started_at", "finished_at", "cancel_requested_at", "requests", "tool_calls", "input_tokens", "output_tokens") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 'digest', '6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2', 'manual', 'Do your scheduled task now.', 'scripted:/workspace/script.yaml', 'completed', 'reported', 'All is well.', NULL, 'scripted:/workspace/script.yaml', 'scripted', '01M81E2P3BHHRJMSFSS34KHNM7', NULL, 1795344652328, 1795344653119, 1795344653305, 1795344658207, NULL, 3, 3, 220, 56);
INSERT INTO "runs" ("id", "agent", "version", "trigger", "message", "model_override", "status", "outcome", "summary", "error", "model", "label", "worker", "due_at", "created_at", "admitted_at", "started_at", "finished_at", "cancel_requested_at", "requests", "tool_calls", "input_tokens", "output_tokens") VALUES ('01M81E2P590M8BBXS67Y7YTJXS', 'hourly', 'c5d27c366ab3eb373cd0acf21c69385f1b84abed593d775c709ae00545a78a51', 'scheduled', 'Do your scheduled task now.', NULL, 'pending', NULL, NULL, NULL, NULL, NULL, NULL, 1795344652457, 1795344658368, NULL, NULL, NULL, NULL, 0, 0, 0, 0);
INSERT INTO "runs" ("id", "agent", "version", "trigger", "message", "model_override", "status", "outcome", "summary", "error", "model", "label", "worker", "due_at", "created_at", "admitted_at", "started_at", "finished_at", "cancel_requested_at", "requests", "tool_calls", "input_tokens", "output_tokens") VALUES ('01M81E2VZJPGZ7PY3595Z7XPCQ', 'digest', '6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2', 'manual', 'Finish me after the upgrade.', NULL, 'pending', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1795344658417, NULL, NULL, NULL, NULL, 0, 0, 0, 0);
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 1, 'started', 1795344657643, 'started', '{"agent": "digest", "version": "6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2", "trigger": "manual", "model": "scripted:/workspace/script.yaml", "label": "scripted", "tools": ["list_documents", "search_documents", "read_document", "read_file", "write_file", "deliver_file"], "sources": ["notes"]}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 2, 'message', 1795344657643, 'message', '{"role": "user", "content": "Do your scheduled task now."}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 3, 'request:1', 1795344657967, 'message', '{"role": "assistant", "content": "", "request": 1, "input_tokens": 56, "output_tokens": 7, "seconds": 0.196}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 4, 'call:1:call_1_1', 1795344657968, 'tool_call', '{"tool_call_id": "call_1_1", "tool": "read_document", "arguments": {"id": "notes:hello.md"}}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 5, 'result:1:call_1_1', 1795344658007, 'tool_result', '{"tool_call_id": "call_1_1", "tool": "read_document", "result": "Title: Hello\nId: notes:hello.md\nDate: 2026-11-22\nLines: 1-3 of 3\n\n# Hello\n\nThe lamp is lit at dusk.", "seconds": 0.016}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 6, 'request:2', 1795344658043, 'message', '{"role": "assistant", "content": "", "request": 2, "input_tokens": 77, "output_tokens": 21, "seconds": 0.001}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 7, 'call:2:call_2_1', 1795344658043, 'tool_call', '{"tool_call_id": "call_2_1", "tool": "write_file", "arguments": {"path": "digest.md", "content": "Dusk."}}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 8, 'call:2:call_2_2', 1795344658043, 'tool_call', '{"tool_call_id": "call_2_2", "tool": "deliver_file", "arguments": {"path": "digest.md"}}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 9, 'result:2:call_2_1', 1795344658099, 'tool_result', '{"tool_call_id": "call_2_1", "tool": "write_file", "result": "Wrote 5 bytes to digest.md", "seconds": 0.015}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 10, 'effect:2:call_2_2', 1795344658184, 'effect', '{"id": "01M81E2VPFB7ZAMC2GTKJ5KV0Y", "call": "2:call_2_2", "effect": "file", "destination": "delivered/digest/01M81E2P19JMFCCES6TFRGH96Y/digest.md", "state": "sent", "receipt": {"path": "delivered/digest/01M81E2P19JMFCCES6TFRGH96Y/digest.md", "sha256": "9e6651cf50e512dab4651453cb305b0e73ba5f26eacbc79bdf10c366b13d683a", "size_bytes": 5}}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 11, 'result:2:call_2_2', 1795344658185, 'tool_result', '{"tool_call_id": "call_2_2", "tool": "deliver_file", "result": "Delivered to delivered/digest/01M81E2P19JMFCCES6TFRGH96Y/digest.md", "seconds": 0.076}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 12, 'request:3', 1795344658193, 'message', '{"role": "assistant", "content": "", "request": 3, "input_tokens": 87, "output_tokens": 28, "seconds": 0.0}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 13, 'call:3:call_3_1', 1795344658193, 'tool_call', '{"tool_call_id": "call_3_1", "tool": "report", "arguments": {"summary": "All is well."}}');
INSERT INTO "events" ("run_id", "seq", "key", "at", "kind", "data") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 14, 'finished', 1795344658206, 'finished', '{"status": "completed", "outcome": "reported", "summary": "All is well."}');
INSERT INTO "outbox" ("id", "run_id", "call", "kind", "destination", "payload", "state", "receipt", "error", "created_at", "updated_at") VALUES ('01M81E2VPFB7ZAMC2GTKJ5KV0Y', '01M81E2P19JMFCCES6TFRGH96Y', '2:call_2_2', 'file', 'delivered/digest/01M81E2P19JMFCCES6TFRGH96Y/digest.md', '{"path": "digest.md", "sha256": "9e6651cf50e512dab4651453cb305b0e73ba5f26eacbc79bdf10c366b13d683a", "size_bytes": 5}', 'sent', '{"path": "delivered/digest/01M81E2P19JMFCCES6TFRGH96Y/digest.md", "sha256": "9e6651cf50e512dab4651453cb305b0e73ba5f26eacbc79bdf10c366b13d683a", "size_bytes": 5}', NULL, 1795344658127, 1795344658173);
INSERT INTO "dbos_migrations" ("version") VALUES (125);
INSERT INTO "workflow_status" ("workflow_uuid", "status", "name", "authenticated_user", "assumed_role", "authenticated_roles", "request", "output", "error", "executor_id", "created_at", "updated_at", "application_version", "application_id", "class_name", "config_name", "recovery_attempts", "queue_name", "workflow_timeout_ms", "workflow_deadline_epoch_ms", "inputs", "started_at_epoch_ms", "deduplication_id", "priority", "queue_partition_key", "forked_from", "owner_xid", "parent_workflow_id", "serialization", "delay_until_epoch_ms", "was_forked_from", "rate_limited", "completed_at", "attributes", "schedule_name", "debounce_deadline_epoch_ms", "is_debounced", "application_name", "creator_xid") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 'SUCCESS', 'run', NULL, NULL, NULL, NULL, NULL, NULL, '01M81E2P3BHHRJMSFSS34KHNM7', 1795344653000, 1795344658000, 'runs-1', NULL, NULL, NULL, 1, 'runs', NULL, NULL, NULL, 1795344653000, NULL, 0, NULL, NULL, NULL, NULL, 'lamplighter_json', NULL, 0, 0, 1795344658000, 'null', NULL, NULL, 0, 'lamplighter', '9ed867fe-7060-41fc-a01d-e14c330b03a5');
INSERT INTO "application_versions" ("version_id", "version_name", "version_timestamp", "created_at", "application_name") VALUES ('dae02b7d-7683-4a27-92ba-8698ca308268', 'runs-1', 1795344652000, 1795344652000, 'lamplighter');
INSERT INTO "queues" ("queue_id", "name", "concurrency", "worker_concurrency", "rate_limit_max", "rate_limit_period_sec", "priority_enabled", "partition_queue", "polling_interval_sec", "created_at", "updated_at", "application_name", "partition_concurrency", "partition_worker_concurrency", "partition_rate_limit_max", "partition_rate_limit_period_sec") VALUES ('95744EFE5E3A6EA6B00CE628EC1042E7', 'runs', NULL, NULL, NULL, NULL, 1, 0, 5.0, 1795344653000, 1795344652999, 'lamplighter', NULL, NULL, NULL, NULL);
INSERT INTO "workflow_input" ("workflow_uuid", "inputs", "retention_timestamp") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', '{"args":["01M81E2P19JMFCCES6TFRGH96Y"],"kwargs":{}}', 1795344653000);
INSERT INTO "workflow_output" ("workflow_uuid", "output", "error", "retention_timestamp") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', '"reported"', NULL, 1795344658000);
INSERT INTO "operation_outputs" ("workflow_uuid", "function_id", "function_name", "output", "error", "child_workflow_id", "started_at_epoch_ms", "completed_at_epoch_ms", "serialization", "application_name", "retention_timestamp") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 1, 'model', '{"response":{"parts":[{"tool_name":"read_document","args":{"id":"notes:hello.md"},"tool_call_id":"call_1_1","tool_kind":null,"id":null,"provider_name":null,"provider_details":null,"part_kind":"tool-call"}],"usage":{"input_tokens":56,"cache_write_tokens":0,"cache_write_1h_tokens":0,"cache_read_tokens":0,"output_tokens":7,"output_reasoning_tokens":0,"input_audio_tokens":0,"cache_audio_read_tokens":0,"output_audio_tokens":0,"audio_seconds":0.0,"details":{},"cost":null},"model_name":"scripted","model_id":null,"timestamp":"2026-11-22T10:50:57.750602Z","kind":"response","provider_name":null,"provider_url":null,"canonical_system":null,"provider_details":null,"provider_response_id":null,"finish_reason":null,"run_id":null,"conversation_id":null,"metadata":null,"workspace_ref":null,"history_digest":null,"failed_attempts":null,"state":"complete"},"seconds":0.196}', NULL, NULL, 1795344657747, 1795344657955, 'lamplighter_json', 'lamplighter', 1795344657000);
INSERT INTO "operation_outputs" ("workflow_uuid", "function_id", "function_name", "output", "error", "child_workflow_id", "started_at_epoch_ms", "completed_at_epoch_ms", "serialization", "application_name", "retention_timestamp") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 2, 'tool:read_document', '{"result":"Title: Hello\nId: notes:hello.md\nDate: 2026-11-22\nLines: 1-3 of 3\n\n# Hello\n\nThe lamp is lit at dusk.","seconds":0.016}', NULL, NULL, 1795344657970, 1795344658003, 'lamplighter_json', 'lamplighter', 1795344658000);
INSERT INTO "operation_outputs" ("workflow_uuid", "function_id", "function_name", "output", "error", "child_workflow_id", "started_at_epoch_ms", "completed_at_epoch_ms", "serialization", "application_name", "retention_timestamp") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 3, 'model', '{"response":{"parts":[{"tool_name":"write_file","args":{"path":"digest.md","content":"Dusk."},"tool_call_id":"call_2_1","tool_kind":null,"id":null,"provider_name":null,"provider_details":null,"part_kind":"tool-call"},{"tool_name":"deliver_file","args":{"path":"digest.md"},"tool_call_id":"call_2_2","tool_kind":null,"id":null,"provider_name":null,"provider_details":null,"part_kind":"tool-call"}],"usage":{"input_tokens":77,"cache_write_tokens":0,"cache_write_1h_tokens":0,"cache_read_tokens":0,"output_tokens":21,"output_reasoning_tokens":0,"input_audio_tokens":0,"cache_audio_read_tokens":0,"output_audio_tokens":0,"audio_seconds":0.0,"details":{},"cost":null},"model_name":"scripted","model_id":null,"timestamp":"2026-11-22T10:50:58.036728Z","kind":"response","provider_name":null,"provider_url":null,"canonical_system":null,"provider_details":null,"provider_response_id":null,"finish_reason":null,"run_id":null,"conversation_id":null,"metadata":null,"workspace_ref":null,"history_digest":null,"failed_attempts":null,"state":"complete"},"seconds":0.001}', NULL, NULL, 1795344658025, 1795344658037, 'lamplighter_json', 'lamplighter', 1795344658000);
INSERT INTO "operation_outputs" ("workflow_uuid", "function_id", "function_name", "output", "error", "child_workflow_id", "started_at_epoch_ms", "completed_at_epoch_ms", "serialization", "application_name", "retention_timestamp") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 4, 'tool:write_file', '{"result":"Wrote 5 bytes to digest.md","seconds":0.015}', NULL, NULL, 1795344658045, 1795344658091, 'lamplighter_json', 'lamplighter', 1795344658000);
INSERT INTO "operation_outputs" ("workflow_uuid", "function_id", "function_name", "output", "error", "child_workflow_id", "started_at_epoch_ms", "completed_at_epoch_ms", "serialization", "application_name", "retention_timestamp") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 5, 'tool:deliver_file', '{"result":"Delivered to delivered/digest/01M81E2P19JMFCCES6TFRGH96Y/digest.md","effect":{"id":"01M81E2VPFB7ZAMC2GTKJ5KV0Y","call":"2:call_2_2","effect":"file","destination":"delivered/digest/01M81E2P19JMFCCES6TFRGH96Y/digest.md","state":"sent","receipt":{"path":"delivered/digest/01M81E2P19JMFCCES6TFRGH96Y/digest.md","sha256":"9e6651cf50e512dab4651453cb305b0e73ba5f26eacbc79bdf10c366b13d683a","size_bytes":5}},"seconds":0.076}', NULL, NULL, 1795344658100, 1795344658183, 'lamplighter_json', 'lamplighter', 1795344658000);
INSERT INTO "operation_outputs" ("workflow_uuid", "function_id", "function_name", "output", "error", "child_workflow_id", "started_at_epoch_ms", "completed_at_epoch_ms", "serialization", "application_name", "retention_timestamp") VALUES ('01M81E2P19JMFCCES6TFRGH96Y', 6, 'model', '{"response":{"parts":[{"tool_name":"report","args":{"summary":"All is well."},"tool_call_id":"call_3_1","tool_kind":null,"id":null,"provider_name":null,"provider_details":null,"part_kind":"tool-call"}],"usage":{"input_tokens":87,"cache_write_tokens":0,"cache_write_1h_tokens":0,"cache_read_tokens":0,"output_tokens":28,"output_reasoning_tokens":0,"input_audio_tokens":0,"cache_audio_read_tokens":0,"output_audio_tokens":0,"audio_seconds":0.0,"details":{},"cost":null},"model_name":"scripted","model_id":null,"timestamp":"2026-11-22T10:50:58.191403Z","kind":"response","provider_name":null,"provider_url":null,"canonical_system":null,"provider_details":null,"provider_response_id":null,"finish_reason":null,"run_id":null,"conversation_id":null,"metadata":null,"workspace_ref":null,"history_digest":null,"failed_attempts":null,"state":"complete"},"seconds":0.0}', NULL, NULL, 1795344658190, 1795344658191, 'lamplighter_json', 'lamplighter', 1795344658000);
