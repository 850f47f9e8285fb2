-- The tasks of before, in the order of their start; run again it adds rows that are equal.

-- up
INSERT INTO agent_tasks_by_start_v1 (
    tenant, start, task_id, version, received, status, run_id, agent_id, flow_id, crew_id, engagement_id, user_id,
    session_id, duration_ms, error_category, error_code, error_message
)
SELECT
    tenant,
    start,
    task_id,
    version,
    received,
    status,
    run_id,
    agent_id,
    flow_id,
    crew_id,
    engagement_id,
    user_id,
    session_id,
    duration_ms,
    error_category,
    error_code,
    error_message
FROM agent_task_history_v2;

-- down
SELECT 'rows that came from agent_task_history_v1 go with their table';
