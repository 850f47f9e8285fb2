import type { TaskRow } from '../../clickhouse/queries/work/task-row.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import {
  attemptSchema,
  instantSchema,
  millisecondsSchema,
  optionalInstantSchema,
  optionalNumberSchema,
  optionalTextSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { reportedAttempt } from '../answers/answer-units.js';
import { identityAnswer, identityShape } from '../answers/identity.js';
import { detailedUsageAnswer, detailedUsageShape } from '../answers/usage.js';
import { workStatusSchema } from './work-status.js';

const summaryCharactersMax = 200;

/** The fields of `taskItem`. */
export const taskItemShape = {
  task_id: textSchema,
  name: optionalTextSchema,
  status: workStatusSchema,
  attempt: attemptSchema,
  agent_id: textSchema,
  agent_name: optionalTextSchema,
  run_id: optionalTextSchema,
  ...identityShape,
  finish_reason: optionalTextSchema,
  started_at: optionalInstantSchema,
  ended_at: optionalInstantSchema,
  updated_at: instantSchema,
  received_at: instantSchema,
  duration_ms: millisecondsSchema,
  ...detailedUsageShape,
  cost_source: optionalTextSchema,
  memory_mb: optionalNumberSchema,
  confidence: optionalNumberSchema,
  error_category: optionalTextSchema,
  error_code: optionalTextSchema,
  input_summary: optionalTextSchema.meta({ description: 'The inputs as text, the first 200 characters.' }),
};

/** What a task in the list and a task in full have in common. */
export function taskItem(task: TaskRow) {
  return {
    task_id: task.task_id,
    name: task.name,
    status: task.status,
    attempt: reportedAttempt(task.attempt),
    agent_id: task.agent_id,
    agent_name: task.agent_name,
    run_id: task.run_id,
    ...identityAnswer(task),
    finish_reason: task.finish_reason,
    started_at: optionalInstant(task.started_ms),
    ended_at: optionalInstant(task.ended_ms),
    updated_at: instant(task.updated_ms),
    received_at: instant(task.received_ms),
    duration_ms: task.duration_ms,
    ...detailedUsageAnswer(task),
    cost_source: task.cost_source,
    memory_mb: task.memory_mb,
    confidence: task.confidence,
    error_category: task.error_category,
    error_code: task.error_code,
    input_summary: inputSummary(task.inputs),
  };
}

/** `topic=tides, depth=3`: the inputs in their order, the first 200 characters; null without inputs. */
export function inputSummary(inputs: Readonly<Record<string, string>>): string | null {
  const text = Object.entries(inputs)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
  if (text === '') return null;
  const characters = [...text];
  return characters.length <= summaryCharactersMax
    ? text
    : `${characters.slice(0, summaryCharactersMax - 1).join('')}…`;
}
