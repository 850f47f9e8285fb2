import { z } from 'zod';
import { readRunRows } from '../../clickhouse/queries/runs/run-list.js';
import { runKind } from '../../clickhouse/queries/work/history-kind.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { countSchema, pageShape } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import { statusParameter } from '../request/status-parameter.js';
import { totalShape } from '../work/history-count.js';
import { readHistoryPage } from '../work/history-page.js';
import {
  checkDates,
  decodePosition,
  encodePosition,
  historyFilter,
  historyPageShape,
  historyShape,
  leaseOf,
} from '../work/history-parameters.js';
import { readerOf } from '../work/user-bound.js';
import { KeptReadings } from './kept-readings.js';
import { runItem, runItemSchema } from './run-item.js';
import { type RunStats, readRunStats, runStatsSchema, runStatuses } from './run-stats.js';
import { readTotalsByRun } from './run-totals.js';

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

/** Who scrolls asks page after page of one list: what is told of all of it is of an earlier page, for so long. */
const keptMsMax = 10_000;
const keptCountsMax = 1_000;

/** `GET /api/v1/runs`: the runs of the tenant, newest start first, and how those of the filter fared. */
export function createRunListRoute(context: ApiContext): HttpRoute {
  const kept = new KeptReadings<RunStats>(context.clock, { ageMsMax: keptMsMax, sizeMax: keptCountsMax });
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
      const name = JSON.stringify([tenant, reader.user, given]);
      return readWithin(context, request, async (store) => {
        const known = after === undefined ? undefined : kept.get(name);
        const page = await readHistoryPage(store, search, {
          limit,
          offset,
          after,
          read: readRunRows,
          count: async ({ first }) => known ?? readRunStats(store, search, first),
        });
        if (known === undefined) kept.keep(name, page.count, 1);
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
