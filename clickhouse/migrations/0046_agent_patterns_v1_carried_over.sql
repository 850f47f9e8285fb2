-- Patterns of the raw events there are, before the view adds those to come; the select is that of the view. Applied
-- again after a crash it adds nothing.

-- up
INSERT INTO agent_patterns_v1 (
    tenant, pattern_id, agent_id, observations, pattern_type, name, description, confidence, effectiveness,
    evidence_count, evidence_latest, first_seen, last_seen
)
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
WHERE type = 'pattern.observed' AND (SELECT count() FROM agent_patterns_v1) = 0
GROUP BY tenant, pattern_id, agent_id;

-- down
SELECT 'rows that came from agent_events_raw_v1 go with their table';
