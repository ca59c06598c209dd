
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE SCHEMA dbos;

CREATE FUNCTION dbos.enqueue_workflow(workflow_name text, queue_name text, positional_args json[] DEFAULT ARRAY[]::json[], named_args json DEFAULT '{}'::json, class_name text DEFAULT NULL::text, config_name text DEFAULT NULL::text, workflow_id text DEFAULT NULL::text, app_version text DEFAULT NULL::text, timeout_ms bigint DEFAULT NULL::bigint, deadline_epoch_ms bigint DEFAULT NULL::bigint, deduplication_id text DEFAULT NULL::text, priority integer DEFAULT NULL::integer, queue_partition_key text DEFAULT NULL::text, authenticated_user text DEFAULT NULL::text, authenticated_roles text DEFAULT NULL::text, delay_until_epoch_ms bigint DEFAULT NULL::bigint, application_name text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_workflow_id TEXT;
    v_serialized_inputs TEXT;
    v_owner_xid TEXT;
    v_now BIGINT;
    v_recovery_attempts INT4 := 0;
    v_priority INT4;
    v_status TEXT;
BEGIN

    -- Validate required parameters
    IF workflow_name IS NULL OR workflow_name = '' THEN
        RAISE EXCEPTION 'Workflow name cannot be null or empty';
    END IF;
    IF queue_name IS NULL OR queue_name = '' THEN
        RAISE EXCEPTION 'Queue name cannot be null or empty';
    END IF;
    IF named_args IS NOT NULL AND jsonb_typeof(named_args::jsonb) != 'object' THEN
        RAISE EXCEPTION 'Named args must be a JSON object';
    END IF;
    IF workflow_id IS NOT NULL AND workflow_id = '' THEN
        RAISE EXCEPTION 'Workflow ID cannot be an empty string if provided.';
    END IF;
    IF delay_until_epoch_ms IS NOT NULL AND delay_until_epoch_ms < 0 THEN
        RAISE EXCEPTION 'delay_until_epoch_ms must be >= 0';
    END IF;

    v_workflow_id := COALESCE(workflow_id, gen_random_uuid()::TEXT);
    v_owner_xid := gen_random_uuid()::TEXT;
    v_priority := COALESCE(priority, 0);
    v_serialized_inputs := json_build_object(
        'positionalArgs', positional_args,
        'namedArgs', named_args
    )::TEXT;
    v_now := EXTRACT(epoch FROM now()) * 1000;
    v_status := CASE WHEN delay_until_epoch_ms IS NULL THEN 'ENQUEUED' ELSE 'DELAYED' END;

    INSERT INTO "dbos".workflow_status (
        workflow_uuid, status,
        name, class_name, config_name,
        queue_name, deduplication_id, priority, queue_partition_key,
        application_version,
        created_at, updated_at, recovery_attempts,
        workflow_timeout_ms, workflow_deadline_epoch_ms,
        parent_workflow_id, owner_xid, serialization,
        authenticated_user, authenticated_roles,
        delay_until_epoch_ms, application_name
    ) VALUES (
        v_workflow_id, v_status,
        workflow_name, class_name, config_name,
        queue_name, deduplication_id, v_priority, queue_partition_key,
        app_version,
        v_now, v_now, v_recovery_attempts,
        timeout_ms, deadline_epoch_ms,
        NULL, v_owner_xid, 'portable_json',
        authenticated_user, authenticated_roles,
        delay_until_epoch_ms, application_name
    )
    ON CONFLICT (workflow_uuid)
    DO UPDATE SET
        updated_at = EXCLUDED.updated_at;

    INSERT INTO "dbos".workflow_input (
        workflow_uuid, inputs, retention_timestamp
    ) VALUES (
        v_workflow_id, v_serialized_inputs, v_now
    )
    ON CONFLICT (workflow_uuid) DO NOTHING;

    RETURN v_workflow_id;

EXCEPTION
    WHEN unique_violation THEN
        RAISE EXCEPTION 'DBOS queue duplicated'
            USING DETAIL = format('Workflow %s with queue %s and deduplication ID %s already exists', v_workflow_id, queue_name, deduplication_id),
                ERRCODE = 'unique_violation';
END;
$$;

CREATE FUNCTION dbos.send_message(destination_id text, message json, topic text DEFAULT NULL::text, message_id text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_topic TEXT := COALESCE(topic, '__null__topic__');
    v_message_id TEXT := COALESCE(message_id, gen_random_uuid()::TEXT);
BEGIN
    INSERT INTO "dbos".notifications (
        destination_uuid, topic, message, message_uuid, serialization
    ) VALUES (
        destination_id, v_topic, message, v_message_id, 'portable_json'
    )
    ON CONFLICT (message_uuid) DO NOTHING;
EXCEPTION
    WHEN foreign_key_violation THEN
        RAISE EXCEPTION 'DBOS non-existent workflow'
            USING DETAIL = format('Destination workflow %s does not exist', destination_id),
                ERRCODE = 'foreign_key_violation';
END;
$$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE dbos.application_versions (
    version_id text NOT NULL,
    version_name text NOT NULL,
    version_timestamp bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    created_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    application_name text
);

CREATE TABLE dbos.dbos_migrations (
    version bigint NOT NULL
);

CREATE TABLE dbos.event_dispatch_kv (
    service_name text NOT NULL,
    workflow_fn_name text NOT NULL,
    key text NOT NULL,
    value text,
    update_seq numeric(38,0),
    update_time numeric(38,15)
);

CREATE TABLE dbos.notifications (
    message_uuid text DEFAULT gen_random_uuid() NOT NULL,
    destination_uuid text NOT NULL,
    topic text,
    message text NOT NULL,
    created_at_epoch_ms bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    serialization text,
    consumed boolean DEFAULT false NOT NULL,
    consumed_by_function_id integer
);

CREATE TABLE dbos.operation_outputs (
    workflow_uuid text NOT NULL,
    function_id integer NOT NULL,
    function_name text DEFAULT ''::text NOT NULL,
    output text,
    error text,
    child_workflow_id text,
    started_at_epoch_ms bigint,
    completed_at_epoch_ms bigint,
    serialization text,
    application_name text,
    retention_timestamp bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL
);

CREATE TABLE dbos.queues (
    queue_id text DEFAULT (gen_random_uuid())::text NOT NULL,
    name text NOT NULL,
    concurrency integer,
    worker_concurrency integer,
    rate_limit_max integer,
    rate_limit_period_sec double precision,
    priority_enabled boolean DEFAULT false NOT NULL,
    partition_queue boolean DEFAULT false NOT NULL,
    polling_interval_sec double precision DEFAULT 1.0 NOT NULL,
    created_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    updated_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    application_name text,
    partition_concurrency integer,
    partition_worker_concurrency integer,
    partition_rate_limit_max integer,
    partition_rate_limit_period_sec double precision
);

CREATE TABLE dbos.streams (
    workflow_uuid text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    "offset" integer NOT NULL,
    function_id integer DEFAULT 0 NOT NULL,
    serialization text
);

CREATE TABLE dbos.workflow_events (
    workflow_uuid text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    serialization text
);

CREATE TABLE dbos.workflow_events_history (
    workflow_uuid text NOT NULL,
    function_id integer NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    serialization text
);

CREATE TABLE dbos.workflow_input (
    workflow_uuid text NOT NULL,
    inputs text,
    retention_timestamp bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL
);

CREATE TABLE dbos.workflow_output (
    workflow_uuid text NOT NULL,
    output text,
    error text,
    retention_timestamp bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL
);

CREATE TABLE dbos.workflow_schedules (
    schedule_id text NOT NULL,
    schedule_name text NOT NULL,
    workflow_name text NOT NULL,
    workflow_class_name text,
    schedule text NOT NULL,
    status text DEFAULT 'ACTIVE'::text NOT NULL,
    context text NOT NULL,
    last_fired_at text,
    automatic_backfill boolean DEFAULT false NOT NULL,
    cron_timezone text,
    queue_name text,
    application_name text
);

CREATE TABLE dbos.workflow_status (
    workflow_uuid text NOT NULL,
    status text,
    name text,
    authenticated_user text,
    assumed_role text,
    authenticated_roles text,
    request text,
    output text,
    error text,
    executor_id text,
    created_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    updated_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    application_version text,
    application_id text,
    class_name character varying(255) DEFAULT NULL::character varying,
    config_name character varying(255) DEFAULT NULL::character varying,
    recovery_attempts bigint DEFAULT 0,
    queue_name text,
    workflow_timeout_ms bigint,
    workflow_deadline_epoch_ms bigint,
    inputs text,
    started_at_epoch_ms bigint,
    deduplication_id text,
    priority integer DEFAULT 0 NOT NULL,
    queue_partition_key text,
    forked_from text,
    owner_xid text,
    parent_workflow_id text,
    serialization text,
    delay_until_epoch_ms bigint,
    was_forked_from boolean DEFAULT false NOT NULL,
    rate_limited boolean DEFAULT false NOT NULL,
    completed_at bigint,
    attributes jsonb,
    schedule_name text,
    debounce_deadline_epoch_ms bigint,
    is_debounced boolean DEFAULT false NOT NULL,
    application_name text,
    creator_xid text
);

CREATE TABLE public.access_sets (
    id text NOT NULL,
    principal text NOT NULL
);

COMMENT ON COLUMN public.access_sets.id IS 'hash of its principals';

CREATE TABLE public.agent_records (
    agent text NOT NULL,
    run_count integer NOT NULL,
    last_run_at bigint,
    last_error text
);

COMMENT ON COLUMN public.agent_records.agent IS 'kept when its file has gone';

COMMENT ON COLUMN public.agent_records.run_count IS 'runs that have ended';

COMMENT ON COLUMN public.agent_records.last_run_at IS 'when the last one ended';

COMMENT ON COLUMN public.agent_records.last_error IS 'of the last one; null: it succeeded';

CREATE TABLE public.agent_versions (
    id text NOT NULL,
    agent text NOT NULL,
    text text NOT NULL,
    timezone text NOT NULL,
    created_at bigint NOT NULL
);

COMMENT ON COLUMN public.agent_versions.id IS 'SHA-256 of name, zone and text';

COMMENT ON COLUMN public.agent_versions.text IS 'the file as it was';

COMMENT ON COLUMN public.agent_versions.timezone IS 'the default zone it was read with';

CREATE TABLE public.agents (
    name text NOT NULL,
    version text NOT NULL,
    message text NOT NULL,
    enabled boolean NOT NULL,
    failures integer NOT NULL,
    paused_at bigint,
    paused_reason text
);

COMMENT ON COLUMN public.agents.message IS 'the first one of its runs';

COMMENT ON COLUMN public.agents.failures IS 'in a row';

COMMENT ON COLUMN public.agents.paused_at IS 'null: not paused';

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.documents (
    pk integer NOT NULL,
    id text NOT NULL,
    source text NOT NULL,
    path text NOT NULL,
    title text NOT NULL,
    media_type text NOT NULL,
    text text NOT NULL,
    dated_at bigint NOT NULL,
    size_bytes bigint NOT NULL,
    fingerprint text NOT NULL,
    access_set text NOT NULL
);

COMMENT ON COLUMN public.documents.pk IS 'row of the full-text index';

COMMENT ON COLUMN public.documents.id IS 'source:path';

COMMENT ON COLUMN public.documents.dated_at IS 'its own date, else its file''s';

COMMENT ON COLUMN public.documents.size_bytes IS 'of the original';

COMMENT ON COLUMN public.documents.fingerprint IS 'mtime and hash, to see changes';

CREATE SEQUENCE public.documents_pk_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.documents_pk_seq OWNED BY public.documents.pk;

CREATE TABLE public.events (
    run_id text NOT NULL,
    seq integer NOT NULL,
    key text NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    data json NOT NULL
);

COMMENT ON COLUMN public.events.seq IS 'from 1';

COMMENT ON COLUMN public.events.key IS 'what makes writing it again harmless';

CREATE TABLE public.notices (
    id text NOT NULL,
    key text NOT NULL,
    agent text,
    kind text NOT NULL,
    message text NOT NULL,
    created_at bigint NOT NULL,
    read_at bigint
);

COMMENT ON COLUMN public.notices.id IS 'a ULID';

COMMENT ON COLUMN public.notices.key IS 'what is told only once';

COMMENT ON COLUMN public.notices.agent IS 'null: about the workspace';

COMMENT ON COLUMN public.notices.read_at IS 'null: unread';

CREATE TABLE public.occurrences (
    schedule_id text NOT NULL,
    due_at bigint NOT NULL,
    agent text NOT NULL,
    result text NOT NULL,
    reason text NOT NULL,
    run_id text
);

COMMENT ON COLUMN public.occurrences.result IS 'ran, skipped or missed';

CREATE TABLE public.outbox (
    id text NOT NULL,
    run_id text NOT NULL,
    call text NOT NULL,
    kind text NOT NULL,
    destination text NOT NULL,
    payload json NOT NULL,
    state text NOT NULL,
    receipt json,
    error text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

COMMENT ON COLUMN public.outbox.call IS 'the tool call: request:tool_call_id';

COMMENT ON COLUMN public.outbox.payload IS 'what shows and performs it';

COMMENT ON COLUMN public.outbox.state IS 'intended, sent, failed or uncertain';

CREATE TABLE public.runs (
    id text NOT NULL,
    agent text NOT NULL,
    version text NOT NULL,
    trigger text NOT NULL,
    message text NOT NULL,
    model_override text,
    status text NOT NULL,
    outcome text,
    summary text,
    error text,
    model text,
    label text,
    worker text,
    due_at bigint,
    created_at bigint NOT NULL,
    admitted_at bigint,
    started_at bigint,
    finished_at bigint,
    cancel_requested_at bigint,
    requests integer NOT NULL,
    tool_calls integer NOT NULL,
    input_tokens integer NOT NULL,
    output_tokens integer NOT NULL
);

COMMENT ON COLUMN public.runs.trigger IS 'manual or scheduled';

COMMENT ON COLUMN public.runs.model IS 'what answered, as resolved';

COMMENT ON COLUMN public.runs.label IS 'scripted, or small local model';

COMMENT ON COLUMN public.runs.worker IS 'the process that carries it out; only it may write';

COMMENT ON COLUMN public.runs.admitted_at IS 'handed to the queue';

CREATE TABLE public.schedules (
    id text NOT NULL,
    agent text NOT NULL,
    spec json NOT NULL,
    anchor_at bigint NOT NULL,
    enabled boolean NOT NULL,
    next_due_at bigint
);

COMMENT ON COLUMN public.schedules.spec IS 'schedule.to_data';

COMMENT ON COLUMN public.schedules.anchor_at IS 'where intervals are counted from';

COMMENT ON COLUMN public.schedules.next_due_at IS 'null: nothing more to come, or not enabled';

CREATE TABLE public.skipped_documents (
    source text NOT NULL,
    path text NOT NULL,
    fingerprint text NOT NULL,
    reason text NOT NULL,
    seen_at bigint NOT NULL
);

CREATE TABLE public.sources (
    name text NOT NULL,
    config json NOT NULL,
    synced_at bigint,
    error text
);

COMMENT ON COLUMN public.sources.config IS 'what the index was made from';

COMMENT ON COLUMN public.sources.synced_at IS 'end of the last whole sync';

COMMENT ON COLUMN public.sources.error IS 'why the last sync failed';

CREATE TABLE public.workers (
    id text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    beat_at bigint NOT NULL,
    gone boolean NOT NULL
);

COMMENT ON COLUMN public.workers.id IS 'its executor id';

COMMENT ON COLUMN public.workers.gone IS 'given up by the others';

ALTER TABLE ONLY public.documents ALTER COLUMN pk SET DEFAULT nextval('public.documents_pk_seq'::regclass);

INSERT INTO dbos.application_versions VALUES ('f2d1d429-1213-46d9-a33e-27d256fcb723', 'runs-1', 1795344669281, 1795344669281, 'lamplighter');

INSERT INTO dbos.dbos_migrations VALUES (125);

INSERT INTO dbos.operation_outputs VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 1, 'model', '{"response":{"parts":[{"tool_name":"read_document","args":{"id":"notes:hello.md"},"tool_call_id":"call_1_1","tool_kind":null,"id":null,"provider_name":null,"provider_details":null,"part_kind":"tool-call"}],"usage":{"input_tokens":56,"cache_write_tokens":0,"cache_write_1h_tokens":0,"cache_read_tokens":0,"output_tokens":7,"output_reasoning_tokens":0,"input_audio_tokens":0,"cache_audio_read_tokens":0,"output_audio_tokens":0,"audio_seconds":0.0,"details":{},"cost":null},"model_name":"scripted","model_id":null,"timestamp":"2026-11-22T10:51:09.683649Z","kind":"response","provider_name":null,"provider_url":null,"canonical_system":null,"provider_details":null,"provider_response_id":null,"finish_reason":null,"run_id":null,"conversation_id":null,"metadata":null,"workspace_ref":null,"history_digest":null,"failed_attempts":null,"state":"complete"},"seconds":0.001}', NULL, NULL, 1795344669660, 1795344669701, 'lamplighter_json', 'lamplighter', 1795344669703);
INSERT INTO dbos.operation_outputs VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 2, 'tool:read_document', '{"result":"Title: Hello\nId: notes:hello.md\nDate: 2026-11-22\nLines: 1-3 of 3\n\n# Hello\n\nThe lamp is lit at dusk.","seconds":0.017}', NULL, NULL, 1795344669727, 1795344669755, 'lamplighter_json', 'lamplighter', 1795344669756);
INSERT INTO dbos.operation_outputs VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 3, 'model', '{"response":{"parts":[{"tool_name":"write_file","args":{"path":"digest.md","content":"Dusk."},"tool_call_id":"call_2_1","tool_kind":null,"id":null,"provider_name":null,"provider_details":null,"part_kind":"tool-call"},{"tool_name":"deliver_file","args":{"path":"digest.md"},"tool_call_id":"call_2_2","tool_kind":null,"id":null,"provider_name":null,"provider_details":null,"part_kind":"tool-call"}],"usage":{"input_tokens":77,"cache_write_tokens":0,"cache_write_1h_tokens":0,"cache_read_tokens":0,"output_tokens":21,"output_reasoning_tokens":0,"input_audio_tokens":0,"cache_audio_read_tokens":0,"output_audio_tokens":0,"audio_seconds":0.0,"details":{},"cost":null},"model_name":"scripted","model_id":null,"timestamp":"2026-11-22T10:51:09.787711Z","kind":"response","provider_name":null,"provider_url":null,"canonical_system":null,"provider_details":null,"provider_response_id":null,"finish_reason":null,"run_id":null,"conversation_id":null,"metadata":null,"workspace_ref":null,"history_digest":null,"failed_attempts":null,"state":"complete"},"seconds":0.0}', NULL, NULL, 1795344669776, 1795344669788, 'lamplighter_json', 'lamplighter', 1795344669788);
INSERT INTO dbos.operation_outputs VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 4, 'tool:write_file', '{"result":"Wrote 5 bytes to digest.md","seconds":0.04}', NULL, NULL, 1795344669809, 1795344669867, 'lamplighter_json', 'lamplighter', 1795344669868);
INSERT INTO dbos.operation_outputs VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 5, 'tool:deliver_file', '{"result":"Delivered to delivered/digest/01M81E3487TJAGBRM5ENFJT9N2/digest.md","effect":{"id":"01M81E376QSMCFA0JCZA398G3D","call":"2:call_2_2","effect":"file","destination":"delivered/digest/01M81E3487TJAGBRM5ENFJT9N2/digest.md","state":"sent","receipt":{"path":"delivered/digest/01M81E3487TJAGBRM5ENFJT9N2/digest.md","sha256":"9e6651cf50e512dab4651453cb305b0e73ba5f26eacbc79bdf10c366b13d683a","size_bytes":5}},"seconds":0.08}', NULL, NULL, 1795344669875, 1795344669959, 'lamplighter_json', 'lamplighter', 1795344669960);
INSERT INTO dbos.operation_outputs VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 6, 'model', '{"response":{"parts":[{"tool_name":"report","args":{"summary":"All is well."},"tool_call_id":"call_3_1","tool_kind":null,"id":null,"provider_name":null,"provider_details":null,"part_kind":"tool-call"}],"usage":{"input_tokens":87,"cache_write_tokens":0,"cache_write_1h_tokens":0,"cache_read_tokens":0,"output_tokens":28,"output_reasoning_tokens":0,"input_audio_tokens":0,"cache_audio_read_tokens":0,"output_audio_tokens":0,"audio_seconds":0.0,"details":{},"cost":null},"model_name":"scripted","model_id":null,"timestamp":"2026-11-22T10:51:10.003472Z","kind":"response","provider_name":null,"provider_url":null,"canonical_system":null,"provider_details":null,"provider_response_id":null,"finish_reason":null,"run_id":null,"conversation_id":null,"metadata":null,"workspace_ref":null,"history_digest":null,"failed_attempts":null,"state":"complete"},"seconds":0.0}', NULL, NULL, 1795344669976, 1795344670003, 'lamplighter_json', 'lamplighter', 1795344670011);

