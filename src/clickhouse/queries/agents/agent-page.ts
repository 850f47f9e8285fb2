import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { epochMs, optionalText } from '../sql/column-types.js';
import { rememberedRows } from '../sql/remembered-rows.js';

const row = z.object({ agent_id: z.string(), agent_name: optionalText, last_received_ms: epochMs });

/** An agent, its latest name, and when an event of it was last received. */
export type AgentPageRow = z.output<typeof row>;

export interface AgentPage {
  readonly tenant: string;
  /** Agents after this id, in the order of ids; empty: from the first. */
  readonly afterAgentId: string;
  readonly limit: number;
}

/**
 * A page of the agents this tenant has ever sent an event of, in the order of their ids. The day rollup has a row an
 * agent and day with any event. The ids of the page are found in the order of its key and reading stops with the last;
 * names and times are then read of these agents only: 14 ms of CPU for 100 of 1,000 agents in 155,000 rows.
 */
export function readAgentPage(store: StoreReader, page: AgentPage): Promise<readonly AgentPageRow[]> {
  return rememberedRows(store, row, {
    sources: [{ table: 'agent_performance_per_day_v1', days: null }],
    name: 'agent_page',
    sql: `
      SELECT
        agent_id,
        argMaxMerge(agent_name) AS agent_name,
        toUnixTimestamp64Milli(max(last_received)) AS last_received_ms
      FROM agent_performance_per_day_v1
      WHERE tenant = {tenant:String} AND agent_id IN (
        SELECT DISTINCT agent_id
        FROM agent_performance_per_day_v1
        WHERE tenant = {tenant:String} AND agent_id > {after:String}
        ORDER BY agent_id
        LIMIT {limit:UInt32}
      )
      GROUP BY agent_id
      ORDER BY agent_id`,
    params: { tenant: page.tenant, after: page.afterAgentId, limit: page.limit },
  });
}
