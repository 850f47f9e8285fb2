-- What agent_task_history_v1 held until now. Run again it adds rows that are equal, which merges and readers drop.

-- up
INSERT INTO agent_task_history_v2 (
    tenant, task_id, agent_id, agent_name, agent_version, run_id, parent_id, flow_id, crew_id, engagement_id,
    user_id, session_id, name, status, attempt, ts, received, started_at, ended_at, duration_ms, llm_calls,
    tokens_in, tokens_out, cost_micros, memory_mb, confidence, error_category, error_code, error_message, inputs,
    outputs, labels, start, version
)
SELECT
    tenant,
    task_id,
    agent_id,
    agent_name,
    '' AS agent_version,
    run_id,
    '' AS parent_id,
    flow_id,
    crew_id,
    engagement_id,
    user_id,
    session_id,
    name,
    status,
    attempt,
    ts,
    received,
    started_at,
    ended_at,
    duration_ms,
    llm_calls,
    tokens_in,
    tokens_out,
    cost_micros,
    memory_mb,
    confidence,
    error_category,
    error_code,
    error_message,
    inputs,
    outputs,
    labels,
    coalesce(started_at, ts - toIntervalMillisecond(toInt64(ifNull(duration_ms, 0)))) AS start,
    version
FROM agent_task_history_v1;

-- down
SELECT 'rows that came from agent_task_history_v1 go with their table';
