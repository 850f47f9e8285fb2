import { type MergedKind, mergedRuns, mergedTasks } from './merged-work.js';

/**
 * Tasks and runs are kept alike: each event of them in a table by id, and again, narrow, in the order of the start it
 * tells (agent_task_history_v1 and agent_tasks_by_start_v1, agent_runs_v1 and agent_runs_by_start_v1). What a list
 * needs to know of the two; all of it is constant text of statements.
 */
export interface HistoryKind {
  readonly kind: 'task' | 'run';
  readonly idColumn: string;
  readonly merged: MergedKind;
  readonly byStartTable: string;
  /** Holds for a state that has not ended. */
  readonly isOpen: string;
  /** What tells one from others of the same id: of tasks their run, or else their agent. Lists are in its order too. */
  readonly place: { readonly run: string; readonly agent: string };
}

export const taskKind: HistoryKind = {
  kind: 'task',
  idColumn: 'task_id',
  merged: mergedTasks,
  byStartTable: 'agent_tasks_by_start_v1',
  isOpen: `status IN ('pending', 'running')`,
  place: { run: 'run_id', agent: `if(run_id = '', toString(agent_id), '')` },
};

export const runKind: HistoryKind = {
  kind: 'run',
  idColumn: 'run_id',
  merged: mergedRuns,
  byStartTable: 'agent_runs_by_start_v1',
  isOpen: `status = 'running'`,
  place: { run: `''`, agent: `''` },
};

/** One task or run among all of a tenant. */
export interface WorkId {
  readonly id: string;
  /** Run of a task, empty when it has none; empty for a run. */
  readonly run: string;
  /** Agent of a task without run, else empty. */
  readonly agent: string;
}

/** Equal for equal ids, whatever characters they hold; of a run its id. */
export function workKey({ id, run, agent }: WorkId): string {
  return run === '' && agent === '' ? id : `${id.length} ${id} ${run.length} ${run}${agent}`;
}
