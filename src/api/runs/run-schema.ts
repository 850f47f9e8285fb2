import { z } from 'zod';
import {
  attemptSchema,
  countSchema,
  millisecondsSchema,
  optionalInstantSchema,
  optionalNumberSchema,
  optionalTextSchema,
  stringMapSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { identityShape } from '../answers/identity.js';
import { usageSchema } from '../answers/usage.js';
import { failureSchema } from '../work/attempt-answer.js';
import { taskItemShape } from '../work/task-answer.js';
import { runStatuses } from './run-record.js';

const runTaskSchema = z.strictObject({ ...taskItemShape, error_preview: optionalTextSchema }).meta({ id: 'RunTask' });

/** The answer of `GET /api/v1/runs/{run_id}`. What only the run's own events tell is null when they were lost. */
export const runSchema = z
  .strictObject({
    run_id: textSchema,
    name: optionalTextSchema,
    status: z.enum(runStatuses),
    attempt: attemptSchema,
    agent_id: optionalTextSchema,
    agent_name: optionalTextSchema,
    agent_version: optionalTextSchema,
    parent_id: optionalTextSchema,
    ...identityShape,
    finish_reason: optionalTextSchema,
    started_at: optionalInstantSchema,
    ended_at: optionalInstantSchema,
    updated_at: optionalInstantSchema,
    duration_ms: millisecondsSchema,
    memory_mb: optionalNumberSchema,
    confidence: optionalNumberSchema,
    error_category: optionalTextSchema,
    error_code: optionalTextSchema,
    error_message: optionalTextSchema,
    inputs: stringMapSchema,
    outputs: stringMapSchema,
    labels: stringMapSchema,
    cost_source: optionalTextSchema,
    own: usageSchema.meta({ description: 'Of the run alone.' }),
    rolled_up: usageSchema.nullable().meta({ description: 'Reported by the run as the sum of all; in no total.' }),
    total: usageSchema.meta({ description: 'Own usage of the run, its tasks and its steps.' }),
    events: countSchema,
    tasks_ended: countSchema.meta({ description: 'Ends of tasks: one that was retried counts each time.' }),
    tasks_failed: countSchema,
    steps_started: countSchema.meta({ description: 'Attempts.' }),
    steps_ended: countSchema,
    steps_failed: countSchema,
    agents: z.array(textSchema).meta({ description: 'At most 64.' }),
    first_event_at: optionalInstantSchema,
    last_event_at: optionalInstantSchema,
    last_received_at: optionalInstantSchema,
    tasks: z.array(runTaskSchema).meta({ description: 'The first 100 by their start.' }),
    total_tasks: countSchema,
    failures: z.array(failureSchema).meta({ description: 'Failed attempts of tasks and steps, the first 100.' }),
    failures_truncated: z.boolean(),
    steps_expired: z.boolean().meta({ description: 'The run is older than steps and failures are kept.' }),
    links: z.strictObject({ tasks: textSchema, timeline: textSchema, logs: textSchema }),
  })
  .meta({ id: 'Run' });
