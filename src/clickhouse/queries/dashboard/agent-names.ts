import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { optionalText } from '../sql/column-types.js';
import { rememberedRows } from '../sql/remembered-rows.js';

const row = z.object({ agent_id: z.string(), agent_name: optionalText });

/** The latest display name of some agents, by id; null where none was sent. No query for no agents. */
export async function readAgentNames(
  store: StoreReader,
  agents: { readonly tenant: string; readonly agentIds: readonly string[] },
): Promise<ReadonlyMap<string, string | null>> {
  if (agents.agentIds.length === 0) return new Map();
  const rows = await rememberedRows(store, row, {
    sources: [{ table: 'agent_performance_per_day_v1', days: null }],
    name: 'agent_names',
    sql: `
      SELECT agent_id, argMaxMerge(agent_name) AS agent_name
      FROM agent_performance_per_day_v1
      WHERE tenant = {tenant:String} AND agent_id IN {agent_ids:Array(String)}
      GROUP BY agent_id`,
    params: { tenant: agents.tenant, agent_ids: agents.agentIds },
  });
  return new Map(rows.map((agent) => [agent.agent_id, agent.agent_name]));
}
