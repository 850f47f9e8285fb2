import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64 } from '../sql/column-types.js';
import { failureTable, lastSettlement, type NewTries, newTriesSince, visibleAfterMs } from './failure-outcomes.js';

const row = z.object({ settled_ms: epochMs, rows_since: integer64 });

/** Looked up one by one below this; above it is cheaper to keep those of units that failed. */
const fewMax = 50_000;

/** When outcomes were settled last, and how many failures and tries of the tenant came since. */
export async function readNewTries(store: StoreReader, tenant: string): Promise<NewTries> {
  const rows = await checkedRows(store, row, {
    name: 'new_tries',
    sql: `
      WITH (${lastSettlement}) AS settled
      SELECT toUnixTimestamp64Milli(settled) AS settled_ms, count() AS rows_since
      FROM (
        SELECT 1 FROM ${failureTable}
        WHERE tenant = {tenant:String} AND inserted >= settled - toIntervalMillisecond(${visibleAfterMs})
        LIMIT {most:UInt32}
      )`,
    params: { tenant, most: fewMax + 1 },
  });
  const { settled_ms: settledMs, rows_since: since } = rows[0] ?? { settled_ms: 0, rows_since: 0 };
  return newTriesSince(settledMs, since === 0 ? 'none' : since > fewMax ? 'many' : 'few');
}
