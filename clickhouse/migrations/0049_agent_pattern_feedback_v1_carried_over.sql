-- Feedback of the raw events there are; the select is that of the view. Run again it adds rows that are equal, which
-- merges and readers drop.

-- up
INSERT INTO agent_pattern_feedback_v1 (
    tenant, pattern_id, feedback_id, ts, received, agent_id, user_id, score, text, version
)
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
SELECT 'rows that came from agent_events_raw_v1 go with their table';
