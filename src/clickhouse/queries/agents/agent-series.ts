import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { dayMs } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { epochSeconds } from '../sql/bucket-time.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64, optionalFloat, optionalInteger64 } from '../sql/column-types.js';
import type { AgentKey } from './agent-known.js';

const count = integer64.default(0);
const float = z.number().default(0);

const row = z.object({
  start_s: integer64,
  successes: count,
  failures: count,
  cancellations: count,
  durations: count,
  duration_total_ms: float,
  shortest_ms: float,
  longest_ms: float,
  percentiles: z.tuple([optionalFloat, optionalFloat, optionalFloat]).default([null, null, null]),
  model_calls: count,
  input_tokens: count,
  output_tokens: count,
  cost: optionalInteger64.default(null),
  confidence_total: float,
  confidences: count,
  memory_values: count,
  memory_peak_mb: float,
});

/** A bucket from its start, in seconds since the epoch. A column that was not asked for is 0, or null. */
export type AgentSeriesRow = z.output<typeof row>;

export type SeriesColumn = Exclude<keyof AgentSeriesRow, 'start_s'>;

export const emptySeriesRow: AgentSeriesRow = row.parse({ start_s: 0 });

/** A minute without durations or memory holds a neutral minimum and maximum, hence the conditions. */
const columnSql: Readonly<Record<SeriesColumn, string>> = {
  successes: 'sum(successful)',
  failures: 'sum(failed)',
  cancellations: 'sum(cancelled)',
  durations: 'sum(duration_count)',
  duration_total_ms: 'sum(duration_sum_ms)',
  shortest_ms: 'minIf(duration_min_ms, duration_count > 0)',
  longest_ms: 'maxIf(duration_max_ms, duration_count > 0)',
  percentiles: 'quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest)',
  model_calls: 'sum(toFloat64(llm_calls))',
  input_tokens: 'sum(toFloat64(tokens_in))',
  output_tokens: 'sum(toFloat64(tokens_out))',
  cost: 'sum(toFloat64(cost_micros))',
  confidence_total: 'sum(confidence_sum)',
  confidences: 'sum(confidence_count)',
  memory_values: 'sum(memory_mb_count)',
  memory_peak_mb: 'maxIf(memory_mb_max, memory_mb_count > 0)',
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
): Promise<AgentSeriesRow[]> {
  const selected = columns.map((name) => `${columnSql[name]} AS ${name}`).join(', ');
  const source = range.stepMs === dayMs ? daySource(range) : minuteSource(range);
  return checkedRows(store, row, {
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
    startSeconds: "toInt64(toUnixTimestamp(toDateTime(day, 'UTC')))",
    from: `agent_performance_per_day_v1
      WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
        AND day >= {from_day:Date} AND day < {to_day:Date}`,
    params: { from_day: dayText(fromMs), to_day: dayText(toMs) },
  };
}

function minuteSource({ fromMs, toMs, stepMs }: SeriesSpan) {
  return {
    startSeconds: 'intDiv(toInt64(toUnixTimestamp(minute)), {step_s:UInt32}) * {step_s:UInt32}',
    from: `agent_performance_per_minute_v1
      WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
        AND minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')`,
    params: { from_s: epochSeconds(fromMs), to_s: epochSeconds(toMs), step_s: epochSeconds(stepMs) },
  };
}
