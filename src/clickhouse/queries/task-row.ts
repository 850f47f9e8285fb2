import { z } from 'zod';
import {
  epochMs,
  integer64,
  optionalFloat,
  optionalInteger64,
  optionalMs,
  optionalText,
  stringMap,
} from './column-types.js';

export const taskStatuses = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;
export type TaskStatus = (typeof taskStatuses)[number];

/**
 * A task's start for order, filters and cursors: as reported, else its duration before its end, else the time of its
 * latest state.
 */
export const taskStart = 'coalesce(started_at, ts - toIntervalMillisecond(toInt64(ifNull(duration_ms, 0))))';

/** Columns of `agent_task_history` every task answer shares, without its long texts. */
export const taskColumns = `
  task_id, agent_id, agent_name, run_id, flow_id, crew_id, engagement_id, user_id, session_id, name,
  toString(status) AS state,
  attempt,
  toUnixTimestamp64Milli(${taskStart}) AS start_ms,
  toUnixTimestamp64Milli(ts) AS updated_ms,
  toUnixTimestamp64Milli(received) AS received_ms,
  toUnixTimestamp64Milli(started_at) AS started_ms,
  toUnixTimestamp64Milli(ended_at) AS ended_ms,
  duration_ms, llm_calls, tokens_in, tokens_out, cost_micros, memory_mb, confidence,
  toString(error_category) AS category, error_code, inputs`;

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
  llm_calls: integer64,
  tokens_in: integer64,
  tokens_out: integer64,
  cost_micros: optionalInteger64,
  memory_mb: optionalFloat,
  confidence: optionalFloat,
  category: optionalText,
  error_code: optionalText,
  inputs: stringMap,
});

export type TaskRow = z.output<typeof taskRow>;
