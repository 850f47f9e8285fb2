-- Groups of failed executions by tenant, agent, UTC day of event time, category, code and normalized message; kept 400
-- days, the longest range a query may have. Written by the view agent_errors_per_day_mv_v1, and `recovered` by the
-- maintenance.
-- Rows of one key meet at merges, so a reader sums occurrences, takes minima and maxima, and merges runs; recovered is
-- a maximum within a day, and summed over days. Parts are merged after an hour as those of
-- agent_performance_per_day_v1.

-- up
CREATE TABLE IF NOT EXISTS agent_errors_per_day_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the events.',
    agent_id LowCardinality(String) COMMENT 'Agent of the events.',
    day Date COMMENT 'UTC day of ts.',
    error_category Enum8(
        '' = 0, 'tool' = 1, 'model' = 2, 'retrieval' = 3,
        'orchestration' = 4, 'infra' = 5, 'guardrail' = 6, 'user' = 7
    )
        COMMENT 'Where it failed.',
    error_code LowCardinality(String) COMMENT 'Stable code of the error.',
    message String COMMENT 'Message in which numbers, ids, quoted text and addresses are replaced.',
    occurrences SimpleAggregateFunction(sum, UInt64) COMMENT 'Failed executions.',
    recovered SimpleAggregateFunction(max, UInt64)
        COMMENT 'Those of them whose task completed later, when the maintenance last looked.',
    runs AggregateFunction(uniq, String) COMMENT 'Distinct run ids among them; read with uniqMerge.',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Event time of the first.',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Event time of the last.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, agent_id, day, error_category, error_code, message)
TTL day + INTERVAL 400 DAY
SETTINGS
    index_granularity = 1024,
    min_age_to_force_merge_seconds = 3600,
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 134217728,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Groups of failed executions per tenant, agent and day. Kept 400 days.';

-- down
DROP TABLE IF EXISTS agent_errors_per_day_v1;
