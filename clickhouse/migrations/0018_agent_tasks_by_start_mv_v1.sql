-- Fills agent_tasks_by_start_v1; start and version are those of agent_task_history_mv_v1.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_tasks_by_start_mv_v1 TO agent_tasks_by_start_v1 AS
SELECT
    tenant,
    coalesce(started_at, coalesce(ended_at, ts) - toIntervalMillisecond(toInt64(ifNull(duration_ms, 0)))) AS start,
    task_id,
    bitOr(
        if(type IN ('task.completed', 'task.failed', 'task.cancelled'), toUInt64(4611686018427387904), toUInt64(0)),
        toUInt64(toUnixTimestamp64Milli(ts)) * 1048576 + toUInt64(attempt) * 16 + toUInt64(CAST(type, 'Int8') - 10)
    ) AS version,
    received,
    CAST(type, 'Int8') AS status,
    run_id,
    agent_id,
    flow_id,
    crew_id,
    engagement_id,
    user_id,
    session_id,
    environment,
    model,
    provider,
    duration_ms,
    error_category,
    error_code,
    error_message
FROM agent_events_raw_v1
WHERE type IN ('task.pending', 'task.running', 'task.completed', 'task.failed', 'task.cancelled');

-- down
DROP VIEW IF EXISTS agent_tasks_by_start_mv_v1;
