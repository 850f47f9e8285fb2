-- The durations of successes apart: a trend on all durations would call an agent faster because it fails sooner.
-- Written by 0013.

-- up
ALTER TABLE agent_performance_per_minute_v1
    ADD COLUMN IF NOT EXISTS successful_duration_digest AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float64)
        COMMENT 't-digest of the durations of successful executions, in milliseconds.' AFTER duration_digest;

-- down
ALTER TABLE agent_performance_per_minute_v1 DROP COLUMN IF EXISTS successful_duration_digest;
