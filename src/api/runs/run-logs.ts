import { z } from 'zod';
import { readFinalOutput } from '../../clickhouse/queries/runs/final-output.js';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { instant } from '../../core/time-text.js';
import {
  attemptSchema,
  countSchema,
  instantSchema,
  millisecondsSchema,
  optionalTextSchema,
  pageShape,
  stringMapSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { contextText, reportedAttempt, secondsText } from '../answers/answer-units.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { cursorParameter, cursorTime, decodePageCursor, encodePageCursor } from '../request/page-cursor.js';
import { idParameter, integerParameter, parseParameters } from '../request/parameters.js';
import { attemptMs, failureItem, failureSchema, modelPart, modelShape } from '../work/attempt-answer.js';
import { openStatus, workStatusSchema } from '../work/work-status.js';
import { type RunRecord, readRunAttempts, readRunRecord, runStatuses } from './run-record.js';

const parameters = z.strictObject({
  run_id: idParameter,
  limit: integerParameter({ min: 1, max: 1_000, fallback: 200 }),
  cursor: cursorParameter.optional(),
});

/** Begin (ms since the epoch), task, step and attempt of the last node of a page, and its position. */
const cursorKey = z.tuple([
  cursorTime,
  z.string().max(512),
  z.string().max(512),
  z.int().min(0).max(65_535),
  z.int().min(1),
]);

/** Failed attempts in one answer. */
const errorsMax = 100;

const nodeSchema = z
  .strictObject({
    id: textSchema.meta({ description: 'The step_id, or the task_id of a task.' }),
    task_id: optionalTextSchema,
    type: textSchema.meta({ description: 'task, the kind of the step, or step where none was reported.' }),
    name: optionalTextSchema,
    input: optionalTextSchema.meta({ description: 'The inputs as text; null without inputs.' }),
    output: optionalTextSchema.meta({ description: 'The outputs as text; null without outputs.' }),
    inputs: stringMapSchema,
    outputs: stringMapSchema,
    time: optionalTextSchema.meta({ description: 'How long it took, such as 8s; null while it is not known.' }),
    started_at: instantSchema,
    duration_ms: millisecondsSchema,
    status: workStatusSchema,
    attempt: attemptSchema,
    metadata: z.strictObject({
      tool: optionalTextSchema.meta({ description: 'The name of a step of kind tool.' }),
      ...modelShape,
      model: optionalTextSchema.meta({ description: 'As it was told, else the name of a step of kind llm.' }),
      position: countSchema.meta({ description: 'Among the nodes of the run, from 1, in the order of time.' }),
      labels: stringMapSchema,
    }),
  })
  .meta({ id: 'RunNode' });

const answer = z
  .strictObject({
    run_id: textSchema,
    status: z.enum(runStatuses),
    nodes: z.array(nodeSchema),
    errors: z.array(failureSchema).meta({ description: 'Failed attempts, the first 100.' }),
    errors_truncated: z.boolean(),
    final_output: optionalTextSchema,
    final_outputs: stringMapSchema.nullable(),
    summary: z.strictObject({
      total_nodes: countSchema,
      successful_nodes: countSchema,
      failed_nodes: countSchema,
      total_duration: optionalTextSchema.meta({
        description: 'Of the run, such as 45.2s; null where it is not known.',
      }),
      total_duration_ms: millisecondsSchema,
    }),
    steps_expired: z.boolean(),
    ...pageShape,
  })
  .meta({ id: 'RunLogs' });

/** `GET /api/v1/agents/logs?run_id`: what a run did, node by node in the order of time. A node is an attempt. */
export function createRunLogsRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/agents/logs',
    scope: 'read',
    byUser: true,
    operation: {
      id: 'getRunLogs',
      tag: 'runs',
      summary: 'The tasks and step attempts of a run in the order of time, with errors and the final output',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, { tenant, user = null }) => {
      const { run_id: runId, limit, cursor } = parseParameters(parameters, request.query);
      const place = decodePageCursor(cursorKey, cursor);
      return readWithin(context, request, async (store) => {
        const record = await readRunRecord(context, store, { tenant, runId }, user);
        const work = await readWork(store, record, { limit, place });
        return jsonReply(logsAnswer(record, work, { limit, place }));
      });
    },
  };
}

