-- Fills engagement_performance_per_day_v1 as agent_performance_per_day_mv_v1 fills the days of agents, from the events
-- that name an engagement; an insert without one writes nothing, and its other rows are not looked at.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS engagement_performance_per_day_mv_v1 TO engagement_performance_per_day_v1 AS
SELECT
    tenant,
    engagement_id,
    toDate(ts) AS day,
    count() AS events,
    countIf(is_execution) AS total,
    countIf(is_execution AND type = 'task.completed') AS successful,
    countIf(is_execution AND type = 'task.failed') AS failed,
    countIf(is_execution AND type = 'task.cancelled') AS cancelled,
    count(execution_ms) AS duration_count,
    sum(ifNull(execution_ms, 0)) AS duration_sum_ms,
    min(ifNull(execution_ms, inf)) AS duration_min_ms,
    max(ifNull(execution_ms, 0)) AS duration_max_ms,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(assumeNotNull(execution_ms), isNotNull(execution_ms)) AS duration_digest,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(
        assumeNotNull(execution_ms), isNotNull(execution_ms) AND type = 'task.completed'
    ) AS successful_duration_digest,
    sumIf(llm_calls, is_counted) AS llm_calls,
    sumIf(tokens_in, is_counted) AS tokens_in,
    sumIf(tokens_out, is_counted) AS tokens_out,
    sumIf(cost_micros, is_counted) AS cost_micros,
    sumIf(unpriced, is_counted) AS tokens_unpriced,
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
        tenant, engagement_id, ts, received, type, llm_calls, tokens_in, tokens_out, cost_micros,
        if(isNull(cost_micros), tokens_in + tokens_out, 0) AS unpriced,
        conflicting_end = 0 AND type IN ('task.completed', 'task.failed', 'task.cancelled') AS is_execution,
        usage_scope = 'own' AND conflicting_end = 0 AND (is_execution OR type IN (
            'run.completed', 'run.failed', 'run.cancelled', 'step.completed', 'step.failed'
        )) AS is_counted,
        if(is_execution, duration_ms, NULL) AS execution_ms,
        if(is_execution, confidence, NULL) AS execution_confidence,
        if(is_execution, memory_mb, NULL) AS execution_memory_mb
    FROM agent_events_raw_v1
    WHERE engagement_id != ''
)
GROUP BY tenant, engagement_id, day;

-- down
DROP VIEW IF EXISTS engagement_performance_per_day_mv_v1;
