import { z } from 'zod';
import { runKind } from '../clickhouse/queries/history-kind.js';
import { readRunRows } from '../clickhouse/queries/run-list.js';
import type { HttpRoute } from '../core/ports.js';
import { countSchema, pageShape } from './answer-schema.js';
import { totalShape } from './history-count.js';
import { readHistoryPage } from './history-page.js';
import {
  checkDates,
  decodePosition,
  encodePosition,
  historyFilter,
  historyPageShape,
  historyShape,
  leaseOf,
} from './history-parameters.js';
import { parseParameters } from './parameters.js';
import { jsonReply, type QueryContext, readWithin } from './query-context.js';
import { runItem, runItemSchema } from './run-item.js';
import { readRunStats, runStatsSchema, runStatuses } from './run-stats.js';
import { readTotalsByRun } from './run-totals.js';
import { statusParameter } from './status-parameter.js';
import { readerOf } from './user-bound.js';

const parameters = z
  .strictObject({ ...historyShape, status: statusParameter(runStatuses).optional(), ...historyPageShape })
  .superRefine(checkDates);

const answer = z
  .strictObject({
    runs: z.array(runItemSchema),
    stats: runStatsSchema,
    ...totalShape,
    offset: countSchema,
    ...pageShape,
  })
  .meta({ id: 'RunPage' });

/** `GET /api/v1/runs`: the runs of the tenant, newest start first, and how those of the filter fared. */
export function createRunListRoute(context: QueryContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/runs',
    scope: 'read',
    byUser: true,
    operation: {
      id: 'listRuns',
      tag: 'runs',
      summary: 'Runs in their latest state, newest start first, with statistics over the filter',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, principal) => {
      const reader = readerOf(principal);
      const { tenant } = reader;
      const { limit, offset, cursor, ...given } = parseParameters(parameters, request.query);
      const after = decodePosition(cursor);
      const filter = historyFilter(context, reader, given);
      const search = { kind: runKind, filter, lease: leaseOf(context, tenant), owner: reader.user };
      return readWithin(context, request, async (store) => {
        const page = await readHistoryPage(store, search, {
          limit,
          offset,
          after,
          read: readRunRows,
          count: ({ first }) => readRunStats(store, search, first),
        });
        const totals = await readTotalsByRun(store, tenant, page.rows);
        return jsonReply({
          runs: page.rows.map((row) => runItem(row, { totals, orphaned: page.orphaned })),
          stats: page.count.stats,
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
