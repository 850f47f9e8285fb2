import { z } from 'zod';
import { readTaskDetail, type TaskDetailRow } from '../clickhouse/queries/task-detail.js';
import { readTaskLogs, type TaskLogRow } from '../clickhouse/queries/task-logs.js';
import { readTaskSteps, type TaskStepRow } from '../clickhouse/queries/task-steps.js';
import { CollectorError } from '../core/errors.js';
import type { HttpRoute } from '../core/ports.js';
import { quoted } from '../core/problem.js';
import { costCents, float32Digits, instant, optionalInstant, reportedAttempt } from './answer-units.js';
import { isPossibleId, parseParameters } from './parameters.js';
import { jsonReply, type QueryContext, readWithin } from './query-context.js';
import { taskItem } from './task-answer.js';

const parameters = z.strictObject({});

/** Step attempts and log events in one answer; `steps_truncated` and `logs_truncated` say when there are more. */
const stepsMax = 1_000;
const logsMax = 200;

/** `GET /api/v1/monitoring/tasks/{task_id}`: one task in full, with its first steps and newest logs. */
export function createTaskDetailRoute(context: QueryContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/monitoring/tasks/{task_id}',
    scope: 'read',
    handle: (request, { tenant }) => {
      parseParameters(parameters, request.query);
      const taskId = request.params.task_id ?? '';
      if (!isPossibleId(taskId)) throw taskUnknown(taskId);
      const key = { tenant, taskId };
      return readWithin(context, request, async (store) => {
        const [task, steps, logs] = await Promise.all([
          readTaskDetail(store, key),
          readTaskSteps(store, key, { limit: stepsMax + 1 }),
          readTaskLogs(store, key, { limit: logsMax + 1 }),
        ]);
        if (task === undefined) throw taskUnknown(taskId);
        return jsonReply(taskAnswer(task, steps, logs));
      });
    },
  };
}

function taskUnknown(taskId: string): CollectorError {
  return new CollectorError('not_found', `cannot find task ${quoted(taskId)}: this tenant has no event of it`);
}

function taskAnswer(task: TaskDetailRow, steps: readonly TaskStepRow[], logs: readonly TaskLogRow[]) {
  return {
    ...taskItem(task),
    error_message: task.message,
    inputs: task.inputs,
    outputs: task.outputs,
    labels: task.labels,
    steps: steps.slice(0, stepsMax).map(stepItem),
    steps_truncated: steps.length > stepsMax,
    logs: logs.slice(0, logsMax).reverse().map(logItem),
    logs_truncated: logs.length > logsMax,
  };
}

function stepItem(step: TaskStepRow) {
  return {
    step_id: step.step,
    parent_id: step.parent,
    attempt: reportedAttempt(step.try_number),
    name: step.label,
    kind: step.kind,
    status: step.state,
    agent_id: step.agent,
    started_at: optionalInstant(step.started_ms),
    ended_at: optionalInstant(step.ended_ms),
    duration_ms: step.took_ms,
    llm_calls: step.model_calls,
    tokens: { in: step.input_tokens, out: step.output_tokens, total: step.input_tokens + step.output_tokens },
    cost_cents: costCents(step.cost),
    confidence: float32Digits(step.sureness),
    error_category: step.category,
    error_code: step.code,
    error_message: step.failure,
  };
}

function logItem(log: TaskLogRow) {
  return { ts: instant(log.at_ms), level: log.severity, step_id: log.step, message: log.text };
}
