-- Executions and usage by tenant, engagement and UTC day of event time, with the columns of the days of agents
-- (agent_performance_per_day_v1); kept for good, a row an engagement and day. Written by the view
-- engagement_performance_per_day_mv_v1. Rows of one key meet at merges, so a reader sums, takes minima and maxima, and
-- merges digests. The finalization of days leaves it out: that goes agent by agent, and a day of an engagement is the
-- sum of many; what is inserted again is dropped by the deduplication of inserts, as there.

-- up
CREATE TABLE IF NOT EXISTS engagement_performance_per_day_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the events.',
    engagement_id String COMMENT 'Engagement the events name.',
    day Date COMMENT 'UTC day of ts.',
    events SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of any type.',
    total SimpleAggregateFunction(sum, UInt64) COMMENT 'Executions: tasks that ended.',
    successful SimpleAggregateFunction(sum, UInt64) COMMENT 'Executions that completed.',
    failed SimpleAggregateFunction(sum, UInt64) COMMENT 'Executions that failed.',
    cancelled SimpleAggregateFunction(sum, UInt64) COMMENT 'Executions that were cancelled.',
    duration_count SimpleAggregateFunction(sum, UInt64) COMMENT 'Executions that carry a duration.',
    duration_sum_ms SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of their durations in milliseconds.',
    duration_min_ms SimpleAggregateFunction(min, Float64)
        COMMENT 'Shortest of them in milliseconds; inf when duration_count is 0.',
    duration_max_ms SimpleAggregateFunction(max, Float64)
        COMMENT 'Longest of them in milliseconds; 0 when duration_count is 0.',
    duration_digest AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float64)
        COMMENT 't-digest of their durations in milliseconds; read with quantilesTDigestMerge.',
    successful_duration_digest AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float64)
        COMMENT 't-digest of the durations of successful executions, in milliseconds.',
    llm_calls SimpleAggregateFunction(sum, UInt64)
        COMMENT 'Model calls of ended runs, tasks and steps with usage_scope own.',
    tokens_in SimpleAggregateFunction(sum, UInt64) COMMENT 'Input tokens of the same.',
    tokens_out SimpleAggregateFunction(sum, UInt64) COMMENT 'Output tokens of the same.',
    cost_micros SimpleAggregateFunction(sum, Nullable(UInt64))
        COMMENT 'Cost of the same, in millionths of a US dollar; absent where nobody reported one.',
    tokens_unpriced SimpleAggregateFunction(sum, UInt64)
        COMMENT 'Tokens of the same, in and out, of those without a cost.',
    confidence_sum SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of the confidence of executions that carry one.',
    confidence_count SimpleAggregateFunction(sum, UInt64) COMMENT 'Executions that carry a confidence.',
    memory_mb_sum SimpleAggregateFunction(sum, Float64)
        COMMENT 'Sum of the peak memory, in megabytes, of executions that carry one.',
    memory_mb_count SimpleAggregateFunction(sum, UInt64) COMMENT 'Executions that carry a peak memory.',
    memory_mb_max SimpleAggregateFunction(max, Float64)
        COMMENT 'Highest of them in megabytes; 0 when memory_mb_count is 0.',
    first_received SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
        COMMENT 'When the first of the events was received.',
    last_received SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
        COMMENT 'When the last of the events was received.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, engagement_id, day)
SETTINGS
    index_granularity = 1024,
    min_age_to_force_merge_seconds = 3600,
    non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 134217728,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Executions and usage per tenant, engagement and day.';

-- down
DROP TABLE IF EXISTS engagement_performance_per_day_v1;
