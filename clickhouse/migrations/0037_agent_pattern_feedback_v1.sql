-- Feedback on patterns, a row a feedback, kept for good. Written by the view agent_pattern_feedback_mv_v1. Rows and not
-- sums, for two reasons: a feedback that arrives twice counts once however much later the second is, and what a person
-- wrote can be taken out again, score and all. A feedback is known by its event_id, or without one by all it says.
-- Of rows with one id the earliest by event time is the feedback; the low 16 bits of the version decide between equal
-- times, so that the order of arrival never does.

-- up
CREATE TABLE IF NOT EXISTS agent_pattern_feedback_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the pattern.',
    pattern_id String COMMENT 'Id of the pattern.',
    feedback_id String COMMENT 'The event_id, or a hash of the feedback when it has none.',
    ts DateTime64(3, 'UTC') COMMENT 'When the feedback was given.',
    received DateTime64(3, 'UTC') COMMENT 'When it was received.',
    agent_id LowCardinality(String) COMMENT 'Agent the feedback is to.',
    user_id String COMMENT 'Person who gave it.',
    score Nullable(Float64) COMMENT 'Score, on the scale of its sender.',
    text String COMMENT 'Text, secrets masked.',
    version UInt64 COMMENT 'The greater, the earlier.',
    INDEX user_id_bloom user_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, pattern_id, feedback_id)
SETTINGS
    index_granularity = 512,
    min_bytes_for_wide_part = 10737418240,
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'Feedback on patterns.';

-- down
DROP TABLE IF EXISTS agent_pattern_feedback_v1;
