-- Tries that may be a later try of a failed attempt, in the order of their insert: every failed attempt but the first
-- of a step, every completion of a run or task (many clients do not number attempts), and with attempt > 1 every start,
-- cancellation and completion. What became of a failed attempt is told by them (queries/failures/failure-outcomes.ts):
-- hashes, no ids.
-- A table of its own: until now they lay among the failures with 20 columns of defaults, and nearly half of all events
-- is such a completion. Us of CPU for each event of a load of completions of runs, tasks and steps, inserts of 312,000
-- rows replayed into both in turn, the least of four: inserting 0.25 instead of 0.21 for both, one merge 0.33 to 0.37
-- instead of 0.13; 11 bytes instead of 20. An insert of 16,500 rows takes 6 ms more.
-- Readers ask for what was inserted since outcomes were last settled (the key), or what happened since a failure that
-- came late (the index on ts), and then for a few units. Repeated rows change no answer: maxima are taken.

-- up
CREATE TABLE IF NOT EXISTS agent_tries_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the event.',
    inserted DateTime64(3, 'UTC') COMMENT 'When the row came into this table.',
    ts DateTime64(3, 'UTC') COMMENT 'When it happened.',
    received DateTime64(3, 'UTC') COMMENT 'When the event was received.',
    unit UInt64 COMMENT 'Hash of the run, task or step, of which this is an attempt; as in agent_failures_v1.',
    family UInt64
        COMMENT 'Hash of what the attempts of a step have in common when each has an id of its own; else 0.',
    attempt UInt16 COMMENT 'Which try this is, from 1; 0 when none was reported.',
    completed UInt8 COMMENT '1: it completed.',
    INDEX inserted_minmax inserted TYPE minmax GRANULARITY 1,
    INDEX ts_minmax ts TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, inserted)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS
    min_bytes_for_wide_part = 134217728,
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    merge_selector_base = 10,
    max_bytes_to_merge_at_max_space_in_pool = 4294967296,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Tries of what may have failed before. Kept 90 days.';

-- down
DROP TABLE IF EXISTS agent_tries_v1;