interface LogsPage {
  readonly limit: number;
  readonly place: z.output<typeof cursorKey> | undefined;
}

interface LogsWork {
  /** One more than the page holds, if there is one. */
  readonly nodes: readonly WorkAttemptRow[];
  readonly errors: readonly WorkAttemptRow[];
  readonly finalOutput: Readonly<Record<string, string>>;
  /** Its counts are those of the whole run; undefined when the run has no attempt. */
  readonly sample: WorkAttemptRow | undefined;
}

async function readWork(store: StoreReader, record: RunRecord, { limit, place }: LogsPage): Promise<LogsWork> {
  const { scope, events, user } = record;
  const outputs = record.state?.outputs ?? {};
  if (scope === null) return { nodes: [], errors: [], finalOutput: outputs, sample: undefined };
  const after = place && { startMs: place[0], taskId: place[1], stepId: place[2], attemptNumber: place[3] };
  const [nodes, finalOutput] = await Promise.all([
    readRunAttempts(store, record, { limit: limit + 1, after, contexts: true, only: 'attempts' }),
    Object.keys(outputs).length > 0 ? outputs : (events?.finalOutput(user) ?? readFinalOutput(store, scope)),
  ]);
  // A cursor may stand behind what is left of an expired run: the counts are then on the first row.
  const [sample] = nodes.length > 0 ? nodes : await readRunAttempts(store, record, { limit: 1, only: 'attempts' });
  const errors =
    (sample?.failed_attempts ?? 0) === 0
      ? []
      : await readRunAttempts(store, record, { limit: errorsMax + 1, only: 'failed' });
  return { nodes, errors, finalOutput, sample };
}

function logsAnswer(record: RunRecord, { nodes, errors, finalOutput, sample }: LogsWork, { limit, place }: LogsPage) {
  const page = nodes.slice(0, limit);
  const last = nodes.length > limit ? page.at(-1) : undefined;
  const nodesBefore = place?.[4] ?? 0;
  const durationMs = totalDurationMs(record);
  return {
    run_id: record.key.runId,
    status: record.status,
    nodes: page.map((row, index) => nodeItem(row, nodesBefore + index + 1, record.isHeard)),
    errors: errors.slice(0, errorsMax).map(failureItem),
    errors_truncated: errors.length > errorsMax,
    final_output: contextText(finalOutput),
    final_outputs: Object.keys(finalOutput).length === 0 ? null : finalOutput,
    summary: {
      total_nodes: sample?.total_attempts ?? 0,
      successful_nodes: sample?.completed_attempts ?? 0,
      failed_nodes: sample?.failed_attempts ?? 0,
      total_duration: secondsText(durationMs, 1),
      total_duration_ms: durationMs,
    },
    steps_expired: record.stepsExpired,
    limit,
    next_cursor: last === undefined ? null : encodePageCursor([...placeOf(last), nodesBefore + limit]),
  };
}

function placeOf(row: WorkAttemptRow) {
  return [row.start_ms, row.task_id, row.step_id, row.attempt_number] as const;
}

function nodeItem(row: WorkAttemptRow, position: number, isHeard: boolean) {
  const durationMs = attemptMs(row);
  return {
    id: row.kind === 'task' ? row.task_id : row.step_id,
    task_id: row.task_id === '' ? null : row.task_id,
    type: row.kind === 'task' ? 'task' : (row.step_kind ?? 'step'),
    name: row.name,
    input: contextText(row.inputs),
    output: contextText(row.outputs),
    inputs: row.inputs,
    outputs: row.outputs,
    time: secondsText(durationMs),
    started_at: instant(row.start_ms),
    duration_ms: durationMs,
    status: openStatus(row.status, isHeard),
    attempt: reportedAttempt(row.attempt),
    metadata: {
      tool: row.step_kind === 'tool' ? row.name : null,
      ...modelPart(row),
      model: row.model ?? (row.step_kind === 'llm' ? row.name : null),
      position,
      labels: row.labels,
    },
  };
}

/** As the run reports it, else from its first to its last event; null when nothing is known of it. */
function totalDurationMs({ state, activity }: RunRecord): number | null {
  return state?.duration_ms ?? (activity === null ? null : activity.last_event_ms - activity.first_event_ms);
}
