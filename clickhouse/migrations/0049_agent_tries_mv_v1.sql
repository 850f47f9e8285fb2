-- Fills agent_tries_v1. Units and families are those of agent_failures_mv_v1, from the same values in the same order.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_tries_mv_v1 TO agent_tries_v1 AS
SELECT
    tenant,
    now64(3, 'UTC') AS inserted,
    ts,
    received,
    cityHash64(
        tenant,
        kind,
        run_id,
        if(kind = 'run', '', task_id),
        if(kind = 'step', step_id, ''),
        if(run_id = '', toString(agent_id), '')
    ) AS unit,
    if(
        kind = 'step' AND name != '' AND (run_id != '' OR task_id != ''),
        cityHash64(
            tenant, run_id, task_id, parent_id, name, step_kind,
            if(
                endsWith(step_id, toString(attempt))
                    AND position('.#:/_-@', substring(step_id, length(step_id) - length(toString(attempt)), 1)) > 0,
                substring(step_id, 1, length(step_id) - length(toString(attempt))),
                ''
            )
        ),
        0
    ) AS family,
    attempt,
    type IN ('run.completed', 'task.completed', 'step.completed') AS completed
FROM
(
    SELECT
        tenant, type, ts, received, attempt, agent_id, run_id, task_id, step_id, parent_id, name, step_kind,
        multiIf(
            type IN ('run.started', 'run.completed', 'run.failed', 'run.cancelled'), 'run',
            type IN ('step.started', 'step.completed', 'step.failed'), 'step',
            'task'
        ) AS kind
    FROM agent_events_raw_v1
    WHERE type IN ('run.completed', 'task.completed')
        OR conflicting_end = 0
            AND (type IN ('run.failed', 'task.failed') OR type = 'step.failed' AND attempt != 1)
        OR attempt > 1 AND type IN (
            'run.started', 'run.cancelled', 'task.pending', 'task.running', 'task.cancelled', 'step.started',
            'step.completed'
        )
);

-- down
DROP VIEW IF EXISTS agent_tries_mv_v1;
