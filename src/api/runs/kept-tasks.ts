import { type RunTaskRow, readRunTasks } from '../../clickhouse/queries/runs/run-tasks.js';
import type { RunKey } from '../../clickhouse/queries/work/run-activity.js';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/work-attempts.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { noUsage } from '../answers/usage.js';
import { ofReader } from '../work/user-bound.js';

/** Tasks of an old run that are read; of a larger one, the first that started. */
const keptTasksMax = 1_000;

export interface KeptTasks {
  readonly kept: readonly WorkAttemptRow[];
  /** How many tasks were not read. */
  readonly left: number;
}

export const noKeptTasks: KeptTasks = { kept: [], left: 0 };

/**
 * The tasks of a run whose raw events have expired, from their history, which is kept longer: those that `rows` do not
 * know, each in its latest state. Whether their usage was rolled up is not kept; it counts as their own, because the
 * steps it might have been the sum of are gone.
 */
export async function readKeptTasks(
  store: StoreReader,
  key: RunKey & { readonly user: string | null },
  rows: readonly WorkAttemptRow[],
): Promise<KeptTasks> {
  const { tasks, total } = await readRunTasks(store, key, { limit: keptTasksMax });
  const known = new Set(rows.filter(({ unit }) => unit === 'task').map(({ task }) => task));
  const kept = ofReader(tasks, key)
    .filter(({ task_id: id }) => !known.has(id))
    .map(keptAttempt);
  return { kept, left: Math.max(0, total - tasks.length) };
}

function keptAttempt(task: RunTaskRow): WorkAttemptRow {
  const isEnded = task.state !== 'pending' && task.state !== 'running';
  const tried = Math.max(1, task.attempt);
  const { llm_calls, tokens_in, tokens_out, cost_micros } = isEnded ? task : noUsage;
  return {
    unit: 'task',
    task: task.task_id,
    step: '',
    try_number: tried,
    reported_try: task.attempt,
    state: task.state,
    agent: task.agent_id,
    parent: null,
    label: task.name,
    kind: null,
    begin_ms: task.start_ms,
    started_ms: task.started_ms,
    ended_ms: isEnded ? (task.ended_ms ?? task.updated_ms) : null,
    updated_ms: task.updated_ms,
    took_ms: task.duration_ms,
    llm_calls,
    tokens_in,
    tokens_out,
    cost_micros,
    scope: 'own',
    sureness: task.confidence,
    category: task.category,
    code: task.error_code,
    failure: task.error_preview,
    inputs: {},
    outputs: {},
    tags: {},
    last_try: tried,
    completed_try: task.state === 'completed' ? tried : 0,
    all_attempts: 0,
    completed_attempts: 0,
    failed_attempts: 0,
  };
}
