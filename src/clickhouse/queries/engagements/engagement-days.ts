import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat } from '../sql/column-types.js';
import { usageRow, usageSums } from '../sql/usage-columns.js';

const row = z.object({
  start_s: integer64,
  events: integer64,
  total: integer64,
  successful: integer64,
  failed: integer64,
  cancelled: integer64,
  avg_duration_ms: optionalFloat,
  min_duration_ms: optionalFloat,
  max_duration_ms: optionalFloat,
  percentiles: z.tuple([optionalFloat, optionalFloat, optionalFloat]),
  p95_successful_duration_ms: optionalFloat,
  ...usageRow,
  avg_confidence: optionalFloat,
  avg_memory_mb: optionalFloat,
  max_memory_mb: optionalFloat,
  first_received_ms: epochMs,
  last_received_ms: epochMs,
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
        sum(engagement_day.events) AS events,
        sum(engagement_day.total) AS total,
        sum(engagement_day.successful) AS successful,
        sum(engagement_day.failed) AS failed,
        sum(engagement_day.cancelled) AS cancelled,
        sum(duration_sum_ms) / nullIf(sum(duration_count), 0) AS avg_duration_ms,
        if(sum(duration_count) = 0, NULL, min(duration_min_ms)) AS min_duration_ms,
        if(sum(duration_count) = 0, NULL, max(duration_max_ms)) AS max_duration_ms,
        quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest) AS percentiles,
        quantilesTDigestMerge(0.5, 0.95, 0.99)(successful_duration_digest)[2] AS p95_successful_duration_ms,
        ${usageSums('engagement_day')},
        sum(confidence_sum) / nullIf(sum(confidence_count), 0) AS avg_confidence,
        sum(memory_mb_sum) / nullIf(sum(memory_mb_count), 0) AS avg_memory_mb,
        if(sum(memory_mb_count) = 0, NULL, max(memory_mb_max)) AS max_memory_mb,
        toUnixTimestamp64Milli(min(first_received)) AS first_received_ms,
        toUnixTimestamp64Milli(max(last_received)) AS last_received_ms
      FROM engagement_performance_per_day_v1 AS engagement_day
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
