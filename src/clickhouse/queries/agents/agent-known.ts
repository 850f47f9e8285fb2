import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';

const row = z.object({ known: z.literal(1) });

export interface AgentKey {
  readonly tenant: string;
  readonly agentId: string;
}

/**
 * Whether this tenant has ever sent an event of the agent. The day rollup is the register of agents and is kept for
 * good; the raw rows are asked for agents whose only events, none of them the end of anything, are from before it was.
 * Each side stops at its first row, found by the primary key.
 */
export async function readAgentKnown(store: StoreReader, key: AgentKey): Promise<boolean> {
  const rows = await checkedRows(store, row, {
    name: 'agent_known',
    sql: `
      SELECT 1 AS known FROM agent_performance_per_day_v1
      WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
      LIMIT 1
      UNION ALL
      SELECT 1 AS known FROM agent_events_raw_v1
      WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
      LIMIT 1`,
    params: { tenant: key.tenant, agent_id: key.agentId },
    isSmall: true,
  });
  return rows.length > 0;
}
