import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { AgentKey } from '../queries/agents/agent-known.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import { addressLength } from './agent-selection.js';
import { calmSettings, type DayEvents, dayCondition, dayParams } from './distinct-events.js';
import type { Rollup } from './rollup-schema.js';

/** An agent and how many rows it takes to look at it. */
export interface CountedAgent extends AgentKey {
  readonly rows: number;
}

const countRow = z.object({ tenant: z.string(), agent_id: z.string(), rows: integer64, recorded: integer64 });

export interface DayCensus {
  /** The agents with raw events on the day, in the order of the primary key. */
  readonly agents: readonly CountedAgent[];
  /** Events in the day rollup of agents that have no raw event of the day any more. */
  readonly recordedOnly: number;
}

export async function readDayCensus(store: StoreReader, day: Rollup, events: DayEvents): Promise<DayCensus> {
  const rows = await checkedRows(store, countRow, {
    name: 'day_agents',
    sql: `
      SELECT tenant, agent_id, sum(raw_rows) AS rows, sum(rollup_events) AS recorded
      FROM (
        SELECT tenant, agent_id, count() AS raw_rows, 0 AS rollup_events FROM agent_events_raw_v1
        WHERE ${dayCondition(events)}
        GROUP BY tenant, agent_id
        UNION ALL
        SELECT tenant, agent_id, 0 AS raw_rows, events AS rollup_events FROM ${day.table}
        WHERE ${events.agents.sql} AND ${day.dayCondition}
      )
      GROUP BY tenant, agent_id ORDER BY tenant, agent_id
      ${calmSettings}`,
    params: dayParams(events),
  });
  return {
    agents: rows
      .filter((row) => row.rows > 0)
      .map((row) => ({ tenant: row.tenant, agentId: row.agent_id, rows: row.rows })),
    recordedOnly: rows.reduce((sum, row) => sum + (row.rows > 0 ? 0 : row.recorded), 0),
  };
}

const totalsRow = z.object({ rows: integer64, events: integer64 });

/** Raw rows of some agents on the day, and how many distinct events they are. */
export async function countDistinct(store: StoreReader, events: DayEvents): Promise<z.output<typeof totalsRow>> {
  const [totals] = await checkedRows(store, totalsRow, {
    name: 'day_distinct_events',
    sql: `
      SELECT sum(agent_rows) AS rows, sum(agent_events) AS events
      FROM (
        SELECT count() AS agent_rows, countIf(event_id = '') + uniqExactIf(event_id, event_id != '') AS agent_events
        FROM agent_events_raw_v1
        WHERE ${dayCondition(events)}
        GROUP BY tenant, agent_id
      )
      ${calmSettings}`,
    params: dayParams(events),
  });
  return totals ?? { rows: 0, events: 0 };
}

/**
 * Groups agents, keeping their order, so that no group has more than `rowsMax` rows unless it is a single agent, and
 * none more than `agentsMax` agents or names longer than an address may be.
 */
export function groupAgents<Agent extends CountedAgent>(
  agents: readonly Agent[],
  bounds: { readonly rowsMax: number; readonly agentsMax: number; readonly addressMax: number },
): Agent[][] {
  const groups: Agent[][] = [];
  let group: Agent[] = [];
  let rows = 0;
  let address = 0;
  for (const agent of agents) {
    rows += agent.rows;
    address += addressLength(agent);
    const isOver = rows > bounds.rowsMax || group.length === bounds.agentsMax || address > bounds.addressMax;
    if (group.length === 0 || isOver) {
      group = [];
      groups.push(group);
      rows = agent.rows;
      address = addressLength(agent);
    }
    group.push(agent);
  }
  return groups;
}
