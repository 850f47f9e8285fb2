import { z } from 'zod';
import type { AgentSeriesRow, SeriesColumn } from '../../clickhouse/queries/agents/agent-series.js';
import { quoted } from '../../core/problem.js';
import { costCents, meanDigits, percentDigits } from '../answers/answer-units.js';
import { errorRate, type OutcomeCounts, successRate } from '../statistics/execution-rate.js';
import { percentileColumns, toldPercentiles } from '../statistics/percentile-columns.js';

interface MetricSpec {
  /** What its value is made of. */
  readonly columns: readonly SeriesColumn[];
  readonly value: (bucket: AgentSeriesRow) => number | null;
}

const outcomes = ['successful', 'failed', 'cancelled'] as const;

const specs = {
  executions: { columns: outcomes, value: (bucket) => countsOf(bucket).total },
  successful: { columns: ['successful'], value: ({ successful }) => successful },
  failed: { columns: ['failed'], value: ({ failed }) => failed },
  cancelled: { columns: ['cancelled'], value: ({ cancelled }) => cancelled },
  success_rate: { columns: ['successful', 'failed'], value: (bucket) => percentDigits(successRate(countsOf(bucket))) },
  error_rate: { columns: ['successful', 'failed'], value: (bucket) => percentDigits(errorRate(countsOf(bucket))) },
  avg_ms: {
    columns: ['duration_count', 'duration_sum_ms'],
    value: (bucket) => meanDigits(timed(bucket, bucket.duration_sum_ms / bucket.duration_count)),
  },
  min_ms: { columns: ['duration_count', 'duration_min_ms'], value: (bucket) => timed(bucket, bucket.duration_min_ms) },
  max_ms: { columns: ['duration_count', 'duration_max_ms'], value: (bucket) => timed(bucket, bucket.duration_max_ms) },
  p50_ms: { columns: percentileColumns, value: (bucket) => toldPercentiles(bucket)[0] },
  p95_ms: { columns: percentileColumns, value: (bucket) => toldPercentiles(bucket)[1] },
  p99_ms: { columns: percentileColumns, value: (bucket) => toldPercentiles(bucket)[2] },
  llm_calls: { columns: ['llm_calls'], value: (bucket) => bucket.llm_calls },
  tokens_in: { columns: ['tokens_in'], value: (bucket) => bucket.tokens_in },
  tokens_out: { columns: ['tokens_out'], value: (bucket) => bucket.tokens_out },
  tokens: { columns: ['tokens_in', 'tokens_out'], value: (bucket) => bucket.tokens_in + bucket.tokens_out },
  cost_cents: { columns: ['cost_micros'], value: (bucket) => costCents(bucket.cost_micros) },
  tokens_unpriced: { columns: ['tokens_unpriced'], value: (bucket) => bucket.tokens_unpriced },
  confidence: {
    columns: ['confidence_count', 'confidence_sum'],
    value: ({ confidence_count: count, confidence_sum: sum }) => meanDigits(count === 0 ? null : sum / count),
  },
  memory_mb: {
    columns: ['memory_mb_count', 'memory_mb_max'],
    value: ({ memory_mb_count: count, memory_mb_max: max }) => (count === 0 ? null : max),
  },
} as const satisfies Record<string, MetricSpec>;

export type SeriesMetric = keyof typeof specs;

const seriesMetrics = Object.keys(specs) as readonly SeriesMetric[];

/** Metrics of one answer. */
const seriesMetricsMax = 8;

/** A list of metrics separated by commas, each once. */
export const seriesMetricParameter = z
  .string()
  .transform((text, context): readonly SeriesMetric[] => {
    const names = text.split(',', seriesMetricsMax + 1);
    const found = names.filter((name): name is SeriesMetric => Object.hasOwn(specs, name));
    const allowed = `${seriesMetrics.join(', ')}, at most ${seriesMetricsMax} of them, separated by commas`;
    const unknown = names.find((name) => !Object.hasOwn(specs, name));
    if (unknown !== undefined) context.addIssue(`unknown metric ${quoted(unknown)}: expected some of ${allowed}`);
    else if (new Set(names).size < names.length)
      context.addIssue(`a metric is given twice: expected some of ${allowed}`);
    else if (names.length > seriesMetricsMax) context.addIssue(`too many metrics: expected some of ${allowed}`);
    else return found;
    return z.NEVER;
  })
  .meta({
    type: 'array',
    items: { type: 'string', enum: seriesMetrics },
    minItems: 1,
    maxItems: seriesMetricsMax,
    uniqueItems: true,
  });

/** A value of each metric that was asked for. */
export const seriesValuesShape = z.strictObject(
  Object.fromEntries(seriesMetrics.map((metric) => [metric, z.number().nullable().optional()])),
).shape;

/** The columns that the values of these metrics are made of, each once. */
export function seriesColumnsOf(metrics: readonly SeriesMetric[]): SeriesColumn[] {
  return [...new Set(metrics.flatMap((metric): readonly SeriesColumn[] => specs[metric].columns))];
}

/** The values of a bucket; counts are 0 and the rest is null where nothing happened. */
export function seriesValues(metrics: readonly SeriesMetric[], row: AgentSeriesRow): [SeriesMetric, number | null][] {
  return metrics.map((metric) => [metric, specs[metric].value(row)]);
}

function countsOf({ successful, failed, cancelled }: AgentSeriesRow): OutcomeCounts {
  return { total: successful + failed + cancelled, successful, failed };
}

function timed({ duration_count: count }: AgentSeriesRow, value: number): number | null {
  return count === 0 ? null : value;
}
