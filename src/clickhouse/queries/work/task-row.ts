import { z } from 'zod';
import { epochMs, integer64, optionalFloat, optionalMs, optionalText, stringMap } from '../sql/column-types.js';
import { usageColumns, usageRow } from '../sql/usage-columns.js';
import type { WorkId } from './history-kind.js';

export const taskStatuses = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;

/** Columns of `mergedWork(mergedTasks)` that every task answer shares, without its long texts. */
export const taskColumns = `
  task_id, agent_id, agent_name, run_id, flow_id, crew_id, engagement_id, user_id, session_id, name,
  toString(status) AS state,
  attempt,
  toUnixTimestamp64Milli(start) AS start_ms,
  toUnixTimestamp64Milli(ts) AS updated_ms,
  toUnixTimestamp64Milli(received) AS received_ms,
  toUnixTimestamp64Milli(started_at) AS started_ms,
  toUnixTimestamp64Milli(ended_at) AS ended_ms,
  duration_ms, ${usageColumns}, memory_mb, confidence,
  toString(error_category) AS category, error_code, inputs,
  conflicting_ends`;

export const taskRow = z.object({
  task_id: z.string(),
  agent_id: z.string(),
  agent_name: optionalText,
  run_id: optionalText,
  flow_id: optionalText,
  crew_id: optionalText,
  engagement_id: optionalText,
  user_id: optionalText,
  session_id: optionalText,
  name: optionalText,
  state: z.enum(taskStatuses),
  attempt: z.number().int(),
  start_ms: epochMs,
  updated_ms: epochMs,
  received_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  duration_ms: optionalFloat,
  ...usageRow,
  memory_mb: optionalFloat,
  confidence: optionalFloat,
  category: optionalText,
  error_code: optionalText,
  inputs: stringMap,
  /** Ends that came after another end of the same attempt and count nothing. */
  conflicting_ends: integer64,
});

export type TaskRow = z.output<typeof taskRow>;

/** What tells a task from all others of its tenant. */
export function taskWorkId({ task_id: id, run_id: runId, agent_id: agentId }: TaskRow): WorkId {
  return { id, run: runId ?? '', owner: runId === null ? agentId : '' };
}
