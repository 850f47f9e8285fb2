import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { fewRows } from '../sql/few-rows.js';
import { withoutRun } from '../sql/without-run.js';

const row = z.object({ kind: z.enum(['work', 'run', 'agent']), id: z.string(), run: z.string(), agent: z.string() });

/**
 * What spoke: a task or run itself (`work`), or by heartbeats alone the run of tasks or an agent as a whole. `run` and
 * `agent` (where no run is told) tell a task from others of its id.
 */
export type LeaseRenewalRow = Pick<z.output<typeof row>, 'kind' | 'id'> & Partial<z.output<typeof row>>;

export interface TaskLeaseScope {
  readonly tenant: string;
  /** Tasks any event of which counts. */
  readonly taskIds: readonly string[];
  /** Tasks whose run is silent: only an event that names the task and no run can be theirs. */
  readonly taskIdsOfSilentRuns: readonly string[];
  /** Runs that a heartbeat may have named. */
  readonly runIds: readonly string[];
  /** Received at or after, ms since the epoch. */
  readonly sinceMs: number;
}

/**
 * Which of these tasks had an event, and which of the runs a heartbeat, since a time. Parts that ended before it are
 * not read; within the others the Bloom filters on run_id and task_id leave little, and where every event names a run,
 * that of the empty one nothing. Reads of their own instead of one with OR, which would use no filter.
 */
export async function readTaskLeaseRenewals(store: StoreReader, scope: TaskLeaseScope): Promise<LeaseRenewalRow[]> {
  const { taskIds, taskIdsOfSilentRuns, runIds } = scope;
  const since = `
    FROM agent_events_raw_v1
    WHERE tenant = {tenant:String} AND received >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')`;
  const work = `
    SELECT DISTINCT 'work' AS kind, task_id AS id, run_id AS run, if(run_id = '', toString(agent_id), '') AS agent`;
  const reads = [
    taskIds.length > 0 && `${work} ${since} AND task_id IN {task_ids:Array(String)}`,
    taskIdsOfSilentRuns.length > 0 &&
      `${work} ${since} AND ${withoutRun} AND task_id IN {silent_task_ids:Array(String)}`,
    runIds.length > 0 &&
      `SELECT DISTINCT 'run' AS kind, run_id AS id, '' AS run, '' AS agent ${since}
         AND type = 'heartbeat' AND run_id IN {run_ids:Array(String)}`,
  ].filter((read) => read !== false);
  if (reads.length === 0) return [];
  return await checkedRows(store, row, {
    name: 'task_lease_renewals',
    sql: reads.join(' UNION ALL '),
    params: {
      tenant: scope.tenant,
      task_ids: taskIds,
      silent_task_ids: taskIdsOfSilentRuns,
      run_ids: runIds,
      since_ms: scope.sinceMs,
    },
    settings: fewRows,
  });
}
