/**
 * Tasks and runs are kept alike: each state in a table by id, and again, narrow, in the order of start (migrations 0024
 * and 0026, 0033 and 0035). What a list needs to know of the two; all of it is constant text of statements.
 */
export interface HistoryKind {
  readonly kind: 'task' | 'run';
  readonly idColumn: string;
  /** Every state, by id; the row with the highest version is the latest. */
  readonly stateTable: string;
  readonly byStartTable: string;
  /** Holds for a state that has not ended. */
  readonly isOpen: string;
  readonly runIdColumn: string;
}

export const taskKind: HistoryKind = {
  kind: 'task',
  idColumn: 'task_id',
  stateTable: 'agent_task_history_v2',
  byStartTable: 'agent_tasks_by_start_v1',
  isOpen: `status IN ('pending', 'running')`,
  runIdColumn: 'run_id',
};

export const runKind: HistoryKind = {
  kind: 'run',
  idColumn: 'run_id',
  stateTable: 'agent_runs_v1',
  byStartTable: 'agent_runs_by_start_v1',
  isOpen: `status = 'running'`,
  runIdColumn: 'run_id',
};
