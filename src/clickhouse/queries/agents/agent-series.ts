import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { ceilTo, dayMs, floorTo } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { epochSeconds } from '../sql/bucket-time.js';
import { integer64, optionalFloat } from '../sql/column-types.js';
import { rememberedRows } from '../sql/remembered-rows.js';
import { usageRow, usageSum } from '../sql/usage-columns.js';
import type { AgentKey } from './agent-known.js';

const count = integer64.default(0);
const float = z.number().default(0);

const row = z.object({
  start_s: integer64,
  successful: count,
  failed: count,
  cancelled: count,
  duration_count: count,
  duration_sum_ms: float,
  duration_min_ms: float,
  duration_max_ms: float,
  percentiles: z.tuple([optionalFloat, optionalFloat, optionalFloat]).default([null, null, null]),
  llm_calls: usageRow.llm_calls.default(0),
  tokens_in: usageRow.tokens_in.default(0),
  tokens_out: usageRow.tokens_out.default(0),
  cost_micros: usageRow.cost_micros.default(null),
  tokens_unpriced: usageRow.tokens_unpriced.default(0),
  confidence_sum: float,
  confidence_count: count,
  memory_mb_count: count,
  memory_mb_max: float,
});

/** A bucket from its start, in seconds since the epoch. A column that was not asked for is 0, or null. */
export type AgentSeriesRow = z.output<typeof row>;

export type SeriesColumn = Exclude<keyof AgentSeriesRow, 'start_s'>;

export const emptySeriesRow: AgentSeriesRow = row.parse({ start_s: 0 });

/**
 * Of `bucket`, named before its columns because the aggregates have their names. A minute without durations or memory
 * holds a neutral minimum and maximum, hence the conditions.
 */
const columnSql: Readonly<Record<SeriesColumn, string>> = {
  successful: 'sum(bucket.successful)',
  failed: 'sum(bucket.failed)',
  cancelled: 'sum(bucket.cancelled)',
  duration_count: 'sum(bucket.duration_count)',
  duration_sum_ms: 'sum(bucket.duration_sum_ms)',
  duration_min_ms: 'minIf(bucket.duration_min_ms, bucket.duration_count > 0)',
  duration_max_ms: 'maxIf(bucket.duration_max_ms, bucket.duration_count > 0)',
  percentiles: 'quantilesTDigestMerge(0.5, 0.95, 0.99)(bucket.duration_digest)',
  llm_calls: usageSum('bucket', 'llm_calls'),
  tokens_in: usageSum('bucket', 'tokens_in'),
  tokens_out: usageSum('bucket', 'tokens_out'),
  cost_micros: usageSum('bucket', 'cost_micros'),
  tokens_unpriced: usageSum('bucket', 'tokens_unpriced'),
  confidence_sum: 'sum(bucket.confidence_sum)',
  confidence_count: 'sum(bucket.confidence_count)',
  memory_mb_count: 'sum(bucket.memory_mb_count)',
  memory_mb_max: 'maxIf(bucket.memory_mb_max, bucket.memory_mb_count > 0)',
};

export interface AgentSeriesRange {
  /** Half open, ms since the epoch, multiples of `stepMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** A day is read from the day rollup, what is shorter (whole minutes that divide a day) from the minutes. */
  readonly stepMs: number;
  readonly columns: readonly SeriesColumn[];
}

/** The buckets of one agent that hold an event that ended, in the order of time. */
export function readAgentSeries(
  store: StoreReader,
  key: AgentKey,
  { columns, ...range }: AgentSeriesRange,
): Promise<readonly AgentSeriesRow[]> {
  const selected = columns.map((name) => `${columnSql[name]} AS ${name}`).join(', ');
  const source = range.stepMs === dayMs ? daySource(range) : minuteSource(range);
  const days = { fromMs: floorTo(range.fromMs, dayMs), toMs: ceilTo(range.toMs, dayMs) };
  return rememberedRows(store, row, {
    sources: [{ table: source.table, days }],
    variant: selected,
    name: 'agent_series',
    sql: `
      SELECT ${source.startSeconds} AS start_s, ${selected}
      FROM ${source.from}
      GROUP BY start_s
      ORDER BY start_s`,
    params: { tenant: key.tenant, agent_id: key.agentId, ...source.params },
  });
}

type SeriesSpan = Omit<AgentSeriesRange, 'columns'>;

function daySource({ fromMs, toMs }: SeriesSpan) {
  return {
    table: 'agent_performance_per_day_v1',
    startSeconds: "toInt64(toUnixTimestamp(toDateTime(day, 'UTC')))",
    from: `agent_performance_per_day_v1 AS bucket
      WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
        AND day >= {from_day:Date} AND day < {to_day:Date}`,
    params: { from_day: dayText(fromMs), to_day: dayText(toMs) },
  } as const;
}

function minuteSource({ fromMs, toMs, stepMs }: SeriesSpan) {
  return {
    table: 'agent_performance_per_minute_v1',
    startSeconds: 'intDiv(toInt64(toUnixTimestamp(minute)), {step_s:UInt32}) * {step_s:UInt32}',
    from: `agent_performance_per_minute_v1 AS bucket
      WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
        AND minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')`,
    params: { from_s: epochSeconds(fromMs), to_s: epochSeconds(toMs), step_s: epochSeconds(stepMs) },
  } as const;
}
