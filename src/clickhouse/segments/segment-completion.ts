import { z } from 'zod';
import { rawTable } from '../../core/event-schema.js';
import type { SpoolSegment } from '../../core/ports/spool-reader.js';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';
import type { FedTable } from './fed-tables.js';
import { insertStatement, oneBlockSettings, settingsClause } from './segment-insert.js';

/** One partition of a table as an insert reaches it: atomic, there or not. */
export function placeOf(table: string, partition: string): string {
  return `${table}/${partition}`;
}

export interface CompletionOptions {
  readonly database: string;
  readonly tables: readonly FedTable[];
  /** Whether a place has its rows. */
  readonly hasArrived: (table: string, partition: string) => boolean;
  /** Makes a token that no insert has had. */
  readonly nextToken: () => string;
}

const placeRow = z.object({ table: z.string(), partition_id: z.string(), rows: integer64 });

/**
 * Gives the rest of a segment to the places that lack it. What each table should have had is made again in tables
 * beside them: the segment's rows from its file, and of these each view's rows by the view's own query. Then partition
 * by partition what is missing is taken over: into the raw table as parts, which pass no view; into the others by an
 * insert of one block. Cut short anywhere it can be done again with the places that have arrived by then. Answers the
 * places that were fed.
 */
export async function completeSegment(
  store: StoreWriter,
  segment: SpoolSegment,
  options: CompletionOptions,
): Promise<string[]> {
  const names = [rawTable, ...options.tables.map(({ name }) => name)];
  await dropTablesBeside(store);
  await makeRows(store, segment, options);
  const fed: string[] = [];
  for (const { table, partition } of await readPlaces(store, names)) {
    if (options.hasArrived(table, partition)) continue;
    const columns = options.tables.find(({ name }) => name === table)?.columns ?? null;
    await feed(store, { table, partition, columns }, options.nextToken());
    fed.push(placeOf(table, partition));
  }
  await dropTablesBeside(store);
  return fed;
}

async function makeRows(store: StoreWriter, segment: SpoolSegment, options: CompletionOptions): Promise<void> {
  const { database, tables, nextToken } = options;
  await makeBeside(store, rawTable);
  await store.command({
    name: `rows of segment ${segment.id}`,
    sql: insertStatement(segment, { database, transport: 'infile' }, { table: beside(rawTable), token: nextToken() }),
  });
  for (const table of tables) {
    await makeBeside(store, table.name);
    const columns = table.columns.join(', ');
    await store.command({
      name: `rows of segment ${segment.id} for ${table.name}`,
      sql: `
        INSERT INTO ${beside(table.name)} (${columns}) ${oneBlock(nextToken())}
        SELECT ${columns} FROM (${table.selectFrom(beside(rawTable))})`,
    });
  }
}

async function feed(
  store: StoreWriter,
  place: { readonly table: string; readonly partition: string; readonly columns: readonly string[] | null },
  token: string,
): Promise<void> {
  const { table, partition, columns } = place;
  const name = `completion of ${table}`;
  if (columns === null) {
    const sql = `ALTER TABLE ${table} ATTACH PARTITION ID ${quoteString(partition)} FROM ${beside(table)}`;
    return await store.command({ name, sql });
  }
  await store.command({
    name,
    sql: `
      INSERT INTO ${table} (${columns.join(', ')}) ${oneBlock(token)}
      SELECT ${columns.join(', ')} FROM ${beside(table)} WHERE _partition_id = {partition:String}`,
    params: { partition },
  });
}

async function readPlaces(store: StoreWriter, tables: readonly string[]) {
  const rows = await checkedRows(readingAsWriter(store), placeRow, {
    name: 'places_of_a_segment',
    sql: `
      SELECT table, partition_id, sum(rows) AS rows FROM system.parts
      WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}
      GROUP BY table, partition_id HAVING rows > 0 ORDER BY table, partition_id`,
    params: { tables: tables.map(beside) },
  });
  return rows.map((row) => ({ table: row.table.slice(0, -suffix.length), partition: row.partition_id }));
}

// ── tables beside ───────────────────────────────────────────────────────────────────────────────────────────

const suffix = '_beside_segment';

function beside(table: string): string {
  return `${table}${suffix}`;
}

async function makeBeside(store: StoreWriter, table: string): Promise<void> {
  await store.command({ name: `table beside ${table}`, sql: `CREATE TABLE ${beside(table)} AS ${table}` });
}

const tableRow = z.object({ name: z.string() });

/** Also what an earlier completion has left. */
async function dropTablesBeside(store: StoreWriter): Promise<void> {
  const found = await checkedRows(readingAsWriter(store), tableRow, {
    name: 'tables_beside',
    sql: `SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(name, '${suffix}')`,
    params: {},
  });
  for (const { name } of found) await store.command({ name: `drop of ${name}`, sql: `DROP TABLE ${name} SYNC` });
}

/** One thread, so that the rows are one block. */
function oneBlock(token: string): string {
  return settingsClause({ ...oneBlockSettings(token), max_threads: 1 });
}
