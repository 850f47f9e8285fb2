-- What the events of a run add up to, a row a run once merged: a reader groups by run_id and sums. Written by the view
-- agent_run_activity_mv_v1 from every event that names a run, run events or not, so that a run whose own events were
-- lost is still found by its id. agents, first_ts and last_ts tell where in agent_events_raw_v1 the events of the run
-- lie (its key is agent and hour). agents ends at 64: with that many, look for the run at all agents.

-- up
CREATE TABLE IF NOT EXISTS agent_run_activity_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the events.',
    run_id String COMMENT 'Run of the events.',
    agents SimpleAggregateFunction(groupUniqArrayArray(64), Array(String))
        COMMENT 'Ids of the agents that sent them, at most 64.',
    events SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of any type.',
    tasks_ended SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that ended a task.',
    tasks_failed SimpleAggregateFunction(sum, UInt64) COMMENT 'Those of them that say failed.',
    steps_started SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that started a step attempt.',
    steps_ended SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that ended a step attempt.',
    steps_failed SimpleAggregateFunction(sum, UInt64) COMMENT 'Those of them that say failed.',
    llm_calls SimpleAggregateFunction(sum, UInt64)
        COMMENT 'Model calls of ended runs, tasks and steps with usage_scope own.',
    tokens_in SimpleAggregateFunction(sum, UInt64) COMMENT 'Input tokens of the same.',
    tokens_out SimpleAggregateFunction(sum, UInt64) COMMENT 'Output tokens of the same.',
    tokens_cache_read SimpleAggregateFunction(sum, UInt64) COMMENT 'Those of tokens_in that were read from a cache.',
    tokens_cache_write SimpleAggregateFunction(sum, UInt64) COMMENT 'Those of tokens_in that were written to a cache.',
    tokens_reasoning SimpleAggregateFunction(sum, UInt64) COMMENT 'Those of tokens_out that are of reasoning.',
    cost_micros SimpleAggregateFunction(sum, Nullable(UInt64))
        COMMENT 'Cost of the same, in millionths of a US dollar; NULL when none reported one.',
    tokens_unpriced SimpleAggregateFunction(sum, UInt64)
        COMMENT 'Tokens of the same, in and out, of those without a cost.',
    first_ts SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Event time of the first of the events.',
    last_ts SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Event time of the last of them.',
    last_received SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When the last of them was received.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(last_received)
ORDER BY (tenant, run_id)
TTL toDateTime(last_received) + INTERVAL 90 DAY
SETTINGS
    index_granularity = 512,
    min_bytes_for_wide_part = 10737418240,
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    merge_selector_base = 10,
    max_bytes_to_merge_at_max_space_in_pool = 4294967296,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Counts and usage of runs. Kept 90 days.';

-- down
DROP TABLE IF EXISTS agent_run_activity_v1;
