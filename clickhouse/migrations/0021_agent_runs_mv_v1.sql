-- Fills agent_runs_v1. The version orders the states of a run as that of a task (agent_task_history_mv_v1). The numbers
-- of status are those of the run events (core/event-types.ts).

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_runs_mv_v1 TO agent_runs_v1 AS
SELECT
    tenant,
    run_id,
    agent_id,
    agent_name,
    agent_version,
    parent_id,
    flow_id,
    crew_id,
    engagement_id,
    user_id,
    session_id,
    environment,
    name,
    model,
    provider,
    finish_reason,
    CAST(type, 'Int8') AS status,
    attempt,
    ts,
    received,
    started_at,
    ended_at,
    duration_ms,
    llm_calls,
    tokens_in,
    tokens_out,
    tokens_cache_read,
    tokens_cache_write,
    tokens_reasoning,
    cost_micros,
    cost_source,
    usage_scope,
    memory_mb,
    confidence,
    error_category,
    error_code,
    error_message,
    inputs,
    outputs,
    labels,
    coalesce(started_at, coalesce(ended_at, ts) - toIntervalMillisecond(toInt64(ifNull(duration_ms, 0)))) AS start,
    conflicting_end,
    bitOr(
        if(type IN ('run.completed', 'run.failed', 'run.cancelled'), toUInt64(4611686018427387904), toUInt64(0)),
        toUInt64(toUnixTimestamp64Milli(ts)) * 1048576 + toUInt64(attempt) * 16 + toUInt64(CAST(type, 'Int8'))
    ) AS version
FROM agent_events_raw_v1
WHERE type IN ('run.started', 'run.completed', 'run.failed', 'run.cancelled');

-- down
DROP VIEW IF EXISTS agent_runs_mv_v1;
