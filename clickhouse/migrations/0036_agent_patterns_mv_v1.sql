-- Fills agent_patterns_v1. An insert without an observation writes nothing.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_patterns_mv_v1 TO agent_patterns_v1 AS
SELECT
    tenant,
    pattern_id,
    agent_id,
    count() AS observations,
    max(if(pattern_type != '', (ts, toString(pattern_type)), (fromUnixTimestamp64Milli(0, 'UTC'), ''))) AS pattern_type,
    max(if(name != '', (ts, toString(name)), (fromUnixTimestamp64Milli(0, 'UTC'), ''))) AS name,
    max(
        if(message != '', (ts, substringUTF8(message, 1, 1000)), (fromUnixTimestamp64Milli(0, 'UTC'), ''))
    ) AS description,
    max(
        if(isNotNull(confidence), (ts, assumeNotNull(confidence)), (fromUnixTimestamp64Milli(0, 'UTC'), toFloat64(0)))
    ) AS confidence,
    max(
        if(
            isNotNull(effectiveness),
            (ts, assumeNotNull(effectiveness)),
            (fromUnixTimestamp64Milli(0, 'UTC'), toFloat64(0))
        )
    ) AS effectiveness,
    uniqArrayState(evidence) AS evidence_count,
    groupArraySortedArrayState(64)(
        arrayMap(reference -> (-toUnixTimestamp64Milli(ts), reference), evidence)
    ) AS evidence_latest,
    min(ts) AS first_seen,
    max(ts) AS last_seen
FROM agent_events_raw_v1
WHERE type = 'pattern.observed'
GROUP BY tenant, pattern_id, agent_id;

-- down
DROP VIEW IF EXISTS agent_patterns_mv_v1;
