import { z } from 'zod';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/work-attempts.js';
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
import { usageAnswer, usageShape } from '../answers/usage.js';
import { openStatus, workStatusSchema } from './work-status.js';

/** What attempts of tasks and of steps have in common. */
const attemptShape = {
  attempt: attemptSchema,
  name: optionalTextSchema,
  status: workStatusSchema,
  agent_id: textSchema,
  started_at: optionalInstantSchema,
  ended_at: optionalInstantSchema,
  duration_ms: millisecondsSchema,
  ...usageShape,
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
    attempt: reportedAttempt(row.reported_try),
    name: row.label,
    status: openStatus(row.state, isHeard),
    agent_id: row.agent,
    started_at: optionalInstant(row.started_ms),
    ended_at: optionalInstant(row.ended_ms),
    duration_ms: tookMs(row),
    ...usageAnswer(row),
    usage_scope: row.scope,
    confidence: row.sureness,
    error_category: row.category,
    error_code: row.code,
    error_message: row.failure,
    inputs: row.inputs,
    outputs: row.outputs,
  };
}

export function stepAttempt(row: WorkAttemptRow, isHeard: boolean) {
  return { step_id: row.step, parent_id: row.parent, kind: row.kind, ...taskAttempt(row, isHeard) };
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
    type: row.unit,
    task_id: row.task === '' ? null : row.task,
    step_id: row.step === '' ? null : row.step,
    attempt: reportedAttempt(row.reported_try),
    name: row.label,
    kind: row.kind,
    agent_id: row.agent,
    failed_at: instant(row.ended_ms ?? row.updated_ms),
    duration_ms: tookMs(row),
    error_category: row.category,
    error_code: row.code,
    error_message: row.failure,
    retried: row.last_try > row.try_number,
    recovered: row.completed_try > row.try_number,
  };
}

/** As reported, else from start to end; null while one of them is not known. */
export function tookMs({ took_ms: took, started_ms: startedMs, ended_ms: endedMs }: WorkAttemptRow): number | null {
  return took ?? (startedMs === null || endedMs === null ? null : Math.max(0, endedMs - startedMs));
}
