import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import type { PerformanceRange } from '../sql/rollup-range.js';
import { usageColumns, usageSums } from '../sql/usage-columns.js';
import { rangeBuckets, rangeSources } from './agent-buckets.js';
import type { AgentKey } from './agent-known.js';
import { performanceBytes, performanceOf } from './bucket-sums.js';
import { type AgentPerformanceRow, performanceRow } from './performance-row.js';

const minuteSpansMax = 3;

/** Both rollups have these; the aggregate states are merged, not averaged. */
const columns = `total, successful, failed, cancelled, duration_count, duration_sum_ms, duration_min_ms,
  duration_max_ms, duration_digest, successful_duration_digest, ${usageColumns},
  confidence_sum, confidence_count, memory_mb_count, memory_mb_max, last_received`;

export interface RollupSource {
  /** Start of a bucket, seconds since the epoch. */
  readonly startSeconds: string;
  readonly widthSeconds: number;
  /** From the table's name on, which is `bucket` to the others: reads the agent's own key range. */
  readonly from: string;
}

export const daySource: RollupSource = {
  startSeconds: "toInt64(toUnixTimestamp(toDateTime(day, 'UTC')))",
  widthSeconds: 86_400,
  from: `agent_performance_per_day_v1 AS bucket
    WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
      AND day >= {from_day:Date} AND day < {to_day:Date} AND day != {day_left_out:Date}`,
};

export const minuteSource: RollupSource = {
  startSeconds: 'toInt64(toUnixTimestamp(minute))',
  widthSeconds: 60,
  from: `agent_performance_per_minute_v1 AS bucket
    WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
      AND (
        (minute >= toDateTime({from_0:UInt32}, 'UTC') AND minute < toDateTime({to_0:UInt32}, 'UTC'))
        OR (minute >= toDateTime({from_1:UInt32}, 'UTC') AND minute < toDateTime({to_1:UInt32}, 'UTC'))
        OR (minute >= toDateTime({from_2:UInt32}, 'UTC') AND minute < toDateTime({to_2:UInt32}, 'UTC'))
      )`,
};

/**
 * Of `bucket`, named before its columns because the aggregates have their names. One without durations holds a neutral
 * minimum and maximum, hence minIf and maxIf.
 */
function aggregates(startSeconds: string, widthSeconds: string | number): string {
  return `
    sum(bucket.total) AS total,
    sum(bucket.successful) AS successful,
    sum(bucket.failed) AS failed,
    sum(bucket.cancelled) AS cancelled,
    sumIf(bucket.total, ${startSeconds} < {split_s:Int64}) AS first_total,
    sumIf(bucket.successful, ${startSeconds} < {split_s:Int64}) AS first_successful,
    sumIf(bucket.failed, ${startSeconds} < {split_s:Int64}) AS first_failed,
    ${successfulDigest(`${startSeconds} < {split_s:Int64}`)} AS first_successful_duration_digest,
    ${successfulDigest(`${startSeconds} >= {split_s:Int64}`)} AS second_successful_duration_digest,
    sum(bucket.duration_count) AS duration_count,
    sum(bucket.duration_sum_ms) AS duration_sum_ms,
    minIf(bucket.duration_min_ms, bucket.duration_count > 0) AS duration_min_ms,
    maxIf(bucket.duration_max_ms, bucket.duration_count > 0) AS duration_max_ms,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(bucket.duration_digest) AS percentiles,
    ${usageSums('bucket')},
    sum(bucket.confidence_sum) AS confidence_sum,
    sum(bucket.confidence_count) AS confidence_count,
    sum(bucket.memory_mb_count) AS memory_mb_count,
    maxIf(bucket.memory_mb_max, bucket.memory_mb_count > 0) AS memory_mb_max,
    count() AS buckets,
    min(${startSeconds}) AS first_bucket_s,
    max(${startSeconds} + ${widthSeconds}) AS end_bucket_s,
    toUnixTimestamp64Milli(max(bucket.last_received)) AS last_received_ms`;
}

/** The state itself leaves the engine: 8 kB, and what a trend needs of it is not known before both halves are. */
function successfulDigest(condition: string): string {
  return `hex(quantilesTDigestMergeStateIf(0.5, 0.95, 0.99)(bucket.successful_duration_digest, ${condition}))`;
}

/** One source is read directly: 8 ms for 30 days, where the union of both takes 15 ms, most of it planning. */
const oneSourceSql = ({ startSeconds, widthSeconds, from }: RollupSource): string =>
  `SELECT ${aggregates(startSeconds, widthSeconds)} FROM ${from}`;

const bucketsOf = ({ startSeconds, widthSeconds, from }: RollupSource): string =>
  `SELECT ${startSeconds} AS bucket_s, ${widthSeconds} AS width_s, ${columns} FROM ${from}`;

const daysSql = oneSourceSql(daySource);
const minutesSql = oneSourceSql(minuteSource);
const bothSql = `SELECT ${aggregates('bucket_s', 'width_s')}
  FROM (${bucketsOf(daySource)} UNION ALL ${bucketsOf(minuteSource)}) AS bucket`;

/**
 * The executions of one agent over a range, in one row, merged from whole days and from the minutes at the edges: of
 * what is remembered where the store has a memory, else by the store.
 */
export async function readAgentPerformance(
  store: StoreReader,
  key: AgentKey,
  range: PerformanceRange,
): Promise<AgentPerformanceRow> {
  const { memory } = store;
  if (memory) {
    return await memory.value({
      sources: rangeSources(range),
      key: JSON.stringify(['performance', key.tenant, key.agentId, range]),
      read: async () => performanceOf(await rangeBuckets(store, memory, key, range), range.splitMs),
      bytesOf: performanceBytes,
    });
  }
  const { days, minutes } = rollupParams(range);
  const rows = await checkedRows(store, performanceRow, {
    name: 'agent_performance',
    sql: days === null ? minutesSql : minutes === null ? daysSql : bothSql,
    params: { tenant: key.tenant, agent_id: key.agentId, split_s: seconds(range.splitMs), ...days, ...minutes },
  });
  const [only] = rows;
  if (only === undefined) throw new Error('cannot read agent_performance: an aggregate without a row');
  return only;
}

/** Parameters of the two sources; null when nothing is to be read of one. */
export function rollupParams(range: PerformanceRange) {
  return { days: dayParams(range), minutes: minuteParams(range.minutes) };
}

/** Null when no day is to be read. */
function dayParams({ days, dayLeftOutMs }: PerformanceRange): Record<string, string> | null {
  if (days.toMs <= days.fromMs) return null;
  return {
    from_day: dayText(days.fromMs),
    to_day: dayText(days.toMs),
    day_left_out: dayText(dayLeftOutMs ?? 0),
  };
}

/** Null when no minute is to be read. */
function minuteParams(minutes: readonly TimeSpan[]): Record<string, number> | null {
  const spans = minutes.filter((span) => span.toMs > span.fromMs);
  if (spans.length === 0) return null;
  const params: Record<string, number> = {};
  for (let index = 0; index < minuteSpansMax; index++) {
    const span = spans[index] ?? { fromMs: 0, toMs: 0 };
    params[`from_${index}`] = seconds(span.fromMs);
    params[`to_${index}`] = seconds(span.toMs);
  }
  return params;
}

function seconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}
