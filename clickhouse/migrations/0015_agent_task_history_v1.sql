-- Events of tasks, a row each, by task: readers add up what the events of a task said (queries/work/merged-work.ts and
-- the view agent_task_history), because any of them may tell what the others leave out. Written by the view
-- agent_task_history_mv_v1. Lists find their tasks in agent_tasks_by_start_v1 and look them up here. Measured with chDB
-- 3.4.0 (engine 26.7.2.1) on two shared cores: 2,000,000 events of 1,000,000 tasks (a start that tells the context, an
-- end that tells the outcome) in 20 inserts; CPU in us an event, merges included and with the 0.3 of making the rows;
-- CPU of all columns of 1, 21 and 101 tasks, in ms:
--   * MergeTree, merged by the reader (this): 2.9 us, 86 MB; 40, 55 and 169 ms.
--   * ReplacingMergeTree of the latest row: 2.4 us, 47 MB; 11, 22 and 86 ms; and it forgets what only the start said.
--   * CoalescingMergeTree (4,000,000 events, before): 5.5 us, and what it keeps depends on the order of arrival.
--   * AggregatingMergeTree with argMax of the whole state and maxima of the ids (the same): 14.1 us.
-- Granules of 512 rows in compact parts, where a granule of a column is a block of its own: of 8,192 rows in wide parts
-- the rows of one task cost 14.9 ms instead of 7.6, those of 101 tasks 188 instead of 33.6.
-- Task ids are random, so merges go row by row, and plain strings merge cheaper than LowCardinality: 1.2 us an event
-- against 2.7 us (the state table of then, every second event a task event).

-- up
CREATE TABLE IF NOT EXISTS agent_task_history_v1
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
    environment String COMMENT 'Where it ran, such as production or staging.',
    name String COMMENT 'Name of the task, tool or step.',
    model String COMMENT 'Model that was used.',
    provider String COMMENT 'Vendor or service the model is from.',
    finish_reason String COMMENT 'Why the model stopped, such as stop or length.',
    status Enum8('pending' = 10, 'running' = 11, 'completed' = 12, 'failed' = 13, 'cancelled' = 14)
        COMMENT 'State the event tells.',
    attempt UInt16 COMMENT 'Which try this is, from 1.',
    ts DateTime64(3, 'UTC') COMMENT 'When it happened.',
    received DateTime64(3, 'UTC') COMMENT 'When it was received.',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Start of the run, task or step.',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the run, task or step.',
    duration_ms Nullable(Float64) COMMENT 'Duration in milliseconds; derived when started_at and ended_at are given.',
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
    version UInt64 COMMENT 'Order of the events of a task: bit 62 ended, then ts in ms, attempt, status.'
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
COMMENT 'Events of tasks by task; a task is what they add up to. Kept 90 days.';

-- down
DROP TABLE IF EXISTS agent_task_history_v1;
