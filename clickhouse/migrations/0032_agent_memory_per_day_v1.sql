-- Memory operations by tenant, agent and UTC day of event time; kept for good, as the executions of a day are: a row an
-- agent and day. Written by the view agent_memory_per_day_mv_v1. Rows of one key meet at merges, so a reader sums and
-- takes minima and maxima.

-- up
CREATE TABLE IF NOT EXISTS agent_memory_per_day_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the events.',
    agent_id LowCardinality(String) COMMENT 'Agent of the events.',
    day Date COMMENT 'UTC day of ts.',
    stored SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of type memory.stored.',
    recalled SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of type memory.recalled.',
    first_activity SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Event time of the first of them.',
    last_activity SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Event time of the last of them.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, agent_id, day)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 134217728,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Memory operations per tenant, agent and day.';

-- down
DROP TABLE IF EXISTS agent_memory_per_day_v1;
