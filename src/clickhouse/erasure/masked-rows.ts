import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import type { StoreWriter } from '../store-writer.js';
import { readErasableTables, rewrittenTables } from './erasable-tables.js';
import { areMutationsOver } from './row-rewrite.js';

const stateRow = z.object({ hidden: z.number(), under_way: integer64 });

/** Both steps of a table, and a last look. */
const looksMax = 3;
/** A small store is done with a step in a fraction of it. */
const stepPollsMax = 10;

/**
 * Has the rows that are erased and still on disk removed, in the background: the engine writes the parts that hold them
 * again, once to mask them and once without them; other parts are linked. 0.7 us of CPU for each row of such a part.
 * One call goes on until a step takes longer than a second; answers whether nothing is left to do. Merges do the same
 * earlier where they come by.
 *
 * One table after another: what the engine has no thread for, it looks at again after 0.1 s and then after twice as
 * long each time, with all of its threads idle meanwhile.
 */
export async function removeMaskedRows(store: StoreWriter): Promise<boolean> {
  const reader: StoreReader = { rows: (query) => store.writerRows(query) };
  const erasable = (await readErasableTables(reader)).map(({ name }) => name);
  let isDone = true;
  for (const table of [...erasable, ...rewrittenTables]) {
    const state = await removedFrom(store, reader, table);
    if (state === 'begun') return false;
    if (state === 'busy') isDone = false;
  }
  return isDone;
}

/** `busy`: by what an earlier call has begun, so that a table whose step fails keeps no other waiting. */
async function removedFrom(
  store: StoreWriter,
  reader: StoreReader,
  table: string,
): Promise<'clean' | 'begun' | 'busy'> {
  for (let look = 0; look < looksMax; look++) {
    const [state] = await checkedRows(reader, stateRow, {
      name: 'masked_rows',
      sql: `
        SELECT
          toFloat64((SELECT sum(rows) FROM system.parts WHERE active AND database = currentDatabase()
            AND table = '${table}' AND NOT startsWith(name, 'patch-')))
            - toFloat64((SELECT count() FROM ${table})) AS hidden,
          (SELECT count() FROM system.mutations WHERE database = currentDatabase()
            AND table = '${table}' AND NOT is_done) AS under_way`,
      params: {},
    });
    if (state === undefined) return 'clean';
    if (state.under_way > 0) return 'busy';
    if (state.hidden <= 0) return 'clean';
    await store.command({
      name: `removal from ${table}`,
      sql: `ALTER TABLE ${table} APPLY DELETED MASK SETTINGS mutations_sync = 0`,
    });
    if (!(await areMutationsOver(reader, { table, pollsMax: stepPollsMax }))) return 'begun';
  }
  return 'begun';
}
