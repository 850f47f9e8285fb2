-- One row a pattern that an agent has observed, with its feedback. Filters on tenant reach the primary key of both
-- tables. Feedback on a pattern that nobody has observed is not shown.

-- up
CREATE VIEW IF NOT EXISTS agent_discovered_patterns
(
    tenant LowCardinality(String) COMMENT 'Tenant of the pattern.',
    pattern_id String COMMENT 'Id of the pattern.',
    pattern_type String COMMENT 'Latest type; empty when none was sent.',
    name String COMMENT 'Latest name; empty when none was sent.',
    description String COMMENT 'Latest message, at most 1,000 characters; empty when none was sent.',
    agents Array(String) COMMENT 'Ids of the agents that observed it, in their order.',
    observations UInt64 COMMENT 'Events of type pattern.observed.',
    confidence Nullable(Float64) COMMENT 'Latest confidence, 0 to 1.',
    effectiveness Nullable(Float64) COMMENT 'Latest effectiveness, 0 to 1.',
    evidence_count UInt64 COMMENT 'Distinct references; exact up to some ten thousand, then within 2 percent.',
    evidence Array(String) COMMENT 'References of the latest observations, at most 64, newest first.',
    first_seen DateTime64(3, 'UTC') COMMENT 'Event time of the first observation.',
    last_seen DateTime64(3, 'UTC') COMMENT 'Event time of the last observation.',
    feedback_count UInt64 COMMENT 'Feedback given, with or without a score.',
    feedback_scores UInt64 COMMENT 'Of it with a score.',
    avg_score Nullable(Float64) COMMENT 'Average of the scores.',
    min_score Nullable(Float64) COMMENT 'Least of the scores.',
    max_score Nullable(Float64) COMMENT 'Greatest of the scores.',
    last_score Nullable(Float64) COMMENT 'Latest of the scores.',
    last_feedback Nullable(DateTime64(3, 'UTC')) COMMENT 'When the last feedback was given.'
)
AS SELECT
    pattern.tenant AS tenant,
    pattern.pattern_id AS pattern_id,
    pattern.pattern_type AS pattern_type,
    pattern.name AS name,
    pattern.description AS description,
    pattern.agents AS agents,
    pattern.observations AS observations,
    pattern.confidence AS confidence,
    pattern.effectiveness AS effectiveness,
    pattern.evidence_count AS evidence_count,
    pattern.evidence AS evidence,
    pattern.first_seen AS first_seen,
    pattern.last_seen AS last_seen,
    feedback.given AS feedback_count,
    feedback.scores AS feedback_scores,
    if(feedback.scores = 0, NULL, feedback.average) AS avg_score,
    feedback.least AS min_score,
    feedback.greatest AS max_score,
    feedback.latest AS last_score,
    if(feedback.given = 0, NULL, feedback.last_given) AS last_feedback
FROM
(
    SELECT
        tenant,
        pattern_id,
        max(seen.pattern_type).2 AS pattern_type,
        max(seen.name).2 AS name,
        max(seen.description).2 AS description,
        groupUniqArray(toString(agent_id)) AS unordered,
        arraySort(unordered) AS agents,
        sum(seen.observations) AS observations,
        max(seen.confidence) AS latest_confidence,
        if(latest_confidence.1 = fromUnixTimestamp64Milli(0, 'UTC'), NULL, latest_confidence.2) AS confidence,
        max(seen.effectiveness) AS latest_effectiveness,
        if(latest_effectiveness.1 = fromUnixTimestamp64Milli(0, 'UTC'), NULL, latest_effectiveness.2) AS effectiveness,
        uniqArrayMerge(seen.evidence_count) AS evidence_count,
        arrayDistinct(groupArraySortedArrayMerge(64)(seen.evidence_latest).2) AS evidence,
        min(seen.first_seen) AS first_seen,
        max(seen.last_seen) AS last_seen
    FROM agent_patterns_v1 AS seen
    GROUP BY tenant, pattern_id
) AS pattern
LEFT JOIN
(
    SELECT
        tenant,
        pattern_id,
        count() AS given,
        count(score) AS scores,
        avg(score) AS average,
        min(score) AS least,
        max(score) AS greatest,
        argMax(score, (ts, feedback_id)) AS latest,
        max(ts) AS last_given
    FROM agent_pattern_feedback_v1 FINAL
    GROUP BY tenant, pattern_id
) AS feedback ON feedback.tenant = pattern.tenant AND feedback.pattern_id = pattern.pattern_id;

-- down
DROP VIEW IF EXISTS agent_discovered_patterns;
