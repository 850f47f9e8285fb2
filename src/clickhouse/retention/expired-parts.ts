import { z } from 'zod';
import type { Logger } from '../../core/logger.js';
import type { RetentionDays } from '../../core/retention.js';
import { dayMs } from '../../core/time-span.js';
import { storeErrorNumber } from '../classify-error.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { epochMs } from '../queries/sql/column-types.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';
import { expiringTables } from './table-retention.js';

const partRow = z.object({ table: z.string(), name: z.string(), newest_ms: epochMs });

/**
 * Drops the parts whose newest row has expired. The engine does the same for parts that were written under the TTL of
 * today; this is for those that were written under a longer one. Read from the metadata of parts alone. Answers how
 * many were dropped. Rejects as `StoreWriter`.
 */
export async function dropExpiredParts(
  { store, logger }: { readonly store: StoreWriter; readonly logger: Logger },
  { retention, nowMs }: { readonly retention: RetentionDays; readonly nowMs: number },
): Promise<number> {
  const parts = await checkedRows({ rows: (query) => store.writerRows(query) }, partRow, {
    name: 'newest_row_of_parts',
    sql: `
      SELECT table, name, toInt64(1000) * if(toUnixTimestamp(max_time) > 0, toUnixTimestamp(max_time) + 1,
          toUnixTimestamp(toDateTime(max_date, 'UTC') + INTERVAL 1 DAY)) AS newest_ms
      FROM system.parts
      WHERE active AND rows > 0 AND database = currentDatabase() AND table IN {tables:Array(String)}
        AND NOT startsWith(name, 'patch-')`,
    params: { tables: expiringTables.map(({ table }) => table) },
  });
  let dropped = 0;
  for (const { table, kept } of expiringTables) {
    const expiredMs = nowMs - retention[kept] * dayMs;
    for (const part of parts.filter((found) => found.table === table && found.newest_ms < expiredMs)) {
      if (await tryDropPart(store, part)) dropped += 1;
    }
  }
  if (dropped > 0) logger.info({ parts: dropped }, 'expired parts dropped');
  return dropped;
}

/** False when the part is gone or being merged: what it becomes is looked at in the next pass. */
async function tryDropPart(store: StoreWriter, { table, name }: { readonly table: string; readonly name: string }) {
  try {
    await store.command({ name: `expiry of ${table}`, sql: `ALTER TABLE ${table} DROP PART ${quoteString(name)}` });
    return true;
  } catch (error) {
    if (storeErrorNumber(error) !== null) return false;
    throw error;
  }
}
