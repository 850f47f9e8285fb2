-- One row per tenant, agent, day and error group, merged on read.
-- Filters on tenant, agent_id and day reach the primary key: they are grouped by.

-- up
CREATE VIEW IF NOT EXISTS agent_errors_daily
(
    tenant LowCardinality(String) COMMENT 'Tenant of the events.',
    agent_id LowCardinality(String) COMMENT 'Agent of the events.',
    day Date COMMENT 'UTC day of event time.',
    error_category Enum8(
        '' = 0, 'tool' = 1, 'model' = 2, 'retrieval' = 3,
        'orchestration' = 4, 'infra' = 5, 'guardrail' = 6, 'user' = 7
    )
        COMMENT 'Where it failed.',
    error_code LowCardinality(String) COMMENT 'Stable code of the error; empty when none was sent.',
    message String COMMENT 'Message in which numbers, ids, quoted text and addresses are replaced.',
    occurrences UInt64 COMMENT 'Failed executions.',
    recovered UInt64 COMMENT 'Those of them whose task completed later, when the maintenance last looked.',
    affected_runs UInt64 COMMENT 'Distinct runs among them; exact up to some ten thousand, then within 2 percent.',
    first_seen DateTime64(3, 'UTC') COMMENT 'Event time of the first.',
    last_seen DateTime64(3, 'UTC') COMMENT 'Event time of the last.'
)
AS SELECT
    tenant,
    agent_id,
    day,
    error_category,
    error_code,
    message,
    sum(rollup.occurrences) AS occurrences,
    max(rollup.recovered) AS recovered,
    uniqMerge(runs) AS affected_runs,
    min(rollup.first_seen) AS first_seen,
    max(rollup.last_seen) AS last_seen
FROM agent_errors_per_day_v1 AS rollup
GROUP BY tenant, agent_id, day, error_category, error_code, message;

-- down
DROP VIEW IF EXISTS agent_errors_daily;
