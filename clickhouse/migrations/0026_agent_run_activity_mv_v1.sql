-- Fills agent_run_activity_v1. Usage counts what ended (core/event-types.ts, terminalTypes) unless it is rolled up
-- from children, as in the rollups of agents.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_run_activity_mv_v1 TO agent_run_activity_v1 AS
SELECT
    tenant,
    run_id,
    groupUniqArray(64)(toString(agent_id)) AS agents,
    count() AS events,
    countIf(type IN ('task.completed', 'task.failed', 'task.cancelled') AND is_first) AS tasks_ended,
    countIf(type = 'task.failed' AND is_first) AS tasks_failed,
    countIf(type = 'step.started') AS steps_started,
    countIf(type IN ('step.completed', 'step.failed') AND is_first) AS steps_ended,
    countIf(type = 'step.failed' AND is_first) AS steps_failed,
    sumIf(llm_calls, is_usage) AS llm_calls,
    sumIf(tokens_in, is_usage) AS tokens_in,
    sumIf(tokens_out, is_usage) AS tokens_out,
    sumIf(tokens_cache_read, is_usage) AS tokens_cache_read,
    sumIf(tokens_cache_write, is_usage) AS tokens_cache_write,
    sumIf(tokens_reasoning, is_usage) AS tokens_reasoning,
    sumIf(cost_micros, is_usage) AS cost_micros,
    sumIf(unpriced, is_usage) AS tokens_unpriced,
    min(ts) AS first_ts,
    max(ts) AS last_ts,
    max(received) AS last_received
FROM
(
    SELECT
        tenant, run_id, agent_id, type, llm_calls, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write,
        tokens_reasoning, cost_micros, ts, received,
        if(isNull(cost_micros), tokens_in + tokens_out, 0) AS unpriced,
        conflicting_end = 0 AS is_first,
        usage_scope = 'own' AND is_first AND type IN (
            'run.completed', 'run.failed', 'run.cancelled', 'task.completed', 'task.failed', 'task.cancelled',
            'step.completed', 'step.failed'
        ) AS is_usage
    FROM agent_events_raw_v1
    WHERE run_id != ''
)
GROUP BY tenant, run_id;

-- down
DROP VIEW IF EXISTS agent_run_activity_mv_v1;
