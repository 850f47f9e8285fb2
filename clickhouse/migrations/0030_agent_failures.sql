-- One row a failed attempt of a run, task or step. Filters on tenant and ts reach the primary key. What became of an
-- attempt is as of the last pass of the maintenance; the API joins what came since.

-- up
CREATE VIEW IF NOT EXISTS agent_failures
(
    tenant LowCardinality(String) COMMENT 'Tenant of the failure.',
    kind Enum8('run' = 1, 'task' = 2, 'step' = 3) COMMENT 'What failed: a run, a task or a step.',
    agent_id LowCardinality(String) COMMENT 'Id of the agent.',
    run_id String COMMENT 'Run of the failed attempt.',
    task_id String COMMENT 'Task of the failed attempt.',
    step_id String COMMENT 'Step that failed; empty when a run or task did.',
    parent_id String COMMENT 'Run, task or step that caused this one.',
    attempt UInt16 COMMENT 'Which try this is, from 1; 0 when none was reported.',
    outcome Enum8('failed' = 0, 'retried' = 1, 'recovered' = 2)
        COMMENT 'retried: a later attempt began; recovered: one completed; as the maintenance last found it.',
    ts DateTime64(3, 'UTC') COMMENT 'When it failed.',
    received DateTime64(3, 'UTC') COMMENT 'When the event was received.',
    environment LowCardinality(String) COMMENT 'Where it ran, such as production or staging.',
    name LowCardinality(String) COMMENT 'Name of the task, tool or step.',
    model LowCardinality(String) COMMENT 'Model that was used.',
    provider LowCardinality(String) COMMENT 'Vendor or service the model is from.',
    step_kind Enum8(
        '' = 0, 'llm' = 1, 'tool' = 2, 'retrieval' = 3,
        'plan' = 4, 'memory' = 5, 'handoff' = 6, 'other' = 7
    )
        COMMENT 'What kind of step it is.',
    error_category Enum8(
        '' = 0, 'tool' = 1, 'model' = 2, 'retrieval' = 3,
        'orchestration' = 4, 'infra' = 5, 'guardrail' = 6, 'user' = 7
    )
        COMMENT 'Where it failed.',
    error_code LowCardinality(String) COMMENT 'Stable code of the error.',
    error_message String COMMENT 'First 500 characters of the message, secrets masked.',
    duration_ms Nullable(Float64) COMMENT 'Duration of the failed attempt in milliseconds.',
    llm_calls UInt64 COMMENT 'Model calls of the failed attempt, 0 when they are rolled up from children.',
    tokens_in UInt64 COMMENT 'Its input tokens, 0 when rolled up.',
    tokens_out UInt64 COMMENT 'Its output tokens, 0 when rolled up.',
    cost_micros Nullable(UInt64) COMMENT 'Its cost in millionths of a US dollar; NULL when not reported or rolled up.'
)
AS SELECT
    tenant,
    kind,
    agent_id,
    run_id,
    task_id,
    step_id,
    parent_id,
    attempt,
    multiIf(f.outcome = 2, 'recovered', f.outcome = 1, 'retried', 'failed') AS outcome,
    ts,
    received,
    environment,
    name,
    model,
    provider,
    step_kind,
    error_category,
    error_code,
    error_message,
    duration_ms,
    llm_calls,
    tokens_in,
    tokens_out,
    cost_micros
FROM agent_failures_v1 AS f FINAL
WHERE lane = 'failed';

-- down
DROP VIEW IF EXISTS agent_failures;
