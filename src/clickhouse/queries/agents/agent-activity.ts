import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { ceilTo, dayMs, floorTo } from '../../../core/time-span.js';
import { integer64 } from '../sql/column-types.js';
import { rememberedRows } from '../sql/remembered-rows.js';

const row = z.object({ agent_id: z.string(), total: integer64, successful: integer64, failed: integer64 });

export type AgentActivityRow = z.output<typeof row>;

export interface AgentActivityRange {
  readonly tenant: string;
  readonly agentIds: readonly string[];
  /** Minutes from this one on, ms since the epoch. */
  readonly fromMs: number;
  /** Up to and without this one. */
  readonly toMs: number;
}

/** Executions of some agents by outcome over a range of minutes; an agent without any has no row. */
export function readAgentActivity(store: StoreReader, range: AgentActivityRange): Promise<readonly AgentActivityRow[]> {
  const days = { fromMs: floorTo(range.fromMs, dayMs), toMs: ceilTo(range.toMs, dayMs) };
  return rememberedRows(store, row, {
    sources: [{ table: 'agent_performance_per_minute_v1', days }],
    name: 'agent_activity',
    sql: `
      SELECT agent_id, sum(total) AS total, sum(successful) AS successful, sum(failed) AS failed
      FROM agent_performance_per_minute_v1
      WHERE tenant = {tenant:String}
        AND agent_id IN {agent_ids:Array(String)}
        AND minute >= toDateTime({from_s:UInt32}, 'UTC')
        AND minute < toDateTime({to_s:UInt32}, 'UTC')
      GROUP BY agent_id`,
    params: {
      tenant: range.tenant,
      agent_ids: range.agentIds,
      from_s: Math.floor(range.fromMs / 1000),
      to_s: Math.floor(range.toMs / 1000),
    },
  });
}
