-- What pattern.observed events say of a pattern, a row a pattern and agent once merged; kept for good. Written by the
-- view agent_patterns_mv_v1. A reader groups by pattern_id. Feedback is not in here: it has people behind it, and rows
-- of its own (agent_pattern_feedback_v1).
-- The order of arrival leaves no trace. A value that may change is a tuple of its event time and itself, of which the
-- greatest is kept: the latest, and of equally late ones the greater; 1970 says that no event had one. Of the evidence
-- the references of the latest observations are kept, at most 64, and the number of distinct ones as a sketch, which is
-- exact up to some ten thousand and within 2 percent beyond.
-- One partition and small granules: a tenant has hundreds or thousands of patterns, and all rows of one must meet.

-- up
CREATE TABLE IF NOT EXISTS agent_patterns_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the pattern.',
    pattern_id String COMMENT 'Id of the pattern.',
    agent_id LowCardinality(String) COMMENT 'Agent that observed it.',
    observations SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of type pattern.observed.',
    pattern_type SimpleAggregateFunction(max, Tuple(ts DateTime64(3, 'UTC'), value String))
        COMMENT 'Latest type, with its time.',
    name SimpleAggregateFunction(max, Tuple(ts DateTime64(3, 'UTC'), value String))
        COMMENT 'Latest name, with its time.',
    description SimpleAggregateFunction(max, Tuple(ts DateTime64(3, 'UTC'), value String))
        COMMENT 'Latest message, at most 1,000 characters of it, with its time.',
    confidence SimpleAggregateFunction(max, Tuple(ts DateTime64(3, 'UTC'), value Float64))
        COMMENT 'Latest confidence, with its time.',
    effectiveness SimpleAggregateFunction(max, Tuple(ts DateTime64(3, 'UTC'), value Float64))
        COMMENT 'Latest effectiveness, with its time.',
    evidence_count AggregateFunction(uniqArray, Array(String))
        COMMENT 'Distinct references; read with uniqArrayMerge.',
    evidence_latest AggregateFunction(groupArraySortedArray(64), Array(Tuple(Int64, String)))
        COMMENT 'References with the negative time of their event; read with groupArraySortedArrayMerge(64).',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Event time of the first observation.',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Event time of the last observation.'
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, pattern_id, agent_id)
SETTINGS
    index_granularity = 512,
    min_bytes_for_wide_part = 10737418240,
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Patterns as agents observed them.';

-- down
DROP TABLE IF EXISTS agent_patterns_v1;
