-- agent_failures_v1 gets failed attempts alone from here on; what tells what became of them goes to agent_tries_v1, and
-- what the table has of that stays until it expires. Units and families are hashes of the same values as before.

-- up
ALTER TABLE agent_failures_mv_v1 MODIFY QUERY
SELECT
    tenant,
    'failed' AS lane,
    ts,
    cityHash64(
        tenant,
        kind,
        run_id,
        if(kind = 'run', '', task_id),
        if(kind = 'step', step_id, ''),
        if(run_id = '', toString(agent_id), '')
    ) AS unit,
    attempt,
    kind,
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
        unit
    ) AS family,
    0 AS outcome,
    received,
    now64(3, 'UTC') AS inserted,
    if(run_id = '', 0, cityHash64(run_id)) AS run,
    agent_id,
    run_id,
    task_id,
    step_id,
    parent_id,
    user_id,
    environment,
    name,
    model,
    provider,
    step_kind,
    error_category,
    error_code,
    error_message,
    duration_ms,
    if(usage_scope = 'own', told_llm_calls, 0) AS llm_calls,
    if(usage_scope = 'own', told_tokens_in, 0) AS tokens_in,
    if(usage_scope = 'own', told_tokens_out, 0) AS tokens_out,
    if(usage_scope = 'own', told_cost_micros, NULL) AS cost_micros
FROM
(
    SELECT
        tenant, ts, received, attempt, agent_id, run_id, task_id, step_id, parent_id, user_id, environment, name, model,
        provider, step_kind, error_category, error_code, error_message, duration_ms, usage_scope,
        llm_calls AS told_llm_calls, tokens_in AS told_tokens_in, tokens_out AS told_tokens_out,
        cost_micros AS told_cost_micros,
        multiIf(type = 'run.failed', 'run', type = 'task.failed', 'task', 'step') AS kind
    FROM agent_events_raw_v1
    WHERE type IN ('run.failed', 'task.failed', 'step.failed') AND conflicting_end = 0
);

-- down
ALTER TABLE agent_failures_mv_v1 MODIFY QUERY
SELECT
    tenant,
    multiIf(
        type IN ('run.failed', 'task.failed', 'step.failed'), 'failed',
        type IN ('run.completed', 'task.completed', 'step.completed'), 'completed',
        'tried'
    ) AS lane,
    ts,
    cityHash64(
        tenant,
        kind,
        run_id_,
        if(kind = 'run', '', task_id_),
        if(kind = 'step', step_id_, ''),
        if(run_id_ = '', toString(agent_id_), '')
    ) AS unit,
    attempt,
    kind,
    if(
        kind = 'step' AND name_ != '' AND (run_id_ != '' OR task_id_ != ''),
        cityHash64(
            tenant, run_id_, task_id_, parent_id_, name_, step_kind_,
            if(
                endsWith(step_id_, toString(attempt))
                    AND position('.#:/_-@', substring(step_id_, length(step_id_) - length(toString(attempt)), 1)) > 0,
                substring(step_id_, 1, length(step_id_) - length(toString(attempt))),
                ''
            )
        ),
        unit
    ) AS family,
    0 AS outcome,
    received,
    now64(3, 'UTC') AS inserted,
    if(run_id_ = '', 0, cityHash64(run_id_)) AS run,
    if(lane = 'failed', agent_id_, '') AS agent_id,
    if(lane = 'failed', run_id_, '') AS run_id,
    if(lane = 'failed', task_id_, '') AS task_id,
    if(lane = 'failed', step_id_, '') AS step_id,
    if(lane = 'failed', parent_id_, '') AS parent_id,
    if(lane = 'failed', user_id_, '') AS user_id,
    if(lane = 'failed', environment_, '') AS environment,
    if(lane = 'failed', name_, '') AS name,
    if(lane = 'failed', model_, '') AS model,
    if(lane = 'failed', provider_, '') AS provider,
    step_kind_ AS step_kind,
    error_category,
    if(lane = 'failed', error_code_, '') AS error_code,
    if(lane = 'failed', error_message_, '') AS error_message,
    if(lane = 'failed', duration_ms_, NULL) AS duration_ms,
    if(lane = 'failed' AND usage_scope = 'own', llm_calls_, 0) AS llm_calls,
    if(lane = 'failed' AND usage_scope = 'own', tokens_in_, 0) AS tokens_in,
    if(lane = 'failed' AND usage_scope = 'own', tokens_out_, 0) AS tokens_out,
    if(lane = 'failed' AND usage_scope = 'own', cost_micros_, NULL) AS cost_micros
FROM
(
    SELECT
        tenant, type, ts, received, attempt, agent_id AS agent_id_, run_id AS run_id_, task_id AS task_id_,
        step_id AS step_id_, parent_id AS parent_id_, user_id AS user_id_, environment AS environment_, name AS name_,
        model AS model_, provider AS provider_, step_kind AS step_kind_, error_category, error_code AS error_code_,
        error_message AS error_message_, duration_ms AS duration_ms_, usage_scope,
        llm_calls AS llm_calls_, tokens_in AS tokens_in_, tokens_out AS tokens_out_, cost_micros AS cost_micros_,
        multiIf(startsWith(toString(type), 'run'), 'run', startsWith(toString(type), 'task'), 'task', 'step') AS kind
    FROM agent_events_raw_v1
    WHERE type IN ('run.failed', 'task.failed', 'step.failed') AND conflicting_end = 0
        OR type IN ('run.completed', 'task.completed')
        OR attempt > 1 AND type IN (
            'run.started', 'run.cancelled', 'task.pending', 'task.running', 'task.cancelled', 'step.started',
            'step.completed'
        )
);
