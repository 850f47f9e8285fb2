import { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import type { StoreQuery, StoreReader } from '../../core/ports/store-reader.js';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import type { StoreWriter } from '../store-writer.js';

export interface SelectedRows {
  readonly table: string;
  /** Its text stays in the store for a while: no ids in it. */
  readonly where: string;
  readonly params: StoreQuery['params'];
}

/**
 * Hides rows of a table that has no patches: the parts that hold such rows are written again, the others are linked.
 * Answers how many it was. Rejects with `store_overloaded` when that takes longer than half a minute.
 */
export function maskRows(store: StoreWriter, rows: SelectedRows): Promise<number> {
  return mutate(store, rows, {
    name: `removal from ${rows.table}`,
    sql: `
      DELETE FROM ${rows.table} WHERE ${rows.where}
      SETTINGS lightweight_delete_mode = 'alter_update', lightweight_deletes_sync = 0`,
  });
}

/**
 * Changes columns that are not of the key, where they are: what others insert meanwhile is left as it is. `where` must
 * not hold for what the rows become. Answers and rejects as `maskRows`.
 */
export function changeRows(
  store: StoreWriter,
  { values, ...rows }: SelectedRows & { readonly values: Readonly<Record<string, string>> },
): Promise<number> {
  const changes = Object.entries(values).map(([name, value]) => `${name} = ${value}`);
  return mutate(store, rows, {
    name: `change of ${rows.table}`,
    sql: `ALTER TABLE ${rows.table} UPDATE ${changes.join(', ')} WHERE ${rows.where} SETTINGS mutations_sync = 0`,
  });
}

/** Behind what an earlier attempt has begun, which may have left nothing to do. */
async function mutate(
  store: StoreWriter,
  { table, where, params }: SelectedRows,
  statement: { readonly name: string; readonly sql: string },
): Promise<number> {
  const reader = readingAsWriter(store);
  await mutationsOver(reader, table);
  const rows = await countRows(reader, { table, where, params });
  if (rows === 0) return 0;
  await store.command({ ...statement, params });
  await mutationsOver(reader, table);
  return rows;
}

/** Polls of a mutation, a tenth of a second each in the engine, before it is left to a later attempt. */
const mutationPollsMax = 300;
const countRow = z.object({ count: integer64 });

async function mutationsOver(reader: StoreReader, table: string): Promise<void> {
  if (await areMutationsOver(reader, { table, pollsMax: mutationPollsMax })) return;
  throw new CollectorError('store_overloaded', `cannot erase from ${table}: a mutation of it does not end`);
}

/**
 * Whether no mutation of the table is left, for which it waits a tenth of a second with each poll. By looking, because
 * a statement that waits keeps every insert of the embedded engine waiting as well.
 */
export async function areMutationsOver(
  reader: StoreReader,
  { table, pollsMax }: { readonly table: string; readonly pollsMax: number },
): Promise<boolean> {
  for (let poll = 0; poll < pollsMax; poll++) {
    const [left] = await checkedRows(reader, countRow, {
      name: 'mutations_left',
      sql: `
        SELECT (SELECT count() FROM system.mutations
          WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done) AS count,
          ${poll > 0 ? 'sleep(0.1)' : '0'} AS waited`,
      params: { table },
    });
    if (left?.count === 0) return true;
  }
  return false;
}

async function countRows(reader: StoreReader, { table, where, params }: SelectedRows): Promise<number> {
  const sql = `SELECT count() AS count FROM ${table} WHERE ${where}`;
  const [found] = await checkedRows(reader, countRow, { name: 'rows_to_erase', sql, params });
  return found?.count ?? 0;
}
