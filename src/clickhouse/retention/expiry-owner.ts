import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import type { StoreWriter } from '../store-writer.js';
import { stopExpiry } from './stop-expiry.js';
import { expiringTables } from './table-retention.js';

const setting = 'max_number_of_merges_with_ttl_in_pool';
const tableRow = z.object({ name: z.string(), engine_full: z.string() });
const tables = expiringTables.map(({ table }) => table);
/** Ledgers of what was done, which hold no events, with a retention that is not configured. */
const ledgers = ['day_finalizations_v1', 'failure_settlements_v1', 'erased_ids_v1', 'leases_v1'];

/**
 * Who removes what has expired from the embedded engine. The engine goes by the wall clock of the moment: one that is
 * forty days ahead for a minute is enough. So the maintenance does it, which waits before it believes a jump, and the
 * engine is kept from it in two ways. Merges of existing tables that would remove expired rows are stopped until the
 * next start of the engine. Tables begin their merges milliseconds before that can be said, so none are begun for the
 * sake of expiry either, by a setting of the table.
 *
 * Call it after migrations, and at each start of the collector. Rejects as `StoreWriter`.
 */
export async function setExpiryOwner(store: StoreReader & StoreWriter, owner: 'engine' | 'maintenance'): Promise<void> {
  const run = (sql: string) => store.command({ name: 'expiry', sql });
  const rows = await checkedRows({ rows: (query) => store.writerRows(query) }, tableRow, {
    name: 'table_definitions',
    sql: `
      SELECT name, engine_full FROM system.tables
      WHERE database = currentDatabase() AND name IN {tables:Array(String)}`,
    params: { tables },
  });
  for (const { name, engine_full: definition } of rows) {
    const isKept = definition.includes(`${setting} = 0`);
    if (owner === 'maintenance' && !isKept) await run(`ALTER TABLE ${name} MODIFY SETTING ${setting} = 0`);
    if (owner === 'engine' && isKept) await run(`ALTER TABLE ${name} RESET SETTING ${setting}`);
  }
  if (owner === 'engine') return await run('SYSTEM START TTL MERGES');
  await run(stopExpiry);
  for (const table of ledgers) await run(`SYSTEM START TTL MERGES ${table}`);
}
