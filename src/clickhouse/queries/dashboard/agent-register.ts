import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { epochMs, integer64 } from '../sql/column-types.js';
import { rememberedRows } from '../sql/remembered-rows.js';

const row = z.object({
  total_agents: integer64,
  active_24h: integer64,
  active_7d: integer64,
  active_30d: integer64,
  newest_received_ms: epochMs,
});

/** `newest_received_ms`: 0 when the tenant has no event. */
export type AgentRegisterRow = z.output<typeof row>;

/** An agent is active since a time when an event of it was received then or later. Ms since the epoch. */
export interface AgentRegisterRange {
  readonly tenant: string;
  readonly dayFromMs: number;
  readonly weekFromMs: number;
  readonly monthFromMs: number;
}

/** How many agents the tenant has ever sent an event of, and when the newest event was received. */
export async function readAgentRegister(store: StoreReader, range: AgentRegisterRange): Promise<AgentRegisterRow> {
  const rows = await rememberedRows(store, row, {
    sources: [{ table: 'agent_performance_per_day_v1', days: null }],
    name: 'agent_register',
    sql: `
      SELECT
        count() AS total_agents,
        countIf(last_received_ms >= {day_from_ms:Int64}) AS active_24h,
        countIf(last_received_ms >= {week_from_ms:Int64}) AS active_7d,
        countIf(last_received_ms >= {month_from_ms:Int64}) AS active_30d,
        max(last_received_ms) AS newest_received_ms
      FROM (
        SELECT toUnixTimestamp64Milli(max(last_received)) AS last_received_ms
        FROM agent_performance_per_day_v1
        WHERE tenant = {tenant:String}
        GROUP BY agent_id
      )`,
    params: {
      tenant: range.tenant,
      day_from_ms: range.dayFromMs,
      week_from_ms: range.weekFromMs,
      month_from_ms: range.monthFromMs,
    },
  });
  const [only] = rows;
  if (only === undefined) throw new Error('cannot read agent_register: an aggregate without a row');
  return only;
}
