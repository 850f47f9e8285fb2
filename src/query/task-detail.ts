import { z } from 'zod';
import { readTaskDetail, type TaskDetailRow, type TaskKey } from '../clickhouse/queries/task-detail.js';
import { readTaskLogs } from '../clickhouse/queries/task-logs.js';
import { readWorkAttempts, type WorkAttemptRow } from '../clickhouse/queries/work-attempts.js';
import { scopeOfUser } from '../clickhouse/queries/work-owner.js';
import { taskScope } from '../clickhouse/queries/work-scope.js';
import { CollectorError } from '../core/errors.js';
import type { HttpRoute, StoreReader } from '../core/ports.js';
import { quoted } from '../core/problem.js';
import { optionalTextSchema, stringMapSchema } from './answer-schema.js';
import {
  failureItem,
  failureSchema,
  stepAttempt,
  stepAttemptSchema,
  taskAttempt,
  taskAttemptSchema,
} from './attempt-answer.js';
import { readOrphaned } from './lease.js';
import { monitoringTask, monitoringTaskShape } from './monitoring-task.js';
import { isPossibleId, parseParameters } from './parameters.js';
import { jsonReply, type QueryContext, readWithin } from './query-context.js';
import { logsPart, logsShape } from './task-logs.js';
import { mayReadTask, readerOf } from './user-bound.js';
import { openStatus } from './work-status.js';

const parameters = z.strictObject({});

/** Attempts of steps, attempts of the task, and failures in one answer; `…_truncated` says when there are more. */
const stepsMax = 1_000;
const attemptsMax = 100;
const failuresMax = 100;

const answer = z
  .strictObject({
    ...monitoringTaskShape,
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
export function createTaskDetailRoute(context: QueryContext): HttpRoute {
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
      const { tenant } = reader;
      parseParameters(parameters, request.query);
      const taskId = request.params.task_id ?? '';
      if (!isPossibleId(taskId)) throw taskUnknown(taskId);
      const key = { tenant, taskId };
      return readWithin(context, request, async (store) => {
        const [task, work, logs] = await Promise.all([
          readTaskDetail(store, key),
          readTaskWork(store, key, reader.user),
          readTaskLogs(store, key, reader.user),
        ]);
        if (task === undefined) throw taskUnknown(taskId);
        if (!(await mayReadTask(store, reader, { taskId, runId: task.run_id }))) throw taskUnknown(taskId);
        const isHeard = await readHeard(context, store, { tenant, task });
        const isExpired =
          Math.min(task.start_ms, task.received_ms) < context.clock.nowMs() - context.options.retention.raw * dayMs;
        return jsonReply({
          ...taskPart(task, isHeard),
          steps_expired: isExpired,
          ...workPart(work, isHeard),
          ...logsPart(logs),
        });
      });
    },
  };
}

const dayMs = 86_400_000;

function taskUnknown(taskId: string): CollectorError {
  return new CollectorError('not_found', `cannot find task ${quoted(taskId)}: this tenant has no event of it`);
}

interface TaskWork {
  readonly attempts: readonly WorkAttemptRow[];
  readonly steps: readonly WorkAttemptRow[];
  readonly failures: readonly WorkAttemptRow[];
}

/** One row more of each than an answer holds. A task of ordinary size takes one read. */
async function readTaskWork(store: StoreReader, key: TaskKey, user: string | null): Promise<TaskWork> {
  const scope = scopeOfUser(taskScope(key), user);
  const limit = stepsMax + attemptsMax + 2;
  const rows = await readWorkAttempts(store, scope, { limit, contexts: true });
  const steps = rows.filter(({ unit }) => unit === 'step');
  if (rows.length < limit) {
    return {
      attempts: rows.filter(({ unit }) => unit === 'task'),
      steps,
      failures: rows.filter(({ unit, state }) => unit !== 'run' && state === 'failed'),
    };
  }
  const [attempts, failures] = await Promise.all([
    readWorkAttempts(store, scope, { limit: attemptsMax + 1, contexts: true, only: 'tasks' }),
    readWorkAttempts(store, scope, { limit: failuresMax + 1, only: 'failed' }),
  ]);
  return { attempts, steps, failures };
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
  { clock, options }: QueryContext,
  store: StoreReader,
  { tenant, task }: TaskOfTenant,
): Promise<boolean> {
  const { task_id: id, run_id: runId, agent_id: agentId, received_ms: receivedMs } = task;
  const nowMs = clock.nowMs();
  if (task.state !== 'pending' && task.state !== 'running') return receivedMs >= nowMs - options.leaseMs;
  const lease = { tenant, nowMs, leaseMs: options.leaseMs };
  const orphaned = await readOrphaned(store, [{ kind: 'task', id, runId, agentId, receivedMs }], lease);
  return !orphaned.has(id);
}

function taskPart(task: TaskDetailRow, isHeard: boolean) {
  return {
    ...monitoringTask(task, openStatus(task.state, isHeard)),
    agent_version: task.agent_version,
    parent_id: task.parent_id,
    error_message: task.message,
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
