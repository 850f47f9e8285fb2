-- Every event, one row each; the target of the collector's inserts and the source of every rollup.
-- Measured with chDB 3.4.0 (engine 26.7.2.1) on two shared cores, 100,000 rows an insert, 300 bytes a row, half of
-- them task events; CPU of the whole process, once merges are done. 24 inserts, two to four runs, busy machine: this
-- table 2.8 to 3.2 us a row, with both rollups 3.3 to 3.9, with task history 5.2 to 5.6. A first draft with the
-- engine's defaults (one run of 10 inserts, without fsync and constraints): 10.4. Figures below are of one or two runs.
--   * Parts below 128 MiB are compact: 1.35 us a row to insert, against 2.45 us with the default 10 MiB (a wide part of
--     44 columns has some 200 files). Merged parts are wide, and merge column by column (since migration 46 from 16 MiB
--     on).
--   * The hour, not the instant, in the key: 1.3 to 1.9 us for each row and merge, against 4.4 us with (tenant,
--     agent_id, ts), because rows of different parts keep runs that are copied at once. Within an hour rows stay in the
--     order of their receipt.
--   * merge_selector_base 10 (default 5): of 4,000,000 rows each was merged 0.8 times instead of 1.75, 12 parts were
--     left instead of 2. Parts above 4 GiB are not merged again, so that expiry finds whole parts to drop.
--   * LZ4 (the default) 131 bytes a row; ZSTD(1) 74 bytes, but 0.6 us a row more to insert and 0.5 us to merge.
--     Uncompressed ids cost as much CPU as compressed ones, and 171 bytes a row.
--   * The two Bloom filters cost under 0.1 us a row and 2 bytes. fsync costs no CPU and 15 to 20 ms an insert.
--   * The four constraints are lost in the noise; seven of the form `x IS NULL OR …` cost 0.2 us a row. They hold what
--     would spoil a rollup for good (sums, minima, digests); the rest is bounded by types and by the decoder.
--   * Small inserts are dear, for the parts and files of four tables: 15 to 16 us a row at 10,000 rows, 66 to 80 us
--     at 1,000 (three runs each).
-- received decides the partition: one insert lies in one partition, whatever clocks the agents have.
-- The deduplication window counts inserts: it covers what other collectors insert while one of them restarts.

