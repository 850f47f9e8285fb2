import { z } from 'zod';
import { readRunRows } from '../../clickhouse/queries/runs/run-list.js';
import { runKind } from '../../clickhouse/queries/work/history-kind.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { countSchema, pageShape } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import { statusParameter } from '../request/status-parameter.js';
import { totalShape } from '../work/history-count.js';
import { isAllOfFew, type KnownOfList, keptCountLimits, readHistoryPage } from '../work/history-page.js';
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
import { runItem, runItemSchema } from './run-item.js';
import { type RunStats, readRunStats, runStatsSchema, runStatuses, statsOfPage } from './run-stats.js';
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

/** `GET /api/v1/runs`: the runs of the tenant, newest start first, and how those of the filter fared. */
export function createRunListRoute(context: ApiContext): HttpRoute {
  const kept = new KeptReadings<RunStats>(context.clock, keptCountLimits);
  const crowds = newCrowds(context.clock);
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
      const search = historySearch(context, reader, { kind: runKind, filter, crowds });
      const name = JSON.stringify([tenant, reader.user, given]);
      return readWithin(context, request, async (store) => {
        const readStats = ({ first }: KnownOfList) => readRunStats(store, search, first);
        const known = after === undefined ? undefined : kept.get(name);
        const page = await readHistoryPage(store, search, {
          limit,
          offset,
          after,
          read: readRunRows,
          isCountedByPage: false,
          count: async (page) => known ?? ((await isOnePage(page, { limit, offset })) ? null : readStats(page)),
        });
        const totals = await readTotalsByRun(store, tenant, page.rows);
        const facts = { totals, orphaned: page.orphaned };
        const count = page.count ?? statsOfPage(page.rows, facts);
        if (known === undefined) kept.keep(name, count, 1);
        return jsonReply({
          runs: page.rows.map((row) => runItem(row, facts)),
          stats: count.stats,
          total: count.total,
          total_is_exact: count.isExact,
          limit,
          offset,
          next_cursor: encodePosition(page.next),
        });
      });
    },
  };
}

/** Whether the page has all that the filter holds for: then nothing more is read to tell how those fared. */
async function isOnePage(
  { first, found }: KnownOfList,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<boolean> {
  if (first === undefined || offset > 0 || !isAllOfFew(first)) return false;
  const { rows, isAll } = await found;
  return isAll && rows <= limit;
}
