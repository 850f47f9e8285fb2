import { Readable } from 'node:stream';
import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { erasureColumns, erasureRow } from '../queries/operations/erasures.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';
import type { ErasureKind } from './erasable-tables.js';
import type { ErasedRows } from './erasure-work.js';

/** A request to erase, as the ledger keeps it: without the id it was about. */
export interface ErasureEntry {
  readonly erasureId: string;
  readonly tenant: string;
  readonly kind: ErasureKind;
  readonly requestedBy: string;
  readonly requestedMs: number;
  readonly completedMs: number | null;
  readonly rows: ErasedRows;
  /** Rows of events that came afterwards and were erased as well. */
  readonly lateRows: number;
  /** When nothing of it was left on disk, masked or not. */
  readonly purgedMs: number | null;
}

/** An id in the ledger: SHA-256, in hex. Whoever knows an id can look for it; the ledger does not tell it. */
export function hashedId(kind: string, id: string): string {
  return `lower(hex(SHA256(concat(tenant, '\\n', ${kind}, '\\n', ${id}))))`;
}

/** Adds the state of a request, the newest of it: also where an earlier one is of a clock that was ahead. */
export async function writeEntry(store: StoreWriter, entry: ErasureEntry, versionMs: number): Promise<void> {
  const time = (ms: number | null) => ms ?? 0;
  await store.command({
    name: 'record of an erasure',
    sql: `
      INSERT INTO erasures_v1 (erasure_id, tenant, kind, requested_by, requested_at, completed_at, rows, late_rows,
        purged_at, version)
      SELECT {erasure:String}, {tenant:String}, {kind:String}, {requested_by:String},
        fromUnixTimestamp64Milli({requested_ms:Int64}, 'UTC'), ${optionalTime('completed_ms')},
        mapFromArrays({tables:Array(String)}, arrayMap(count -> toUInt64(count), {counts:Array(String)})),
        {late_rows:UInt64},
        ${optionalTime('purged_ms')}, greatest({version:UInt64}, max(earlier.version) + 1)
      FROM erasures_v1 AS earlier
      WHERE earlier.tenant = {tenant:String} AND earlier.erasure_id = {erasure:String}`,
    params: {
      erasure: entry.erasureId,
      tenant: entry.tenant,
      kind: entry.kind,
      requested_by: entry.requestedBy,
      requested_ms: entry.requestedMs,
      completed_ms: time(entry.completedMs),
      tables: Object.keys(entry.rows),
      counts: Object.values(entry.rows).map(String),
      late_rows: entry.lateRows,
      purged_ms: time(entry.purgedMs),
      version: versionMs,
    },
  });
}

function optionalTime(parameter: string): string {
  const time = `{${parameter}:Int64}`;
  return `if(${time} = 0, NULL, fromUnixTimestamp64Milli(${time}, 'UTC'))`;
}

const entryRow = z.object({ ...erasureRow, tenant: z.string() });

/** Requests for which `condition` holds, oldest first. */
export async function readEntries(
  store: StoreReader,
  { condition, params = {} }: { readonly condition: string; readonly params?: Readonly<Record<string, string>> },
): Promise<ErasureEntry[]> {
  const rows = await checkedRows(store, entryRow, {
    name: 'erasure_entries',
    sql: `
      SELECT tenant, ${erasureColumns}
      FROM erasures_v1 FINAL
      WHERE ${condition}
      ORDER BY requested_at, erasure_id`,
    params,
  });
  return rows.map((row) => ({
    erasureId: row.erasure_id,
    tenant: row.tenant,
    kind: row.kind,
    requestedBy: row.requested_by,
    requestedMs: row.requested_ms,
    completedMs: row.completed_ms,
    rows: row.rows,
    lateRows: row.late_rows,
    purgedMs: row.purged_ms,
  }));
}

/** The ids a request is about, until it is complete: all of them or none, in one block. */
export async function writeSubjects(
  store: StoreWriter,
  { erasureId, ids }: { readonly erasureId: string; readonly ids: readonly string[] },
): Promise<void> {
  const rows = ids.map((id) => `${JSON.stringify({ erasure_id: erasureId, kind: 'subject', id })}\n`);
  await store.insertStream(
    {
      name: 'subjects of an erasure',
      sql: 'INSERT INTO erasure_targets_v1 (erasure_id, kind, id) SETTINGS async_insert = 0 FORMAT JSONEachRow',
    },
    () => Readable.from([Buffer.from(rows.join(''))]),
  );
}

const begunRow = z.object({ erasure_id: z.string() });

/** Every erasure that has left something in the table of targets. */
export async function readBegunErasures(store: StoreReader): Promise<string[]> {
  const rows = await checkedRows(store, begunRow, {
    name: 'begun_erasures',
    sql: 'SELECT DISTINCT erasure_id FROM erasure_targets_v1',
    params: {},
  });
  return rows.map((row) => row.erasure_id);
}

/** Forgets the ids an erasure has collected. */
export async function dropTargets(store: StoreWriter, erasureId: string): Promise<void> {
  await store.command({
    name: 'end of an erasure',
    sql: `ALTER TABLE erasure_targets_v1 DROP PARTITION ${quoteString(erasureId)}`,
  });
}

/** Keeps hashes of the erased ids, by which events that come later are recognised. */
export async function writeErasedIds(
  store: StoreWriter,
  entry: Pick<ErasureEntry, 'erasureId' | 'tenant' | 'kind'> & { readonly untilMs: number },
): Promise<void> {
  await store.command({
    name: 'hashes of erased ids',
    sql: `
      INSERT INTO erased_ids_v1 (tenant, kind, id_hash, erasure_id, until, erased_at)
      SELECT DISTINCT {tenant:String} AS tenant, if(kind = 'subject', {kind:String}, 'run') AS named,
        ${hashedId('named', 'id')}, erasure_id, fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), now64(3, 'UTC')
      FROM erasure_targets_v1
      WHERE erasure_id = {erasure:String} AND kind IN ('subject', 'run')`,
    params: { tenant: entry.tenant, kind: entry.kind, erasure: entry.erasureId, until_ms: entry.untilMs },
  });
}
