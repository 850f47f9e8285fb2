import { z } from 'zod';
import { type EventType, eventTypes } from '../../../core/event-types.js';
import { epochMs, integer64, optionalFloat, optionalMs, optionalText, stringMap } from '../sql/column-types.js';
import { detailedUsageRow } from '../sql/usage-columns.js';

export const workStates = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;
export type WorkState = (typeof workStates)[number];

export const attemptRow = z.object({
  kind: z.enum(['run', 'task', 'step']),
  /** Empty for a run. */
  task_id: z.string(),
  /** Empty for a run or task. */
  step_id: z.string(),
  /** From 1; an attempt that nobody numbered is the first. */
  attempt_number: z.number().int(),
  /** 0 when no event gave it a number. */
  attempt: z.number().int(),
  status: z.enum(workStates),
  agent_id: z.string(),
  parent_id: optionalText,
  name: optionalText,
  step_kind: optionalText,
  environment: optionalText,
  model: optionalText,
  provider: optionalText,
  /** 16 hex digits. */
  args_hash: optionalText,
  finish_reason: optionalText,
  /** Start as reported, else time of the start event, else the duration before the end, else the first event. */
  start_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  /** Time of the status. */
  updated_ms: epochMs,
  duration_ms: optionalFloat,
  ...detailedUsageRow,
  cost_source: optionalText,
  usage_scope: z.enum(['own', 'rolled_up']),
  confidence: optionalFloat,
  error_category: optionalText,
  error_code: optionalText,
  error_message: optionalText,
  /** Empty unless asked for. */
  inputs: stringMap,
  outputs: stringMap,
  labels: stringMap,
  /** Highest attempt of the same task or step, and highest that completed; 0 when none did. */
  last_attempt: z.number().int(),
  last_completed_attempt: z.number().int(),
  /** Attempts of tasks and steps of the scope, those beyond the limit too. */
  total_attempts: integer64,
  completed_attempts: integer64,
  failed_attempts: integer64,
});

export type WorkAttemptRow = z.output<typeof attemptRow>;

/** Equal for the attempts of one run, task or step, whatever characters their ids hold. */
export function unitKey(unit: Pick<WorkAttemptRow, 'kind' | 'task_id' | 'step_id'>): string {
  return `${unit.kind} ${unit.task_id.length} ${unit.task_id}${unit.step_id}`;
}

/** Those that tell of runs, tasks and steps. */
export const workTypes = (Object.keys(eventTypes) as EventType[]).filter((type) => /^(run|task|step)\./.test(type));

/** What a type says of its run, task or step: `run.started` and `step.started` that it is running. */
export function statusOf(type: EventType): WorkState {
  return type.replace(/^\w+\./, '').replace('started', 'running') as WorkState;
}
