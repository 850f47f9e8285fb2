import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalMs } from '../sql/column-types.js';

/** A request to erase, as the ledger has it; the columns of `erasureColumns`. */
export const erasureRow = {
  erasure_id: z.string(),
  kind: z.enum(['run', 'user']),
  requested_by: z.string(),
  requested_ms: epochMs,
  completed_ms: optionalMs,
  rows: z.record(z.string(), integer64),
  late_rows: integer64,
  purged_ms: optionalMs,
};

export const erasureColumns = `erasure_id, kind, requested_by, toUnixTimestamp64Milli(requested_at) AS requested_ms,
  toUnixTimestamp64Milli(completed_at) AS completed_ms, rows, late_rows,
  toUnixTimestamp64Milli(purged_at) AS purged_ms`;

/** `ids`: how many runs or people it was about; 0 before it is complete, and once their hashes have expired. */
const row = z.object({ ...erasureRow, ids: integer64 });

export type ErasureRow = z.output<typeof row>;

/** Requests of a tenant to erase, newest first; of one run or person when its id is given. */
export function readErasures(
  store: StoreReader,
  options: { readonly tenant: string; readonly id: string | null; readonly limit: number },
): Promise<ErasureRow[]> {
  // Hashed as in erasure-ledger.ts: the ids themselves are not kept.
  const hashed = (kind: string) => `lower(hex(SHA256(concat({tenant:String}, '\\n', '${kind}', '\\n', {id:String}))))`;
  return checkedRows(store, row, {
    name: 'erasures',
    sql: `
      WITH page AS (
        SELECT ${erasureColumns}
        FROM erasures_v1 FINAL
        WHERE tenant = {tenant:String} AND ({id:String} = '' OR erasure_id IN (
          SELECT erasure_id FROM erased_ids_v1
          WHERE tenant = {tenant:String} AND id_hash IN (${hashed('run')}, ${hashed('user')})))
        ORDER BY requested_at DESC, erasure_id DESC
        LIMIT {limit:UInt32}
      )
      SELECT page.*, counted.ids AS ids
      FROM page
      LEFT JOIN (
        SELECT erasure_id, kind, uniqExact(id_hash) AS ids
        FROM erased_ids_v1
        WHERE tenant = {tenant:String} AND erasure_id IN (SELECT erasure_id FROM page)
        GROUP BY erasure_id, kind
      ) AS counted ON counted.erasure_id = page.erasure_id AND counted.kind = toString(page.kind)
      ORDER BY requested_ms DESC, erasure_id DESC`,
    params: { tenant: options.tenant, id: options.id ?? '', limit: options.limit },
  });
}
