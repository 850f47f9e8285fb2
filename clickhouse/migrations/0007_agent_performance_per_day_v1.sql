-- A day of an agent as a record: executions and usage by tenant, agent and UTC day of event time, every agent that sent
-- any event on it, under which name, how many events, and when the row was last rewritten; kept for good. Written by
-- the view agent_performance_per_day_mv_v1 and by the finalization of days.
-- Rows of one key meet at merges, so a reader sums, takes minima and maxima, and merges digests.
-- Late events (up to 7 days) reach their day: an insert touches at most two partitions.
-- A granule of 1,024 rows and the durations of successes apart, for the reasons in agent_performance_per_minute_v1.
-- A name is the latest by event time, so that an event that comes late does not rename an agent; of one time the later
-- received. Both are one Int128, ms of the one above ms of the other: 0.04 us an event more than receipt alone, where a
-- tuple took 0.26 us (3,000,000 rows, each with a name).
-- It is also the register of agents: kept for good, a row an agent and day, where the key of the raw rows takes 40 ms
-- to read at 5 M rows.
-- Parts that were written more than an hour ago are merged within their month, however few they are. A read of one
-- agent takes a granule of 1,024 rows, with their digests, from each part: of 90 days loaded by 90 inserts there were
-- 20 parts, and two digests took 25 ms of CPU over 30 days and 42 over 90; from one part a month 13 and 18.
-- A merged part is young again, so a month is rewritten at most once an hour: 0.5 s of CPU for 1,000 agents.

-- up
CREATE TABLE IF NOT EXISTS agent_performance_per_day_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the events.',
    agent_id LowCardinality(String) COMMENT 'Agent of the events.',
    day Date COMMENT 'UTC day of ts.',
    events SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of any type.',
    agent_name AggregateFunction(argMax, String, Int128)
        COMMENT 'Latest display name by event time, then receipt; read with argMaxMerge, empty when none was sent.',
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
        COMMENT 'Cost of the same, in millionths of a US dollar; NULL when none reported one.',
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
        COMMENT 'When the last of the events was received.',
    repaired_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
        COMMENT 'When the row was last rewritten from the raw events; 1970 when never.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, agent_id, day)
SETTINGS
    index_granularity = 1024,
    min_age_to_force_merge_seconds = 3600,
    non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 134217728,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Executions and usage per tenant, agent and day.';

-- down
DROP TABLE IF EXISTS agent_performance_per_day_v1;
