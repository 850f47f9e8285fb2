import { z } from 'zod';
import { readTaskCount } from '../clickhouse/queries/task-count.js';
import { readTaskList } from '../clickhouse/queries/task-list.js';
import { taskStatuses } from '../clickhouse/queries/task-row.js';
import type { HttpRoute } from '../core/ports.js';
import { decodePageCursor, encodePageCursor } from './page-cursor.js';
import {
  dateParameter,
  idCharactersMax,
  idParameter,
  integerParameter,
  parseParameters,
  wordParameter,
} from './parameters.js';
import { jsonReply, type QueryContext, readWithin } from './query-context.js';
import { taskItem } from './task-answer.js';

/** Rows a page may skip: they are read and thrown away, so further on the cursor is the way. */
const offsetMax = 10_000;

const parameters = z
  .strictObject({
    crew_id: idParameter.optional(),
    agent_id: idParameter.optional(),
    status: wordParameter(taskStatuses).optional(),
    start_date_from: dateParameter.optional(),
    start_date_to: dateParameter.optional(),
    limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
    offset: integerParameter({ min: 0, max: offsetMax, fallback: 0 }),
    cursor: z.string().optional(),
  })
  .refine(
    ({ start_date_from: from, start_date_to: to }) =>
      from === undefined || to === undefined || from.fromMs < to.untilMs,
    { path: ['start_date_to'], error: 'expected a time that is not before start_date_from' },
  );

/** Start (ms since the epoch) and id of the last task of a page. */
const cursorKey = z.tuple([
  z.number().int(),
  z
    .string()
    .min(1)
    .max(2 * idCharactersMax),
]);

/** `GET /api/v1/monitoring/tasks`: the tasks of the tenant, newest start first. */
export function createTaskListRoute(context: QueryContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/monitoring/tasks',
    scope: 'read',
    handle: (request, { tenant }) => {
      const given = parseParameters(parameters, request.query);
      const { limit, offset } = given;
      const position = decodePageCursor(cursorKey, given.cursor);
      const after = position && { startMs: position[0], taskId: position[1] };
      const filter = {
        tenant,
        crewId: given.crew_id,
        agentId: given.agent_id,
        status: given.status,
        startFromMs: given.start_date_from?.fromMs,
        startBeforeMs: given.start_date_to?.untilMs,
      };
      return readWithin(context, request, async (store) => {
        const [total, found] = await Promise.all([
          readTaskCount(store, filter),
          readTaskList(store, filter, { limit: limit + 1, offset, after }),
        ]);
        const tasks = found.slice(0, limit);
        const last = found.length > limit ? tasks.at(-1) : undefined;
        return jsonReply({
          tasks: tasks.map((task) => ({ ...taskItem(task), error_preview: task.error_preview })),
          total,
          limit,
          offset,
          next_cursor: last === undefined ? null : encodePageCursor([last.start_ms, last.task_id]),
        });
      });
    },
  };
}
