import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import type { LeaseRenewalRow } from './task-lease-renewals.js';

const row = z.object({ kind: z.enum(['work', 'agent']), id: z.string() });

export interface RunLeaseScope {
  readonly tenant: string;
  readonly runIds: readonly string[];
  /** Agents of those runs. */
  readonly agentIds: readonly string[];
  /** Received at or after, ms since the epoch. */
  readonly sinceMs: number;
}

/**
 * Which of these runs had an event of any kind, and which of the agents a heartbeat that names neither run nor task,
 * since a time. The activity of a run counts every event that names it.
 */
export function readRunLeaseRenewals(store: StoreReader, scope: RunLeaseScope): Promise<LeaseRenewalRow[]> {
  return checkedRows(store, row, {
    name: 'run_lease_renewals',
    sql: `
      SELECT DISTINCT 'work' AS kind, run_id AS id FROM agent_run_activity_v1
      WHERE tenant = {tenant:String} AND run_id IN {run_ids:Array(String)}
        AND last_received >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
      UNION ALL
      SELECT DISTINCT 'agent' AS kind, toString(agent_id) AS id FROM agent_events_raw_v1
      WHERE tenant = {tenant:String} AND received >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
        AND type = 'heartbeat' AND run_id = '' AND task_id = ''
        AND agent_id IN {agent_ids:Array(String)}`,
    params: {
      tenant: scope.tenant,
      run_ids: scope.runIds,
      agent_ids: scope.agentIds,
      since_ms: scope.sinceMs,
    },
  });
}
