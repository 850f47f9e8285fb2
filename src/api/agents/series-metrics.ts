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

const outcomes = ['successes', 'failures', 'cancellations'] as const;

const specs = {
  executions: { columns: outcomes, value: (bucket) => countsOf(bucket).total },
  successful: { columns: ['successes'], value: ({ successes }) => successes },
  failed: { columns: ['failures'], value: ({ failures }) => failures },
  cancelled: { columns: ['cancellations'], value: ({ cancellations }) => cancellations },
  success_rate: { columns: ['successes', 'failures'], value: (bucket) => percentDigits(successRate(countsOf(bucket))) },
  error_rate: { columns: ['successes', 'failures'], value: (bucket) => percentDigits(errorRate(countsOf(bucket))) },
  avg_ms: {
    columns: ['durations', 'duration_total_ms'],
    value: (bucket) => timed(bucket, bucket.duration_total_ms / bucket.durations),
  },
  min_ms: { columns: ['durations', 'shortest_ms'], value: (bucket) => timed(bucket, bucket.shortest_ms) },
  max_ms: { columns: ['durations', 'longest_ms'], value: (bucket) => timed(bucket, bucket.longest_ms) },
  p50_ms: { columns: percentileColumns, value: (bucket) => toldPercentiles(bucket)[0] },
  p95_ms: { columns: percentileColumns, value: (bucket) => toldPercentiles(bucket)[1] },
  p99_ms: { columns: percentileColumns, value: (bucket) => toldPercentiles(bucket)[2] },
  llm_calls: { columns: ['model_calls'], value: ({ model_calls }) => model_calls },
  tokens_in: { columns: ['input_tokens'], value: ({ input_tokens }) => input_tokens },
  tokens_out: { columns: ['output_tokens'], value: ({ output_tokens }) => output_tokens },
  tokens: {
    columns: ['input_tokens', 'output_tokens'],
    value: ({ input_tokens, output_tokens }) => input_tokens + output_tokens,
  },
  cost_cents: { columns: ['cost'], value: ({ cost }) => costCents(cost) },
  confidence: {
    columns: ['confidences', 'confidence_total'],
    value: ({ confidences, confidence_total: total }) => meanDigits(confidences === 0 ? null : total / confidences),
  },
  memory_mb: {
    columns: ['memory_values', 'memory_peak_mb'],
    value: ({ memory_values, memory_peak_mb: peak }) => (memory_values === 0 ? null : peak),
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

function countsOf({ successes, failures, cancellations }: AgentSeriesRow): OutcomeCounts {
  return { total: successes + failures + cancellations, successful: successes, failed: failures };
}

function timed({ durations }: AgentSeriesRow, value: number): number | null {
  return durations === 0 ? null : value;
}