-- up
CREATE TABLE IF NOT EXISTS agent_events_raw_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the API key the event came with.',
    received DateTime64(3, 'UTC') COMMENT 'When the collector received the event; decides the partition.',
    conflicting_end UInt8 COMMENT '1: what the event ends had ended otherwise before, so it counts nothing.',
    type Enum8(
        'run.started' = 1, 'run.completed' = 2, 'run.failed' = 3, 'run.cancelled' = 4,
        'task.pending' = 10, 'task.running' = 11, 'task.completed' = 12, 'task.failed' = 13,
        'task.cancelled' = 14, 'step.started' = 20, 'step.completed' = 21, 'step.failed' = 22,
        'memory.stored' = 30, 'memory.recalled' = 31, 'pattern.observed' = 40, 'pattern.feedback' = 41,
        'log' = 50, 'heartbeat' = 51
    )
        COMMENT 'What happened, for example task.completed.',
    event_id String COMMENT 'Unique id of the event; an id seen twice is counted once, within bounded memory.',
    agent_id LowCardinality(String) COMMENT 'Id of the agent; metrics are kept per agent.',
    agent_name LowCardinality(String) COMMENT 'Display name of the agent.',
    agent_version LowCardinality(String) COMMENT 'Version of the agent.',
    run_id String COMMENT 'Run (one invocation of an agent or crew) the event belongs to.',
    task_id String COMMENT 'Task the event belongs to.',
    step_id String COMMENT 'Step of the task; each retry is a step of its own.',
    parent_id String COMMENT 'Run, task or step that caused this one.',
    flow_id String COMMENT 'Flow or workflow definition.',
    crew_id LowCardinality(String) COMMENT 'Crew or team of agents.',
    engagement_id String COMMENT 'Customer engagement or project.',
    user_id String COMMENT 'Person the work was done for.',
    session_id String COMMENT 'Conversation or session.',
    environment LowCardinality(String) COMMENT 'Where it ran, such as production or staging.',
    ts DateTime64(3, 'UTC')
        COMMENT 'When it happened; default: when it was received; clamped to the accepted clock skew.',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Start of the run, task or step.',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the run, task or step.',
    duration_ms Nullable(Float64) COMMENT 'Duration in milliseconds; derived when started_at and ended_at are given.',
    attempt UInt16 COMMENT 'Which try this is, from 1.',
    name LowCardinality(String) COMMENT 'Name of the task, tool or step.',
    model LowCardinality(String) COMMENT 'Model that was used.',
    provider LowCardinality(String) COMMENT 'Vendor or service the model is from.',
    step_kind Enum8(
        '' = 0, 'llm' = 1, 'tool' = 2, 'retrieval' = 3,
        'plan' = 4, 'memory' = 5, 'handoff' = 6, 'other' = 7
    )
        COMMENT 'What kind of step it is.',
    args_hash UInt64
        COMMENT '64-bit hash of the arguments: equal for the same tool with the same arguments; 0 when not told.',
    finish_reason LowCardinality(String) COMMENT 'Why the model stopped, such as stop or length.',
    llm_calls UInt64 COMMENT 'Number of model calls.',
    tokens_in UInt64 COMMENT 'Input tokens, cached ones included.',
    tokens_out UInt64 COMMENT 'Output tokens.',
    tokens_cache_read UInt64 COMMENT 'Input tokens read from a cache; part of tokens_in.',
    tokens_cache_write UInt64 COMMENT 'Input tokens written to a cache; part of tokens_in.',
    tokens_reasoning UInt64 COMMENT 'Output tokens of reasoning; part of tokens_out.',
    cost_micros Nullable(UInt64) COMMENT 'Cost in millionths of a US dollar; absent when it is not known.',
    cost_source Enum8('' = 0, 'reported' = 1, 'priced' = 2)
        COMMENT 'Where the cost is from: reported, the default of an event that has one, or priced.',
    memory_mb Nullable(Float64) COMMENT 'Peak memory in megabytes.',
    usage_scope Enum8('own' = 0, 'rolled_up' = 1)
        COMMENT 'own (default) is summed; rolled_up includes children and never is.',
    confidence Nullable(Float64) COMMENT 'Confidence in the result, 0 to 1.',
    error_category Enum8(
        '' = 0, 'tool' = 1, 'model' = 2, 'retrieval' = 3,
        'orchestration' = 4, 'infra' = 5, 'guardrail' = 6, 'user' = 7
    )
        COMMENT 'Where it failed; required on failed events.',
    error_code LowCardinality(String) COMMENT 'Stable code of the error.',
    error_message String COMMENT 'First 500 characters of the message, secrets masked.',
    inputs Map(LowCardinality(String), String) COMMENT 'Parameters of the work: flat map of scalars.',
    outputs Map(LowCardinality(String), String) COMMENT 'Results of the work: flat map of scalars.',
    labels Map(LowCardinality(String), String) COMMENT 'Labels of your own: map of strings.',
    pattern_id String COMMENT 'Id of a discovered pattern.',
    pattern_type LowCardinality(String) COMMENT 'Type of the pattern.',
    effectiveness Nullable(Float64) COMMENT 'Effectiveness of the pattern, 0 to 1.',
    evidence Array(String) COMMENT 'References (runs, tasks) that support the pattern.',
    feedback_score Nullable(Float64) COMMENT 'Score of a feedback, on the scale of its sender.',
    feedback_text String COMMENT 'Text of a feedback.',
    level Enum8('' = 0, 'trace' = 1, 'debug' = 2, 'info' = 3, 'warn' = 4, 'error' = 5, 'fatal' = 6)
        COMMENT 'Level of a log event.',
    message String COMMENT 'Text of a log event, secrets masked.',
    INDEX run_id_bloom run_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX task_id_bloom task_id TYPE bloom_filter(0.01) GRANULARITY 1,
    CONSTRAINT duration_ms_bounds CHECK ifNull(duration_ms, 0) >= 0,
    CONSTRAINT memory_mb_bounds CHECK ifNull(memory_mb, 0) >= 0,
    CONSTRAINT confidence_bounds CHECK ifNull(confidence, 0) BETWEEN 0 AND 1,
    CONSTRAINT effectiveness_bounds CHECK ifNull(effectiveness, 0) BETWEEN 0 AND 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, agent_id, toStartOfHour(ts))
TTL toDateTime(received) + INTERVAL 30 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 134217728,
    merge_selector_base = 10,
    max_bytes_to_merge_at_max_space_in_pool = 4294967296,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Every event, one row each. Kept 30 days.';

-- down
DROP TABLE IF EXISTS agent_events_raw_v1;
