import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { keyOf } from './rollup-repair.js';

const agentRow = z.object({ tenant: z.string(), agent_id: z.string() });

/** Agents of whom events of the day were erased, by `keyOf`. */
export async function readErasedAgents(store: StoreReader, dayMs: number): Promise<ReadonlySet<string>> {
  const rows = await checkedRows(store, agentRow, {
    name: 'agents_with_erased_events',
    sql: `
      SELECT DISTINCT tenant, agent_id FROM erased_agent_days_v1
      WHERE day = toDate(fromUnixTimestamp64Milli({day_ms:Int64}, 'UTC'))`,
    params: { day_ms: dayMs },
  });
  return new Set(rows.map((row) => keyOf({ tenant: row.tenant, agentId: row.agent_id })));
}
