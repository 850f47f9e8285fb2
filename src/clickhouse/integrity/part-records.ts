import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { epochMs, integer64 } from '../queries/sql/column-types.js';

/** A part as it was seen: the blocks it holds, and how many rows. */
export const partRecord = z.object({
  table: z.string(),
  name: z.string(),
  partition: z.string(),
  minBlock: z.number(),
  maxBlock: z.number(),
  rows: z.number(),
  /** Time of its newest row as far as the part tells, ms since the epoch; 0 when it does not. */
  newestMs: z.number(),
});
export type PartRecord = z.infer<typeof partRecord>;

export interface StoredPart extends PartRecord {
  /** What its checksums say its files have. */
  readonly bytes: number;
  readonly path: string;
}

/** A part that the engine has set aside because something is wrong with it. */
export interface DetachedPart {
  readonly table: string;
  readonly name: string;
  readonly reason: string;
}

const partRow = z.object({
  table: z.string(),
  name: z.string(),
  partition_id: z.string(),
  min_block: integer64,
  max_block: integer64,
  rows: integer64,
  newest_ms: epochMs,
  bytes: integer64,
  path: z.string(),
});
const detachedRow = z.object({ table: z.string(), name: z.string(), reason: z.string() });

/** Beside tables come and go by themselves. */
const isKept = "position(table, '_beside_') = 0";

export async function readParts(store: StoreReader): Promise<StoredPart[]> {
  const rows = await checkedRows(store, partRow, {
    name: 'parts',
    sql: `
      SELECT table, name, partition_id, min_block_number AS min_block, max_block_number AS max_block, rows,
        bytes_on_disk AS bytes, path,
        toInt64(1000) * if(toUnixTimestamp(max_time) > 0, toUnixTimestamp(max_time),
          toUnixTimestamp(toDateTime(max_date, 'UTC'))) AS newest_ms
      FROM system.parts
      WHERE active AND rows > 0 AND database = currentDatabase() AND ${isKept}`,
    params: {},
  });
  return rows.map((row) => ({
    table: row.table,
    name: row.name,
    partition: row.partition_id,
    minBlock: row.min_block,
    maxBlock: row.max_block,
    rows: row.rows,
    newestMs: row.newest_ms,
    bytes: row.bytes,
    path: row.path,
  }));
}

const countRow = z.object({ count: integer64 });

/** Whether parts that this one replaced are still on the disk. */
export async function hasReplaced(store: StoreReader, part: StoredPart): Promise<boolean> {
  const { table, name, partition, minBlock, maxBlock } = part;
  const [found] = await checkedRows(store, countRow, {
    name: 'replaced_parts',
    sql: `
      SELECT count() AS count FROM system.parts
      WHERE NOT active AND rows > 0 AND database = currentDatabase() AND table = {table:String}
        AND partition_id = {partition:String} AND name != {name:String}
        AND min_block_number >= {min:Int64} AND max_block_number <= {max:Int64}`,
    params: { table, name, partition, min: minBlock, max: maxBlock },
  });
  return found !== undefined && found.count > 0;
}

/**
 * Writes to files that failed since the engine's start, pipes that nobody reads any more among them. The engine counts
 * them and goes on as if they had been done (chDB 26.7): an insert succeeds and a merge replaces its parts while a file
 * is empty or cut.
 */
export async function readFailedWrites(store: StoreReader): Promise<number> {
  const [found] = await checkedRows(store, countRow, {
    name: 'failed_writes',
    sql: "SELECT value AS count FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'",
    params: {},
  });
  return found?.count ?? 0;
}

/** Those without a reason were detached by somebody on purpose. */
export async function readDetachedParts(store: StoreReader): Promise<DetachedPart[]> {
  return await checkedRows(store, detachedRow, {
    name: 'detached_parts',
    sql: `
      SELECT table, name, ifNull(reason, '') AS reason FROM system.detached_parts
      WHERE database = currentDatabase() AND reason != '' AND ${isKept}`,
    params: {},
  });
}

/**
 * Of the parts seen before, those whose rows are not there any more, with how many are missing. A part lives on in one
 * that holds its blocks, and, when a merge was undone, in the parts it was merged from. `mayGo` names what expires.
 */
export function missingRows(
  before: readonly PartRecord[],
  now: readonly PartRecord[],
  mayGo: (part: PartRecord) => boolean,
): { readonly part: PartRecord; readonly rows: number }[] {
  const places = new Map<string, PartRecord[]>();
  for (const part of now) {
    const key = `${part.table}/${part.partition}`;
    const there = places.get(key);
    if (there === undefined) places.set(key, [part]);
    else there.push(part);
  }
  return before.flatMap((part) => {
    const there = places.get(`${part.table}/${part.partition}`) ?? [];
    if (there.some((other) => other.minBlock <= part.minBlock && other.maxBlock >= part.maxBlock)) return [];
    const pieces = there.filter((other) => other.minBlock >= part.minBlock && other.maxBlock <= part.maxBlock);
    const rows = part.rows - pieces.reduce((sum, piece) => sum + piece.rows, 0);
    return rows <= 0 || mayGo(part) ? [] : [{ part, rows }];
  });
}
