-- Days of agents of which raw events were erased: their rollups hold more than the raw events that are left, and are
-- not compared with them any more. Kept for good.

-- up
CREATE TABLE IF NOT EXISTS erased_agent_days_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the agent.',
    agent_id LowCardinality(String) COMMENT 'Agent of the events.',
    day Date COMMENT 'UTC day of the events.',
    erased_at DateTime64(3, 'UTC') COMMENT 'When they were erased.'
)
ENGINE = ReplacingMergeTree(erased_at)
ORDER BY (day, tenant, agent_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Days of agents of which events were erased.';

-- down
DROP TABLE IF EXISTS erased_agent_days_v1;
