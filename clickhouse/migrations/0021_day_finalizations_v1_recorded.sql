-- What the day rollup held when a day was finalized: with agents whose raw events are gone it is more than the raw events.
-- A day that holds another number since is due again.

-- up
ALTER TABLE day_finalizations_v1
    ADD COLUMN IF NOT EXISTS recorded UInt64
        COMMENT 'Events of the day rollup afterwards, with agents that have no raw events any more.' AFTER events;

-- down
ALTER TABLE day_finalizations_v1 DROP COLUMN IF EXISTS recorded;