INSERT INTO dbos.queues VALUES ('456e1351-bf44-4ee3-b15d-2eb2a999cecf', 'runs', NULL, NULL, NULL, NULL, true, false, 5, 1795344669339, 1795344669326, 'lamplighter', NULL, NULL, NULL, NULL);

INSERT INTO dbos.workflow_input VALUES ('01M81E3487TJAGBRM5ENFJT9N2', '{"args":["01M81E3487TJAGBRM5ENFJT9N2"],"kwargs":{}}', 1795344669479);

INSERT INTO dbos.workflow_output VALUES ('01M81E3487TJAGBRM5ENFJT9N2', '"reported"', NULL, 1795344670138);

INSERT INTO dbos.workflow_status VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 'SUCCESS', 'run', NULL, NULL, NULL, NULL, NULL, NULL, '01M81E34T8J2DTKPE79G4WNERC', 1795344669479, 1795344670138, 'runs-1', NULL, NULL, NULL, 1, 'runs', NULL, NULL, NULL, 1795344669532, NULL, 0, NULL, NULL, NULL, NULL, 'lamplighter_json', NULL, false, false, 1795344670138, 'null', NULL, NULL, false, 'lamplighter', '1577bacb-c129-4250-9ca5-ace14c2de9f9');

INSERT INTO public.access_sets VALUES ('aa4c70371fea90224c85497af475896a', 'user:owner');

