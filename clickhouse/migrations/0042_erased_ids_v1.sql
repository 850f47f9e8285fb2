-- Ids that were erased, as SHA-256 of tenant, kind and id: by them events that come later are recognised. Of a person
-- also the runs that were theirs alone. Kept 400 days.

-- up
CREATE TABLE IF NOT EXISTS erased_ids_v1
(
    tenant LowCardinality(String) COMMENT 'Tenant of the id.',
    kind LowCardinality(String) COMMENT 'run or user.',
    id_hash String COMMENT 'SHA-256 of tenant, kind and id with line feeds between, in hex.',
    erasure_id String COMMENT 'The request.',
    until DateTime64(3, 'UTC') COMMENT 'Events that happened until then are erased.',
    erased_at DateTime64(3, 'UTC') COMMENT 'When it was erased.'
)
ENGINE = ReplacingMergeTree(erased_at)
ORDER BY (tenant, kind, id_hash, erasure_id)
TTL toDateTime(erased_at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Hashes of erased ids. Kept 400 days.';

-- down
DROP TABLE IF EXISTS erased_ids_v1;
