import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat } from '../sql/column-types.js';

const row = z.object({
  start_s: integer64,
  all_events: integer64,
  executions: integer64,
  successes: integer64,
  failures: integer64,
  cancellations: integer64,
  mean_ms: optionalFloat,
  shortest_ms: optionalFloat,
  longest_ms: optionalFloat,
  percentiles: z.tuple([optionalFloat, optionalFloat, optionalFloat]),
  success_p95_ms: optionalFloat,
  model_calls: integer64,
  input_tokens: integer64,
  output_tokens: integer64,
  cost: integer64.nullable(),
  sureness: optionalFloat,
  mean_memory_mb: optionalFloat,
  peak_memory_mb: optionalFloat,
  first_ms: epochMs,
  last_ms: epochMs,
});

/** A UTC day of an engagement; `start_s`: its start in seconds since the epoch. */
export type EngagementDayRow = z.output<typeof row>;

export interface EngagementKey {
  readonly tenant: string;
  readonly engagementId: string;
}

/** The days of a range, which is half open, on which events named the engagement, in order. */
export function readEngagementDays(
  store: StoreReader,
  { tenant, engagementId }: EngagementKey,
  range: TimeSpan,
): Promise<EngagementDayRow[]> {
  return checkedRows(store, row, {
    name: 'engagement_days',
    sql: `
      SELECT
        toInt64(toUnixTimestamp(toDateTime(day, 'UTC'))) AS start_s,
        sum(events) AS all_events,
        sum(total) AS executions,
        sum(successful) AS successes,
        sum(failed) AS failures,
        sum(cancelled) AS cancellations,
        sum(duration_sum_ms) / nullIf(sum(duration_count), 0) AS mean_ms,
        if(sum(duration_count) = 0, NULL, min(duration_min_ms)) AS shortest_ms,
        if(sum(duration_count) = 0, NULL, max(duration_max_ms)) AS longest_ms,
        quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest) AS percentiles,
        quantilesTDigestMerge(0.5, 0.95, 0.99)(successful_duration_digest)[2] AS success_p95_ms,
        sum(llm_calls) AS model_calls,
        sum(tokens_in) AS input_tokens,
        sum(tokens_out) AS output_tokens,
        sum(cost_micros) AS cost,
        sum(confidence_sum) / nullIf(sum(confidence_count), 0) AS sureness,
        sum(memory_mb_sum) / nullIf(sum(memory_mb_count), 0) AS mean_memory_mb,
        if(sum(memory_mb_count) = 0, NULL, max(memory_mb_max)) AS peak_memory_mb,
        toUnixTimestamp64Milli(min(first_received)) AS first_ms,
        toUnixTimestamp64Milli(max(last_received)) AS last_ms
      FROM engagement_performance_per_day_v1
      WHERE tenant = {tenant:String} AND engagement_id = {engagement_id:String}
        AND day >= {from_day:Date} AND day < {to_day:Date}
      GROUP BY day
      ORDER BY day`,
    params: {
      tenant,
      engagement_id: engagementId,
      from_day: dayText(range.fromMs),
      to_day: dayText(range.toMs),
    },
  });
}

const knownRow = z.object({ known: integer64 });

/** Whether any event ever named the engagement. */
export async function readEngagementKnown(
  store: StoreReader,
  { tenant, engagementId }: EngagementKey,
): Promise<boolean> {
  const rows = await checkedRows(store, knownRow, {
    name: 'engagement_known',
    sql: `
      SELECT 1 AS known FROM engagement_performance_per_day_v1
      WHERE tenant = {tenant:String} AND engagement_id = {engagement_id:String}
      LIMIT 1`,
    params: { tenant, engagement_id: engagementId },
  });
  return rows.length > 0;
}
