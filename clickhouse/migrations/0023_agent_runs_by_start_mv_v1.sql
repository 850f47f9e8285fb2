-- Fills agent_runs_by_start_v1; start and version are those of agent_runs_mv_v1.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_runs_by_start_mv_v1 TO agent_runs_by_start_v1 AS
SELECT
    tenant,
    coalesce(started_at, coalesce(ended_at, ts) - toIntervalMillisecond(toInt64(ifNull(duration_ms, 0)))) AS start,
    run_id,
    bitOr(
        if(type IN ('run.completed', 'run.failed', 'run.cancelled'), toUInt64(4611686018427387904), toUInt64(0)),
        toUInt64(toUnixTimestamp64Milli(ts)) * 1048576 + toUInt64(attempt) * 16 + toUInt64(CAST(type, 'Int8'))
    ) AS version,
    received,
    CAST(type, 'Int8') AS status,
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
WHERE type IN ('run.started', 'run.completed', 'run.failed', 'run.cancelled');

-- down
DROP VIEW IF EXISTS agent_runs_by_start_mv_v1;
