-- Requests to erase a run or a person, a row a state; the highest version is the latest. What they were about is kept
-- as a hash alone (erased_ids_v1), because an id may itself say who somebody is. Kept for good.

-- up
CREATE TABLE IF NOT EXISTS erasures_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the request.',
    erasure_id String COMMENT 'Id of the request.',
    kind Enum8('run' = 1, 'user' = 2) COMMENT 'What was erased.',
    requested_by String COMMENT 'Name of the key it was asked with.',
    requested_at DateTime64(3, 'UTC') COMMENT 'When it was asked for.',
    completed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When nothing of it could be read any more.',
    rows Map(String, UInt64) COMMENT 'Rows erased or rewritten then, by table.',
    late_rows UInt64 COMMENT 'Rows of events that came later, and were erased as well.',
    purged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When nothing of it was in a data file of the store any more.',
    version UInt64 COMMENT 'When this state was written, ms since the epoch.'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, requested_at, erasure_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Requests to erase runs and people.';

-- down
DROP TABLE IF EXISTS erasures_v1;
