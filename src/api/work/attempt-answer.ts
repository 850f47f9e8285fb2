import { z } from 'zod';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import {
  attemptSchema,
  instantSchema,
  millisecondsSchema,
  optionalInstantSchema,
  optionalNumberSchema,
  optionalTextSchema,
  stringMapSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { reportedAttempt } from '../answers/answer-units.js';
import { detailedUsageAnswer, detailedUsageShape } from '../answers/usage.js';
import { openStatus, workStatusSchema } from './work-status.js';

/** Where an attempt ran and by which model, as it was told. */
export const modelShape = {
  environment: optionalTextSchema,
  model: optionalTextSchema,
  provider: optionalTextSchema,
  args_hash: optionalTextSchema.meta({ description: '16 hex digits: the same for the same arguments.' }),
  finish_reason: optionalTextSchema,
};

/** What attempts of tasks and of steps have in common. */
const attemptShape = {
  attempt: attemptSchema,
  name: optionalTextSchema,
  status: workStatusSchema,
  agent_id: textSchema,
  ...modelShape,
  started_at: optionalInstantSchema,
  ended_at: optionalInstantSchema,
  duration_ms: millisecondsSchema,
  ...detailedUsageShape,
  cost_source: optionalTextSchema,
  usage_scope: z.enum(['own', 'rolled_up']),
  confidence: optionalNumberSchema,
  error_category: optionalTextSchema,
  error_code: optionalTextSchema,
  error_message: optionalTextSchema,
  inputs: stringMapSchema,
  outputs: stringMapSchema,
};

export const taskAttemptSchema = z.strictObject(attemptShape).meta({ id: 'TaskAttempt' });

export const stepAttemptSchema = z
  .strictObject({ step_id: textSchema, parent_id: optionalTextSchema, kind: optionalTextSchema, ...attemptShape })
  .meta({ id: 'StepAttempt' });

/** One attempt of a task in its latest state. */
export function taskAttempt(row: WorkAttemptRow, isHeard: boolean) {
  return {
    attempt: reportedAttempt(row.attempt),
    name: row.name,
    status: openStatus(row.status, isHeard),
    agent_id: row.agent_id,
    ...modelPart(row),
    started_at: optionalInstant(row.started_ms),
    ended_at: optionalInstant(row.ended_ms),
    duration_ms: attemptMs(row),
    ...detailedUsageAnswer(row),
    cost_source: row.cost_source,
    usage_scope: row.usage_scope,
    confidence: row.confidence,
    error_category: row.error_category,
    error_code: row.error_code,
    error_message: row.error_message,
    inputs: row.inputs,
    outputs: row.outputs,
  };
}

export function modelPart({ environment, model, provider, args_hash, finish_reason }: WorkAttemptRow) {
  return { environment, model, provider, args_hash, finish_reason };
}

export function stepAttempt(row: WorkAttemptRow, isHeard: boolean) {
  return { step_id: row.step_id, parent_id: row.parent_id, kind: row.step_kind, ...taskAttempt(row, isHeard) };
}

export const failureSchema = z
  .strictObject({
    type: z.enum(['run', 'task', 'step']),
    task_id: optionalTextSchema,
    step_id: optionalTextSchema,
    attempt: attemptSchema,
    name: optionalTextSchema,
    kind: optionalTextSchema,
    agent_id: textSchema,
    failed_at: instantSchema,
    duration_ms: millisecondsSchema,
    error_category: optionalTextSchema,
    error_code: optionalTextSchema,
    error_message: optionalTextSchema,
    retried: z.boolean().meta({ description: 'There is a later attempt.' }),
    recovered: z.boolean().meta({ description: 'A later attempt completed.' }),
  })
  .meta({ id: 'FailedAttempt' });

/** A failed attempt of a task or step, and what became of the work afterwards. */
export function failureItem(row: WorkAttemptRow) {
  return {
    type: row.kind,
    task_id: row.task_id === '' ? null : row.task_id,
    step_id: row.step_id === '' ? null : row.step_id,
    attempt: reportedAttempt(row.attempt),
    name: row.name,
    kind: row.step_kind,
    agent_id: row.agent_id,
    failed_at: instant(row.ended_ms ?? row.updated_ms),
    duration_ms: attemptMs(row),
    error_category: row.error_category,
    error_code: row.error_code,
    error_message: row.error_message,
    retried: row.last_attempt > row.attempt_number,
    recovered: row.last_completed_attempt > row.attempt_number,
  };
}

/** As reported, else from start to end; null while one of them is not known. */
export function attemptMs(row: WorkAttemptRow): number | null {
  const { duration_ms: durationMs, started_ms: startedMs, ended_ms: endedMs } = row;
  return durationMs ?? (startedMs === null || endedMs === null ? null : Math.max(0, endedMs - startedMs));
}
