import { z } from 'zod';
import { readTaskRows, type TaskListRow } from '../../clickhouse/queries/tasks/task-list.js';
import { taskKind, workKey } from '../../clickhouse/queries/work/history-kind.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { RememberedSource } from '../../core/ports/read-memory.js';
import { countSchema, optionalTextSchema, pageShape } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { idParameter, parseParameters } from '../request/parameters.js';
import { statusParameter } from '../request/status-parameter.js';
import { countHistory, type HistoryCount, totalShape } from '../work/history-count.js';
import { keptCountLimits, readHistoryPage } from '../work/history-page.js';
import {
  checkDates,
  decodePosition,
  encodePosition,
  historyFilter,
  historyPageShape,
  historySearch,
  historyShape,
} from '../work/history-parameters.js';
import { KeptReadings } from '../work/kept-readings.js';
import { newCrowds } from '../work/lease.js';
import { readerOf } from '../work/user-bound.js';
import { workStatuses } from '../work/work-status.js';
import { monitoringTask, monitoringTaskShape } from './monitoring-task.js';

const parameters = z
  .strictObject({
    ...historyShape,
    run_id: idParameter.optional(),
    status: statusParameter(workStatuses).optional(),
    ...historyPageShape,
  })
  .superRefine(checkDates);

const answer = z
  .strictObject({
    tasks: z.array(
      z.strictObject({ ...monitoringTaskShape, error_preview: optionalTextSchema }).meta({ id: 'TaskItem' }),
    ),
    ...totalShape,
    offset: countSchema,
    ...pageShape,
  })
  .meta({ id: 'TaskPage' });

/** Both have all events of tasks. */
const sources: readonly RememberedSource[] = [
  { table: 'agent_task_history_v1', days: null },
  { table: 'agent_tasks_by_start_v1', days: null },
];

/** `GET /api/v1/monitoring/tasks`: the tasks of the tenant, newest start first. */
export function createTaskListRoute(context: ApiContext): HttpRoute {
  const kept = new KeptReadings<HistoryCount>(context.clock, keptCountLimits);
  const crowds = newCrowds(context.clock);
  return {
    method: 'GET',
    path: '/api/v1/monitoring/tasks',
    scope: 'read',
    byUser: true,
    operation: {
      id: 'listTasks',
      tag: 'tasks',
      summary: 'Tasks in their latest state, newest start first',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, principal) => {
      const reader = readerOf(principal);
      const { tenant } = reader;
      const { limit, offset, cursor, ...given } = parseParameters(parameters, request.query);
      const after = decodePosition(cursor);
      const filter = historyFilter(context, reader, given);
      const search = historySearch(context, reader, { kind: taskKind, filter, crowds });
      const name = JSON.stringify([tenant, reader.user, given]);
      return readWithin(context, request, async (store) => {
        const known = after === undefined ? undefined : kept.get(name);
        const page = await readHistoryPage(store, search, {
          limit,
          offset,
          after,
          read: readTaskRows,
          isCountedByPage: true,
          sources,
          count: async (page, reads) => known ?? countHistory(reads, search, page),
        });
        if (known === undefined) kept.keep(name, page.count, 1);
        return jsonReply({
          tasks: page.rows.map((row) => listItem(row, page.orphaned)),
          total: page.count.total,
          total_is_exact: page.count.isExact,
          limit,
          offset,
          next_cursor: encodePosition(page.next),
        });
      });
    },
  };
}

function listItem(row: TaskListRow, orphaned: ReadonlySet<string>) {
  const status = orphaned.has(workKey(row)) ? 'orphaned' : row.status;
  return { ...monitoringTask(row, status), error_preview: row.error_preview };
}
