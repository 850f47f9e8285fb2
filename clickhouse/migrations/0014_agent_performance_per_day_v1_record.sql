-- The day as a record: every agent that sent any event on it, under which name, how many events, the durations of
-- successes apart (0012 says why), and when the row was last rewritten. Written by 0015 and by the finalization of days.
-- A name is the latest by event time, so that an event that comes late does not rename an agent; of one time the later
-- received. Both are one Int128, ms of the one above ms of the other: 0.04 us an event more than receipt alone, where a
-- tuple took 0.26 us (3,000,000 rows, each with a name).
-- It is also the register of agents: kept for good, a row an agent and day, where the key of the raw rows takes 40 ms
-- to read at 5 M rows.

-- up
ALTER TABLE agent_performance_per_day_v1
    ADD COLUMN IF NOT EXISTS successful_duration_digest AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float64)
        COMMENT 't-digest of the durations of successful executions, in milliseconds.' AFTER duration_digest,
    ADD COLUMN IF NOT EXISTS events SimpleAggregateFunction(sum, UInt64)
        COMMENT 'Events of any type.' AFTER day,
    ADD COLUMN IF NOT EXISTS agent_name AggregateFunction(argMax, String, Int128)
        COMMENT 'Latest display name by event time, then receipt; read with argMaxMerge, empty when none was sent.' AFTER events,
    ADD COLUMN IF NOT EXISTS repaired_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
        COMMENT 'When the row was last rewritten from the raw events; 1970 when never.' AFTER last_received;

-- down
ALTER TABLE agent_performance_per_day_v1
    DROP COLUMN IF EXISTS successful_duration_digest,
    DROP COLUMN IF EXISTS events,
    DROP COLUMN IF EXISTS agent_name,
    DROP COLUMN IF EXISTS repaired_at;
