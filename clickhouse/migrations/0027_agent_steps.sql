-- One row a step attempt, the sum of what its events said, from the raw events of the last 30 days: an end wins over a
-- start whatever came first; of all else the later event time, then the later receipt. Filters on tenant and run_id or
-- task_id reach the Bloom filters of agent_events_raw_v1, and are what makes this fast: the steps of a run among
-- 24,000,000 events take 24 ms (agent_events_raw_v1 has the machine). A table of its own, ordered by run, would cost
-- every step event 2 to 3 us more.
-- What comes later is compared as one Int128 (whether it ended, 42 bits of ms of ts, type, 64 bits of ms of receipt):
-- over all 1,600,000 attempts of 3,200,000 events SELECT * takes 7 s of CPU, with tuples of the same it took 45 s and
-- more memory than a reader has. The raw events are in the order of agent and hour, so a LIMIT does not stop the
-- grouping; columns that are not asked for cost nothing: four of them take 1.2 s. Name a run or a task.

-- up
CREATE VIEW IF NOT EXISTS agent_steps
(
    tenant LowCardinality(String) COMMENT 'Tenant of the step.',
    run_id String COMMENT 'Run of the step.',
    task_id String COMMENT 'Task of the step.',
    step_id String COMMENT 'Id of the step.',
    attempt UInt16 COMMENT 'Which try this is, from 1; 0 when none was reported.',
    status String COMMENT 'running, completed or failed.',
    agent_id String COMMENT 'Id of the agent.',
    parent_id String COMMENT 'Run, task or step that caused this one.',
    environment String COMMENT 'Where it ran, such as production or staging.',
    name String COMMENT 'Name of the step.',
    model String COMMENT 'Model that was used.',
    provider String COMMENT 'Vendor or service the model is from.',
    step_kind String COMMENT 'What kind of step it is.',
    args_hash UInt64
        COMMENT '64-bit hash of the arguments: equal for the same tool with the same arguments; 0 when not told.',
    finish_reason String COMMENT 'Why the model stopped, such as stop or length.',
    ts DateTime64(3, 'UTC') COMMENT 'When the latest state was reached.',
    received DateTime64(3, 'UTC') COMMENT 'When the last of its events was received.',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Start of the attempt, as reported, else time of its start event.',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the attempt, as reported, else time of its end event.',
    duration_ms Nullable(Float64) COMMENT 'Duration in milliseconds, as reported, else from start to end.',
    llm_calls UInt64 COMMENT 'Number of model calls.',
    tokens_in UInt64 COMMENT 'Input tokens, cached ones included.',
    tokens_out UInt64 COMMENT 'Output tokens.',
    tokens_cache_read UInt64 COMMENT 'Input tokens read from a cache; part of tokens_in.',
    tokens_cache_write UInt64 COMMENT 'Input tokens written to a cache; part of tokens_in.',
    tokens_reasoning UInt64 COMMENT 'Output tokens of reasoning; part of tokens_out.',
    cost_micros Nullable(UInt64) COMMENT 'Cost in millionths of a US dollar; absent when it is not known.',
    cost_source String COMMENT 'Where the cost is from: reported, the default of an event that has one, or priced.',
    usage_scope String COMMENT 'own (default) is summed; rolled_up includes children and never is.',
    confidence Nullable(Float64) COMMENT 'Confidence in the result, 0 to 1.',
    error_category String COMMENT 'Where it failed.',
    error_code String COMMENT 'Stable code of the error.',
    error_message String COMMENT 'First 500 characters of the message, secrets masked.',
    inputs Map(String, String) COMMENT 'Parameters of the work: flat map of scalars.',
    outputs Map(String, String) COMMENT 'Results of the work: flat map of scalars.'
)
AS SELECT
    tenant,
    run_id,
    task_id,
    step_id,
    attempt,
    status,
    agent_id,
    parent_id,
    environment,
    name,
    model,
    provider,
    step_kind,
    args_hash,
    finish_reason,
    ts,
    received,
    coalesce(
        told_start,
        start_event,
        if(status = 'running', NULL, told_end - toIntervalMillisecond(toInt64(told_duration)))
    ) AS started_at,
    if(status = 'running', NULL, told_end) AS ended_at,
    coalesce(
        told_duration,
        if(ended_at >= started_at, toFloat64(dateDiff('millisecond', started_at, ended_at)), NULL)
    ) AS duration_ms,
    llm_calls,
    tokens_in,
    tokens_out,
    tokens_cache_read,
    tokens_cache_write,
    tokens_reasoning,
    cost_micros,
    cost_source,
    usage_scope,
    confidence,
    error_category,
    if(error_category = '', '', told_code) AS error_code,
    if(error_category = '', '', told_message) AS error_message,
    inputs,
    outputs