INSERT INTO public.agent_records VALUES ('digest', 1, 1795344670087, NULL);

INSERT INTO public.agent_versions VALUES ('6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2', 'digest', '---
sources: [notes]
model: scripted:script.yaml
---
Write.', 'UTC', 1795344666878);
INSERT INTO public.agent_versions VALUES ('c5d27c366ab3eb373cd0acf21c69385f1b84abed593d775c709ae00545a78a51', 'hourly', '---
schedule: every 1 hour
sources: [notes]
model: scripted:script.yaml
---
Write.', 'UTC', 1795344667479);

INSERT INTO public.agents VALUES ('digest', '6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2', 'Do your scheduled task now.', true, 0, NULL, NULL);
INSERT INTO public.agents VALUES ('hourly', 'c5d27c366ab3eb373cd0acf21c69385f1b84abed593d775c709ae00545a78a51', 'Do your scheduled task now.', true, 0, NULL, NULL);

INSERT INTO public.alembic_version VALUES ('0001');

INSERT INTO public.documents VALUES (1, 'notes:hello.md', 'notes', 'hello.md', 'Hello', 'text/markdown', '# Hello

The lamp is lit at dusk.', 1795344666761, 33, ' fc0814999619f887df92e4227e107a9b310a6b5b0eba1895ef3aec9eb1f9bd71', 'aa4c70371fea90224c85497af475896a');

INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 1, 'started', 1795344669640, 'started', '{"agent": "digest", "version": "6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2", "trigger": "manual", "model": "scripted:/workspace/script.yaml", "label": "scripted", "tools": ["list_documents", "search_documents", "read_document", "read_file", "write_file", "deliver_file"], "sources": ["notes"]}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 2, 'message', 1795344669640, 'message', '{"role": "user", "content": "Do your scheduled task now."}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 3, 'request:1', 1795344669717, 'message', '{"role": "assistant", "content": "", "request": 1, "input_tokens": 56, "output_tokens": 7, "seconds": 0.001}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 4, 'call:1:call_1_1', 1795344669717, 'tool_call', '{"tool_call_id": "call_1_1", "tool": "read_document", "arguments": {"id": "notes:hello.md"}}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 5, 'result:1:call_1_1', 1795344669766, 'tool_result', '{"tool_call_id": "call_1_1", "tool": "read_document", "result": "Title: Hello\nId: notes:hello.md\nDate: 2026-11-22\nLines: 1-3 of 3\n\n# Hello\n\nThe lamp is lit at dusk.", "seconds": 0.017}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 6, 'request:2', 1795344669807, 'message', '{"role": "assistant", "content": "", "request": 2, "input_tokens": 77, "output_tokens": 21, "seconds": 0.0}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 7, 'call:2:call_2_1', 1795344669807, 'tool_call', '{"tool_call_id": "call_2_1", "tool": "write_file", "arguments": {"path": "digest.md", "content": "Dusk."}}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 8, 'call:2:call_2_2', 1795344669807, 'tool_call', '{"tool_call_id": "call_2_2", "tool": "deliver_file", "arguments": {"path": "digest.md"}}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 9, 'result:2:call_2_1', 1795344669875, 'tool_result', '{"tool_call_id": "call_2_1", "tool": "write_file", "result": "Wrote 5 bytes to digest.md", "seconds": 0.04}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 10, 'effect:2:call_2_2', 1795344669968, 'effect', '{"id": "01M81E376QSMCFA0JCZA398G3D", "call": "2:call_2_2", "effect": "file", "destination": "delivered/digest/01M81E3487TJAGBRM5ENFJT9N2/digest.md", "state": "sent", "receipt": {"path": "delivered/digest/01M81E3487TJAGBRM5ENFJT9N2/digest.md", "sha256": "9e6651cf50e512dab4651453cb305b0e73ba5f26eacbc79bdf10c366b13d683a", "size_bytes": 5}}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 11, 'result:2:call_2_2', 1795344669969, 'tool_result', '{"tool_call_id": "call_2_2", "tool": "deliver_file", "result": "Delivered to delivered/digest/01M81E3487TJAGBRM5ENFJT9N2/digest.md", "seconds": 0.08}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 12, 'request:3', 1795344670037, 'message', '{"role": "assistant", "content": "", "request": 3, "input_tokens": 87, "output_tokens": 28, "seconds": 0.0}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 13, 'call:3:call_3_1', 1795344670037, 'tool_call', '{"tool_call_id": "call_3_1", "tool": "report", "arguments": {"summary": "All is well."}}');
INSERT INTO public.events VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 14, 'finished', 1795344670059, 'finished', '{"status": "completed", "outcome": "reported", "summary": "All is well."}');

INSERT INTO public.notices VALUES ('01M81E37N4DWV8MCVC6MGXG0GP', 'kept', 'digest', 'failure', 'something failed', 1795344670372, NULL);

INSERT INTO public.occurrences VALUES ('hourly#1', 1795341067479, 'hourly', 'missed', 'a later one was due as well', NULL);
INSERT INTO public.occurrences VALUES ('hourly#1', 1795344667479, 'hourly', 'ran', '', '01M81E34TQRGEA4K9E6FW77Z99');

INSERT INTO public.outbox VALUES ('01M81E376QSMCFA0JCZA398G3D', '01M81E3487TJAGBRM5ENFJT9N2', '2:call_2_2', 'file', 'delivered/digest/01M81E3487TJAGBRM5ENFJT9N2/digest.md', '{"path": "digest.md", "sha256": "9e6651cf50e512dab4651453cb305b0e73ba5f26eacbc79bdf10c366b13d683a", "size_bytes": 5}', 'sent', '{"path": "delivered/digest/01M81E3487TJAGBRM5ENFJT9N2/digest.md", "sha256": "9e6651cf50e512dab4651453cb305b0e73ba5f26eacbc79bdf10c366b13d683a", "size_bytes": 5}', NULL, 1795344669911, 1795344669947);

INSERT INTO public.runs VALUES ('01M81E3487TJAGBRM5ENFJT9N2', 'digest', '6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2', 'manual', 'Do your scheduled task now.', 'scripted:/workspace/script.yaml', 'completed', 'reported', 'All is well.', NULL, 'scripted:/workspace/script.yaml', 'scripted', '01M81E34T8J2DTKPE79G4WNERC', NULL, 1795344666878, 1795344669464, 1795344669607, 1795344670087, NULL, 3, 3, 220, 56);
INSERT INTO public.runs VALUES ('01M81E34TQRGEA4K9E6FW77Z99', 'hourly', 'c5d27c366ab3eb373cd0acf21c69385f1b84abed593d775c709ae00545a78a51', 'scheduled', 'Do your scheduled task now.', NULL, 'pending', NULL, NULL, NULL, NULL, NULL, NULL, 1795344667479, 1795344670372, NULL, NULL, NULL, NULL, 0, 0, 0, 0);
INSERT INTO public.runs VALUES ('01M81E37Q9F0S5B1APR77NCCQS', 'digest', '6384f41ebd14c60a5b9391646a98dc468b0b4ed1016e32045f4faf70b581a6c2', 'manual', 'Finish me after the upgrade.', NULL, 'pending', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1795344670441, NULL, NULL, NULL, NULL, 0, 0, 0, 0);

INSERT INTO public.schedules VALUES ('hourly#1', 'hourly', '{"type": "interval", "seconds": 3600, "timezone": "UTC"}', 1795344667479, true, 1795348267479);

INSERT INTO public.sources VALUES ('notes', '{"type": "files", "path": "notes", "include": [], "exclude": [], "max_file_size_bytes": 20000000}', 1795344666849, NULL);

INSERT INTO public.workers VALUES ('01M81E34T8J2DTKPE79G4WNERC', 'machine', 14908, 1795344669441, true);

SELECT pg_catalog.setval('public.documents_pk_seq', 1, true);

ALTER TABLE ONLY dbos.application_versions
    ADD CONSTRAINT application_versions_pkey PRIMARY KEY (version_id);

ALTER TABLE ONLY dbos.application_versions
    ADD CONSTRAINT application_versions_version_name_key UNIQUE (version_name);

ALTER TABLE ONLY dbos.dbos_migrations
    ADD CONSTRAINT dbos_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY dbos.event_dispatch_kv
    ADD CONSTRAINT event_dispatch_kv_pkey PRIMARY KEY (service_name, workflow_fn_name, key);

ALTER TABLE ONLY dbos.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (message_uuid);

ALTER TABLE ONLY dbos.operation_outputs
    ADD CONSTRAINT operation_outputs_pkey PRIMARY KEY (workflow_uuid, function_id);

ALTER TABLE ONLY dbos.queues
    ADD CONSTRAINT queues_name_key UNIQUE (name);

ALTER TABLE ONLY dbos.queues
    ADD CONSTRAINT queues_pkey PRIMARY KEY (queue_id);

ALTER TABLE ONLY dbos.streams
    ADD CONSTRAINT streams_pkey PRIMARY KEY (workflow_uuid, key, "offset");

ALTER TABLE ONLY dbos.workflow_events_history
    ADD CONSTRAINT workflow_events_history_pkey PRIMARY KEY (workflow_uuid, function_id, key);

ALTER TABLE ONLY dbos.workflow_events
    ADD CONSTRAINT workflow_events_pkey PRIMARY KEY (workflow_uuid, key);

ALTER TABLE ONLY dbos.workflow_input
    ADD CONSTRAINT workflow_input_pkey PRIMARY KEY (workflow_uuid);

ALTER TABLE ONLY dbos.workflow_output
    ADD CONSTRAINT workflow_output_pkey PRIMARY KEY (workflow_uuid);

ALTER TABLE ONLY dbos.workflow_schedules
    ADD CONSTRAINT workflow_schedules_pkey PRIMARY KEY (schedule_id);

ALTER TABLE ONLY dbos.workflow_schedules
    ADD CONSTRAINT workflow_schedules_schedule_name_key UNIQUE (schedule_name);

ALTER TABLE ONLY dbos.workflow_status
    ADD CONSTRAINT workflow_status_pkey PRIMARY KEY (workflow_uuid);

ALTER TABLE ONLY public.access_sets
    ADD CONSTRAINT access_sets_pkey PRIMARY KEY (id, principal);

ALTER TABLE ONLY public.agent_records
    ADD CONSTRAINT agent_records_pkey PRIMARY KEY (agent);

ALTER TABLE ONLY public.agent_versions
    ADD CONSTRAINT agent_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_id_key UNIQUE (id);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (pk);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (run_id, seq);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_run_id_key_key UNIQUE (run_id, key);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_key_key UNIQUE (key);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.occurrences
    ADD CONSTRAINT occurrences_pkey PRIMARY KEY (schedule_id, due_at);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_run_id_call_key UNIQUE (run_id, call);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.skipped_documents
    ADD CONSTRAINT skipped_documents_pkey PRIMARY KEY (source, path);

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

CREATE INDEX idx_application_versions_owner_timestamp ON dbos.application_versions USING btree (application_name, version_timestamp DESC);

CREATE INDEX idx_application_versions_timestamp ON dbos.application_versions USING btree (version_timestamp DESC);

CREATE INDEX idx_operation_outputs_completed_at_function_name_v2 ON dbos.operation_outputs USING btree (completed_at_epoch_ms, function_name) INCLUDE (application_name);

CREATE INDEX idx_operation_outputs_retention ON dbos.operation_outputs USING btree (retention_timestamp);

CREATE INDEX idx_workflow_input_retention ON dbos.workflow_input USING btree (retention_timestamp);

CREATE INDEX idx_workflow_output_retention ON dbos.workflow_output USING btree (retention_timestamp);

CREATE INDEX idx_workflow_status_attributes ON dbos.workflow_status USING gin (attributes) WHERE (attributes IS NOT NULL);

CREATE INDEX idx_workflow_status_completed_at ON dbos.workflow_status USING btree (completed_at) WHERE (completed_at IS NOT NULL);

CREATE INDEX idx_workflow_status_deadline ON dbos.workflow_status USING btree (workflow_deadline_epoch_ms) WHERE ((status = ANY (ARRAY['ENQUEUED'::text, 'PENDING'::text, 'DELAYED'::text])) AND (workflow_deadline_epoch_ms IS NOT NULL));

CREATE INDEX idx_workflow_status_delayed ON dbos.workflow_status USING btree (delay_until_epoch_ms) WHERE (status = 'DELAYED'::text);

CREATE INDEX idx_workflow_status_failed ON dbos.workflow_status USING btree (status, created_at) WHERE (status = ANY (ARRAY['ERROR'::text, 'CANCELLED'::text, 'MAX_RECOVERY_ATTEMPTS_EXCEEDED'::text]));

CREATE INDEX idx_workflow_status_forked_from ON dbos.workflow_status USING btree (forked_from) WHERE (forked_from IS NOT NULL);

CREATE INDEX idx_workflow_status_in_flight_v2 ON dbos.workflow_status USING btree (queue_name, status, priority, created_at) INCLUDE (application_name) WHERE (status = ANY (ARRAY['ENQUEUED'::text, 'PENDING'::text]));

CREATE INDEX idx_workflow_status_parent_workflow_id ON dbos.workflow_status USING btree (parent_workflow_id) WHERE (parent_workflow_id IS NOT NULL);

CREATE INDEX idx_workflow_status_partition_dequeue_v3 ON dbos.workflow_status USING btree (queue_name, status, queue_partition_key, priority, created_at, workflow_uuid) INCLUDE (application_name) WHERE ((status = ANY (ARRAY['ENQUEUED'::text, 'PENDING'::text])) AND (queue_partition_key IS NOT NULL));

CREATE INDEX idx_workflow_status_pending ON dbos.workflow_status USING btree (created_at) WHERE (status = 'PENDING'::text);

CREATE INDEX idx_workflow_status_rate_limited ON dbos.workflow_status USING btree (queue_name, started_at_epoch_ms) WHERE (rate_limited = true);

CREATE INDEX idx_workflow_status_schedule_name ON dbos.workflow_status USING btree (schedule_name) WHERE (schedule_name IS NOT NULL);

CREATE INDEX idx_workflow_status_started_at ON dbos.workflow_status USING btree (started_at_epoch_ms) WHERE (started_at_epoch_ms IS NOT NULL);

CREATE INDEX idx_workflow_topic ON dbos.notifications USING btree (destination_uuid, topic);

CREATE UNIQUE INDEX uq_application_versions_owner_version ON dbos.application_versions USING btree (application_name, version_name) WHERE (application_name IS NOT NULL);

CREATE UNIQUE INDEX uq_application_versions_unclaimed_version ON dbos.application_versions USING btree (version_name) WHERE (application_name IS NULL);

CREATE UNIQUE INDEX uq_workflow_status_dedup_id ON dbos.workflow_status USING btree (queue_name, deduplication_id) WHERE (deduplication_id IS NOT NULL);

CREATE INDEX workflow_status_created_at_index ON dbos.workflow_status USING btree (created_at);

CREATE INDEX documents_by_source ON public.documents USING btree (source, dated_at);

CREATE INDEX ix_schedules_agent ON public.schedules USING btree (agent);

CREATE INDEX occurrences_by_agent ON public.occurrences USING btree (agent, due_at);

CREATE INDEX occurrences_by_time ON public.occurrences USING btree (due_at);

CREATE INDEX outbox_by_state ON public.outbox USING btree (state, id);

CREATE INDEX runs_active ON public.runs USING btree (agent, id) WHERE (status = ANY (ARRAY['pending'::text, 'running'::text]));

CREATE INDEX runs_by_agent ON public.runs USING btree (agent, id);

CREATE INDEX runs_by_end ON public.runs USING btree (finished_at);

CREATE INDEX runs_under_way ON public.runs USING btree (agent) WHERE ((status = ANY (ARRAY['pending'::text, 'running'::text])) AND (admitted_at IS NOT NULL));

CREATE INDEX runs_waiting ON public.runs USING btree (trigger, id) WHERE ((status = 'pending'::text) AND (admitted_at IS NULL));

CREATE INDEX schedules_due ON public.schedules USING btree (next_due_at);

ALTER TABLE ONLY dbos.notifications
    ADD CONSTRAINT notifications_destination_uuid_fkey FOREIGN KEY (destination_uuid) REFERENCES dbos.workflow_status(workflow_uuid) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE ONLY dbos.streams
    ADD CONSTRAINT streams_workflow_uuid_fkey FOREIGN KEY (workflow_uuid) REFERENCES dbos.workflow_status(workflow_uuid) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE ONLY dbos.workflow_events_history
    ADD CONSTRAINT workflow_events_history_workflow_uuid_fkey FOREIGN KEY (workflow_uuid) REFERENCES dbos.workflow_status(workflow_uuid) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE ONLY dbos.workflow_events
    ADD CONSTRAINT workflow_events_workflow_uuid_fkey FOREIGN KEY (workflow_uuid) REFERENCES dbos.workflow_status(workflow_uuid) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_version_fkey FOREIGN KEY (version) REFERENCES public.agent_versions(id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_version_fkey FOREIGN KEY (version) REFERENCES public.agent_versions(id);

