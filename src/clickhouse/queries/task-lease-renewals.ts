import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';

const row = z.object({ kind: z.enum(['work', 'run', 'agent']), id: z.string() });

/** What spoke: a task or run itself (`work`), or by heartbeats alone the run of tasks or an agent as a whole. */
export type LeaseRenewalRow = z.output<typeof row>;

export interface TaskLeaseScope {
  readonly tenant: string;
  readonly taskIds: readonly string[];
  /** Runs of those tasks. */
  readonly runIds: readonly string[];
  /** Agents of those tasks. */
  readonly agentIds: readonly string[];
  /** Received at or after, ms since the epoch. */
  readonly sinceMs: number;
}

/**
 * Which of these tasks had an event, which of the runs a heartbeat, and which of the agents a heartbeat that names
 * neither run nor task, since a time. Parts that ended before it are not read; within the others the Bloom filters on
 * task_id and run_id and the place of the agent in the key leave little. Three reads instead of one with OR, which
 * would use neither.
 */
export function readTaskLeaseRenewals(store: StoreReader, scope: TaskLeaseScope): Promise<LeaseRenewalRow[]> {
  const received = `tenant = {tenant:String} AND received >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')`;
  return checkedRows(store, row, {
    name: 'task_lease_renewals',
    sql: `
      SELECT DISTINCT 'work' AS kind, task_id AS id FROM agent_events_raw_v1
      WHERE ${received} AND task_id IN {task_ids:Array(String)}
      UNION ALL
      SELECT DISTINCT 'run' AS kind, run_id AS id FROM agent_events_raw_v1
      WHERE ${received} AND type = 'heartbeat' AND run_id IN {run_ids:Array(String)}
      UNION ALL
      SELECT DISTINCT 'agent' AS kind, toString(agent_id) AS id FROM agent_events_raw_v1
      WHERE ${received} AND type = 'heartbeat' AND run_id = '' AND task_id = ''
        AND agent_id IN {agent_ids:Array(String)}`,
    params: {
      tenant: scope.tenant,
      task_ids: scope.taskIds,
      run_ids: scope.runIds,
      agent_ids: scope.agentIds,
      since_ms: scope.sinceMs,
    },
  });
}
