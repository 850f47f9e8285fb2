-- Who of several collectors does what is done once: finalizations, settlements, erasures. A lease has a row for each
-- period it was held. The row is inserted with the lease and the period as deduplication token, so of several
-- collectors that try for one period the store keeps the row of the first, and each sees whose it is.

-- up
CREATE TABLE IF NOT EXISTS leases_v1
(
    lease LowCardinality(String) COMMENT 'What it is for.',
    period UInt64 COMMENT 'Number of the period since 1970, by the clock of the store.',
    holder String COMMENT 'The collector that has it: host, process and a number by chance.',
    taken_at DateTime64(3, 'UTC') COMMENT 'When it was taken.'
)
ENGINE = MergeTree
ORDER BY (lease, period)
TTL toDateTime(taken_at) + INTERVAL 2 DAY
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Leases of collectors on work that is done once. Kept 2 days.';

-- down
DROP TABLE IF EXISTS leases_v1;
