-- Ids that an erasure under way is about, a partition an erasure; dropped when it is complete.

-- up
CREATE TABLE IF NOT EXISTS erasure_targets_v1
(
    erasure_id String COMMENT 'The request.',
    kind LowCardinality(String) COMMENT 'subject, run, task, session, feedback, error_group or description.',
    id String COMMENT 'Id of it; of the last two a hash.'
)
ENGINE = MergeTree
PARTITION BY erasure_id
ORDER BY (kind, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Ids of erasures under way.';

-- down
DROP TABLE IF EXISTS erasure_targets_v1;
