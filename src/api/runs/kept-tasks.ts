import { type RunTaskRow, readRunTasks } from '../../clickhouse/queries/runs/run-tasks.js';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import type { RunKey } from '../../clickhouse/queries/work/run-activity.js';
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
  const known = new Set(rows.filter(({ kind }) => kind === 'task').map((row) => row.task_id));
  const kept = ofReader(tasks, key)
    .filter(({ task_id: id }) => !known.has(id))
    .map(keptAttempt);
  return { kept, left: Math.max(0, total - tasks.length) };
}

function keptAttempt(task: RunTaskRow): WorkAttemptRow {
  const isEnded = task.status !== 'pending' && task.status !== 'running';
  const number = Math.max(1, task.attempt);
  const usage = isEnded ? task : noUsage;
  return {
    kind: 'task',
    task_id: task.task_id,
    step_id: '',
    attempt_number: number,
    attempt: task.attempt,
    status: task.status,
    agent_id: task.agent_id,
    parent_id: null,
    name: task.name,
    step_kind: null,
    environment: task.environment,
    model: task.model,
    provider: task.provider,
    args_hash: null,
    finish_reason: task.finish_reason,
    start_ms: task.start_ms,
    started_ms: task.started_ms,
    ended_ms: isEnded ? (task.ended_ms ?? task.updated_ms) : null,
    updated_ms: task.updated_ms,
    duration_ms: task.duration_ms,
    llm_calls: usage.llm_calls,
    tokens_in: usage.tokens_in,
    tokens_out: usage.tokens_out,
    cost_micros: usage.cost_micros,
    tokens_unpriced: usage.tokens_unpriced,
    tokens_cache_read: usage.tokens_cache_read,
    tokens_cache_write: usage.tokens_cache_write,
    tokens_reasoning: usage.tokens_reasoning,
    cost_source: isEnded ? task.cost_source : null,
    usage_scope: 'own',
    confidence: task.confidence,
    error_category: task.error_category,
    error_code: task.error_code,
    error_message: task.error_preview,
    inputs: {},
    outputs: {},
    labels: {},
    last_attempt: number,
    last_completed_attempt: task.status === 'completed' ? number : 0,
    total_attempts: 0,
    completed_attempts: 0,
    failed_attempts: 0,
  };
}
