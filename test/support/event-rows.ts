import { type RawRow, timeText } from './segment-file.js';

/** Within every TTL, and not so close to midnight or the end of a month that rows of one test part. */
export const noonMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;

/** An event of the day before, received half a second after it happened. */
export function row(fields: RawRow): RawRow {
  return { tenant: 'default', received: timeText(noonMs + 500), ts: timeText(noonMs), agent_id: 'a', ...fields };
}

/** Events of one minute of agent `r`, and what both rollups make of them. */
export const rollupRows: readonly RawRow[] = [
  row({
    type: 'task.completed',
    agent_id: 'r',
    task_id: '1',
    duration_ms: 100,
    confidence: 0.5,
    memory_mb: 64,
    tokens_in: 5,
  }),
  row({ type: 'task.completed', agent_id: 'r', task_id: '2', duration_ms: 300, llm_calls: 2 }),
  row({ type: 'task.failed', agent_id: 'r', task_id: '3', duration_ms: 200, error_category: 'tool', cost_micros: 7 }),
  row({ type: 'task.cancelled', agent_id: 'r', task_id: '4' }),
  // Usage of steps and runs is summed, their durations are not executions; rolled_up usage is never summed.
  row({
    type: 'step.completed',
    agent_id: 'r',
    step_id: 's',
    duration_ms: 9999,
    tokens_in: 10,
    tokens_out: 3,
    confidence: 1,
  }),
  row({ type: 'run.completed', agent_id: 'r', run_id: 'x', tokens_in: 1000, usage_scope: 'rolled_up' }),
  // Not ended: not in the rollups.
  row({ type: 'task.running', agent_id: 'r', task_id: '1', tokens_in: 77 }),
  row({ type: 'log', agent_id: 'r', level: 'info', message: 'x' }),
];

export function asAgent(agent: string): (fields: RawRow) => RawRow {
  return (fields) => ({ ...fields, agent_id: agent });
}

export const rollupValues = {
  total: 4,
  successful: 2,
  failed: 1,
  cancelled: 1,
  success_rate: 66.67,
  error_rate: 33.33,
  avg_duration_ms: 200,
  min_duration_ms: 100,
  max_duration_ms: 300,
  p50_duration_ms: 200,
  p95_duration_ms: 300,
  p99_duration_ms: 300,
  llm_calls: 2,
  tokens_in: 15,
  tokens_out: 3,
  cost_micros: 7,
  avg_confidence: 0.5,
  avg_memory_mb: 64,
  max_memory_mb: 64,
};
