import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { integer64 } from './column-types.js';
import { failureTable, isNew, type NewTries } from './failure-outcomes.js';

const row = z.object({ rows_since: integer64 });

/** Looked up one by one below this; above it is cheaper to keep those of units that failed. */
const fewMax = 50_000;

/** How many failures and tries of the tenant came since outcomes were settled last: 8 ms of CPU. */
export async function readNewTries(store: StoreReader, tenant: string): Promise<NewTries> {
  const rows = await checkedRows(store, row, {
    name: 'new_tries',
    sql: `
      SELECT count() AS rows_since FROM (
        SELECT 1 FROM ${failureTable}
        WHERE tenant = {tenant:String} AND lane != 'settled' AND ${isNew}
        LIMIT {most:UInt32}
      )`,
    params: { tenant, most: fewMax + 1 },
  });
  const since = rows[0]?.rows_since ?? 0;
  return since === 0 ? 'none' : since > fewMax ? 'many' : 'few';
}
