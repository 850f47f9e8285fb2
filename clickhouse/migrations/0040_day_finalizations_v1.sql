-- What the maintenance did: a row for each finished day, or agent of it, that was recomputed from its raw events and
-- compared. A day is due again when an event of it was received after received_before, or when the day rollup holds
-- another number of events than then (recorded): with agents whose raw events are gone that is more than the raw
-- events.

-- up
CREATE TABLE IF NOT EXISTS day_finalizations_v1
(
    day Date COMMENT 'UTC day that was recomputed.',
    finalized_at DateTime64(3, 'UTC') COMMENT 'When it was done.',
    received_before DateTime64(3, 'UTC') COMMENT 'Events received before this were looked at.',
    tenant String COMMENT 'Tenant that was asked for; empty: all.',
    agent_id String COMMENT 'Agent that was asked for; empty: all.',
    agents UInt64 COMMENT 'Agents compared.',
    events UInt64 COMMENT 'Distinct raw events they were recomputed from.',
    recorded UInt64
        COMMENT 'Events of the day rollup afterwards, with agents that have no raw events any more.',
    agents_repaired UInt64 COMMENT 'Agents whose rollup differed and was rewritten.',
    took_ms UInt64 COMMENT 'How long it took, in milliseconds.'
)
ENGINE = MergeTree
ORDER BY (day, finalized_at)
TTL toDateTime(finalized_at) + INTERVAL 400 DAY
COMMENT 'Finalizations of days, newest last. Kept 400 days.';

-- down
DROP TABLE IF EXISTS day_finalizations_v1;
