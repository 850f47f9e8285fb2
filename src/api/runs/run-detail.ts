import { z } from 'zod';
import type { RunDetailRow } from '../../clickhouse/queries/runs/run-detail.js';
import { type RunTaskRow, type RunTasks, readRunTasks } from '../../clickhouse/queries/runs/run-tasks.js';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import { workKey } from '../../clickhouse/queries/work/history-kind.js';
import type { RunActivityRow, RunKey } from '../../clickhouse/queries/work/run-activity.js';
import { taskWorkId } from '../../clickhouse/queries/work/task-row.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { optionalInstant } from '../../core/time-text.js';
import { reportedAttempt } from '../answers/answer-units.js';
import { identityAnswer } from '../answers/identity.js';
import { detailedUsageAnswer, noUsage } from '../answers/usage.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import { failureItem } from '../work/attempt-answer.js';
import { readOrphaned } from '../work/lease.js';
import { taskItem } from '../work/task-answer.js';
import { ofReader, type Reader, readerOf } from '../work/user-bound.js';
import { openStatus } from '../work/work-status.js';
import { possibleRunId } from './run-path.js';
import { type RunRecord, readRunAttempts, readRunRecord } from './run-record.js';
import { runSchema } from './run-schema.js';
import { endedOf, startedOf } from './timeline.js';

const parameters = z.strictObject({});

/** Tasks and failures in one answer; the links lead to the others. */
const tasksMax = 100;
const failuresMax = 100;

/** `GET /api/v1/runs/{run_id}`: one run with its first tasks and its failures. */
export function createRunDetailRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/runs/{run_id}',
    scope: 'read',
    byUser: true,
    operation: {
      id: 'getRun',
      tag: 'runs',
      summary: 'One run with its usage, its first tasks and its failures',
      query: parameters,
      answer: { kind: 'json', schema: runSchema },
      errors: ['not_found'],
    },
    handle: (request, principal) => {
      const reader = readerOf(principal);
      parseParameters(parameters, request.query);
      const key = { ...reader, runId: possibleRunId(request.params.run_id ?? '') };
      return readWithin(context, request, async (store) => {
        const record = await readRunRecord(context, store, key, key.user);
        const [failures, { found, orphaned }] = await Promise.all([
          readFailures(store, record),
          readTasks(context, store, key, record),
        ]);
        return jsonReply({
          ...statePart(record),
          ...activityPart(record.activity),
          ...tasksPart(found, orphaned),
          failures: failures.slice(0, failuresMax).map(failureItem),
          failures_truncated: failures.length > failuresMax,
          steps_expired: record.stepsExpired,
          links: links(key.runId),
        });
      });
    },
  };
}

type ReadRun = RunKey & Reader;

/** In the order of their begin. What the activity counts no failure of is not searched. */
async function readFailures(store: StoreReader, record: RunRecord): Promise<WorkAttemptRow[]> {
  const { activity } = record;
  if (activity === null || activity.tasks_failed + activity.steps_failed === 0) return [];
  return await readRunAttempts(store, record, { limit: failuresMax + 1, only: 'failed' });
}

async function readTasks({ clock, options }: ApiContext, store: StoreReader, key: ReadRun, record: RunRecord) {
  const { events, activity } = record;
  const all = events?.tasks({ limit: tasksMax }) ?? (await readRunTasks(store, key, { limit: tasksMax }));
  const tasks = ofReader(all.tasks, key);
  const found = { tasks, total: all.total - (all.tasks.length - tasks.length) };
  const open = found.tasks.filter(({ status }) => status === 'pending' || status === 'running').map(openTask);
  const { leaseMs } = options;
  const nowMs = clock.nowMs();
  const isHeard = activity !== null && activity.last_received_ms >= nowMs - leaseMs;
  const heardRuns = activity === null ? undefined : new Set(isHeard ? [key.runId] : []);
  const lease = { tenant: key.tenant, nowMs, leaseMs, heardRuns };
  return { found, orphaned: await readOrphaned(store, open, lease) };
}

function openTask(task: RunTaskRow) {
  const { run_id: runId, agent_id: agentId, received_ms: receivedMs } = task;
  return { kind: 'task', work: taskWorkId(task), runId, agentId, receivedMs } as const;
}

function statePart({ key, status, state }: RunRecord) {
  return {
    run_id: key.runId,
    name: state?.name ?? null,
    status,
    attempt: reportedAttempt(state?.attempt ?? 0),
    agent_id: state?.agent_id ?? null,
    agent_name: state?.agent_name ?? null,
    agent_version: state?.agent_version ?? null,
    parent_id: state?.parent_id ?? null,
    ...identityAnswer(state),
    finish_reason: state?.finish_reason ?? null,
    started_at: optionalInstant(startedOf(state)),
    ended_at: optionalInstant(endedOf(state)),
    updated_at: optionalInstant(state?.updated_ms ?? null),
    duration_ms: state?.duration_ms ?? null,
    memory_mb: state?.memory_mb ?? null,
    confidence: state?.confidence ?? null,
    error_category: state?.error_category ?? null,
    error_code: state?.error_code ?? null,
    error_message: state?.error_message ?? null,
    inputs: state?.inputs ?? {},
    outputs: state?.outputs ?? {},
    labels: state?.labels ?? {},
    cost_source: state?.cost_source ?? null,
    own: detailedUsageAnswer(runUsage(state, 'own')),
    rolled_up: state?.usage_scope === 'rolled_up' ? detailedUsageAnswer(runUsage(state, 'rolled_up')) : null,
  };
}

/** The usage a run that ended reports of itself, if it is of this scope. */
function runUsage(state: RunDetailRow | null, scope: 'own' | 'rolled_up') {
  if (state === null || state.status === 'running' || state.usage_scope !== scope) return noUsage;
  return state;
}

function activityPart(activity: RunActivityRow | null) {
  return {
    total: detailedUsageAnswer(activity ?? noUsage),
    events: activity?.events ?? 0,
    // An end may tell the start as well, in place of an event of its own.
    steps_started: Math.max(activity?.steps_started ?? 0, activity?.steps_ended ?? 0),
    steps_ended: activity?.steps_ended ?? 0,
    steps_failed: activity?.steps_failed ?? 0,
    tasks_ended: activity?.tasks_ended ?? 0,
    tasks_failed: activity?.tasks_failed ?? 0,
    agents: activity?.agents ?? [],
    first_event_at: optionalInstant(activity?.first_event_ms ?? null),
    last_event_at: optionalInstant(activity?.last_event_ms ?? null),
    last_received_at: optionalInstant(activity?.last_received_ms ?? null),
  };
}

function tasksPart({ tasks, total }: RunTasks, orphaned: ReadonlySet<string>) {
  return {
    tasks: tasks.map((task) => ({
      ...taskItem(task),
      status: openStatus(task.status, !orphaned.has(workKey(taskWorkId(task)))),
      error_preview: task.error_preview,
    })),
    total_tasks: total,
  };
}

function links(runId: string) {
  const path = encodeURIComponent(runId);
  return {
    tasks: `/api/v1/monitoring/tasks?run_id=${path}`,
    timeline: `/api/v1/runs/${path}/timeline`,
    logs: `/api/v1/agents/logs?run_id=${path}`,
  };
}
