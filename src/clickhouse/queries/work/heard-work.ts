import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { fewRows } from '../sql/few-rows.js';
import { withoutRun } from '../sql/without-run.js';

const row = z.object({ kind: z.enum(['run', 'agent', 'task']), id: z.string(), agent: z.string() });

/** Whatever renews a lease (src/api/work/lease.ts) of a tenant since a time, whose lease it may be. */
export interface HeardWork {
  /** Received at or after, ms since the epoch. */
  readonly sinceMs: number;
  /** Runs that an event of any kind named; null: too many to be listed. */
  readonly runs: ReadonlySet<string> | null;
  /** What events without a run are of; null: too many to be listed. */
  readonly loose: LooseWork | null;
}

export interface LooseWork {
  /** Agents of heartbeats that name neither run nor task. */
  readonly agents: ReadonlySet<string>;
  /** Tasks of events that name no run, each with the agent of the event. */
  readonly tasks: readonly { readonly id: string; readonly agent: string }[];
}

export interface HeardScope {
  readonly tenant: string;
  /** Received at or after, ms since the epoch. */
  readonly sinceMs: number;
  /** They are known to be too many to be listed, and are not read: of 240,000 runs that is more than half of it. */
  readonly areManyRuns?: boolean;
}

/** Runs, and agents and tasks, that are listed. */
const heardMax = 1_000;

/**
 * Who was heard of since a time: one small read for all of a tenant, where the renewals of a list's rows take two with
 * their ids in them. Runs are told by their activity, so raw events are searched for those without a run alone, which
 * the Bloom filter on run_id leaves few of.
 */
export async function readHeardWork(store: StoreReader, scope: HeardScope): Promise<HeardWork> {
  const { tenant, sinceMs, areManyRuns = false } = scope;
  const since = `fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')`;
  const heardRuns = `
      SELECT DISTINCT 'run' AS kind, run_id AS id, '' AS agent
      FROM agent_run_activity_v1
      WHERE tenant = {tenant:String} AND last_received >= ${since}
      LIMIT {most:UInt32}
      UNION ALL`;
  const rows = await checkedRows(store, row, {
    name: 'heard_work',
    sql: `${areManyRuns ? '' : heardRuns}
      SELECT DISTINCT if(task_id = '', 'agent', 'task') AS kind, task_id AS id, toString(agent_id) AS agent
      FROM agent_events_raw_v1
      WHERE tenant = {tenant:String} AND received >= ${since}
        AND ${withoutRun} AND (task_id != '' OR type = 'heartbeat')
      LIMIT {most:UInt32}`,
    params: { tenant, since_ms: sinceMs, most: heardMax + 1 },
    settings: { ...fewRows, ...smallBlocks },
  });
  const runs = rows.filter(({ kind }) => kind === 'run').map(({ id }) => id);
  const loose = rows.filter(({ kind }) => kind !== 'run');
  return {
    sinceMs,
    runs: areManyRuns || runs.length > heardMax ? null : new Set(runs),
    loose: loose.length > heardMax ? null : looseWork(loose),
  };
}

/** The first thousand of 240,000 runs in 14 ms of CPU, with blocks of the usual size in 21. */
const smallBlocks = { max_block_size: 2_048 } as const;

function looseWork(rows: readonly z.output<typeof row>[]): LooseWork {
  return {
    agents: new Set(rows.filter(({ kind }) => kind === 'agent').map(({ agent }) => agent)),
    tasks: rows.filter(({ kind }) => kind === 'task'),
  };
}
