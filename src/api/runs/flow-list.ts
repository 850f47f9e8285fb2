import { z } from 'zod';
import { type FlowRow, readFlowPage } from '../../clickhouse/queries/runs/flow-page.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { instant } from '../../core/time-text.js';
import {
  countSchema,
  executionTimesSchema,
  instantSchema,
  pageShape,
  percentSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { percentDigits, rounded } from '../answers/answer-units.js';
import { detailedUsageAnswer, detailedUsageShape } from '../answers/usage.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { checkFailureRange, failureRangeShape, failureSpan } from '../request/event-range.js';
import { cursorParameter, cursorTime, decodePageCursor, encodePageCursor } from '../request/page-cursor.js';
import { idCharactersMax, integerParameter, parseParameters } from '../request/parameters.js';
import { errorRate, successRate } from '../statistics/execution-rate.js';
import { toldBetween } from '../statistics/percentile-columns.js';

/** Start of the latest run (ms since the epoch) and id of the last flow of a page. */
const cursorKey = z.tuple([
  cursorTime,
  z
    .string()
    .min(1)
    .max(2 * idCharactersMax),
]);

const flow = z
  .strictObject({
    flow_id: textSchema,
    total_runs: countSchema,
    completed_runs: countSchema,
    failed_runs: countSchema,
    cancelled_runs: countSchema,
    open_runs: countSchema.meta({ description: 'Running, or silent for longer than their lease.' }),
    success_rate: percentSchema.meta({ description: 'Of the runs that completed or failed, in percent.' }),
    error_rate: percentSchema,
    execution_times: executionTimesSchema.meta({ description: 'Of the runs whose duration is known.' }),
    ...detailedUsageShape,
    first_run_at: instantSchema,
    last_run_at: instantSchema,
  })
  .meta({ id: 'Flow' });

const answer = z
  .strictObject({ from: instantSchema, to: instantSchema, flows: z.array(flow), total: countSchema, ...pageShape })
  .meta({ id: 'FlowPage' });

/** `GET /api/v1/flows`: how the runs of each flow fared that started within a range, the latest run first. */
export function createFlowListRoute(context: ApiContext): HttpRoute {
  const nowMs = () => context.clock.nowMs();
  const parameters = z
    .strictObject({
      ...failureRangeShape,
      limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
      cursor: cursorParameter.optional(),
    })
    .superRefine(checkFailureRange(context.options.rangeDaysMax, nowMs));
  return {
    method: 'GET',
    path: '/api/v1/flows',
    scope: 'read',
    operation: {
      id: 'listFlows',
      tag: 'runs',
      summary: 'How the runs of each flow fared that started within a range, the latest run first',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, { tenant }) => {
      const { limit, cursor, ...given } = parseParameters(parameters, request.query);
      const position = decodePageCursor(cursorKey, cursor);
      const after = position && { lastRunMs: position[0], flowId: position[1] };
      const span = failureSpan(given, nowMs());
      return readWithin(context, request, async (store) => {
        const rows = await readFlowPage(store, { tenant, span, limit: limit + 1, after });
        const page = rows.slice(0, limit);
        const last = rows.length > limit ? page.at(-1) : undefined;
        return jsonReply({
          from: instant(span.fromMs),
          to: instant(span.toMs),
          flows: page.map(flowItem),
          total: rows[0]?.total_flows ?? 0,
          limit,
          next_cursor: last === undefined ? null : encodePageCursor([last.last_run_ms, last.flow_id]),
        });
      });
    },
  };
}

function flowItem(row: FlowRow): z.output<typeof flow> {
  const told = toldBetween(row);
  const counts = { total: row.total_runs, successful: row.completed_runs, failed: row.failed_runs };
  return {
    flow_id: row.flow_id,
    total_runs: row.total_runs,
    completed_runs: row.completed_runs,
    failed_runs: row.failed_runs,
    cancelled_runs: row.cancelled_runs,
    open_runs: row.total_runs - row.completed_runs - row.failed_runs - row.cancelled_runs,
    success_rate: percentDigits(successRate(counts)),
    error_rate: percentDigits(errorRate(counts)),
    execution_times: {
      avg_ms: rounded(row.avg_duration_ms),
      min_ms: row.min_duration_ms,
      max_ms: row.max_duration_ms,
      p50_ms: told(row.p50_duration_ms),
      p95_ms: told(row.p95_duration_ms),
      p99_ms: told(row.p99_duration_ms),
    },
    ...detailedUsageAnswer(row),
    first_run_at: instant(row.first_run_ms),
    last_run_at: instant(row.last_run_ms),
  };
}
