import { z } from 'zod';
import { namesakesMax, readTaskDetails, type TaskDetailRow } from '../../clickhouse/queries/tasks/task-detail.js';
import { readTaskEvents } from '../../clickhouse/queries/tasks/task-events.js';
import { readTaskLogs } from '../../clickhouse/queries/tasks/task-logs.js';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import { workKey } from '../../clickhouse/queries/work/history-kind.js';
import { taskStatuses, taskWorkId } from '../../clickhouse/queries/work/task-row.js';
import { readWorkAttempts } from '../../clickhouse/queries/work/work-attempts.js';
import { scopeOfUser } from '../../clickhouse/queries/work/work-owner.js';
import { taskScope, type WorkScope } from '../../clickhouse/queries/work/work-scope.js';
import { CollectorError } from '../../core/errors.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { quoted } from '../../core/problem.js';
import { dayMs } from '../../core/time-span.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import {
  countSchema,
  instantSchema,
  optionalInstantSchema,
  optionalTextSchema,
  stringMapSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { idParameter, isPossibleId, parseParameters } from '../request/parameters.js';
import {
  failureItem,
  failureSchema,
  stepAttempt,
  stepAttemptSchema,
  taskAttempt,
  taskAttemptSchema,
} from '../work/attempt-answer.js';
import { readOrphaned } from '../work/lease.js';
import { mayReadTask, type Reader, readerOf } from '../work/user-bound.js';
import { openStatus } from '../work/work-status.js';
import { monitoringTask, monitoringTaskShape } from './monitoring-task.js';
import { logsPart, logsShape } from './task-logs.js';

const parameters = z.strictObject({ run_id: idParameter.optional(), agent_id: idParameter.optional() });

/** Attempts of steps, attempts of the task, and failures in one answer; `…_truncated` says when there are more. */
const stepsMax = 1_000;
const attemptsMax = 100;
const failuresMax = 100;
const othersMax = namesakesMax - 1;

const namesakeSchema = z
  .strictObject({
    run_id: optionalTextSchema,
    agent_id: textSchema,
    name: optionalTextSchema,
    status: z.enum(taskStatuses),
    started_at: optionalInstantSchema,
    updated_at: instantSchema,
  })
  .meta({ id: 'TaskNamesake' });

const answer = z
  .strictObject({
    ...monitoringTaskShape,
    conflicting_ends: countSchema.meta({
      description:
        'Ends that came after another end of the same attempt: they are told in the state and counted nowhere.',
    }),
    others: z.array(namesakeSchema).meta({
      description:
        'Tasks with the same id in other runs or of other agents, the latest first, at most ' +
        `${othersMax}; run_id and agent_id choose one.`,
    }),
    agent_version: optionalTextSchema,
    parent_id: optionalTextSchema,
    error_message: optionalTextSchema,
    inputs: stringMapSchema,
    outputs: stringMapSchema,
    output: stringMapSchema.nullable().meta({ description: 'The outputs; null when there are none.' }),
    labels: stringMapSchema,
    attempts: z.array(taskAttemptSchema),
    attempts_truncated: z.boolean(),
    steps: z.array(stepAttemptSchema),
    steps_truncated: z.boolean(),
    steps_expired: z.boolean().meta({ description: 'The task is older than attempts, steps and logs are kept.' }),
    failures: z.array(failureSchema),
    failures_truncated: z.boolean(),
    ...logsShape,
  })
  .meta({ id: 'Task' });

/** `GET /api/v1/monitoring/tasks/{task_id}`: one task in full, with its attempts, steps, failures and newest logs. */
export function createTaskDetailRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/monitoring/tasks/{task_id}',
    scope: 'read',
    byUser: true,
    operation: {
      id: 'getTask',
      tag: 'tasks',
      summary: 'One task in full, with its attempts, steps, failures and newest logs',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, principal) => {
      const reader = readerOf(principal);
      const { tenant, user } = reader;
      const { run_id: runId, agent_id: agentId } = parseParameters(parameters, request.query);
      const taskId = request.params.task_id ?? '';
      if (!isPossibleId(taskId)) throw taskUnknown(taskId);
      return readWithin(context, request, async (store) => {
        const found = await readTaskDetails(store, { tenant, taskId, runId, agentId });
        const [task, ...others] = await ownTasks(store, reader, found);
        if (task === undefined) throw taskUnknown(taskId);
        const scope = scopeOfUser(taskScope({ tenant, taskId, runId: task.run_id, agentId: task.agent_id }), user);
        const [{ work, logs }, isHeard] = await Promise.all([
          readWorkAndLogs(store, scope),
          readHeard(context, store, { tenant, task }),
        ]);
        const isExpired =
          Math.min(task.start_ms, task.received_ms) < context.clock.nowMs() - context.options.retention.raw * dayMs;
        return jsonReply({
          ...taskPart(task, isHeard),
          others: others.map(namesake),
          steps_expired: isExpired,
          ...workPart(work, isHeard),
          ...logsPart(logs),
        });
      });
    },
  };
}

