import { z } from 'zod';
import { epochMs, integer64, optionalFloat, optionalMs, optionalText, stringMap } from '../sql/column-types.js';
import { identityColumns, identityRow } from '../sql/identity-columns.js';
import { detailedUsageRow, detailedWorkUsageColumns } from '../sql/usage-columns.js';
import type { WorkId } from './history-kind.js';
import { workRow } from './work-row.js';

export const taskStatuses = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;

/** Columns of `mergedWork(mergedTasks)` that every task answer shares beside `workColumns`, without its long texts. */
export const taskColumns = `
  task_id, agent_name, ${identityColumns}, name, finish_reason, status, attempt,
  toUnixTimestamp64Milli(ts) AS updated_ms,
  toUnixTimestamp64Milli(started_at) AS started_ms,
  toUnixTimestamp64Milli(ended_at) AS ended_ms,
  duration_ms, ${detailedWorkUsageColumns}, cost_source, memory_mb, confidence,
  error_category, error_code, inputs, conflicting_ends`;

export const taskRow = z.object({
  ...workRow,
  task_id: z.string(),
  agent_name: optionalText,
  ...identityRow,
  name: optionalText,
  finish_reason: optionalText,
  status: z.enum(taskStatuses),
  attempt: z.number().int(),
  updated_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  duration_ms: optionalFloat,
  ...detailedUsageRow,
  cost_source: optionalText,
  memory_mb: optionalFloat,
  confidence: optionalFloat,
  error_category: optionalText,
  error_code: optionalText,
  inputs: stringMap,
  /** Ends that came after another end of the same attempt and count nothing. */
  conflicting_ends: integer64,
});

export type TaskRow = z.output<typeof taskRow>;

/** What tells a task from all others of its tenant. */
export function taskWorkId({ task_id: id, run_id: runId, agent_id: agentId }: TaskRow): WorkId {
  return { id, run: runId ?? '', agent: runId === null ? agentId : '' };
}
