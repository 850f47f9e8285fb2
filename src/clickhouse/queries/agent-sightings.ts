import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { epochMs, optionalText } from './column-types.js';

const row = z.object({ id: z.string(), latest_name: optionalText, last_received_ms: epochMs });

export type AgentSightingRow = z.output<typeof row>;

/** The latest name of some agents, and when an event of each was last received. */
export function readAgentSightings(
  store: StoreReader,
  agents: { readonly tenant: string; readonly agentIds: readonly string[] },
): Promise<AgentSightingRow[]> {
  return checkedRows(store, row, {
    name: 'agent_sightings',
    sql: `
      SELECT
        toString(agent_id) AS id,
        argMaxIf(name, seen, name != '') AS latest_name,
        toUnixTimestamp64Milli(max(seen)) AS last_received_ms
      FROM (
        SELECT agent_id, agent_name AS name, received AS seen FROM agent_events_raw_v1
        WHERE tenant = {tenant:String} AND agent_id IN {agent_ids:Array(String)}
        UNION ALL
        SELECT agent_id, '' AS name, last_received AS seen FROM agent_performance_per_day_v1
        WHERE tenant = {tenant:String} AND agent_id IN {agent_ids:Array(String)}
      )
      GROUP BY agent_id`,
    params: { tenant: agents.tenant, agent_ids: agents.agentIds },
  });
}
