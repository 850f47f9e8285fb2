-- Fills agent_memory_per_day_v1. An insert without a memory event writes nothing.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_memory_per_day_mv_v1 TO agent_memory_per_day_v1 AS
SELECT
    tenant,
    agent_id,
    toDate(ts) AS day,
    countIf(type = 'memory.stored') AS stored,
    countIf(type = 'memory.recalled') AS recalled,
    min(ts) AS first_activity,
    max(ts) AS last_activity
FROM agent_events_raw_v1
WHERE type IN ('memory.stored', 'memory.recalled')
GROUP BY tenant, agent_id, day;

-- down
DROP VIEW IF EXISTS agent_memory_per_day_mv_v1;
