-- Memory operations of the raw events there are, before the view counts those to come. Applied again after a crash it
-- adds nothing.

-- up
INSERT INTO agent_memory_per_day_v1 (tenant, agent_id, day, stored, recalled, first_activity, last_activity)
SELECT
    tenant,
    agent_id,
    toDate(ts) AS day,
    countIf(type = 'memory.stored') AS stored,
    countIf(type = 'memory.recalled') AS recalled,
    min(ts) AS first_activity,
    max(ts) AS last_activity
FROM agent_events_raw_v1
WHERE type IN ('memory.stored', 'memory.recalled') AND (SELECT count() FROM agent_memory_per_day_v1) = 0
GROUP BY tenant, agent_id, day;

-- down
SELECT 'rows that came from agent_events_raw_v1 go with their table';
