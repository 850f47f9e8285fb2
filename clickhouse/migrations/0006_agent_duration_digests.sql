-- The t-digest states behind the percentiles, a row or more per tenant, agent and minute, so that whoever may read the
-- public views alone can merge percentiles over minutes and agents: quantilesTDigestMerge(0.5, 0.95,
-- 0.99)(duration_digest). Filters on tenant, agent_id and minute reach the primary key.

-- up
CREATE VIEW IF NOT EXISTS agent_duration_digests
(
    tenant LowCardinality(String) COMMENT 'Tenant of the executions.',
    agent_id LowCardinality(String) COMMENT 'Agent of the executions.',
    minute DateTime('UTC') COMMENT 'Start of the minute of event time.',
    duration_count UInt64 COMMENT 'Executions that carry a duration.',
    duration_digest AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float64)
        COMMENT 'State of their durations in milliseconds.',
    successful_duration_digest AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float64)
        COMMENT 'The same of those that completed.'
)
AS SELECT
    tenant,
    agent_id,
    minute,
    duration_count,
    duration_digest,
    successful_duration_digest
FROM agent_performance_per_minute_v1;

-- down
DROP VIEW IF EXISTS agent_duration_digests;
