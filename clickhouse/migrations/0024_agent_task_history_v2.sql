-- Task events, of which the one with the highest version is the task's state. Written by 0025; takes the place of
-- agent_task_history_v1, whose large granules made looking up many tasks dear. Lists find their tasks in
-- agent_tasks_by_start_v1 (0026) and look them up here. Measured with chDB 3.4.0 (engine 26.7.2.1), 4,000,000 events
-- of 2,000,000 tasks in 40 inserts, two shared cores. CPU in us an event, merges included, without the 0.5 of reading
-- the source; a task by id and the full rows of 21 and 101 random tasks in ms (median), without FINAL:
--   * ReplacingMergeTree, granules of 8,192 rows, wide parts (v1): 1.9 us; 14.9, 44.7 and 188 ms.
--   * ReplacingMergeTree, granules of 512 rows, compact parts (this): 2.9 us; 7.6, 15.0 and 33.6 ms. Of 1,024 rows:
--     2.9 us; 20.3 and 49.6 ms for 21 and 101. In a compact part a granule of a column is a block of its own, so
--     that little is decompressed for one row.
--   * CoalescingMergeTree: 5.5 us, and what it keeps depends on the order of arrival.
--   * AggregatingMergeTree with argMax of the whole state and maxima of the ids: 14.1 us.
-- Counting tasks by status over all of them with FINAL takes 276 ms, with the granules of v1 225 ms.

-- up
CREATE TABLE IF NOT EXISTS agent_task_history_v2
(
    tenant LowCardinality(String) COMMENT 'Tenant of the task.',
    task_id String COMMENT 'Id of the task.',
    agent_id String COMMENT 'Id of the agent; metrics are kept per agent.',
    agent_name String COMMENT 'Display name of the agent.',
    agent_version String COMMENT 'Version of the agent.',
    run_id String COMMENT 'Run (one invocation of an agent or crew) the event belongs to.',
    parent_id String COMMENT 'Run, task or step that caused this one.',
    flow_id String COMMENT 'Flow or workflow definition.',
    crew_id String COMMENT 'Crew or team of agents.',
    engagement_id String COMMENT 'Customer engagement or project.',
    user_id String COMMENT 'Person the work was done for.',
    session_id String COMMENT 'Conversation or session.',
    name String COMMENT 'Name of the task, tool or model.',
    status Enum8('pending' = 10, 'running' = 11, 'completed' = 12, 'failed' = 13, 'cancelled' = 14)
        COMMENT 'State the event tells.',
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
    start DateTime64(3, 'UTC')
        COMMENT 'Start as this event tells it: started_at, else duration_ms before ts, else ts.',
    conflicting_end UInt8 COMMENT '1: what the event ends had ended otherwise before.',
    version UInt64 COMMENT 'Order of the states of a task: bit 62 ended, then ts in ms, attempt, status.'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, task_id, run_id, agent_id, version)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS
    index_granularity = 512,
    min_bytes_for_wide_part = 10737418240,
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    merge_selector_base = 10,
    max_bytes_to_merge_at_max_space_in_pool = 4294967296,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'States of tasks; the highest version of a task is its state. Kept 90 days.';

-- down
DROP TABLE IF EXISTS agent_task_history_v2;
