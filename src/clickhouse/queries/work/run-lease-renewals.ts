import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { fewRows } from '../sql/few-rows.js';
import { withoutRun } from '../sql/without-run.js';
import type { LeaseRenewalRow } from './task-lease-renewals.js';

const row = z.object({ kind: z.enum(['work', 'agent']), id: z.string() });

export interface RunLeaseScope {
  readonly tenant: string;
  /** Empty: what was heard of them is known. */
  readonly runIds: readonly string[];
  /** Agents of those runs; empty: they are known otherwise. */
  readonly agentIds: readonly string[];
  /** Received at or after, ms since the epoch. */
  readonly sinceMs: number;
}

/**
 * Which of these runs had an event of any kind, and which of the agents a heartbeat that names neither run nor task,
 * since a time. The activity of a run counts every event that names it.
 */
export async function readRunLeaseRenewals(store: StoreReader, scope: RunLeaseScope): Promise<LeaseRenewalRow[]> {
  const { tenant, runIds, agentIds, sinceMs } = scope;
  const since = `fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')`;
  const reads = [
    runIds.length > 0 &&
      `SELECT DISTINCT 'work' AS kind, run_id AS id FROM agent_run_activity_v1
      WHERE tenant = {tenant:String} AND run_id IN {run_ids:Array(String)} AND last_received >= ${since}`,
    agentIds.length > 0 &&
      `SELECT DISTINCT 'agent' AS kind, toString(agent_id) AS id FROM agent_events_raw_v1
      WHERE tenant = {tenant:String} AND received >= ${since}
        AND type = 'heartbeat' AND ${withoutRun} AND task_id = ''
        AND agent_id IN {agent_ids:Array(String)}`,
  ].filter((read) => read !== false);
  if (reads.length === 0) return [];
  return await checkedRows(store, row, {
    name: 'run_lease_renewals',
    sql: reads.join(' UNION ALL '),
    params: { tenant, run_ids: runIds, agent_ids: agentIds, since_ms: sinceMs },
    settings: fewRows,
  });
}
