import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalInteger64 } from '../sql/column-types.js';
import { parseDigestState } from '../sql/digest-state.js';
import type { PerformanceRange } from '../sql/rollup-range.js';
import type { AgentKey } from './agent-known.js';

const digest = z.string().transform(parseDigestState);

const row = z.object({
  executions: integer64,
  successes: integer64,
  failures: integer64,
  cancellations: integer64,
  first_executions: integer64,
  first_successes: integer64,
  first_failures: integer64,
  first_success_digest: digest,
  second_success_digest: digest,
  durations: integer64,
  duration_total_ms: z.number(),
  shortest_ms: z.number(),
  longest_ms: z.number(),
  percentiles: z.tuple([optionalFloat, optionalFloat, optionalFloat]),
  model_calls: integer64,
  input_tokens: integer64,
  output_tokens: integer64,
  cost: optionalInteger64,
  confidence_total: z.number(),
  confidences: integer64,
  memory_values: integer64,
  memory_peak_mb: z.number(),
  buckets: integer64,
  first_bucket_s: integer64,
  end_bucket_s: integer64,
  last_received_ms: epochMs,
});

/**
 * `first_*` are the part before the split; the percentiles are p50, p95, p99 in ms, null without durations. The digests
 * are centroids (`parseDigestState`) of the durations of successes, in ms.
 */
export type AgentPerformanceRow = z.output<typeof row>;

const minuteSpansMax = 3;

/** Both rollups have these; the aggregate states are merged, not averaged. */
const columns = `total, successful, failed, cancelled, duration_count, duration_sum_ms, duration_min_ms,
  duration_max_ms, duration_digest, successful_duration_digest, llm_calls, tokens_in, tokens_out, cost_micros,
  confidence_sum, confidence_count, memory_mb_count, memory_mb_max, last_received`;

export interface RollupSource {
  /** Start of a bucket, seconds since the epoch. */
  readonly startSeconds: string;
  readonly widthSeconds: number;
  /** From the table's name on: reads the agent's own key range. */
  readonly from: string;
}

export const daySource: RollupSource = {
  startSeconds: "toInt64(toUnixTimestamp(toDateTime(day, 'UTC')))",
  widthSeconds: 86_400,
  from: `agent_performance_per_day_v1
    WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
      AND day >= {from_day:Date} AND day < {to_day:Date} AND day != {day_left_out:Date}`,
};

export const minuteSource: RollupSource = {
  startSeconds: 'toInt64(toUnixTimestamp(minute))',
  widthSeconds: 60,
  from: `agent_performance_per_minute_v1
    WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
      AND (
        (minute >= toDateTime({from_0:UInt32}, 'UTC') AND minute < toDateTime({to_0:UInt32}, 'UTC'))
        OR (minute >= toDateTime({from_1:UInt32}, 'UTC') AND minute < toDateTime({to_1:UInt32}, 'UTC'))
        OR (minute >= toDateTime({from_2:UInt32}, 'UTC') AND minute < toDateTime({to_2:UInt32}, 'UTC'))
      )`,
};

/** A bucket without durations holds a neutral minimum and maximum, hence minIf and maxIf. */
function aggregates(startSeconds: string, widthSeconds: string | number): string {
  return `
    sum(total) AS executions,
    sum(successful) AS successes,
    sum(failed) AS failures,
    sum(cancelled) AS cancellations,
    sumIf(total, ${startSeconds} < {split_s:Int64}) AS first_executions,
    sumIf(successful, ${startSeconds} < {split_s:Int64}) AS first_successes,
    sumIf(failed, ${startSeconds} < {split_s:Int64}) AS first_failures,
    ${successDigest(`${startSeconds} < {split_s:Int64}`)} AS first_success_digest,
    ${successDigest(`${startSeconds} >= {split_s:Int64}`)} AS second_success_digest,
    sum(duration_count) AS durations,
    sum(duration_sum_ms) AS duration_total_ms,
    minIf(duration_min_ms, duration_count > 0) AS shortest_ms,
    maxIf(duration_max_ms, duration_count > 0) AS longest_ms,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest) AS percentiles,
    sum(toFloat64(llm_calls)) AS model_calls,
    sum(toFloat64(tokens_in)) AS input_tokens,
    sum(toFloat64(tokens_out)) AS output_tokens,
    sum(toFloat64(cost_micros)) AS cost,
    sum(confidence_sum) AS confidence_total,
    sum(confidence_count) AS confidences,
    sum(memory_mb_count) AS memory_values,
    maxIf(memory_mb_max, memory_mb_count > 0) AS memory_peak_mb,
    count() AS buckets,
    min(${startSeconds}) AS first_bucket_s,
    max(${startSeconds} + ${widthSeconds}) AS end_bucket_s,
    toUnixTimestamp64Milli(max(last_received)) AS last_received_ms`;
}

/** The state itself leaves the engine: 8 kB, and what a trend needs of it is not known before both halves are. */
function successDigest(condition: string): string {
  return `hex(quantilesTDigestMergeStateIf(0.5, 0.95, 0.99)(successful_duration_digest, ${condition}))`;
}

/** One source is read directly: 8 ms for 30 days, where the union of both takes 15 ms, most of it planning. */
const oneSourceSql = ({ startSeconds, widthSeconds, from }: RollupSource): string =>
  `SELECT ${aggregates(startSeconds, widthSeconds)} FROM ${from}`;

const bucketsOf = ({ startSeconds, widthSeconds, from }: RollupSource): string =>
  `SELECT ${startSeconds} AS bucket_s, ${widthSeconds} AS width_s, ${columns} FROM ${from}`;

const daysSql = oneSourceSql(daySource);
const minutesSql = oneSourceSql(minuteSource);
const bothSql = `SELECT ${aggregates('bucket_s', 'width_s')}
  FROM (${bucketsOf(daySource)} UNION ALL ${bucketsOf(minuteSource)})`;

/**
 * The executions of one agent over a range, in one row, merged on read from whole days and from the minutes at
 * the edges.
 */
export async function readAgentPerformance(
  store: StoreReader,
  key: AgentKey,
  range: PerformanceRange,
): Promise<AgentPerformanceRow> {
  const { days, minutes } = rollupParams(range);
  const rows = await checkedRows(store, row, {
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
