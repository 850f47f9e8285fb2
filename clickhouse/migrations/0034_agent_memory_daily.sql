-- One row per tenant, agent and day with a memory event, merged on read; filters on all three reach the primary key.

-- up
CREATE VIEW IF NOT EXISTS agent_memory_daily
(
    tenant LowCardinality(String) COMMENT 'Tenant of the events.',
    agent_id LowCardinality(String) COMMENT 'Agent of the events.',
    day Date COMMENT 'UTC day of event time.',
    stored UInt64 COMMENT 'Events of type memory.stored.',
    recalled UInt64 COMMENT 'Events of type memory.recalled.',
    first_activity DateTime64(3, 'UTC') COMMENT 'Event time of the first of them.',
    last_activity DateTime64(3, 'UTC') COMMENT 'Event time of the last of them.'
)
AS SELECT
    tenant,
    agent_id,
    day,
    sum(rollup.stored) AS stored,
    sum(rollup.recalled) AS recalled,
    min(rollup.first_activity) AS first_activity,
    max(rollup.last_activity) AS last_activity
FROM agent_memory_per_day_v1 AS rollup
GROUP BY tenant, agent_id, day;

-- down
DROP VIEW IF EXISTS agent_memory_daily;
