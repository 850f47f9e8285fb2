import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { epochMs } from '../queries/sql/column-types.js';
import { hashedId } from './erasure-ledger.js';

const lateRow = z.object({
  erasure_id: z.string(),
  tenant: z.string(),
  kind: z.enum(['run', 'user']),
  id: z.string(),
  until_ms: epochMs,
});

export type LateSubject = z.output<typeof lateRow>;

/**
 * Erased runs and people of whom events have come since: of a run any, of a person those that happened before the
 * erasure. Runs are looked for among the sums of runs, people among the raw events received since; each is hashed once.
 */
export function readLateSubjects(
  store: StoreReader,
  { receivedFromMs, erasedFromMs }: { readonly receivedFromMs: number; readonly erasedFromMs: number },
): Promise<LateSubject[]> {
  const since = "fromUnixTimestamp64Milli({received_from_ms:Int64}, 'UTC')";
  return checkedRows(store, lateRow, {
    name: 'late_events_of_erased',
    sql: `
      SELECT e.erasure_id AS erasure_id, e.tenant AS tenant, e.kind AS kind, c.id AS id,
        toUnixTimestamp64Milli(e.until) AS until_ms
      FROM
      (
        SELECT *, ${hashedId('kind', 'id')} AS id_hash FROM
        (
          SELECT toString(tenant) AS tenant, 'run' AS kind, run_id AS id, min(first_ts) AS first
          FROM agent_run_activity_v1 WHERE last_received >= ${since} GROUP BY tenant, id
          UNION ALL
          SELECT toString(tenant) AS tenant, 'user' AS kind, user_id AS id, min(ts) AS first
          FROM agent_events_raw_v1 WHERE received >= ${since} AND user_id != '' GROUP BY tenant, id
        )
      ) AS c
      INNER JOIN
      (
        SELECT tenant, kind, id_hash, argMax(erasure_id, erased_at) AS erasure_id, max(v.until) AS until
        FROM erased_ids_v1 AS v
        WHERE erased_at >= fromUnixTimestamp64Milli({erased_from_ms:Int64}, 'UTC')
        GROUP BY tenant, kind, id_hash
      ) AS e ON e.tenant = c.tenant AND e.kind = c.kind AND e.id_hash = c.id_hash
      WHERE c.first <= e.until`,
    params: { received_from_ms: receivedFromMs, erased_from_ms: erasedFromMs },
  });
}
