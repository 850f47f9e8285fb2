-- The public name of the raw rows; its columns are a contract.

-- up
CREATE VIEW IF NOT EXISTS agent_events
(
    tenant LowCardinality(String) COMMENT 'Tenant of the API key the event came with.',
    received DateTime64(3, 'UTC') COMMENT 'When the collector received the event; decides the partition.',
    conflicting_end UInt8 COMMENT '1: what the event ends had ended otherwise before, so it counts nothing.',
    type Enum8(
        'run.started' = 1, 'run.completed' = 2, 'run.failed' = 3, 'run.cancelled' = 4,
        'task.pending' = 10, 'task.running' = 11, 'task.completed' = 12, 'task.failed' = 13,
        'task.cancelled' = 14, 'step.started' = 20, 'step.completed' = 21, 'step.failed' = 22,
        'memory.stored' = 30, 'memory.recalled' = 31, 'pattern.observed' = 40, 'pattern.feedback' = 41,
        'log' = 50, 'heartbeat' = 51
    )
        COMMENT 'What happened, for example task.completed.',
    event_id String COMMENT 'Unique id of the event; an id seen twice is counted once, within bounded memory.',
    agent_id LowCardinality(String) COMMENT 'Id of the agent; metrics are kept per agent.',
    agent_name LowCardinality(String) COMMENT 'Display name of the agent.',
    agent_version LowCardinality(String) COMMENT 'Version of the agent.',
    run_id String COMMENT 'Run (one invocation of an agent or crew) the event belongs to.',
    task_id String COMMENT 'Task the event belongs to.',
    step_id String COMMENT 'Step of the task; each retry is a step of its own.',
    parent_id String COMMENT 'Run, task or step that caused this one.',
    flow_id String COMMENT 'Flow or workflow definition.',
    crew_id LowCardinality(String) COMMENT 'Crew or team of agents.',
    engagement_id String COMMENT 'Customer engagement or project.',
    user_id String COMMENT 'Person the work was done for.',
    session_id String COMMENT 'Conversation or session.',
    environment LowCardinality(String) COMMENT 'Where it ran, such as production or staging.',
    ts DateTime64(3, 'UTC')
        COMMENT 'When it happened; default: when it was received; clamped to the accepted clock skew.',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Start of the run, task or step.',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the run, task or step.',
    duration_ms Nullable(Float64) COMMENT 'Duration in milliseconds; derived when started_at and ended_at are given.',
    attempt UInt16 COMMENT 'Which try this is, from 1.',
    name LowCardinality(String) COMMENT 'Name of the task, tool or step.',
    model LowCardinality(String) COMMENT 'Model that was used.',
    provider LowCardinality(String) COMMENT 'Vendor or service the model is from.',
    step_kind Enum8(
        '' = 0, 'llm' = 1, 'tool' = 2, 'retrieval' = 3,
        'plan' = 4, 'memory' = 5, 'handoff' = 6, 'other' = 7
    )
        COMMENT 'What kind of step it is.',
    args_hash UInt64
        COMMENT '64-bit hash of the arguments: equal for the same tool with the same arguments; 0 when not told.',
    finish_reason LowCardinality(String) COMMENT 'Why the model stopped, such as stop or length.',
    llm_calls UInt64 COMMENT 'Number of model calls.',
    tokens_in UInt64 COMMENT 'Input tokens, cached ones included.',
    tokens_out UInt64 COMMENT 'Output tokens.',
    tokens_cache_read UInt64 COMMENT 'Input tokens read from a cache; part of tokens_in.',
    tokens_cache_write UInt64 COMMENT 'Input tokens written to a cache; part of tokens_in.',
    tokens_reasoning UInt64 COMMENT 'Output tokens of reasoning; part of tokens_out.',
    cost_micros Nullable(UInt64) COMMENT 'Cost in millionths of a US dollar; absent when it is not known.',
    cost_source Enum8('' = 0, 'reported' = 1, 'priced' = 2)
        COMMENT 'Where the cost is from: reported, the default of an event that has one, or priced.',
    memory_mb Nullable(Float64) COMMENT 'Peak memory in megabytes.',
    usage_scope Enum8('own' = 0, 'rolled_up' = 1)
        COMMENT 'own (default) is summed; rolled_up includes children and never is.',
    confidence Nullable(Float64) COMMENT 'Confidence in the result, 0 to 1.',
    error_category Enum8(
        '' = 0, 'tool' = 1, 'model' = 2, 'retrieval' = 3,
        'orchestration' = 4, 'infra' = 5, 'guardrail' = 6, 'user' = 7
    )
        COMMENT 'Where it failed; required on failed events.',
    error_code LowCardinality(String) COMMENT 'Stable code of the error.',
    error_message String COMMENT 'First 500 characters of the message, secrets masked.',
    inputs Map(LowCardinality(String), String) COMMENT 'Parameters of the work: flat map of scalars.',
    outputs Map(LowCardinality(String), String) COMMENT 'Results of the work: flat map of scalars.',
    labels Map(LowCardinality(String), String) COMMENT 'Labels of your own: map of strings.',
    pattern_id String COMMENT 'Id of a discovered pattern.',
    pattern_type LowCardinality(String) COMMENT 'Type of the pattern.',
    effectiveness Nullable(Float64) COMMENT 'Effectiveness of the pattern, 0 to 1.',
    evidence Array(String) COMMENT 'References (runs, tasks) that support the pattern.',
    feedback_score Nullable(Float64) COMMENT 'Score of a feedback, on the scale of its sender.',
    feedback_text String COMMENT 'Text of a feedback.',
    level Enum8('' = 0, 'trace' = 1, 'debug' = 2, 'info' = 3, 'warn' = 4, 'error' = 5, 'fatal' = 6)
        COMMENT 'Level of a log event.',
    message String COMMENT 'Text of a log event, secrets masked.'
)
AS SELECT
    tenant,
    received,
    conflicting_end,
    type,
    event_id,
    agent_id,
    agent_name,
    agent_version,
    run_id,
    task_id,
    step_id,
    parent_id,
    flow_id,
    crew_id,
    engagement_id,
    user_id,
    session_id,
    environment,
    ts,
    started_at,
    ended_at,
    duration_ms,
    attempt,
    name,
    model,
    provider,
    step_kind,
    args_hash,
    finish_reason,
    llm_calls,
    tokens_in,
    tokens_out,
    tokens_cache_read,
    tokens_cache_write,
    tokens_reasoning,
    cost_micros,
    cost_source,
    memory_mb,
    usage_scope,
    confidence,
    error_category,
    error_code,
    error_message,
    inputs,
    outputs,
    labels,
    pattern_id,
    pattern_type,
    effectiveness,
    evidence,
    feedback_score,
    feedback_text,
    level,
    message
FROM agent_events_raw_v1;

-- down
DROP VIEW IF EXISTS agent_events;
