import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64, optionalMs } from '../sql/column-types.js';

const tableRow = z.object({
  table: z.string(),
  rows: integer64,
  compressed_bytes: integer64,
  uncompressed_bytes: integer64,
  disk_bytes: integer64,
  parts: integer64,
  oldest_ms: optionalMs,
  newest_ms: optionalMs,
  retention_days: integer64,
});

export type StorageRow = z.output<typeof tableRow>;

/**
 * Size and age of each table, of all tenants, from the metadata of its parts, and the days of its TTL, 0 without one.
 * Oldest and newest are of the time that decides the partition, null without one. Needs the writer's rights.
 */
export function readStorage(store: StoreReader): Promise<StorageRow[]> {
  return checkedRows(store, tableRow, {
    name: 'storage',
    sql: `
      SELECT t.name AS table, sum(p.rows) AS rows, sum(p.data_compressed_bytes) AS compressed_bytes,
        sum(p.data_uncompressed_bytes) AS uncompressed_bytes, sum(p.bytes_on_disk) AS disk_bytes,
        countIf(p.active) AS parts,
        nullIf(minIf(p.oldest, p.oldest > 0), 0) * 1000 AS oldest_ms, nullIf(max(p.newest), 0) * 1000 AS newest_ms,
        toUInt32OrZero(extract(any(t.engine_full), ' TTL [^,]*? toIntervalDay\\((\\d+)\\)')) AS retention_days
      FROM system.tables AS t
      LEFT JOIN
      (
        SELECT table, rows, data_compressed_bytes, data_uncompressed_bytes, bytes_on_disk, active,
          toInt64(toUnixTimestamp(greatest(min_time, toDateTime(min_date, 'UTC')))) AS oldest,
          toInt64(toUnixTimestamp(greatest(max_time, toDateTime(max_date, 'UTC')))) AS newest
        FROM system.parts
        WHERE active AND database = currentDatabase() AND NOT startsWith(name, 'patch-')
      ) AS p ON p.table = t.name
      WHERE t.database = currentDatabase() AND t.engine LIKE '%MergeTree'
      GROUP BY table ORDER BY disk_bytes DESC, table`,
    params: {},
  });
}

const tenantRow = z.object({ table: z.string(), rows: integer64 });

/** Rows of a tenant by table, of the tables that lead with the tenant in their key. */
export function readTenantRows(
  store: StoreReader,
  { tenant, tables }: { readonly tenant: string; readonly tables: readonly string[] },
): Promise<z.output<typeof tenantRow>[]> {
  const counts = tables.map(
    (table) => `SELECT '${table}' AS table, count() AS rows FROM ${table} WHERE tenant = {tenant:String}`,
  );
  return checkedRows(store, tenantRow, { name: 'tenant_rows', sql: counts.join(' UNION ALL '), params: { tenant } });
}
