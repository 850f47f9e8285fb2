import { z } from 'zod';
import type { Logger } from '../../core/logger.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { RetentionDays } from '../../core/retention.js';
import { dayMs } from '../../core/time-span.js';
import { storeErrorNumber } from '../classify-error.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { epochMs, integer64 } from '../queries/sql/column-types.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';
import { expiringTables } from './table-retention.js';

const partRow = z.object({ table: z.string(), name: z.string(), bytes: integer64, newest_ms: epochMs });

/**
 * The parts whose newest row has expired and that are still there. Read from the metadata of parts alone; needs the
 * writer's rights.
 */
export async function readExpiredParts(
  store: StoreReader,
  { retention, nowMs }: { readonly retention: RetentionDays; readonly nowMs: number },
): Promise<z.output<typeof partRow>[]> {
  const parts = await checkedRows(store, partRow, {
    name: 'newest_row_of_parts',
    sql: `
      SELECT table, name, bytes_on_disk AS bytes,
        toInt64(1000) * if(toUnixTimestamp(max_time) > 0, toUnixTimestamp(max_time) + 1,
          toUnixTimestamp(toDateTime(max_date, 'UTC') + INTERVAL 1 DAY)) AS newest_ms
      FROM system.parts
      WHERE active AND rows > 0 AND database = currentDatabase() AND table IN {tables:Array(String)}
        AND NOT startsWith(name, 'patch-')`,
    params: { tables: expiringTables.map(({ table }) => table) },
  });
  return expiringTables.flatMap(({ table, kept }) => {
    const expiredMs = nowMs - retention[kept] * dayMs;
    return parts.filter((part) => part.table === table && part.newest_ms < expiredMs);
  });
}

/**
 * Drops the parts whose newest row has expired. The engine does the same for parts that were written under the TTL of
 * today; this is for those that were written under a longer one. Answers how many were dropped. Rejects as
 * `StoreWriter`.
 */
export async function dropExpiredParts(
  { store, logger }: { readonly store: StoreWriter; readonly logger: Logger },
  options: { readonly retention: RetentionDays; readonly nowMs: number },
): Promise<number> {
  let dropped = 0;
  for (const part of await readExpiredParts({ rows: (query) => store.writerRows(query) }, options)) {
    if (await tryDropPart(store, part)) dropped += 1;
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
