-- Events of tasks in the order of the start that each tells: where lists find their tasks, newest first, by any filter.
-- Written by the view agent_tasks_by_start_mv_v1. Most often all events of a task tell one start, since the collector
-- fills in that of an end that leaves it out; which of them is the place of a task in a list is told by
-- queries/work/history-latest.ts. Measured as in agent_task_history_v1 (then with Replacing): 0.7 us an event; the
-- newest 21 rows of 2,000,000 tasks in 11 ms, those of one user (18 tasks, found by the Bloom filter) in 16 ms. The key
-- is the order of the list: with a coarser time in it the engine sorted all.

-- up
CREATE TABLE IF NOT EXISTS agent_tasks_by_start_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the task.',
    start DateTime64(3, 'UTC')
        COMMENT 'Place in lists: started_at, else duration_ms before ts, else ts.',
    task_id String COMMENT 'Id of the task.',
    version UInt64 COMMENT 'Version of the state, as in agent_task_history_v1.',
    received DateTime64(3, 'UTC') COMMENT 'When the state was received.',
    status Enum8('pending' = 10, 'running' = 11, 'completed' = 12, 'failed' = 13, 'cancelled' = 14)
        COMMENT 'The state.',
    run_id String COMMENT 'Run of the task.',
    agent_id LowCardinality(String) COMMENT 'Id of the agent.',
    flow_id LowCardinality(String) COMMENT 'Flow or workflow definition.',
    crew_id LowCardinality(String) COMMENT 'Crew or team of agents.',
    engagement_id String COMMENT 'Customer engagement or project.',
    user_id String COMMENT 'Person the work was done for.',
    session_id String COMMENT 'Conversation or session.',
    environment LowCardinality(String) COMMENT 'Where it ran, such as production or staging.',
    model LowCardinality(String) COMMENT 'Model that was used.',
    provider LowCardinality(String) COMMENT 'Vendor or service the model is from.',
    duration_ms Nullable(Float64) COMMENT 'Duration in milliseconds.',
    error_category Enum8(
        '' = 0, 'tool' = 1, 'model' = 2, 'retrieval' = 3,
        'orchestration' = 4, 'infra' = 5, 'guardrail' = 6, 'user' = 7
    )
        COMMENT 'Where it failed.',
    error_code LowCardinality(String) COMMENT 'Stable code of the error.',
    error_message String COMMENT 'First 500 characters of the message, secrets masked.',
    INDEX run_id_bloom run_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX engagement_id_bloom engagement_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_id_bloom user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX session_id_bloom session_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, start, task_id, run_id)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS
    min_bytes_for_wide_part = 134217728,
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    merge_selector_base = 10,
    max_bytes_to_merge_at_max_space_in_pool = 4294967296,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Events of tasks in the order of the start they tell. Kept 90 days.';

-- down
DROP TABLE IF EXISTS agent_tasks_by_start_v1;