FROM
(
    SELECT
        e.tenant AS tenant,
        e.run_id AS run_id,
        e.task_id AS task_id,
        e.step_id AS step_id,
        e.attempt AS attempt,
        multiIf(
            max(e.type) = 'step.started', 'running', argMax(e.type, e.rank) = 'step.completed', 'completed', 'failed'
        ) AS status,
        argMax(e.agent_id, e.said) AS agent_id,
        argMaxIf(e.parent_id, e.said, e.parent_id != '') AS parent_id,
        argMaxIf(e.environment, e.said, e.environment != '') AS environment,
        argMaxIf(e.name, e.said, e.name != '') AS name,
        argMaxIf(e.model, e.said, e.model != '') AS model,
        argMaxIf(e.provider, e.said, e.provider != '') AS provider,
        toString(argMaxIf(e.step_kind, e.said, e.step_kind != '')) AS step_kind,
        argMaxIf(e.args_hash, e.said, e.args_hash != 0) AS args_hash,
        argMaxIf(e.finish_reason, e.rank, e.finish_reason != '') AS finish_reason,
        argMax(e.ts, e.rank) AS ts,
        max(e.received) AS received,
        argMax(e.started_at, e.said) AS told_start,
        min(if(e.type = 'step.started', e.ts, NULL)) AS start_event,
        argMax(coalesce(e.ended_at, e.ts), e.rank) AS told_end,
        argMaxIf(e.duration_ms, e.said, e.has_ended) AS told_duration,
        argMaxIf(e.llm_calls, e.said, e.has_ended AND e.llm_calls != 0) AS llm_calls,
        argMaxIf(e.tokens_in, e.said, e.has_ended AND e.tokens_in != 0) AS tokens_in,
        argMaxIf(e.tokens_out, e.said, e.has_ended AND e.tokens_out != 0) AS tokens_out,
        argMaxIf(e.tokens_cache_read, e.said, e.has_ended AND e.tokens_cache_read != 0) AS tokens_cache_read,
        argMaxIf(e.tokens_cache_write, e.said, e.has_ended AND e.tokens_cache_write != 0) AS tokens_cache_write,
        argMaxIf(e.tokens_reasoning, e.said, e.has_ended AND e.tokens_reasoning != 0) AS tokens_reasoning,
        argMaxIf(e.cost_micros, e.said, e.has_ended) AS cost_micros,
        toString(argMaxIf(e.cost_source, e.said, e.has_ended AND isNotNull(e.cost_micros))) AS cost_source,
        toString(argMax(e.usage_scope, e.rank)) AS usage_scope,
        argMax(e.confidence, e.said) AS confidence,
        toString(argMax(e.error_category, e.rank)) AS error_category,
        argMaxIf(e.error_code, e.rank, e.error_code != '') AS told_code,
        argMaxIf(e.error_message, e.rank, e.error_message != '') AS told_message,
        arrayFold(
            (merged, told) -> mapUpdate(merged, told),
            arraySort(
                (told, at) -> (at, mapKeys(told), mapValues(told)),
                groupArrayIf(CAST(e.inputs, 'Map(String, String)'), notEmpty(e.inputs)),
                groupArrayIf(e.said, notEmpty(e.inputs))
            ),
            CAST(map(), 'Map(String, String)')
        ) AS inputs,
        arrayFold(
            (merged, told) -> mapUpdate(merged, told),
            arraySort(
                (told, at) -> (at, mapKeys(told), mapValues(told)),
                groupArrayIf(CAST(e.outputs, 'Map(String, String)'), notEmpty(e.outputs)),
                groupArrayIf(e.said, notEmpty(e.outputs))
            ),
            CAST(map(), 'Map(String, String)')
        ) AS outputs
    FROM
    (
        SELECT
            *,
            type != 'step.started' AS has_ended,
            bitShiftLeft(toInt128(toUnixTimestamp64Milli(ts)), 72) + bitShiftLeft(toInt128(CAST(type, 'Int8')), 64)
                + toUnixTimestamp64Milli(received) AS said,
            bitShiftLeft(toInt128(has_ended), 120) + said AS rank
        FROM agent_events_raw_v1
        WHERE type IN ('step.started', 'step.completed', 'step.failed')
    ) AS e
    GROUP BY e.tenant, e.run_id, e.task_id, e.step_id, e.attempt, if(e.run_id = '', e.agent_id, '')
);

-- down
DROP VIEW IF EXISTS agent_steps;
