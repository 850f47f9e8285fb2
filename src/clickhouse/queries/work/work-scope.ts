import type { StoreQuery } from '../../../core/ports/store-reader.js';
import type { RunActivityRow, RunKey } from './run-activity.js';

/** Which rows of `agent_events_raw_v1` are looked at: a conjunction made of constant text, and its parameters. */
export interface WorkScope {
  readonly where: string;
  readonly params: Readonly<Record<string, StoreQuery['params'][string]>>;
  /** How many there are, where that is known. */
  readonly events?: number;
}

/** Agents an activity lists at most; with that many there may be more. */
const agentsListedMax = 64;

/**
 * The raw events of a run. The agents and the hours of its activity lead through the key of the table: every event that
 * names the run is in its activity, so none is passed by. The Bloom filter on run_id does the rest.
 */
export function runScope(key: RunKey, activity: RunActivityRow): WorkScope {
  const within = `
    tenant = {tenant:String} AND run_id = {run_id:String}
    AND ts >= fromUnixTimestamp64Milli({first_ms:Int64}, 'UTC')
    AND ts <= fromUnixTimestamp64Milli({last_ms:Int64}, 'UTC')`;
  const params = {
    tenant: key.tenant,
    run_id: key.runId,
    first_ms: activity.first_event_ms,
    last_ms: activity.last_event_ms,
  };
  if (activity.agents.length >= agentsListedMax) return { where: within, params, events: activity.events };
  return {
    where: `${within} AND agent_id IN {agent_ids:Array(String)}`,
    params: { ...params, agent_ids: activity.agents },
    events: activity.events,
  };
}

/** A task among those of its tenant. */
export interface TaskIdentity {
  readonly tenant: string;
  readonly taskId: string;
  /** Null: it has none, and is one of its agent. */
  readonly runId: string | null;
  readonly agentId: string;
}

/**
 * The raw events of a task, found by the Bloom filter on task_id: its steps may be those of any agent and any time.
 * Those of another run, or of another agent if the task has no run, are of other tasks.
 */
export function taskScope({ tenant, taskId, runId, agentId }: TaskIdentity): WorkScope {
  const own = runId === null ? "run_id = '' AND agent_id = {agent_id:String}" : 'run_id = {run_id:String}';
  return {
    where: `tenant = {tenant:String} AND task_id = {task_id:String} AND ${own}`,
    params: { tenant, task_id: taskId, ...(runId === null ? { agent_id: agentId } : { run_id: runId }) },
  };
}
