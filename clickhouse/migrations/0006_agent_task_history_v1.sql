-- Task events, of which the one with the highest version is the task's state; read with FINAL. Written by 0007.
-- Measured as in 0001: 1.6 to 2.1 us an event when every second event is a task event, 0.6 to 1.0 of it without merges.
--   * Task ids are random, so merges go row by row, and plain strings merge cheaper than LowCardinality: 1.2 us an
--     event for this table, once merged, against 2.7 us.
--   * optimize_on_insert = 0 of the insert leaves the replacing to merges and FINAL: 1.6 us an event less.
--   * ReplacingMergeTree, although argMax over an append-only table costs 0.9 us an event less: listing the failed
--     among 2,500,000 tasks takes 0.2 s and hardly any memory, instead of 1 s and 1 GB. That was with one row a task in
--     five parts; rows that merges have yet to replace come on top.
--   * A hash of the id before the id in the key, and fewer columns (15), saved nothing that could be told from noise.

-- up
CREATE TABLE IF NOT EXISTS agent_task_history_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the task.',
    task_id String COMMENT 'Id of the task.',
    agent_id String COMMENT 'Id of the agent; metrics are kept per agent.',
    agent_name String COMMENT 'Display name of the agent.',
    run_id String COMMENT 'Run (one invocation of an agent or crew) the event belongs to.',
    flow_id String COMMENT 'Flow or workflow definition.',
    crew_id String COMMENT 'Crew or team of agents.',
    engagement_id String COMMENT 'Customer engagement or project.',
    user_id String COMMENT 'Person the work was done for.',
    session_id String COMMENT 'Conversation or session.',
    name String COMMENT 'Name of the task, tool or model.',
    status Enum8('pending' = 10, 'running' = 11, 'completed' = 12, 'failed' = 13, 'cancelled' = 14)
        COMMENT 'Latest state; one that ended wins over any other.',
    attempt UInt16 COMMENT 'Which try this is, from 1.',
    ts DateTime64(3, 'UTC') COMMENT 'When the latest state was reached.',
    received DateTime64(3, 'UTC') COMMENT 'When the latest state was received.',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Start of the run, task or step.',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the run, task or step.',
    duration_ms Nullable(Float64) COMMENT 'Duration in milliseconds; derived when started_at and ended_at are given.',
    llm_calls UInt64 COMMENT 'Number of model calls.',
    tokens_in UInt64 COMMENT 'Input tokens, cached ones included.',
    tokens_out UInt64 COMMENT 'Output tokens.',
    cost_micros Nullable(UInt64) COMMENT 'Cost in millionths of a US dollar; absent when it is not known.',
    memory_mb Nullable(Float64) COMMENT 'Peak memory in megabytes.',
    confidence Nullable(Float64) COMMENT 'Confidence in the result, 0 to 1.',
    error_category Enum8(
        '' = 0, 'tool' = 1, 'model' = 2, 'retrieval' = 3,
        'orchestration' = 4, 'infra' = 5, 'guardrail' = 6, 'user' = 7
    )
        COMMENT 'Where it failed; required on failed events.',
    error_code String COMMENT 'Stable code of the error.',
    error_message String COMMENT 'First 500 characters of the message, secrets masked.',
    inputs Map(String, String) COMMENT 'Parameters of the work: flat map of scalars.',
    outputs Map(String, String) COMMENT 'Results of the work: flat map of scalars.',
    labels Map(String, String) COMMENT 'Labels of your own: map of strings.',
    version UInt64 COMMENT 'Order of the states of a task: bit 62 ended, then ts in ms, attempt, status.'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, task_id)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 134217728,
    merge_selector_base = 10,
    max_bytes_to_merge_at_max_space_in_pool = 4294967296,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'States of tasks; the highest version of a task is its state. Kept 90 days.';

-- down
DROP TABLE IF EXISTS agent_task_history_v1;
