-- One row per tenant, agent and minute, merged on read. Rates are percent.
-- Filters on tenant, agent_id and minute reach the primary key: they are grouped by.
-- Percentiles are told as src/core/percentile.ts says: the shortest decimal of the digest's Float32, which is what was
-- sent (123.456, not 123.45600128173828), between the exact minimum and maximum. Up to 200 durations a state holds each
-- as it is, and the engine's percentile is the nearest rank.

-- up
CREATE VIEW IF NOT EXISTS agent_performance_minutely
(
    tenant LowCardinality(String) COMMENT 'Tenant of the events.',
    agent_id LowCardinality(String) COMMENT 'Agent of the events.',
    minute DateTime('UTC') COMMENT 'Start of the minute of event time.',
    total UInt64 COMMENT 'Executions: tasks that ended.',
    successful UInt64 COMMENT 'Executions that completed.',
    failed UInt64 COMMENT 'Executions that failed.',
    cancelled UInt64 COMMENT 'Executions that were cancelled.',
    success_rate Nullable(Float64)
        COMMENT '100 * successful / (successful + failed), percent to two decimals; NULL when both are 0.',
    error_rate Nullable(Float64)
        COMMENT '100 * failed / (successful + failed), percent to two decimals; NULL when both are 0.',
    avg_duration_ms Nullable(Float64)
        COMMENT 'Mean duration of executions in milliseconds; NULL without durations, as the next five.',
    min_duration_ms Nullable(Float64) COMMENT 'Shortest duration in milliseconds.',
    max_duration_ms Nullable(Float64) COMMENT 'Longest duration in milliseconds.',
    p50_duration_ms Nullable(Float64) COMMENT 'Median duration in milliseconds.',
    p95_duration_ms Nullable(Float64) COMMENT '95th percentile of durations in milliseconds.',
    p99_duration_ms Nullable(Float64) COMMENT '99th percentile of durations in milliseconds.',
    llm_calls UInt64 COMMENT 'Model calls of ended runs, tasks and steps with usage_scope own.',
    tokens_in UInt64 COMMENT 'Input tokens of the same.',
    tokens_out UInt64 COMMENT 'Output tokens of the same.',
    cost_micros Nullable(UInt64) COMMENT 'Cost of the same, in millionths of a US dollar; NULL when none reported one.',
    tokens_unpriced UInt64 COMMENT 'Tokens of the same, in and out, of those without a cost.',
    avg_confidence Nullable(Float64)
        COMMENT 'Mean confidence of executions that carry one, 0 to 1; NULL when none does.',
    avg_memory_mb Nullable(Float64)
        COMMENT 'Mean peak memory of executions that carry one, in megabytes; NULL when none does.',
    max_memory_mb Nullable(Float64)
        COMMENT 'Highest peak memory of executions in megabytes; NULL when none carries one.',
    first_received DateTime64(3, 'UTC') COMMENT 'When the first of the events was received.',
    last_received DateTime64(3, 'UTC') COMMENT 'When the last of the events was received.'
)
AS SELECT
    tenant,
    agent_id,
    minute,
    total,
    successful,
    failed,
    cancelled,
    round(100 * successful / nullIf(successful + failed, 0), 2) AS success_rate,
    round(100 * failed / nullIf(successful + failed, 0), 2) AS error_rate,
    duration_sum / nullIf(durations, 0) AS avg_duration_ms,
    if(durations = 0, NULL, duration_min) AS min_duration_ms,
    if(durations = 0, NULL, duration_max) AS max_duration_ms,
    if(durations = 0, NULL, told[1]) AS p50_duration_ms,
    if(durations = 0, NULL, told[2]) AS p95_duration_ms,
    if(durations = 0, NULL, told[3]) AS p99_duration_ms,
    llm_calls,
    tokens_in,
    tokens_out,
    cost_micros,
    tokens_unpriced,
    confidence_total / nullIf(confidences, 0) AS avg_confidence,
    memory_total / nullIf(memories, 0) AS avg_memory_mb,
    if(memories = 0, NULL, memory_max) AS max_memory_mb,
    first_received,
    last_received
FROM
(
    SELECT
        tenant,
        agent_id,
        minute,
        sum(rollup.total) AS total,
        sum(rollup.successful) AS successful,
        sum(rollup.failed) AS failed,
        sum(rollup.cancelled) AS cancelled,
        sum(duration_count) AS durations,
        sum(duration_sum_ms) AS duration_sum,
        min(duration_min_ms) AS duration_min,
        max(duration_max_ms) AS duration_max,
        quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest) AS percentiles,
        arrayMap(p -> least(greatest(toFloat64(toString(p)), duration_min), duration_max), percentiles)
            AS told,
        sum(rollup.llm_calls) AS llm_calls,
        sum(rollup.tokens_in) AS tokens_in,
        sum(rollup.tokens_out) AS tokens_out,
        sum(rollup.cost_micros) AS cost_micros,
        sum(rollup.tokens_unpriced) AS tokens_unpriced,
        sum(confidence_sum) AS confidence_total,
        sum(confidence_count) AS confidences,
        sum(memory_mb_sum) AS memory_total,
        sum(memory_mb_count) AS memories,
        max(memory_mb_max) AS memory_max,
        min(rollup.first_received) AS first_received,
        max(rollup.last_received) AS last_received
    FROM agent_performance_per_minute_v1 AS rollup
    GROUP BY tenant, agent_id, minute
);

-- down
DROP VIEW IF EXISTS agent_performance_minutely;
