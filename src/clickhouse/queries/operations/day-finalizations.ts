import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalText } from '../sql/column-types.js';

const row = z.object({
  day: z.string(),
  finalized_ms: epochMs,
  received_before_ms: epochMs,
  tenant: optionalText,
  agent_id: optionalText,
  agents: integer64,
  events: integer64,
  agents_repaired: integer64,
  took_ms: integer64,
});

export type DayFinalizationRow = z.output<typeof row>;

/**
 * The latest finalizations that looked at a tenant: its own and those of all tenants, newest first. One of no agents in
 * 0 ms made the day due again.
 */
export function readDayFinalizations(
  store: StoreReader,
  options: { readonly tenant: string; readonly limit: number },
): Promise<DayFinalizationRow[]> {
  return checkedRows(store, row, {
    name: 'day_finalizations',
    sql: `
      SELECT
        toString(day) AS day,
        toUnixTimestamp64Milli(finalized_at) AS finalized_ms,
        toUnixTimestamp64Milli(received_before) AS received_before_ms,
        tenant, agent_id, agents, events, agents_repaired, took_ms
      FROM day_finalizations_v1
      WHERE tenant IN ('', {tenant:String})
      ORDER BY finalized_at DESC, day_finalizations_v1.day DESC, tenant, agent_id, received_before DESC
      LIMIT {limit:UInt32}`,
    params: { tenant: options.tenant, limit: options.limit },
  });
}