/** Those of an id that the reader may see. */
async function ownTasks(
  store: StoreReader,
  reader: Reader,
  tasks: readonly TaskDetailRow[],
): Promise<readonly TaskDetailRow[]> {
  if (reader.user === null) return tasks;
  const own: TaskDetailRow[] = [];
  for (const task of tasks) if (await mayReadTask(store, reader, task)) own.push(task);
  return own;
}

function namesake(task: TaskDetailRow): z.output<typeof namesakeSchema> {
  return {
    run_id: task.run_id,
    agent_id: task.agent_id,
    name: task.name,
    status: task.status,
    started_at: optionalInstant(task.started_ms),
    updated_at: instant(task.updated_ms),
  };
}

function taskUnknown(taskId: string): CollectorError {
  return new CollectorError('not_found', `cannot find task ${quoted(taskId)}: this tenant has no event of it`);
}

interface TaskWork {
  readonly attempts: readonly WorkAttemptRow[];
  readonly steps: readonly WorkAttemptRow[];
  readonly failures: readonly WorkAttemptRow[];
}

/** A task of ordinary size takes one read. */
async function readWorkAndLogs(store: StoreReader, scope: WorkScope) {
  const events = await readTaskEvents(store, scope);
  if (events !== null) return { work: workOf(events.attempts), logs: events.logs };
  const [work, logs] = await Promise.all([readTaskWork(store, scope), readTaskLogs(store, scope)]);
  return { work, logs };
}

/** One row more of each than an answer holds. */
async function readTaskWork(store: StoreReader, scope: WorkScope): Promise<TaskWork> {
  const limit = stepsMax + attemptsMax + 2;
  const rows = await readWorkAttempts(store, scope, { limit, contexts: true });
  if (rows.length < limit) return workOf(rows);
  const [attempts, failures] = await Promise.all([
    readWorkAttempts(store, scope, { limit: attemptsMax + 1, contexts: true, only: 'tasks' }),
    readWorkAttempts(store, scope, { limit: failuresMax + 1, only: 'failed' }),
  ]);
  return { attempts, steps: rows.filter(({ kind }) => kind === 'step'), failures };
}

function workOf(rows: readonly WorkAttemptRow[]): TaskWork {
  return {
    attempts: rows.filter(({ kind }) => kind === 'task'),
    steps: rows.filter(({ kind }) => kind === 'step'),
    failures: rows.filter(({ kind, status }) => kind !== 'run' && status === 'failed'),
  };
}

interface TaskOfTenant {
  readonly tenant: string;
  readonly task: TaskDetailRow;
}

/**
 * Whether something was heard of the task within its lease: what has not ended may be under way. Of one that ended,
 * only its own end is looked at, so that the tasks of yesterday cost no further read.
 */
async function readHeard(
  { clock, options }: ApiContext,
  store: StoreReader,
  { tenant, task }: TaskOfTenant,
): Promise<boolean> {
  const { run_id: runId, agent_id: agentId, received_ms: receivedMs } = task;
  const work = taskWorkId(task);
  const nowMs = clock.nowMs();
  if (task.status !== 'pending' && task.status !== 'running') return receivedMs >= nowMs - options.leaseMs;
  const lease = { tenant, nowMs, leaseMs: options.leaseMs };
  const orphaned = await readOrphaned(store, [{ kind: 'task', work, runId, agentId, receivedMs }], lease);
  return !orphaned.has(workKey(work));
}

function taskPart(task: TaskDetailRow, isHeard: boolean) {
  return {
    ...monitoringTask(task, openStatus(task.status, isHeard)),
    conflicting_ends: task.conflicting_ends,
    agent_version: task.agent_version,
    parent_id: task.parent_id,
    error_message: task.error_message,
    inputs: task.inputs,
    outputs: task.outputs,
    output: Object.keys(task.outputs).length === 0 ? null : task.outputs,
    labels: task.labels,
  };
}

function workPart({ attempts, steps, failures }: TaskWork, isHeard: boolean) {
  return {
    attempts: attempts.slice(0, attemptsMax).map((row) => taskAttempt(row, isHeard)),
    attempts_truncated: attempts.length > attemptsMax,
    steps: steps.slice(0, stepsMax).map((row) => stepAttempt(row, isHeard)),
    steps_truncated: steps.length > stepsMax,
    failures: failures.slice(0, failuresMax).map(failureItem),
    failures_truncated: failures.length > failuresMax,
  };
}
