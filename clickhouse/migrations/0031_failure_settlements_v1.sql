-- When the maintenance wrote what became of failed attempts into agent_failures_v1: a row a pass that had new rows to
-- look at; the newest holds, and without one nothing is settled. What came after it is joined when it is read, so an
-- answer is never behind: joining all for 650,000 failures of 30 days took 480 ms of CPU
-- (queries/failures/failure-outcomes.ts). A row matters as long as the failures before it are kept.

-- up
CREATE TABLE IF NOT EXISTS failure_settlements_v1
(
    settled_at DateTime64(3, 'UTC')
        COMMENT 'When the pass began, by the clock of the store: outcomes are settled for what was inserted before.'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(settled_at)
ORDER BY settled_at
TTL toDateTime(settled_at) + INTERVAL 90 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Settlements of failed attempts, newest last. Kept 90 days.';

-- down
DROP TABLE IF EXISTS failure_settlements_v1;
