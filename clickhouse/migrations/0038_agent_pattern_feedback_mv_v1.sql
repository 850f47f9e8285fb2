-- Fills agent_pattern_feedback_v1. An insert without feedback writes nothing.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_pattern_feedback_mv_v1 TO agent_pattern_feedback_v1 AS
SELECT
    tenant,
    pattern_id,
    if(
        event_id != '',
        event_id,
        lower(hex(sipHash128(ts, agent_id, user_id, ifNull(feedback_score, nan), feedback_text)))
    ) AS feedback_id,
    ts,
    received,
    agent_id,
    user_id,
    feedback_score AS score,
    feedback_text AS text,
    toUInt64(35184372088832 - toUnixTimestamp64Milli(ts)) * 65536
        + sipHash64(agent_id, user_id, ifNull(feedback_score, nan), feedback_text) % 65536 AS version
FROM agent_events_raw_v1
WHERE type = 'pattern.feedback';

-- down
DROP VIEW IF EXISTS agent_pattern_feedback_mv_v1;
