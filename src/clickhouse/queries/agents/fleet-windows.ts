import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { dayMs, floorTo } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { epochSeconds } from '../sql/bucket-time.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat } from '../sql/column-types.js';
import { usageRow, usageSums } from '../sql/usage-columns.js';
import type { AgentKey } from './agent-known.js';

const row = z.object({
  start_s: integer64,
  total: integer64,
  successful: integer64,
  failed: integer64,
  cancelled: integer64,
  duration_count: integer64,
  duration_sum_ms: z.number(),
  duration_min_ms: z.number(),
  duration_max_ms: z.number(),
  percentiles: z.tuple([optionalFloat, optionalFloat, optionalFloat]),
  ...usageRow,
  confidence_avg: optionalFloat,
  memory_mb_count: integer64,
  memory_mb_max: z.number(),
});

const errorRow = z.object({ start_s: integer64, error_category: z.string(), failures: integer64 });
const seenRow = z.object({ seen_ms: epochMs });

export type FleetWindowRow = z.output<typeof row> & { readonly errors: Readonly<Record<string, number>> };

export interface FleetWindows {
  /** By the length of the window in ms; one in which nothing ended is absent. */
  readonly windows: ReadonlyMap<number, FleetWindowRow>;
  /** Receipt of the newest event of these two days; null when there is none. */
  readonly lastSeenMs: number | null;
}

const minuteMs = 60_000;

/**
 * Rolling windows of an agent over everything that is in the store, whichever collector received it: from the minutes,
 * each window from the whole minute in which it begins, and errors from the failures.
 */
export async function readFleetWindows(
  store: StoreReader,
  { tenant, agentId }: AgentKey,
  { nowMs, windowsMs }: { readonly nowMs: number; readonly windowsMs: readonly number[] },
): Promise<FleetWindows> {
  const starts = windowsMs.map((ms) => epochSeconds(floorTo(nowMs - ms, minuteMs)));
  const params = { tenant, agent_id: agentId, starts: starts.map(String), from_s: Math.min(...starts) };
  const [windows, errors, [seen]] = await Promise.all([
    checkedRows(store, row, { name: 'fleet_windows', sql: windowsSql, params }),
    checkedRows(store, errorRow, { name: 'fleet_errors', sql: errorsSql, params }),
    checkedRows(store, seenRow, {
      name: 'fleet_last_seen',
      sql: `
        SELECT toUnixTimestamp64Milli(max(last_received)) AS seen_ms FROM agent_performance_per_day_v1
        WHERE tenant = {tenant:String} AND agent_id = {agent_id:String} AND day >= {from_day:Date}`,
      params: { tenant, agent_id: agentId, from_day: dayText(floorTo(nowMs, dayMs) - dayMs) },
    }),
  ]);
  const found = windowsMs.flatMap((ms, index) => {
    const window = windows.find(({ start_s }) => start_s === starts[index]);
    if (window === undefined) return [];
    const own = errors.filter(({ start_s }) => start_s === starts[index]);
    const counts = own.map(({ error_category, failures }) => [error_category, failures] as const);
    return [[ms, { ...window, errors: Object.fromEntries(counts) }] as const];
  });
  return { windows: new Map(found), lastSeenMs: seen === undefined || seen.seen_ms === 0 ? null : seen.seen_ms };
}

/** A minute is counted once for each window that has it. */
const inEachWindow = 'ARRAY JOIN arrayMap(start -> toUInt32(start), {starts:Array(String)}) AS start_s';

const windowsSql = `
  SELECT
    start_s,
    sum(bucket.total) AS total,
    sum(bucket.successful) AS successful,
    sum(bucket.failed) AS failed,
    sum(bucket.cancelled) AS cancelled,
    sum(bucket.duration_count) AS duration_count,
    sum(bucket.duration_sum_ms) AS duration_sum_ms,
    minIf(bucket.duration_min_ms, bucket.duration_count > 0) AS duration_min_ms,
    maxIf(bucket.duration_max_ms, bucket.duration_count > 0) AS duration_max_ms,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(bucket.duration_digest) AS percentiles,
    ${usageSums('bucket')},
    if(sum(bucket.confidence_count) = 0, NULL, sum(bucket.confidence_sum) / sum(bucket.confidence_count))
      AS confidence_avg,
    sum(bucket.memory_mb_count) AS memory_mb_count,
    maxIf(bucket.memory_mb_max, bucket.memory_mb_count > 0) AS memory_mb_max
  FROM agent_performance_per_minute_v1 AS bucket
  ${inEachWindow}
  WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
    AND minute >= toDateTime({from_s:UInt32}, 'UTC') AND toUnixTimestamp(minute) >= start_s
  GROUP BY start_s`;

const errorsSql = `
  SELECT start_s, toString(error_category) AS error_category, count() AS failures
  FROM (
    SELECT ts, error_category FROM agent_failures_v1 FINAL
    WHERE tenant = {tenant:String} AND lane = 'failed' AND kind = 'task' AND agent_id = {agent_id:String}
      AND ts >= toDateTime64({from_s:UInt32}, 3, 'UTC')
  )
  ${inEachWindow}
  WHERE toUnixTimestamp(ts) >= start_s
  GROUP BY start_s, error_category
  ORDER BY start_s, failures DESC, error_category`;
