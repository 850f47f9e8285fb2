import { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import type { StoreQuery, StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';

export interface RowRewrite {
  readonly table: string;
  /** The rows; must not hold for what they become. Its text stays in the store for a while: no ids in it. */
  readonly where: string;
  /** Their new values by column, expressions of the old ones; null: they go. */
  readonly values: Readonly<Record<string, string>> | null;
  readonly params: StoreQuery['params'];
  /** Names what is set aside: the same when it is tried again. Letters, digits and underscores. */
  readonly id: string;
}

const countRow = z.object({ count: integer64 });
const tableRow = z.object({ uuid: z.string() });

/**
 * Changes or removes rows of a small table of sums, where no patch can: the engine has none for AggregatingMergeTree.
 * The new rows are set aside first, under a name that appears when they are complete; then the old ones are masked, and
 * the new ones come. What was cut short is taken up where it ended. Nothing may be inserted meanwhile. Answers how many
 * rows it was. (REPLACE PARTITION would do it at once, but what it replaced is back after a kill of the engine.)
 */
export async function rewriteRows(store: StoreWriter, rewrite: RowRewrite): Promise<number> {
  const { table, where, values, params } = rewrite;
  const reader: StoreReader = { rows: (query) => store.writerRows(query) };
  const run = (sql: string) => store.command({ name: `rewriting of ${table}`, sql, params });
  const aside = `${table}_beside_${rewrite.id}`;
  if (values === null) {
    const rows = await countRows(reader, table, rewrite);
    if (rows > 0) await maskRows(store, reader, rewrite);
    return rows;
  }
  if ((await uuidOf(reader, aside)) === null) {
    if ((await countRows(reader, table, rewrite)) === 0) return 0;
    const replaced = Object.entries(values)
      .map(([name, value]) => `${value} AS ${name}`)
      .join(', ');
    await run(`DROP TABLE IF EXISTS ${aside}_partly SYNC`);
    await run(`CREATE TABLE ${aside}_partly AS ${table}`);
    // Of a subquery: beside them the condition would see the new values.
    const old = `(SELECT * FROM ${table} WHERE ${where})`;
    await run(`INSERT INTO ${aside}_partly SELECT * REPLACE (${replaced}) FROM ${old}`);
    await run(`RENAME TABLE ${aside}_partly TO ${aside}`);
  }
  const rows = await countRows(reader, aside, { where: 'true', params });
  // Of the table set aside, and so of this attempt and its repetitions alone.
  const token = `rewriting-${await uuidOf(reader, aside)}`;
  await maskRows(store, reader, rewrite);
  await run(`
    INSERT INTO ${table} SETTINGS async_insert = 0, insert_deduplication_token = ${quoteString(token)},
      max_threads = 1, max_insert_threads = 1
    SELECT * FROM ${aside}`);
  await run(`DROP TABLE ${aside} SYNC`);
  return rows;
}

/** Polls of a mutation, a tenth of a second each in the engine, before it is left to a later attempt. */
const maskPollsMax = 300;

/**
 * Writes the parts again that hold such rows; the others are linked. Waited for by looking, because a statement that
 * waits keeps every insert of the embedded engine waiting as well. Rejects with `store_overloaded` after half a minute.
 */
async function maskRows(store: StoreWriter, reader: StoreReader, rewrite: RowRewrite): Promise<void> {
  const { table, where, params } = rewrite;
  await store.command({
    name: `removal from ${table}`,
    sql: `
      DELETE FROM ${table} WHERE ${where}
      SETTINGS lightweight_delete_mode = 'alter_update', lightweight_deletes_sync = 0`,
    params,
  });
  for (let poll = 0; poll < maskPollsMax; poll++) {
    const [left] = await checkedRows(reader, countRow, {
      name: 'mutations_left',
      sql: `
        SELECT (SELECT count() FROM system.mutations
          WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done) AS count,
          ${poll > 0 ? 'sleep(0.1)' : '0'} AS waited`,
      params: { table },
    });
    if (left?.count === 0) return;
  }
  throw new CollectorError('store_overloaded', `cannot erase from ${table}: a mutation of it does not end`);
}

async function countRows(
  reader: StoreReader,
  table: string,
  { where, params }: Pick<RowRewrite, 'where' | 'params'>,
): Promise<number> {
  const sql = `SELECT count() AS count FROM ${table} WHERE ${where}`;
  const [found] = await checkedRows(reader, countRow, { name: 'rows_to_rewrite', sql, params });
  return found?.count ?? 0;
}

/** Null when there is no such table. */
async function uuidOf(reader: StoreReader, table: string): Promise<string | null> {
  const sql = 'SELECT uuid FROM system.tables WHERE database = currentDatabase() AND name = {table:String}';
  const [found] = await checkedRows(reader, tableRow, { name: 'table_uuid', sql, params: { table } });
  return found?.uuid ?? null;
}
