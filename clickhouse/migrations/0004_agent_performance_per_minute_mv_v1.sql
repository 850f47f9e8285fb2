-- Fills agent_performance_per_minute_v1. An execution is a task that ended (core/event-types.ts, executionTypes);
-- usage counts every run, task or step that ended (terminalTypes) unless it is rolled up from children.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_performance_per_minute_mv_v1 TO agent_performance_per_minute_v1 AS
SELECT
    tenant,
    agent_id,
    toStartOfMinute(ts) AS minute,
    countIf(is_execution) AS total,
    countIf(type = 'task.completed') AS successful,
    countIf(type = 'task.failed') AS failed,
    countIf(type = 'task.cancelled') AS cancelled,
    count(execution_ms) AS duration_count,
    sum(ifNull(execution_ms, 0)) AS duration_sum_ms,
    min(ifNull(execution_ms, inf)) AS duration_min_ms,
    max(ifNull(execution_ms, 0)) AS duration_max_ms,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(assumeNotNull(execution_ms), isNotNull(execution_ms)) AS duration_digest,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(
        assumeNotNull(execution_ms), isNotNull(execution_ms) AND type = 'task.completed'
    ) AS successful_duration_digest,
    sumIf(llm_calls, usage_scope = 'own') AS llm_calls,
    sumIf(tokens_in, usage_scope = 'own') AS tokens_in,
    sumIf(tokens_out, usage_scope = 'own') AS tokens_out,
    sumIf(cost_micros, usage_scope = 'own') AS cost_micros,
    sumIf(unpriced, usage_scope = 'own') AS tokens_unpriced,
    sum(ifNull(execution_confidence, 0)) AS confidence_sum,
    count(execution_confidence) AS confidence_count,
    sum(ifNull(execution_memory_mb, 0)) AS memory_mb_sum,
    count(execution_memory_mb) AS memory_mb_count,
    max(ifNull(execution_memory_mb, 0)) AS memory_mb_max,
    min(received) AS first_received,
    max(received) AS last_received
FROM
(
    SELECT
        tenant, agent_id, ts, received, type, usage_scope, llm_calls, tokens_in, tokens_out, cost_micros,
        if(isNull(cost_micros), tokens_in + tokens_out, 0) AS unpriced,
        type IN ('task.completed', 'task.failed', 'task.cancelled') AS is_execution,
        if(is_execution, duration_ms, NULL) AS execution_ms,
        if(is_execution, confidence, NULL) AS execution_confidence,
        if(is_execution, memory_mb, NULL) AS execution_memory_mb
    FROM agent_events_raw_v1
    WHERE type IN (
        'run.completed', 'run.failed', 'run.cancelled', 'task.completed', 'task.failed', 'task.cancelled',
        'step.completed', 'step.failed'
    ) AND conflicting_end = 0
)
GROUP BY tenant, agent_id, minute;

-- down
DROP VIEW IF EXISTS agent_performance_per_minute_mv_v1;
