-- Gives agent_tries_v1 what there was before its view: the tries that agent_failures_v1 holds, and those of the last
-- hour's raw events, because an insert that was cut short may have left a segment there and not yet among the failures
-- (segments/segment-completion.ts takes it that a table has the rows of all raw rows there were when it was made). What
-- is there twice changes no answer. The way back changes nothing: the rows go with their table.

-- up
INSERT INTO agent_tries_v1 (tenant, inserted, ts, received, unit, family, attempt, completed)
SELECT
    tenant, inserted, ts, received, unit, if(kind = 'step' AND family != unit, family, 0) AS family, attempt,
    lane = 'completed' AS completed
FROM agent_failures_v1
WHERE lane != 'failed' OR kind != 'step' OR attempt != 1
UNION ALL
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
    WHERE received >= (SELECT max(received) FROM agent_events_raw_v1) - INTERVAL 1 HOUR AND (
        type IN ('run.completed', 'task.completed')
        OR conflicting_end = 0
            AND (type IN ('run.failed', 'task.failed') OR type = 'step.failed' AND attempt != 1)
        OR attempt > 1 AND type IN (
            'run.started', 'run.cancelled', 'task.pending', 'task.running', 'task.cancelled', 'step.started',
            'step.completed'
        ))
);

-- down
ALTER TABLE agent_tries_v1 MODIFY COMMENT 'Tries of what may have failed before. Kept 90 days.';
