-- Failed attempts of runs, tasks and steps in the order of event time, and beside them what tells what became of them.
-- Written by the view agent_failures_mv_v1, and `outcome` by the maintenance. Rows are told apart by lane:
--   * failed: a failed attempt. It is itself a later try of the attempts before it.
--   * tried, completed: a try began, was cancelled, or completed. Only those that say by attempt > 1 that they are not
--     the first; but of tasks and runs every completion, because many clients do not number attempts: hashes, no ids.
--     Looking failed tasks up in the table of tasks instead took 160 to 600 ms of CPU with 2,000,000 tasks (3,300 to
--     100,000 of them failed): every granule holds one.
-- A failed attempt has a row for each time its event was repeated and for each outcome written since; FINAL keeps the
-- best outcome. They lie side by side, and parts follow each other in time: FINAL adds 40 ms of CPU for 650,000 rows
-- (chDB 3.4.0, engine 26.7.2.1, two shared cores).
-- Parts older than an hour are merged into one, because the settlement writes outcomes beside failures of any age: a
-- breakdown of 870,000 failures of 30 days takes 340 ms of CPU from two parts, and 720 from 17.
-- What was inserted since outcomes were last settled is found by the index on inserted, without reading the rest: rows
-- lie in the order of their event time, which is about that of their insert. With 3,100,000 rows in the table a reader
-- finds that nothing is new with 8 ms of CPU.

-- up
CREATE TABLE IF NOT EXISTS agent_failures_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the event.',
    lane Enum8('failed' = 1, 'tried' = 2, 'completed' = 3)
        COMMENT 'failed: a failed attempt; tried, completed: what tells about failed ones.',
    ts DateTime64(3, 'UTC') COMMENT 'When it happened.',
    unit UInt64 COMMENT 'Hash of the run, task or step, of which this is an attempt.',
    attempt UInt16 COMMENT 'Which try this is, from 1; 0 when none was reported.',
    kind Enum8('run' = 1, 'task' = 2, 'step' = 3) COMMENT 'What failed or was tried.',
    family UInt64
        COMMENT 'Hash of what the attempts of a step have in common when each has an id of its own; else unit.',
    outcome UInt8 COMMENT 'What became of a failed attempt, as far as it is settled: 1 retried, 2 recovered.',
    received DateTime64(3, 'UTC') COMMENT 'When the event was received.',
    inserted DateTime64(3, 'UTC') COMMENT 'When the row came into this table.',
    run UInt64 COMMENT 'Hash of run_id, 0 without one.',
    agent_id LowCardinality(String) COMMENT 'Id of the agent.',
    run_id String COMMENT 'Run of the failed attempt.',
    task_id String COMMENT 'Task of the failed attempt.',
    step_id String COMMENT 'Step that failed; empty when a run or task did.',
    parent_id String COMMENT 'Run, task or step that caused this one.',
    user_id String COMMENT 'Person the work was done for.',
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
    cost_micros Nullable(UInt64) COMMENT 'Its cost in millionths of a US dollar; NULL when not reported or rolled up.',
    INDEX inserted_minmax inserted TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(outcome)
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, lane, ts, unit, attempt)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS
    min_age_to_force_merge_seconds = 3600,
    min_bytes_for_wide_part = 134217728,
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    merge_selector_base = 10,
    max_bytes_to_merge_at_max_space_in_pool = 4294967296,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Failed attempts and what became of them. Kept 90 days.';

-- down
DROP TABLE IF EXISTS agent_failures_v1;
