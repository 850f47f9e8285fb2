import { z } from 'zod';
import {
  type EngagementDayRow,
  readEngagementDays,
  readEngagementKnown,
} from '../../clickhouse/queries/engagements/engagement-days.js';
import { CollectorError } from '../../core/errors.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { quoted } from '../../core/problem.js';
import { dayText, instant } from '../../core/time-text.js';
import { instantSchema, textSchema } from '../answers/answer-schema.js';
import { meanDigits } from '../answers/answer-units.js';
import { dayShape } from '../answers/day-shape.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { isPossibleId, parseParameters } from '../request/parameters.js';
import { seriesRange } from '../request/series-range.js';
import { dateParameter } from '../request/time-parameters.js';
import { errorRate, successRate } from '../statistics/execution-rate.js';
import { toldBetween } from '../statistics/percentile-columns.js';

const parameters = z.strictObject({ from: dateParameter.optional(), to: dateParameter.optional() });

/** The columns of a day of an agent (`agent_performance_daily`), in their order. */
const daySchema = z.strictObject({ day: z.iso.date(), ...dayShape }).meta({ id: 'EngagementDay' });

const answer = z.strictObject({
  engagement_id: textSchema,
  from: instantSchema,
  to: instantSchema,
  days: z
    .array(daySchema)
    .meta({ description: 'In order; a UTC day without an event of the engagement is not there.' }),
});

/** `GET /api/v1/engagements/{engagement_id}/performance`: executions and usage of an engagement by UTC day. */
export function createEngagementPerformanceRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/engagements/{engagement_id}/performance',
    scope: 'read',
    operation: {
      id: 'getEngagementPerformance',
      tag: 'metrics',
      summary: 'Executions and usage of an engagement by UTC day, from the events that name it',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, { tenant }) => {
      const { from, to } = parseParameters(parameters, request.query);
      const engagementId = request.params.engagement_id ?? '';
      if (!isPossibleId(engagementId)) throw engagementUnknown(engagementId);
      const key = { tenant, engagementId };
      const { rangeDaysMax } = context.options;
      const range = seriesRange({ step: '1d', from, to, rangeDaysMax }, context.clock.nowMs());
      return readWithin(context, request, async (store) => {
        const rows = await readEngagementDays(store, key, range);
        if (rows.length === 0 && !(await readEngagementKnown(store, key))) throw engagementUnknown(engagementId);
        return jsonReply({
          engagement_id: engagementId,
          from: instant(range.fromMs),
          to: instant(range.toMs),
          days: rows.map(dayItem),
        });
      });
    },
  };
}

function engagementUnknown(id: string): CollectorError {
  return new CollectorError('not_found', `cannot find engagement ${quoted(id)}: this tenant has no event of it`);
}

function dayItem(row: EngagementDayRow): z.output<typeof daySchema> {
  const told = toldBetween(row);
  const [p50, p95, p99] = row.percentiles;
  return {
    day: dayText(row.start_s * 1_000),
    events: row.events,
    total: row.total,
    successful: row.successful,
    failed: row.failed,
    cancelled: row.cancelled,
    success_rate: successRate(row),
    error_rate: errorRate(row),
    avg_duration_ms: meanDigits(row.avg_duration_ms),
    min_duration_ms: row.min_duration_ms,
    max_duration_ms: row.max_duration_ms,
    p50_duration_ms: told(p50),
    p95_duration_ms: told(p95),
    p99_duration_ms: told(p99),
    p95_successful_duration_ms: told(row.p95_successful_duration_ms),
    llm_calls: row.llm_calls,
    tokens_in: row.tokens_in,
    tokens_out: row.tokens_out,
    cost_micros: row.cost_micros,
    tokens_unpriced: row.tokens_unpriced,
    avg_confidence: meanDigits(row.avg_confidence),
    avg_memory_mb: meanDigits(row.avg_memory_mb),
    max_memory_mb: row.max_memory_mb,
    first_received: instant(row.first_received_ms),
    last_received: instant(row.last_received_ms),
  };
}
