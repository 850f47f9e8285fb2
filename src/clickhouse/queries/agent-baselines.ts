import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { dateText } from './bucket-time.js';
import { checkedRows } from './checked-rows.js';
import { integer64, optionalText } from './column-types.js';

const row = z.object({ id: z.string(), latest_name: optionalText, successes: integer64, failures: integer64 });

export type AgentBaselineRow = z.output<typeof row>;

export interface AgentBaselineRange {
  readonly tenant: string;
  readonly agentIds: readonly string[];
  /** UTC days, half open, ms since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** The latest name of some agents, and how their executions ended on some days. */
export function readAgentBaselines(store: StoreReader, range: AgentBaselineRange): Promise<AgentBaselineRow[]> {
  return checkedRows(store, row, {
    name: 'agent_baselines',
    sql: `
      SELECT
        toString(agent_id) AS id,
        argMaxMerge(agent_name) AS latest_name,
        sumIf(successful, day >= {from_day:Date} AND day < {to_day:Date}) AS successes,
        sumIf(failed, day >= {from_day:Date} AND day < {to_day:Date}) AS failures
      FROM agent_performance_per_day_v1
      WHERE tenant = {tenant:String} AND agent_id IN {agent_ids:Array(String)}
      GROUP BY agent_id`,
    params: {
      tenant: range.tenant,
      agent_ids: range.agentIds,
      from_day: dateText(range.fromMs),
      to_day: dateText(range.toMs),
    },
  });
}
