import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { epochMs, optionalText } from './column-types.js';

const row = z.object({ agent_id: z.string(), agent_name: optionalText, last_received_ms: epochMs });

export type AgentListRow = z.output<typeof row>;

export interface AgentListPage {
  readonly tenant: string;
  /** Agents after this id, in the order of ids; empty: from the first. */
  readonly afterAgentId: string;
  readonly limit: number;
}

/**
 * A page of the agents this tenant has ever sent an event of, by id. The ids come first, by distinct-in-order
 * over the primary key, which stops after `limit` of them; names and times are then read for those alone.
 * Agents whose raw rows have expired are found in the day rollup (kept for ever), without a name.
 */
export function readAgentList(store: StoreReader, page: AgentListPage): Promise<AgentListRow[]> {
  return checkedRows(store, row, {
    name: 'agent_list',
    sql: `
      WITH page AS (
        SELECT DISTINCT agent_id FROM (
          SELECT * FROM (
            SELECT DISTINCT agent_id FROM agent_events_raw_v1
            WHERE tenant = {tenant:String} AND agent_id > {after:String}
            ORDER BY agent_id LIMIT {limit:UInt32}
          )
          UNION ALL
          SELECT * FROM (
            SELECT DISTINCT agent_id FROM agent_performance_per_day_v1
            WHERE tenant = {tenant:String} AND agent_id > {after:String}
            ORDER BY agent_id LIMIT {limit:UInt32}
          )
        )
        ORDER BY agent_id LIMIT {limit:UInt32}
      )
      SELECT
        agent_id,
        argMaxIf(name, seen, name != '') AS agent_name,
        toUnixTimestamp64Milli(max(seen)) AS last_received_ms
      FROM (
        SELECT agent_id, agent_name AS name, received AS seen FROM agent_events_raw_v1
        WHERE tenant = {tenant:String} AND agent_id IN (SELECT agent_id FROM page)
        UNION ALL
        SELECT agent_id, '' AS name, last_received AS seen FROM agent_performance_per_day_v1
        WHERE tenant = {tenant:String} AND agent_id IN (SELECT agent_id FROM page)
      )
      GROUP BY agent_id
      ORDER BY agent_id
      LIMIT {limit:UInt32}`,
    params: { tenant: page.tenant, after: page.afterAgentId, limit: page.limit },
  });
}
