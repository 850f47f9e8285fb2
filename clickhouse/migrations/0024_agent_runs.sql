-- One row a run, the sum of what its own events said (queries/work/merged-work.ts); filters on tenant and run_id reach
-- the primary key.

-- up
CREATE VIEW IF NOT EXISTS agent_runs
(
    tenant LowCardinality(String) COMMENT 'Tenant of the run.',
    run_id String COMMENT 'Id of the run.',
    agent_id String COMMENT 'Id of the agent; metrics are kept per agent.',
    agent_name String COMMENT 'Display name of the agent.',
    agent_version String COMMENT 'Version of the agent.',
    parent_id String COMMENT 'Run, task or step that caused this one.',
    flow_id String COMMENT 'Flow or workflow definition.',
    crew_id String COMMENT 'Crew or team of agents.',
    engagement_id String COMMENT 'Customer engagement or project.',
    user_id String COMMENT 'Person the work was done for.',
    session_id String COMMENT 'Conversation or session.',
    environment String COMMENT 'Where it ran, such as production or staging.',
    name String COMMENT 'Name of the run.',
    model String COMMENT 'Model that was used.',
    provider String COMMENT 'Vendor or service the model is from.',
    finish_reason String COMMENT 'Why the model stopped, such as stop or length.',
    status Enum8('running' = 1, 'completed' = 2, 'failed' = 3, 'cancelled' = 4)
        COMMENT 'Latest state; one that ended wins over any other.',
    attempt UInt16 COMMENT 'Which try this is, from 1.',
    ts DateTime64(3, 'UTC') COMMENT 'When the latest state was reached.',
    received DateTime64(3, 'UTC') COMMENT 'When the last of its events was received.',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Start of the run, task or step.',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the run, task or step.',
    duration_ms Nullable(Float64) COMMENT 'Duration in milliseconds; derived when started_at and ended_at are given.',
    llm_calls UInt64 COMMENT 'Number of model calls.',
    tokens_in UInt64 COMMENT 'Input tokens, cached ones included.',
    tokens_out UInt64 COMMENT 'Output tokens.',
    tokens_cache_read UInt64 COMMENT 'Input tokens read from a cache; part of tokens_in.',
    tokens_cache_write UInt64 COMMENT 'Input tokens written to a cache; part of tokens_in.',
    tokens_reasoning UInt64 COMMENT 'Output tokens of reasoning; part of tokens_out.',
    cost_micros Nullable(UInt64) COMMENT 'Cost in millionths of a US dollar; absent when it is not known.',
    cost_source Enum8('' = 0, 'reported' = 1, 'priced' = 2)
        COMMENT 'Where the cost is from: reported, the default of an event that has one, or priced.',
    usage_scope Enum8('own' = 0, 'rolled_up' = 1)
        COMMENT 'own: usage of the run alone, beside that of its tasks and steps; rolled_up: theirs is in it.',
    memory_mb Nullable(Float64) COMMENT 'Peak memory in megabytes.',
    confidence Nullable(Float64) COMMENT 'Confidence in the result, 0 to 1.',
    error_category Enum8(
        '' = 0, 'tool' = 1, 'model' = 2, 'retrieval' = 3,
        'orchestration' = 4, 'infra' = 5, 'guardrail' = 6, 'user' = 7
    )
        COMMENT 'Where it failed; required on failed events.',
    error_code String COMMENT 'Stable code of the error.',
    error_message String COMMENT 'First 500 characters of the message, secrets masked.',
    inputs Map(String, String) COMMENT 'Parameters of the work: flat map of scalars.',
    outputs Map(String, String) COMMENT 'Results of the work: flat map of scalars.',
    labels Map(String, String) COMMENT 'Labels of your own: map of strings.',
    start DateTime64(3, 'UTC')
        COMMENT 'Place in lists: started_at, else duration_ms before ts, else ts.',
    conflicting_ends UInt64 COMMENT 'Ends that were told after another end of the same attempt; they count nothing.'
)
AS SELECT
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
    if(told_finish.1 = greatest(attempt, 1), told_finish.2, '') AS finish_reason,
    status,
    attempt,
    ts,
    received,
    coalesce(
        if(told_start.1 = greatest(attempt, 1), told_start.2, NULL),
        arrayFirstOrNull(told -> told.1 = greatest(attempt, 1), told_starts).2,
        told_start.2,
        arrayFirstOrNull(told -> true, told_starts).2,
        if(
            told_end AND told_duration.1 = greatest(attempt, 1),
            told_end_at - toIntervalMillisecond(toInt64(ifNull(told_duration.2, 0))),
            NULL
        )
    ) AS started_at,
    if(told_end, told_end_at, NULL) AS ended_at,
    coalesce(
        if(told_duration.1 = greatest(attempt, 1), told_duration.2, NULL),
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
    memory_mb,
    confidence,
    error_category,
    if(told_code.1 = greatest(attempt, 1), told_code.2, '') AS error_code,
    if(told_message.1 = greatest(attempt, 1), told_message.2, '') AS error_message,
    inputs,
    outputs,
    labels,
    coalesce(started_at, told_place) AS start,
    conflicting_ends
FROM
(
    SELECT
        e.tenant AS tenant,
        e.run_id AS run_id,
        argMax(e.agent_id, e.told_at + bitAnd(cityHash64(e.agent_id), 4194303)) AS agent_id,
        argMaxIf(e.agent_name, e.told_at + bitAnd(cityHash64(e.agent_name), 4194303), e.agent_name != '') AS agent_name,
        argMaxIf(e.agent_version, e.told_at + bitAnd(cityHash64(e.agent_version), 4194303), e.agent_version != '') AS agent_version,
        argMaxIf(e.parent_id, e.told_at + bitAnd(cityHash64(e.parent_id), 4194303), e.parent_id != '') AS parent_id,
        argMaxIf(e.flow_id, e.told_at + bitAnd(cityHash64(e.flow_id), 4194303), e.flow_id != '') AS flow_id,
        argMaxIf(e.crew_id, e.told_at + bitAnd(cityHash64(e.crew_id), 4194303), e.crew_id != '') AS crew_id,
        argMaxIf(e.engagement_id, e.told_at + bitAnd(cityHash64(e.engagement_id), 4194303), e.engagement_id != '') AS engagement_id,
        argMaxIf(e.user_id, e.told_at + bitAnd(cityHash64(e.user_id), 4194303), e.user_id != '') AS user_id,
        argMaxIf(e.session_id, e.told_at + bitAnd(cityHash64(e.session_id), 4194303), e.session_id != '') AS session_id,
        argMaxIf(e.environment, e.told_at + bitAnd(cityHash64(e.environment), 4194303), e.environment != '') AS environment,
        argMaxIf(e.name, e.told_at + bitAnd(cityHash64(e.name), 4194303), e.name != '') AS name,
        argMaxIf(e.model, e.told_at + bitAnd(cityHash64(e.model), 4194303), e.model != '') AS model,
        argMaxIf(e.provider, e.told_at + bitAnd(cityHash64(e.provider), 4194303), e.provider != '') AS provider,
        argMax(e.status, e.reached_at) AS status,
        argMax(e.attempt, e.reached_at) AS attempt,
        argMax(e.ts, e.reached_at) AS ts,
        max(e.received) AS received,
        max(e.version) >= 4611686018427387904 AS told_end,
        argMax(coalesce(e.ended_at, e.ts), e.reached_at) AS told_end_at,
        argMaxIf(
            (greatest(e.attempt, 1), e.started_at), e.told_at + bitAnd(cityHash64(e.started_at), 4194303), isNotNull(e.started_at)
        ) AS told_start,
        arraySort(told -> told.2, groupArrayIf((greatest(e.attempt, 1), e.ts), e.status = 'running')) AS told_starts,
        argMaxIf(
            (greatest(e.attempt, 1), e.duration_ms), e.reached_at + bitAnd(cityHash64(e.duration_ms), 4194303), isNotNull(e.duration_ms)
        ) AS told_duration,
        argMaxIf(e.llm_calls, e.told_at + bitAnd(cityHash64(e.llm_calls), 4194303), e.llm_calls != 0) AS llm_calls,
        argMaxIf(e.tokens_in, e.told_at + bitAnd(cityHash64(e.tokens_in), 4194303), e.tokens_in != 0) AS tokens_in,
        argMaxIf(e.tokens_out, e.told_at + bitAnd(cityHash64(e.tokens_out), 4194303), e.tokens_out != 0) AS tokens_out,
        argMaxIf(e.tokens_cache_read, e.told_at + bitAnd(cityHash64(e.tokens_cache_read), 4194303), e.tokens_cache_read != 0) AS tokens_cache_read,
        argMaxIf(e.tokens_cache_write, e.told_at + bitAnd(cityHash64(e.tokens_cache_write), 4194303), e.tokens_cache_write != 0) AS tokens_cache_write,
        argMaxIf(e.tokens_reasoning, e.told_at + bitAnd(cityHash64(e.tokens_reasoning), 4194303), e.tokens_reasoning != 0) AS tokens_reasoning,
        argMax(e.cost_micros, e.told_at + bitAnd(cityHash64(e.cost_micros), 4194303)) AS cost_micros,
        argMax(e.memory_mb, e.told_at + bitAnd(cityHash64(e.memory_mb), 4194303)) AS memory_mb,
        argMax(e.confidence, e.told_at + bitAnd(cityHash64(e.confidence), 4194303)) AS confidence,
        argMaxIf(
            e.cost_source, (assumeNotNull(e.told_at + bitAnd(cityHash64(e.cost_micros), 4194303)), e.cost_source), isNotNull(e.cost_micros)
        ) AS cost_source,
        argMax(e.usage_scope, e.reached_at) AS usage_scope,
        argMax(e.error_category, e.reached_at) AS error_category,
        argMaxIf((greatest(e.attempt, 1), e.finish_reason), e.reached_at + bitAnd(cityHash64(e.finish_reason), 4194303), e.finish_reason != '') AS told_finish,
        argMaxIf((greatest(e.attempt, 1), e.error_code), e.reached_at + bitAnd(cityHash64(e.error_code), 4194303), e.error_code != '') AS told_code,
        argMaxIf((greatest(e.attempt, 1), e.error_message), e.reached_at + bitAnd(cityHash64(e.error_message), 4194303), e.error_message != '') AS told_message,
        arrayFold(
            (merged, told) -> mapUpdate(merged, told),
            arraySort(
                (told, at) -> (at, mapKeys(told), mapValues(told)),
                groupArrayIf(e.inputs, notEmpty(e.inputs)),
                groupArrayIf(e.told_at, notEmpty(e.inputs))
            ),
            CAST(map(), 'Map(String, String)')
        ) AS inputs,
        arrayFold(
            (merged, told) -> mapUpdate(merged, told),
            arraySort(
                (told, at) -> (at, mapKeys(told), mapValues(told)),
                groupArrayIf(e.outputs, notEmpty(e.outputs)),
                groupArrayIf(e.told_at, notEmpty(e.outputs))
            ),
            CAST(map(), 'Map(String, String)')
        ) AS outputs,
        arrayFold(
            (merged, told) -> mapUpdate(merged, told),
            arraySort(
                (told, at) -> (at, mapKeys(told), mapValues(told)),
                groupArrayIf(e.labels, notEmpty(e.labels)),
                groupArrayIf(e.told_at, notEmpty(e.labels))
            ),
            CAST(map(), 'Map(String, String)')
        ) AS labels,
        max(e.start) AS told_place,
        uniqExactIf(e.told_at, e.conflicting_end = 1) AS conflicting_ends
    FROM
    (
        SELECT
            *,
            bitShiftLeft(toUInt64(toUnixTimestamp64Milli(received)), 22) AS received_at,
            bitShiftLeft(toUInt128(version), 64) + received_at AS reached_at,
            bitShiftLeft(toUInt128(bitAnd(version, 4611686018427387903)), 64) + received_at AS told_at
        FROM agent_runs_v1
    ) AS e
    GROUP BY e.tenant, e.run_id
);

-- down
DROP VIEW IF EXISTS agent_runs;
