import { join } from 'node:path';
import { z } from 'zod';
import { rawTable } from '../../core/event-schema.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';
import { emptyDescription, listedBytes } from './part-files.js';

/** Highest number of a block in each table, 0 without parts. Each insert takes higher ones. */
export type BlockMarks = Readonly<Record<string, number>>;

/** A part that holds blocks of an insert, alone or merged with older ones. */
export interface ArrivedPart {
  readonly table: string;
  readonly name: string;
  readonly partition: string;
  /** It holds nothing that was there before. */
  readonly isOwn: boolean;
  readonly rows: number;
  readonly bytes: number;
  /** Its directory, as this process sees it. */
  readonly directory: string;
}

const markRow = z.object({ table: z.string(), block: integer64 });
const partRow = z.object({
  table: z.string(),
  name: z.string(),
  partition_id: z.string(),
  min_block: integer64,
  max_block: integer64,
  rows: integer64,
  bytes: integer64,
  path: z.string(),
});
const checkRow = z.object({ is_passed: integer64, message: z.string() });

/** Tables a segment reaches: the raw one and those that `FedTable` describes. */
const reached = `(table = '${rawTable}' OR table IN {tables:Array(String)})`;
/** A patch has numbers of its own. */
const isData = "NOT startsWith(partition_id, 'patch-')";

export async function readBlockMarks(store: StoreReader, tables: readonly string[]): Promise<BlockMarks> {
  const rows = await checkedRows(store, markRow, {
    name: 'block_marks',
    sql: `
      SELECT table, max(max_block_number) AS block FROM system.parts
      WHERE database = currentDatabase() AND ${reached} AND ${isData}
      GROUP BY table`,
    params: { tables },
  });
  const empty = [rawTable, ...tables].map((table) => [table, 0] as const);
  return Object.fromEntries([...empty, ...rows.map(({ table, block }) => [table, block] as const)]);
}

/**
 * Parts with rows and a block above the marks: a part without rows is what a detached one leaves in its place until the
 * engine has cleared it away. `engineDir`: where the engine runs; its own paths begin there.
 */
export async function readArrivedParts(
  store: StoreReader,
  {
    tables,
    marks,
    engineDir,
  }: {
    readonly tables: readonly string[];
    readonly marks: BlockMarks;
    readonly engineDir: string;
  },
): Promise<ArrivedPart[]> {
  const rows = await checkedRows(store, partRow, {
    name: 'arrived_parts',
    sql: `
      SELECT table, name, partition_id, min_block_number AS min_block, max_block_number AS max_block, rows,
        bytes_on_disk AS bytes, path
      FROM system.parts
      WHERE active AND rows > 0 AND database = currentDatabase() AND ${reached} AND ${isData}
        AND max_block_number > transform(
          table, {marked:Array(String)}, arrayMap(mark -> toInt64(mark), {blocks:Array(String)}), toInt64(0)
        )`,
    params: { tables, marked: Object.keys(marks), blocks: Object.values(marks).map(String) },
  });
  return rows.map((row) => ({
    table: row.table,
    name: row.name,
    partition: row.partition_id,
    isOwn: row.min_block > (marks[row.table] ?? 0),
    rows: row.rows,
    bytes: row.bytes,
    directory: directoryOf(row.path, engineDir),
  }));
}

/** The engine names its own paths by its current directory where the system has a name for that. */
export function directoryOf(path: string, engineDir: string): string {
  return path.startsWith(ownPaths) ? join(engineDir, path.slice(ownPaths.length)) : path;
}

const ownPaths = '/proc/self/cwd/';

/** Whether a part is complete: by the sizes of its files, and where those differ by the engine's own check. */
export async function isWhole(store: StoreWriter, part: ArrivedPart): Promise<boolean> {
  if ((await emptyDescription(part.directory)) !== null) return false;
  if ((await listedBytes(part.directory)) === part.bytes) return true;
  return (await checkPart(store, part)) === null;
}

/** What the engine finds wrong with a part when it reads all of it; null when nothing is. */
export async function checkPart(
  store: StoreWriter,
  { table, name }: { readonly table: string; readonly name: string },
): Promise<string | null> {
  const [found] = await checkedRows(readingAsWriter(store), checkRow, {
    name: 'check_of_a_part',
    sql: `CHECK TABLE ${table} PART ${quoteString(name)} SETTINGS check_query_single_value_result = 0`,
    params: {},
  });
  return found === undefined || found.is_passed === 1 ? null : found.message || 'it is not what its checksums say';
}
